//! One field of the author's form by itself, for where one setting is asked for.

use revere_model::{MonitorField, MonitorSpec};

use super::{
    super::form::FormTexts,
    form_fields::{Typed, typed_text},
};
use crate::operations::{monitors, monitors::MonitorInput};

/// A field that is typed into, with what is wrong with what was typed.
pub(in super::super) struct SettingInput {
    pub(in super::super) name: &'static str,
    pub(in super::super) label: &'static str,
    pub(in super::super) typed: String,
    /// What an empty field means.
    pub(in super::super) if_empty: String,
    pub(in super::super) hint: &'static str,
    pub(in super::super) fault: Option<String>,
}

/// What a form asks of this field, and of no other.
pub(in super::super) fn setting_input(form: &FormTexts, field: &'static MonitorField) -> (MonitorInput, SettingInput) {
    let typed = Typed::read(form);
    let all = typed.input();
    let mut input = MonitorInput::default();
    match field.name {
        "schedule" => input.schedule = all.schedule,
        "timezone" => input.timezone = all.timezone,
        "retain_days" => input.retain_days = all.retain_days,
        "timeout_s" => input.timeout_s = all.timeout_s,
        _ => {}
    }
    input.faults = all.faults.into_iter().filter(|fault| fault.field == field.name).collect();
    let fault = monitors::faults_of(&input).into_iter().find(|fault| fault.root() == field.name);
    let fault = fault.map(|fault| fault.message);
    let plain = typed.plain().into_iter().find(|plain| plain.name == field.name);
    let setting = SettingInput {
        name: field.name,
        label: field.words.label,
        typed: form.text(field.name).to_owned(),
        if_empty: plain.map(|plain| plain.if_empty).unwrap_or_default(),
        hint: match field.name {
            "schedule" => "minute, hour, day, month, weekday; seconds may stand first. Several, one a line",
            "timezone" => "such as Europe/Berlin or UTC",
            "retain_days" => "days; empty keeps them for ever",
            "timeout_s" => "seconds; empty is the server\u{2019}s default",
            _ => "",
        },
        fault,
    };
    (input, setting)
}

/// What a monitor has in this field, as one would type it.
pub(in super::super) fn typed_of(spec: &MonitorSpec, field: &MonitorField) -> String {
    typed_text(&Typed::of(spec), field.name)
}
