//! The words of the model and the store, as the OpenAPI document has them: those crates know no OpenAPI.
//!
//! What they serialize to is checked against these by a test that compares answers with the document.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{SchemaType, Type},
    },
};

/// The state of a monitor: `ALARM` means the thing watched is wrong, `ERROR` that the check itself broke, `INACTIVE`
/// that it has not run yet or is switched off.
#[derive(ToSchema)]
#[schema(as = State, rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum StateWord {
    Ok,
    Alarm,
    Error,
    Inactive,
}

/// Describes the model's `ReturnValue`, which knows no OpenAPI.
pub(crate) struct ReturnValueShape;

impl PartialSchema for ReturnValueShape {
    fn schema() -> RefOr<Schema> {
        let words =
            "A recorded value. Bools are 0 and 1; integers beyond 64 bits and floats that are not finite are texts.";
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Number, Type::String]))
            .description(Some(words))
            .build()
            .into()
    }
}

impl ToSchema for ReturnValueShape {
    fn name() -> Cow<'static, str> {
        "ReturnValue".into()
    }
}

/// Why a run happened: its tick came, it makes up for missed ticks, someone asked, or it was imported.
#[derive(ToSchema)]
#[schema(as = RunKind, rename_all = "snake_case")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum RunKindWord {
    Scheduled,
    CatchUp,
    Manual,
    Imported,
}

/// Why ticks had no run: the server was down or could not keep up, or the run before was still going.
#[derive(ToSchema)]
#[schema(as = GapReason, rename_all = "snake_case")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum GapReasonWord {
    Missed,
    Overlapped,
}

/// How a delivery stands: not taken yet, taken by the receiver, given up, or cancelled because its alert was switched
/// off.
#[derive(ToSchema)]
#[schema(as = DeliveryStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum DeliveryStatusWord {
    Owed,
    Sent,
    Failed,
    Cancelled,
}
