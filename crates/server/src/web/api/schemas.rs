//! The words of the model and the store, as the OpenAPI document has them: those crates know no OpenAPI.
//!
//! What they serialize to is checked against these by a test that compares answers with the document; what is taken, by
//! a fuzzer (`tests/api`).

use std::borrow::Cow;

use revere_model::{
    Act, MAX_DESCRIPTION, MAX_NAME, MAX_NOTE, MAX_SCRIPT_BYTES, MAX_TAGS, MAX_UNIT, Severity, Silence, StateInOutage,
    Verdict,
};
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, SchemaFormat,
        schema::{SchemaType, Type},
    },
};

use crate::operations::sources::LONGEST_PREFIX;

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

/// How bad a problem is: `critical` is for somebody to look at now, `warning` at a time that suits.
#[derive(Clone, Copy, serde::Serialize, ToSchema)]
#[schema(as = Severity, rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(crate) enum SeverityWord {
    Critical,
    Warning,
}

impl From<Severity> for SeverityWord {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => SeverityWord::Critical,
            Severity::Warning => SeverityWord::Warning,
        }
    }
}

/// A monitor's state while a source that it needs is down: `ERROR`, what it was before, or `OK`.
#[derive(Clone, Copy, serde::Serialize, ToSchema)]
#[schema(as = StateInOutage, rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(crate) enum StateInOutageWord {
    Error,
    Keep,
    Ok,
}

impl From<StateInOutage> for StateInOutageWord {
    fn from(state: StateInOutage) -> Self {
        match state {
            StateInOutage::Error => StateInOutageWord::Error,
            StateInOutage::Keep => StateInOutageWord::Keep,
            StateInOutage::Ok => StateInOutageWord::Ok,
        }
    }
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

/// Describes what a field of a monitor may hold.
pub(crate) struct FieldValueShape;

impl PartialSchema for FieldValueShape {
    fn schema() -> RefOr<Schema> {
        let plain = SchemaType::from_iter([Type::String, Type::Number, Type::Boolean, Type::Null]);
        let texts = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String));
        let either = OneOfBuilder::new().item(ObjectBuilder::new().schema_type(plain)).item(texts);
        Schema::OneOf(either.description(Some("What a field of a monitor holds.")).build()).into()
    }
}

impl ToSchema for FieldValueShape {
    fn name() -> Cow<'static, str> {
        "FieldValue".into()
    }
}

/// A set: each once.
macro_rules! sets {
    ($($type:ident is $name:literal of $item:ty: $words:literal, $most:expr)*) => {$(
        #[doc = $words]
        pub(crate) struct $type;

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let items = ArrayBuilder::new().items(Ref::from_schema_name(<$item>::name())).unique_items(true);
                items.max_items($most).description(Some($words)).build().into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                schemas.push((<$item>::name().into(), <$item>::schema()));
            }
        }
    )*};
}

sets! {
    StateSetShape is "StateSet" of StateWord: "States, each once.", None
    SeveritySetShape is "SeveritySet" of SeverityWord: "Severities, each once.", None
    TagSetShape is "TagSet" of TagText: "Words to find and group monitors by, each once.", Some(MAX_TAGS)
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

/// How a delivery stands: not taken by the receiver yet, taken by it, given up, or cancelled because its alert was switched
/// off.
#[derive(ToSchema)]
#[schema(as = DeliveryStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum DeliveryStatusWord {
    Queued,
    Delivered,
    Failed,
    Cancelled,
}

