//! A monitor as answers show it, and the description of what is sent to make or change one.

use std::borrow::Cow;

use jiff::Timestamp;
use revere_model::{Monitor, MonitorId, Pending, ReturnValue, State, WaitsFor, monitor_fields};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat,
        schema::{RefBuilder, SchemaType, Type},
    },
};

use super::{
    monitor_fields,
    schemas::{NoteText, ReturnValueShape, SeverityWord as Severity, StateInOutageWord as StateInOutage, StateWord},
};

macro_rules! view {
    ($(#[doc = $doc:literal] $field:ident: $type:ty = $default:expr, $kind:ident $words:tt;)*) => {
        /// A monitor.
        #[derive(Serialize, ToSchema)]
        #[schema(as = Monitor)]
        pub(crate) struct MonitorView {
            /// Its id; never used again after a deletion.
            #[schema(value_type = i64)]
            id: MonitorId,
            /// Grows by one with every saved edit. Send it back with an edit to have that refused if someone else saved first.
            version: i64,
            $(
                #[doc = $doc]
                #[schema(required)]
                $field: $type,
            )*
            /// What it is in.
            #[schema(value_type = StateWord)]
            state: State,
            /// How severe the problem is; null while there is none.
            #[schema(required)]
            severity: Option<Severity>,
            /// Since when it is in that state.
            #[schema(value_type = String, format = DateTime)]
            state_since: Timestamp,
            /// When it was created.
            #[schema(value_type = String, format = DateTime)]
            created_at: Timestamp,
            /// When its author last changed it.
            #[schema(value_type = String, format = DateTime)]
            updated_at: Timestamp,
            /// When its last recorded run began.
            #[schema(value_type = Option<String>, format = DateTime, required)]
            last_run_at: Option<Timestamp>,
            /// What that run said.
            #[schema(required)]
            last_message: Option<String>,
            /// What that run left in `return_value`.
            #[schema(value_type = Option<ReturnValueShape>, required)]
            last_value: Option<ReturnValue>,
            /// The next tick; null while it is not active.
            #[schema(value_type = Option<String>, format = DateTime, required)]
            next_run_at: Option<Timestamp>,
            /// Ticks that were missed, ever: the server was down, or could not keep up.
            missed_ticks: i64,
            /// Ticks that found the run before still going, ever.
            overlapped_ticks: i64,
            /// What is there already of a change of state that has not come yet; null where nothing is.
            #[schema(required)]
            pending: Option<PendingView>,
            /// Why it cannot be scheduled, although active; null is well.
            #[schema(required)]
            fault: Option<String>,
            /// The source that it waits for, where one that it needs is down; null where it waits for none.
            #[schema(required)]
            waits_for: Option<WaitsForView>,
        }

        impl From<Monitor> for MonitorView {
            fn from(monitor: Monitor) -> Self {
                MonitorView {
                    id: monitor.id,
                    version: monitor.version,
                    $($field: monitor.spec.$field.into(),)*
                    state: monitor.state,
                    severity: monitor.severity.map(Severity::from),
                    state_since: monitor.state_since,
                    created_at: monitor.created_at,
                    updated_at: monitor.updated_at,
                    last_run_at: monitor.last_run_at,
                    last_message: monitor.last_message,
                    last_value: monitor.last_value,
                    next_run_at: monitor.next_run_at,
                    missed_ticks: monitor.missed_ticks,
                    overlapped_ticks: monitor.overlapped_ticks,
                    pending: monitor.pending.map(PendingView::from),
                    fault: monitor.fault,
                    waits_for: monitor.waits_for.filter(|waits| !waits.over).map(WaitsForView::from),
                }
            }
        }
    };
}

monitor_fields!(view);

/// A source that is down.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitsFor)]
pub(crate) struct WaitsForView {
    /// Its name.
    source: String,
    /// Since when it is down.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Whether what the monitor goes through because of that is held back: nobody is notified of it by itself.
    held: bool,
}

impl From<WaitsFor> for WaitsForView {
    fn from(WaitsFor { source, since, held, over: _ }: WaitsFor) -> Self {
        WaitsForView { source, since, held }
    }
}

/// Runs that count toward a change of state that has not come yet.
#[derive(Serialize, ToSchema)]
#[schema(as = Pending)]
pub(crate) struct PendingView {
    /// Whether they are failing runs, toward a problem, or passing ones, toward its end.
    failing: bool,
    /// How many there are.
    runs: u32,
    /// How many make the change.
    needed: u32,
    /// Of so many last runs; null counts in a row.
    #[schema(required)]
    window: Option<u32>,
}

impl From<Pending> for PendingView {
    fn from(Pending { failing, runs, needed, window }: Pending) -> Self {
        PendingView { failing, runs, needed, window }
    }
}

/// The body that makes a monitor, or replaces one. Bodies are read field by field, so there is only their description.
pub(crate) enum MonitorBody {}

/// The body that changes some fields.
pub(crate) enum MonitorChange {}

macro_rules! bodies {
    ($($body:ident is $name:literal, whole: $whole:literal, $words:literal;)*) => {$(
        impl PartialSchema for $body {
            fn schema() -> RefOr<Schema> {
                let body = ObjectBuilder::new().schema_type(Type::Object).description(Some($words));
                let body = monitor_fields::describe(body, $whole, &mut Vec::new()).property("version", version());
                body.property("note", note()).into()
            }
        }

        impl ToSchema for $body {
            fn name() -> Cow<'static, str> {
                $name.into()
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                monitor_fields::describe(ObjectBuilder::new(), $whole, schemas);
                schemas.push((NoteText::name().into(), NoteText::schema()));
            }
        }
    )*};
}

bodies! {
    MonitorBody is "MonitorInput", whole: true,
        "What an author decides about a monitor. What an answer shows beside this (`id`, `state` and so on) may be sent back\n\
         and is not looked at, but `version` is.";
    MonitorChange is "MonitorChange", whole: false,
        "What to change about a monitor; fields that are left out stay as they are.";
}

/// Why it is saved.
fn note() -> Ref {
    let words = "Why, in one line: kept with the version that this makes.";
    RefBuilder::new().ref_location_from_schema_name(NoteText::name()).description(Some(words)).build()
}

/// The version that an edit names.
fn version() -> ObjectBuilder {
    let words = "The version the edit started from; if that is no longer the stored one, the edit is refused with 409. Null is any.";
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(1))
        .description(Some(words))
}
