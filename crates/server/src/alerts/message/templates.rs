//! The templates of what people read, with what each of them is filled from.

use askama::Template;

#[derive(Template)]
#[template(path = "alerts/text.txt")]
pub(super) struct Text<'a> {
    pub(super) heading: &'a str,
    pub(super) monitor: &'a str,
    pub(super) old_state: &'a str,
    pub(super) new_state: &'a str,
    pub(super) message: &'a str,
    /// None where the run left none.
    pub(super) return_value: Option<&'a str>,
    pub(super) lasted: Option<String>,
    pub(super) missed: Option<String>,
    pub(super) description: Option<String>,
    pub(super) reminder: bool,
    pub(super) on_call: Option<String>,
    pub(super) acknowledge_url: Option<String>,
    pub(super) test: bool,
}

#[derive(Template)]
#[template(path = "alerts/subject.txt")]
pub(super) struct Subject<'a> {
    pub(super) heading: &'a str,
    pub(super) monitor: &'a str,
    pub(super) new_state: &'a str,
}

#[derive(Template)]
#[template(path = "alerts/short.txt")]
pub(super) struct Short<'a> {
    pub(super) monitor: &'a str,
    pub(super) new_state: &'a str,
    pub(super) message: &'a str,
    /// None where the run left none.
    pub(super) return_value: Option<&'a str>,
    pub(super) reminder: bool,
    pub(super) test: bool,
}

#[derive(Template)]
#[template(path = "alerts/mail.txt")]
pub(super) struct MailText<'a> {
    pub(super) text: &'a str,
    pub(super) tick_at: Option<String>,
    pub(super) tags: &'a str,
    pub(super) url: &'a str,
}

#[derive(Template)]
#[template(path = "alerts/mail.html")]
pub(super) struct MailHtml<'a> {
    pub(super) subject: &'a str,
    pub(super) heading: &'a str,
    pub(super) monitor: &'a str,
    pub(super) old_state: &'a str,
    pub(super) new_state: &'a str,
    pub(super) message: &'a str,
    /// None where the run left none.
    pub(super) return_value: Option<&'a str>,
    pub(super) tick_at: Option<String>,
    pub(super) tags: &'a str,
    pub(super) url: &'a str,
    pub(super) open_words: &'static str,
    pub(super) colour: &'a str,
    pub(super) lasted: Option<String>,
    pub(super) description: Option<String>,
    pub(super) reminder: bool,
    pub(super) on_call: Option<String>,
    pub(super) acknowledge_url: Option<String>,
    /// Instead of all that is said of the change.
    pub(super) own_text: Option<String>,
    pub(super) chart: Option<MailChart<'a>>,
    pub(super) test: bool,
}

/// The picture that a mail has beside its page.
pub(super) struct MailChart<'a> {
    pub(super) id: &'a str,
    pub(super) words: &'a str,
}

/// A template filled, without the line break at its end.
pub(super) fn rendered(template: &impl Template) -> String {
    let text = template.render().expect("the templates call nothing that fails, and a String takes any length");
    text.trim_end_matches('\n').to_owned()
}
