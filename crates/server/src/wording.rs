//! The words of an alert as its owner wrote them: templates in the syntax of Jinja, without access to anything but what is told.
//!
//! A template is tried when the configuration is read. One that fails all the same, at night, costs nobody the message: the
//! default says it, and why.

use std::{fmt, sync::Arc};

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value, value::Serde};
use serde::Serialize;

use crate::settings::unknown_name;

/// What a template may compute, in steps. An ordinary one takes some dozens; encoding the longest text for an address 100,000.
/// What it makes on the way counts too, a step for each 64 bytes, so that it never holds more than 64 MB.
const FUEL: u64 = 1_000_000;

/// A place of a template is shown where it is no longer, in bytes.
const LONGEST_PLACE: usize = 80;

/// The templates of one alert; clones share them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Wording(Arc<Templates>);

/// The texts that an alert may have words of its own for, by the names of their settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OwnText {
    /// The text itself.
    Text,
    /// One line.
    Subject,
    /// One text message.
    Short,
}

impl OwnText {
    /// All of them.
    pub const ALL: [OwnText; 3] = [OwnText::Text, OwnText::Subject, OwnText::Short];

    /// The name of its setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            OwnText::Text => "text",
            OwnText::Subject => "subject",
            OwnText::Short => "short",
        }
    }
}

/// What is wrong with a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateError {
    /// In which line of it, where that is known.
    pub line: Option<u32>,
    /// What, with the name that is wrong and those that there are.
    pub what: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

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
    pub fn all(&self) -> impl Iterator<Item = (OwnText, &str)> {
        OwnText::ALL.into_iter().filter_map(|one| Some((one, self.get(one)?)))
    }

    /// The one for a kind of text.
    pub fn get(&self, one: OwnText) -> Option<&str> {
        match one {
            OwnText::Text => self.text.as_deref(),
            OwnText::Subject => self.subject.as_deref(),
            OwnText::Short => self.short.as_deref(),
        }
    }

    /// Has this one for a kind of text.
    pub fn set(&mut self, one: OwnText, template: Option<String>) {
        match one {
            OwnText::Text => self.text = template,
            OwnText::Subject => self.subject = template,
            OwnText::Short => self.short = template,
        }
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

/// The longest template that somebody may try who does not write the configuration, in bytes.
pub const MOST_DRAFT_BYTES: usize = 8 << 10;

/// The library reads `- - - x` and `x.y.z` by a call inside a call for each sign, without a bound. This is room for as many as
/// [`MOST_DRAFT_BYTES`] hold, in bytes; the tests try such drafts in a build that is not optimised. What is not used is
/// not taken.
const DEEP_STACK: usize = 256 << 20;

/// Does `work` with drafts of templates where they cannot exhaust the stack. Blocks until it is done; its panic goes on here.
pub fn on_a_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(DEEP_STACK).spawn_scoped(scope, work);
        let done = thread.expect("there is a thread to be had").join();
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What `template` makes of `fields`. `Err` says what is wrong, and in which line of it.
pub fn rendered(template: &str, fields: &impl Serialize) -> Result<String, TemplateError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    // Only so does an error know its place.
    environment.set_debug(true);
    let fields = Value::from(Serde(fields));
    environment.render_str(template, fields.clone()).map_err(|error| {
        let what = match error.kind() {
            ErrorKind::OutOfFuel => "it computes too much".to_owned(),
            kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
        };
        let place = error.range().and_then(|range| template.get(range)).map(str::trim);
        let mut what = match place.filter(|place| place.len() <= LONGEST_PLACE && !what.contains(place)) {
            Some(place) => format!("{what}: {place}"),
            None => what,
        };
        if error.kind() == ErrorKind::UndefinedError
            && let Some(known) = place.and_then(|place| names_beside(place, &fields))
        {
            what.push_str(&format!("; {known}"));
        }
        TemplateError { line: error.line().and_then(|line| u32::try_from(line).ok()), what }
    })
}

/// Which names there are where the first unknown one of `path` stands, as `monitor.nmae` writes them.
fn names_beside(path: &str, fields: &Value) -> Option<String> {
    let mut around = fields.clone();
    for name in path.split('.') {
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let names: Vec<Value> = around.try_iter().ok().filter(|_| is_name)?.collect();
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        if !names.contains(&name) {
            return (!names.is_empty()).then(|| unknown_name("name", name, names.into_iter()));
        }
        around = around.get_attr(name).ok()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_has_what_is_told_and_nothing_else() {
        let fields = json!({"monitor": {"name": "a & <b>", "tags": ["x", "y"]}, "return_value": 67, "duration": null});
        let made = |template: &str| rendered(template, &fields).map_err(|error| error.to_string());
        assert_eq!(made("{{ monitor.name }}: {{ return_value }}"), Ok("a & <b>: 67".to_owned()));
        assert_eq!(made("{% for tag in monitor.tags %}#{{ tag }} {% endfor %}"), Ok("#x #y ".to_owned()));
        assert_eq!(made("{% if duration %}after {{ duration }}{% endif %}"), Ok(String::new()));
        let said = |template: &str| made(template).unwrap_err();
        assert_eq!(
            said("a\n{{ monitor.nmae }}"),
            "line 2: `monitor.nmae` is undefined; unknown name 'nmae'; did you mean 'name'?"
        );
        assert!(
            said("{{ xyz }}").ends_with("unknown name 'xyz'; known: duration, monitor, return_value"),
            "{}",
            said("{{ xyz }}")
        );
        assert!(!said("{{ return_value.x }}").contains("unknown name"), "a number has none");
        assert!(made("{{ name").unwrap_err().starts_with("line 1: "));
        assert!(made("{% for i in range(9000) %}{% for j in range(9000) %}x{% endfor %}{% endfor %}").is_err());
        assert!(made("{% include '/etc/passwd' %}").is_err());
    }

    #[test]
    fn a_draft_may_be_nested_as_deep_as_it_is_long() {
        let fill = |sign: &str, end: &str| {
            let room = MOST_DRAFT_BYTES - 8 - end.len();
            format!("{{{{ {}{end} }}}}", sign.repeat(room / sign.len()))
        };
        let drafts = [
            fill("-", "1"),
            fill("not ", "x"),
            format!("{{{{ x{} }}}}", ".a".repeat(4000)),
            fill("1~", "1"),
            fill("1+", "1"),
            fill("(", ""),
            fill("[", ""),
            fill("x|", "x"),
            fill("1 if 1 else ", "1"),
            "{% if 1 %}".repeat(800),
        ];
        for draft in drafts {
            assert!(draft.len() <= MOST_DRAFT_BYTES, "{}", draft.len());
            // Whatever it makes, it ends.
            drop(on_a_deep_stack(|| rendered(&draft, &json!({"x": 1}))));
        }
    }

    /// Neither loops nor texts that grow are worked at, or held, for long.
    #[test]
    fn what_a_template_computes_is_bounded() {
        for template in [
            "{% for i in range(9000) %}{% for j in range(9000) %}x{% endfor %}{% endfor %}",
            "{% set n = namespace(x='xxxxxxxx') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
            "{{ 'x' * 99000000 }}",
            "{% for i in range(9000) %}{{ text }}{% endfor %}",
            "{{ range(90000)|map('string')|join('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' * 99) }}",
        ] {
            let error = rendered(template, &json!({"text": "x".repeat(8192)})).unwrap_err();
            assert_eq!(error.what.split(':').next().unwrap(), "it computes too much", "{template}");
        }
    }
}
