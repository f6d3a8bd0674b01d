//! `template`: any other service over HTTP, gateways for text messages above all: address and body are templates, and a word of
//! the answer may decide whether it was taken.

use super::super::{
    ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    http_channel::{HttpChannel, over_http},
    own_words,
};
use crate::{
    building::BuildInput,
    http_target,
    outbound::{Method, OutboundError, OutboundKind, Request, Url, header},
    settings::{ConfigFault, Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["template"],
    doc: "Sends a request that you write to any service over HTTP.",
    fields: &[
        Field::required("url", FieldKind::Secret, "Where to send it, as a template; values inside need `|urlencode`."),
        Field::optional("method", FieldKind::Choice(&["POST", "PUT", "PATCH", "GET"]), "How to send it.")
            .or_text("POST"),
        Field::optional("body", FieldKind::Text, "The body, as a template; values inside JSON need `|tojson`."),
        Field::optional("content_type", FieldKind::Text, "What the body is.").or_text("application/json"),
        Field::optional("success", FieldKind::Text, "What the answer must contain where it was taken.")
            .or_words("its status says it"),
    ],
    groups: &[&http_target::LOGIN, &http_target::CHANNEL_CONNECTION],
    knows_repeats: false,
    build: |setup| over_http(setup, template(setup)),
    warnings: |_| Vec::new(),
    samples: &[
        ChannelSample {
            config: r#"{"url": "{url}/sms?key=gateway-s3cret&to=%2B1555&text={{ text|urlencode }}", "method": "GET",
                "success": "status=OK"}"#,
            taken: "id=7;status=OK",
            refusals: &[(200, "status=ERR;no credit", Retry::Later), (402, "no credit", Retry::Never)],
        },
        ChannelSample {
            config: r#"{"url": "{url}/gateway-s3cret", "body": "{\"to\": \"+1555\", \"text\": {{ text|tojson }}}"}"#,
            taken: "",
            refusals: &[],
        },
    ],
};

/// Longer addresses are refused by many servers.
const MOST_URL_BYTES: usize = 4000;

struct Template {
    url: String,
    method: Method,
    body: Option<String>,
    content_type: String,
    success: Option<String>,
}

fn template(setup: &BuildInput) -> Result<Template, Vec<ConfigFault>> {
    let settings = setup.settings;
    let text = |name| settings.text(name).map(str::to_owned);
    let template = Template {
        url: settings.required_text("url").to_owned(),
        method: Method::from_bytes(settings.required_text("method").as_bytes())
            .expect("the choices are methods of HTTP"),
        body: text("body"),
        content_type: settings.required_text("content_type").to_owned(),
        success: text("success"),
    };
    // What is not a template in it may be a key.
    let fixed: String = template
        .url
        .split("{{")
        .enumerate()
        .map(|(at, part)| match part.split_once("}}") {
            Some((_, after)) if at > 0 => after,
            _ => part,
        })
        .collect();
    if let Ok(url) = Url::parse(&fixed) {
        setup.context.secrets.learn_secret_url(&url);
    }
    let mut faults = Vec::new();
    for example in own_words::examples() {
        for (field, made) in [("url", template.url(&example).map(drop)), ("body", template.body(&example).map(drop))] {
            if let Err(what) = made
                && faults.is_empty()
            {
                faults.push(setup.fault(field, what));
            }
        }
    }
    if faults.is_empty() { Ok(template) } else { Err(faults) }
}

impl Template {
    fn url(&self, notification: &Notification) -> Result<Url, String> {
        let url = notification
            .in_words(&self.url, notification.text())
            .map_err(|error| format!("the template fails: {error}"))?;
        match Url::parse(&url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
            _ => Err("expected an address beginning with http:// or https://".to_owned()),
        }
    }

    fn body(&self, notification: &Notification) -> Result<Option<String>, String> {
        let body = self.body.as_ref().map(|body| notification.in_words(body, notification.text())).transpose();
        body.map_err(|error| format!("the template fails: {error}"))
    }
}

impl Template {
    /// The default text and why it is told, as far as the type of the content says where it goes.
    fn default_body(&self, notification: &Notification, why: &str) -> String {
        let text = format!("{}\n(This alert's own body failed: {why}.)", notification.text());
        let kind = self.content_type.to_ascii_lowercase();
        if kind.contains("json") {
            serde_json::json!({ "text": text }).to_string()
        } else if kind.contains("form-urlencoded") {
            url::form_urlencoded::Serializer::new(String::new()).append_pair("text", &text).finish()
        } else if kind.contains("xml") || kind.contains("html") {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
        } else {
            text
        }
    }
}

impl HttpChannel for Template {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let wrong = |what| OutboundError { kind: OutboundKind::BadRequest, asked: "the request".to_owned(), what };
        let short = notification.cut_until(|cut| self.url(cut).is_ok_and(|url| url.as_str().len() <= MOST_URL_BYTES));
        let request = Request::new(self.method.clone(), self.url(&short).map_err(wrong)?);
        match &self.body {
            None => Ok(request),
            Some(body) => {
                let made = notification.in_words(body, notification.text());
                // It told the examples; what this one has in it costs nobody the message.
                let body = made.unwrap_or_else(|error| self.default_body(notification, &error.to_string()));
                request.body("application/json", body).header(header::CONTENT_TYPE.as_str(), &self.content_type)
            }
        }
    }

    fn tells_in_address(&self) -> bool {
        true
    }

    fn has_own_body(&self) -> bool {
        true
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        match &self.success {
            Some(word) => answer.by_word(answer.body.contains(word.as_str())),
            None => answer.by_status(),
        }
    }
}
