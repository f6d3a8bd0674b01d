//! What an author decides about a monitor, as one table.
//!
//! [`MonitorSpec`](crate::MonitorSpec) and its rules, the columns, the API's bodies and answers with their description, the
//! form, the page and the documentation are all made of it. A new field of a kind that is there is a line here and a
//! migration; its place is on the page already, unless the template has a better one, but for a box to tick, whose place in
//! the form is a line of `monitor_form.html`. A new kind says what is a fault (`faults`), how it is kept
//! (`store/monitors/field_columns`), how a body has it (`web/api/monitor_fields`), how people type and read it
//! (`web/pages/monitor_form/form_kinds`) and how the audit tells of it (`store/audit/monitor_changes`).

/// Hands the table to a macro of the caller, one line for each field: what it is, its name (which is also the JSON key,
/// the column and the form's field), its type, its value where nobody says, its kind out of
/// [`field_kind`](crate::field_kind), and the [`FieldWords`] for people.
#[macro_export]
macro_rules! monitor_fields {
    ($consumer:ident) => {
        $consumer! {
            /// Shown everywhere; one line, at most 200 characters.
            name: String = String::new(), Name
                { label: "Name", unit: "", left_out: Required("what is watched, in one line") };
            /// What it watches and what to do, for the reader of an alert.
            description: String = String::new(), Description { label: "Description", unit: "", left_out: Is("empty") };
            /// Python, at most 256 KiB. It must compile.
            script: String = String::new(), Script { label: "Script", unit: "", left_out: Required("Python") };
            /// Crontab syntax: five fields, or six with seconds first. It must come at least once.
            schedule: String = String::new(), Schedule
                { label: "Schedule", unit: "", left_out: Required("crontab syntax, for instance \"*/5 * * * *\"") };
            /// IANA time zone that the schedule is read in.
            timezone: String = "UTC".to_owned(), Zone { label: "Time zone", unit: "", left_out: Is("the server's") };
            /// Whether it runs on its schedule.
            active: bool = true, Flag
                { label: "On or off", unit: "", left_out: Is("true for a new monitor; one that is replaced stays as it is") };
            /// Words to find and group monitors by: at most 20 of at most 50 characters, without commas.
            tags: Vec<String> = Vec::new(), Tags { label: "Tags", unit: "", left_out: Is("none") };
            /// The alerts that notify of it, by their keys; null is all of them.
            alerts: Option<Vec<String>> = None, AlertChoice { label: "Alerts", unit: "", left_out: Is("all alerts") };
            /// So many failing runs change the state, 1 to 1000: in a row, or of the last `alarm_window` runs.
            alarm_after: u32 = 1, Streak { label: "Alarm after", unit: "failing run", left_out: Is("1") };
            /// Of so many last runs `alarm_after` must have failed, up to 60 and at least `alarm_after`; null counts in a row.
            alarm_window: Option<u32> = None, Window { label: "Alarm window", unit: "run", left_out: Is("null") };
            /// So many passing runs in a row end a problem, 1 to 1000.
            recover_after: u32 = 1, Streak { label: "Recover after", unit: "passing run", left_out: Is("1") };
            /// How bad a problem of it is, unless its script says otherwise: `critical` or `warning`.
            default_severity: Severity = Severity::Critical, SeverityChoice
                { label: "Severity", unit: "", left_out: Is("critical") };
            /// Its state while a source that it needs is down: `error`, `keep` (as it was) or `ok`. A problem that is there stays.
            state_in_outage: StateInOutage = StateInOutage::Error, OutageChoice
                { label: "State in an outage", unit: "", left_out: Is("error") };
            /// Whether it notifies by itself that a source it needs is down; else one notification about the source is for all.
            told_in_outage: bool = false, Flag
                { label: "Notifies in an outage", unit: "", left_out: Is("false") };
            /// Days that runs are kept, and gaps and settled deliveries with them, from 1; null keeps them for ever.
            retain_days: Option<u32> = None, Days { label: "Runs kept", unit: "day", left_out: Is("the server's") };
            /// Seconds one run may take, waiting included, up to 3600; null is the server's limit.
            timeout_s: Option<f64> = None, Seconds { label: "Time limit", unit: "second", left_out: Is("null") };
            /// What the numbers of its runs count, at most 20 characters: `ms`, `%`, `bytes`, `EUR`.
            unit: String = String::new(), Unit { label: "Unit of the value", unit: "", left_out: Is("none") };
            /// Decimals that they are shown with, 0 to 9; null shows as many as there are.
            decimals: Option<u32> = None, Decimals { label: "Decimals", unit: "decimal", left_out: Is("null") };
        }
    };
}

/// The kinds of field: whatever is done with one of them is done with all of its kind alike.
pub mod field_kind {
    /// What a monitor is called: one line, not empty.
    pub enum Name {}
    /// Words for people.
    pub enum Description {}
    /// Python.
    pub enum Script {}
    /// Crontab syntax.
    pub enum Schedule {}
    /// The name of a time zone.
    pub enum Zone {}
    /// Yes or no.
    pub enum Flag {}
    /// Several words.
    pub enum Tags {}
    /// Some of the alerts, or all.
    pub enum AlertChoice {}
    /// A number of runs in a row.
    pub enum Streak {}
    /// A number of last runs, or none.
    pub enum Window {}
    /// How bad a problem is.
    pub enum SeverityChoice {}
    /// What becomes of the state while a source is down.
    pub enum OutageChoice {}
    /// A number of days, or no end.
    pub enum Days {}
    /// A number of seconds, or the server's.
    pub enum Seconds {}
    /// What numbers count, or nothing.
    pub enum Unit {}
    /// A number of digits behind the point, or as many as there are.
    pub enum Decimals {}
}

/// A field, for what is made of the table while the program runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MonitorField {
    /// The JSON key, the column and the form's field.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// What people read beside it.
    pub words: FieldWords,
}

/// What people read beside a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldWords {
    /// What it is called.
    pub label: &'static str,
    /// What its number counts, one of them; empty where it is none.
    pub unit: &'static str,
    /// What becomes of a monitor that is sent without it.
    pub left_out: LeftOut,
}

/// What becomes of a monitor that is sent without a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeftOut {
    /// It is refused: this was expected.
    Required(&'static str),
    /// It has this, in words.
    Is(&'static str),
}

macro_rules! list {
    ($(#[doc = $doc:literal] $field:ident: $type:ty = $default:expr, $kind:ident $words:tt;)*) => {
        /// The fields, in their order.
        pub const MONITOR_FIELDS: &[MonitorField] = {
            use LeftOut::{Is, Required};
            &[$(MonitorField { name: stringify!($field), doc: $doc.trim_ascii(), words: FieldWords $words },)*]
        };
    };
}

monitor_fields!(list);
