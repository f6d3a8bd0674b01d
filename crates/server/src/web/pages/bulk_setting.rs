//! One setting of many monitors: its page asks for the value, shows what each has now, and keeps what was typed where that is
//! refused. Nothing is changed before all of it is right.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use revere_model::{MONITOR_FIELDS, Monitor, MonitorField, MonitorId, MonitorSpec};

use super::{
    form::Form,
    layout::{Layout, Place},
    monitor_form::{SettingInput, in_words_of, setting_input},
    page_request::PageRequest,
};
use crate::{operations::monitors::MonitorInput, web::Problem};

/// What can be set for many at once.
const SETTINGS: [&str; 4] = ["schedule", "timezone", "retain_days", "timeout_s"];

#[derive(Template)]
#[template(path = "pages/change_many.html")]
struct ChangeManyPage {
    layout: Layout,
    field: SettingInput,
    chosen: Vec<Chosen>,
    zones: Vec<String>,
    back: String,
}

struct Chosen {
    id: MonitorId,
    name: String,
    /// What it is set to.
    now: String,
}

/// A setting whose value is still to be typed, or was typed wrong.
pub(super) struct Setting {
    field: &'static MonitorField,
    typed: SettingInput,
    wrong: bool,
}

impl Setting {
    /// What the form asks for: the one setting that it names.
    pub(super) fn read(form: &Form) -> Result<MonitorInput, Box<Setting>> {
        let named = SETTINGS.into_iter().find(|name| *name == form.text("field")).unwrap_or(SETTINGS[0]);
        let field = MONITOR_FIELDS.iter().find(|field| field.name == named).expect("the settings are fields");
        let (input, typed) = setting_input(form, field);
        let typed_any = form.has("typed");
        match typed_any && typed.fault.is_none() {
            true => Ok(input),
            false => Err(Box::new(Setting { field, wrong: typed_any, typed })),
        }
    }

    /// The page that asks for it.
    pub(super) async fn ask(
        self,
        request: &PageRequest,
        chosen: Vec<Monitor>,
        back: String,
    ) -> Result<Response, Problem> {
        let mut field = self.typed;
        if !self.wrong {
            field.fault = None;
            field.typed = common(&chosen, |spec| super::monitor_form::typed_of(spec, self.field));
        }
        let title = format!("Change the {} of many monitors", field.label.to_lowercase());
        let page = ChangeManyPage {
            layout: request.layout(title, Place::Monitors).await?,
            chosen: chosen
                .into_iter()
                .map(|monitor| Chosen {
                    id: monitor.id,
                    now: in_words_of(&monitor.spec, self.field),
                    name: monitor.spec.name,
                })
                .collect(),
            zones: revere_model::zone_names(),
            field,
            back,
        };
        let status = if self.wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        request.answer(status, &page.layout, &page)
    }
}

/// What all of them have, if it is the same.
fn common(chosen: &[Monitor], of: impl Fn(&MonitorSpec) -> String) -> String {
    let mut all = chosen.iter().map(|monitor| of(&monitor.spec));
    let first = all.next().unwrap_or_default();
    if all.all(|other| other == first) { first } else { String::new() }
}
