//! What an author decides about a monitor, as one table.
//!
//! [`MonitorSpec`](crate::MonitorSpec), what an edit may name, how a body and a form are read, and what differs between
//! two edits are all made of it, so that a new field is one line here, its rule in [`faults`](crate::Fault), and a place
//! on the page. Tests compare with it what a macro cannot make: templates, the browser's drafts, the API's description.

/// Hands the table to a macro of the caller, one line for each field: what it is, its name (which is also the JSON key,
/// the column and the form's field), its type, its kind out of [`field_kind`](crate::field_kind), how the pages call it
/// in a sentence, and its value where nobody says.
#[macro_export]
macro_rules! monitor_fields {
    ($consumer:ident) => {
        $consumer! {
            /// Shown everywhere; not empty, one line.
            name: String, Line, "name", String::new();
            /// For the reader of an alert: what it watches, what to do.
            description: String, Text, "description", String::new();
            /// Python; see the user guide.
            script: String, Text, "script", String::new();
            /// Crontab syntax, five fields, or six with seconds first.
            schedule: String, Line, "schedule", String::new();
            /// IANA time zone the schedule is read in.
            timezone: String, Line, "time zone", "UTC".to_owned();
            /// Whether it runs on its schedule.
            active: bool, Flag, "on or off", true;
            /// Runs older than this many days are purged, and with them gaps and settled deliveries; none keeps them for ever.
            retain_days: Option<u32>, Days, "days kept", None;
            /// Wall-clock limit of one run in seconds; none is the server's default.
            timeout_s: Option<f64>, Seconds, "time limit", None;
            /// Free words to find and group monitors by.
            tags: Vec<String>, Tags, "tags", Vec::new();
            /// So many failing runs in a row make a flip; at least 1.
            alarm_after: u32, Streak, "alarm after", 1;
            /// So many passing runs in a row end a problem; at least 1.
            recover_after: u32, Streak, "recover after", 1;
        }
    };
}

/// The kinds of field: what reads one of them reads all of its kind alike.
pub mod field_kind {
    /// A text of one line: spaces around it are nobody's wish.
    pub enum Line {}
    /// A text that is kept as it is.
    pub enum Text {}
    /// Yes or no.
    pub enum Flag {}
    /// A number of days, or no end.
    pub enum Days {}
    /// A number of seconds, or the server's.
    pub enum Seconds {}
    /// Several words.
    pub enum Tags {}
    /// A number of runs in a row.
    pub enum Streak {}
}

/// A field, for what is made of the table while the program runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MonitorField {
    /// The JSON key, the column and the form's field.
    pub name: &'static str,
    /// What it is.
    pub words: &'static str,
}

macro_rules! list {
    ($(#[doc = $words:literal] $field:ident: $type:ty, $kind:ident, $label:literal, $default:expr;)*) => {
        /// The fields, in their order.
        pub const MONITOR_FIELDS: &[MonitorField] =
            &[$(MonitorField { name: stringify!($field), words: $words.trim_ascii() },)*];
    };
}

monitor_fields!(list);