/// One of the words of the model that have a list of their own.
macro_rules! words {
    ($($type:ident is $name:literal of $all:expr, $words:literal;)*) => {$(
        #[doc = $words]
        pub(crate) struct $type;

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let all = $all;
                let names = all.iter().map(|one| one.as_str());
                let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
                word.description(Some($words)).build().into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

fn verdicts() -> Vec<Verdict> {
    [Verdict::Owed].into_iter().chain(Silence::ALL.iter().map(|why| Verdict::Silent(*why))).collect()
}

words! {
    ActWord is "Act" of Act::ALL, "What was done, or refused.";
    SilenceWord is "Silence" of Silence::ALL, "Why somebody is not notified.";
    VerdictWord is "Verdict" of verdicts(), "Whether somebody is notified, or why not.";
}

/// Texts that are taken, as far as JSON Schema can tell good ones from bad; a format names what it cannot.
macro_rules! texts {
    ($($type:ident is $name:literal: $words:literal, { $($rule:ident = $value:expr),* $(,)? })*) => {$(
        #[doc = $words]
        pub(crate) struct $type;

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).description(Some($words))$(.$rule(Some($value)))*.build().into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

fn format(name: &str) -> SchemaFormat {
    SchemaFormat::Custom(name.to_owned())
}

/// No NUL, which PostgreSQL cannot keep and Python refuses in a script.
const ANY: &str = r"^[^\u0000]*$";
/// One line without control characters, and something to be seen in it.
const LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";
/// A word of one to fifty characters without commas; spaces around it are taken off.
const WORD: &str =
    r"^\s*[^\s,\u0000-\u001f\u007f-\u009f]([^,\u0000-\u001f\u007f-\u009f]{0,48}[^\s,\u0000-\u001f\u007f-\u009f])?\s*$";

texts! {
    NameText is "MonitorName": "One line, shown everywhere.", { min_length = 1, max_length = MAX_NAME, pattern = LINE, examples = json!("Error rate") }
    DescriptionText is "MonitorDescription": "What is watched, and what to do.", { max_length = MAX_DESCRIPTION, pattern = ANY }
    KeptScript is "MonitorScript": "Python that compiles, at most 262144 bytes of UTF-8.",
        { min_length = 1, max_length = MAX_SCRIPT_BYTES, format = format("python") }
    TriedScript is "Script": "Python, at most 262144 bytes of UTF-8.", { max_length = MAX_SCRIPT_BYTES, pattern = ANY }
    ScheduleText is "Schedule": "Crontab syntax: five fields, or six with seconds first, or `@hourly` and kin; several, one a line, tick together. It comes at least once.",
        { min_length = 1, format = format("crontab"), examples = json!("*/5 * * * *") }
    ZoneText is "TimeZone": "The name of an IANA time zone, in either case.", { min_length = 1, format = format("timezone"), examples = json!("Europe/Berlin") }
    UnitText is "Unit": "What numbers count; empty for nothing.", { max_length = MAX_UNIT, pattern = r"^([^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?)?$", examples = json!("ms") }
    PrefixText is "Prefix": "How names begin, in one line; empty is any.", { max_length = LONGEST_PREFIX, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$", examples = json!("ord") }
    NoteText is "Note": "Why something was saved, in one line; kept with the version.", { max_length = MAX_NOTE, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$" }
    TagText is "Tag": "A word without commas; spaces around it are taken off. Upper and lower case are the same.", { pattern = WORD }
    Cursor is "Cursor": "The `next` of a page before; empty is the first page.", { pattern = "^([0-9]{1,18})?$" }
    AuditWhoText is "AuditWho": "A person with the tokens of theirs, a token, or everyone of a kind.",
        { pattern = r"^(|person:[0-9]{1,18}|token:[0-9]{1,18}|person|token|everybody|stranger|command_line|server)$" }
    TargetText is "AuditTarget": "A kind and an id; an alert has a key.",
        { pattern = r"^(|(monitor|mute|person|token|session):[0-9]{1,18}|alert:[^\u0000]{1,200})$", examples = json!("monitor:2") }
    InstantText is "Instant": "RFC 3339.", { format = SchemaFormat::KnownFormat(KnownFormat::DateTime) }
    EntityTag is "EntityTag": "The `ETag` of an answer, or the version in it; `*` is any.", { pattern = r#"^(\*|(W/)?"[0-9]{1,18}"|[0-9]{1,18})$"# }
}
