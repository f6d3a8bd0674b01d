//! The words of an alert as its owner wrote them: templates in the syntax of Jinja, without access to anything but what is told.
//!
//! A template is tried when the configuration is read. One that fails all the same, at night, costs nobody the message: the
//! default says it, and why.

use std::{fmt, sync::Arc};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, value::Serde};
use serde::Serialize;

/// What a template may compute, in steps. An ordinary one takes some dozens; encoding the longest text for an address 100,000.
const FUEL: u64 = 1_000_000;

/// A place of a template is shown where it is no longer, in bytes.
const LONGEST_PLACE: usize = 80;

/// The templates of one alert; clones share them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Wording(Arc<Templates>);

/// A template for each kind of text; `None` where the default does.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Templates {
    /// One line: the subject of a mail, a title.
    pub subject: Option<String>,
    /// The text itself.
    pub text: Option<String>,
    /// One text message.
    pub short: Option<String>,
}

impl Templates {
    /// Those there are.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        [&self.text, &self.subject, &self.short].into_iter().flatten().map(String::as_str)
    }
}

impl Wording {
    /// The words that these templates make.
    pub fn new(templates: Templates) -> Wording {
        Wording(Arc::new(templates))
    }

    /// The templates.
    pub fn templates(&self) -> &Templates {
        &self.0
    }
}

impl fmt::Debug for Wording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wording(..)")
    }
}

/// What `template` makes of `fields`. `Err` says what is wrong, and in which line of it.
pub fn rendered(template: &str, fields: &impl Serialize) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    // Only so does an error know its place.
    environment.set_debug(true);
    environment.render_str(template, Value::from(Serde(fields))).map_err(|error| {
        let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let place = error.range().and_then(|range| template.get(range)).map(str::trim);
        let what = match place.filter(|place| place.len() <= LONGEST_PLACE && !what.contains(place)) {
            Some(place) => format!("{what}: {place}"),
            None => what,
        };
        match error.line() {
            Some(line) => format!("line {line}: {what}"),
            None => what,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_has_what_is_told_and_nothing_else() {
        let fields = json!({"monitor": {"name": "a & <b>", "tags": ["x", "y"]}, "return_value": 67, "duration": null});
        let made = |template: &str| rendered(template, &fields);
        assert_eq!(made("{{ monitor.name }}: {{ return_value }}"), Ok("a & <b>: 67".to_owned()));
        assert_eq!(made("{% for tag in monitor.tags %}#{{ tag }} {% endfor %}"), Ok("#x #y ".to_owned()));
        assert_eq!(made("{% if duration %}after {{ duration }}{% endif %}"), Ok(String::new()));
        assert_eq!(made("a\n{{ monitor.nmae }}"), Err("line 2: `monitor.nmae` is undefined".to_owned()));
        assert!(made("{{ name").unwrap_err().starts_with("line 1: "));
        assert!(made("{% for i in range(9000) %}{% for j in range(9000) %}x{% endfor %}{% endfor %}").is_err());
        assert!(made("{% include '/etc/passwd' %}").is_err());
    }
}
