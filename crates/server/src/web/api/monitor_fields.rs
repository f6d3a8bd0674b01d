//! Reads what a body says of a monitor, each field by its kind.

use revere_model::{
    MAX_RETAIN_DAYS, MAX_STREAK, MAX_TIMEOUT_S,
    field_kind::{Days, Flag, Line, Seconds, Streak, Tags, Text},
    monitor_fields,
};

use crate::{operations::monitors::MonitorInput, web::fields::Fields};

/// As much as a body can hold: how much is too much is the model's to say.
const MOST: usize = 1 << 20;

/// How a field of a kind stands in a body.
trait BodyField {
    type Value;

    /// `None` if it is left out, or is none: then a fault is noted.
    fn read(fields: &mut Fields, name: &'static str) -> Option<Self::Value>;
}

macro_rules! reader {
    ($(#[doc = $words:literal] $field:ident: $type:ty, $kind:ident, $label:literal, $default:expr;)*) => {
        /// What a body says of a monitor.
        pub(super) fn read(fields: &mut Fields) -> MonitorInput {
            MonitorInput { $($field: <$kind as BodyField>::read(fields, stringify!($field)),)* faults: Vec::new() }
        }
    };
}

monitor_fields!(reader);

impl BodyField for Line {
    type Value = String;

    fn read(fields: &mut Fields, name: &'static str) -> Option<String> {
        fields.text(name, MOST)
    }
}

impl BodyField for Text {
    type Value = String;

    fn read(fields: &mut Fields, name: &'static str) -> Option<String> {
        fields.text(name, MOST)
    }
}

impl BodyField for Flag {
    type Value = bool;

    fn read(fields: &mut Fields, name: &'static str) -> Option<bool> {
        fields.flag(name)
    }
}

impl BodyField for Days {
    type Value = Option<u32>;

    fn read(fields: &mut Fields, name: &'static str) -> Option<Option<u32>> {
        let days = fields.or_null(name, |fields| fields.whole(name, 1..=MAX_RETAIN_DAYS.into()))?;
        Some(days.map(|days| days as u32))
    }
}

impl BodyField for Seconds {
    type Value = Option<f64>;

    fn read(fields: &mut Fields, name: &'static str) -> Option<Option<f64>> {
        fields.or_null(name, |fields| fields.positive(name, MAX_TIMEOUT_S))
    }
}

impl BodyField for Tags {
    type Value = Vec<String>;

    fn read(fields: &mut Fields, name: &'static str) -> Option<Vec<String>> {
        Some(fields.texts(name, MOST)?.into_iter().map(|tag| tag.trim().to_owned()).collect())
    }
}

impl BodyField for Streak {
    type Value = u32;

    fn read(fields: &mut Fields, name: &'static str) -> Option<u32> {
        fields.whole(name, 1..=MAX_STREAK.into()).map(|runs| runs as u32)
    }
}
