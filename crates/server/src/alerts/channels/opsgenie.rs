//! `opsgenie` and `jira_service_management`: an alert of either, which speak alike.
//!
//! Facts: docs.opsgenie.com and developer.atlassian.com/cloud/jira/service-desk-ops, August 2026. A problem opens an alert and its
//! end closes it, by the key of the problem as its alias. An answer says only that it is queued; what came of it is asked for by
//! its `requestId` (docs.opsgenie.com/docs/alert, November 2026), which is not known until it was looked at. Opsgenie ends in
//! April 2027.

use serde_json::json;

use super::super::{
    Built, ChannelKind, ChannelSample, Notification, Retry,
    answer::{Answer, Verdict},
    http_channel::{HttpChannel, over_http},
    inert, plain_text,
};
use crate::{
    building::BuildInput,
    http_target::{self, below},
    outbound::{Method, OutboundError, Request, Url},
    settings::{Field, FieldKind},
};

const PRIORITIES: &[&str] = &["P1", "P2", "P3", "P4", "P5"];

const API_KEY: Field = Field::required("api_key", FieldKind::Secret, "The key of an API integration.");
const PRIORITY: Field =
    Field::optional("priority", FieldKind::Choice(PRIORITIES), "The priority of what it opens; a test is P5.")
        .or_text("P1");
const WARNING_PRIORITY: Field =
    Field::optional("warning_priority", FieldKind::Choice(PRIORITIES), "The priority of a warning.").or_text("P3");

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["opsgenie"],
    doc: "Opens an alert in Opsgenie, and closes it when the problem is over.",
    fields: &[API_KEY, PRIORITY, WARNING_PRIORITY, http_target::api_url("https://api.opsgenie.com")],
    groups: &[&http_target::CHANNEL_CONNECTION],
    knows_repeats: true,
    build,
    warnings: |_| Vec::new(),
    samples: SAMPLES,
};

pub(crate) const JIRA_KIND: ChannelKind = ChannelKind {
    names: &["jira_service_management"],
    doc: "Opens an alert in Jira Service Management, and closes it when the problem is over.",
    fields: &[
        API_KEY,
        PRIORITY,
        WARNING_PRIORITY,
        http_target::api_url("https://api.atlassian.com/jsm/ops/integration"),
    ],
    groups: &[&http_target::CHANNEL_CONNECTION],
    knows_repeats: true,
    build,
    warnings: |_| Vec::new(),
    samples: SAMPLES,
};

const SAMPLES: &[ChannelSample] = &[ChannelSample {
    config: r#"{"api_key": "genie-s3cret", "api_url": "{url}"}"#,
    // With what is answered to the question afterwards.
    taken: r#"{"result": "Request will be processed", "took": 0.1, "requestId": "r", "data": {"success": true}}"#,
    refusals: &[
        (401, r#"{"message": "Could not authenticate", "took": 0.001}"#, Retry::Never),
        (200, "<html>sign in</html>", Retry::Later),
    ],
}];

/// The longest of each, in characters.
const MESSAGE_CHARS: usize = 130;
const DESCRIPTION_CHARS: usize = 15_000;
const TAG_CHARS: usize = 50;
const TAGS: usize = 20;

struct Genie {
    alerts: Url,
    api_key: String,
    priority: String,
    warning_priority: String,
}

fn build(setup: &BuildInput) -> Built {
    let text = |name| setup.settings.required_text(name).to_owned();
    let alerts = below(setup.url("api_url"), &["v2", "alerts"]);
    let (priority, warning_priority) = (text("priority"), text("warning_priority"));
    over_http(setup, Ok(Genie { alerts, api_key: text("api_key"), priority, warning_priority }))
}

impl HttpChannel for Genie {
    fn request(&self, notification: &Notification) -> Result<Request, OutboundError> {
        let alias = notification.incident_key();
        let whole = |cut: &Notification| inert::untagged(&cut.mail_text());
        let fits = |cut: &Notification| inert::characters(&whole(cut)) <= DESCRIPTION_CHARS;
        let description = whole(&notification.cut_until(fits));
        let (url, body) = if notification.is_over() && !notification.test {
            let mut url = below(self.alerts.clone(), &[alias, "close"]);
            url.query_pairs_mut().append_pair("identifierType", "alias");
            (url, json!({"source": "Revere", "note": description}))
        } else {
            let message = notification.subject();
            let tags = notification.monitor.tags.iter().take(TAGS);
            let body = json!({
                "message": plain_text::cut(&inert::untagged(&message), MESSAGE_CHARS),
                "alias": alias,
                "description": description,
                "priority": match (notification.test, notification.is_warning()) {
                    (true, _) => "P5",
                    (false, true) => &self.warning_priority,
                    (false, false) => &self.priority,
                },
                "source": "Revere",
                "tags": tags.map(|tag| plain_text::cut(tag, TAG_CHARS)).collect::<Vec<_>>(),
            });
            (self.alerts.clone(), body)
        };
        Request::post_json(url, &body).header("Authorization", &format!("GenieKey {}", self.api_key))
    }

    /// An alert that is open keeps the priority it was opened with; one that became worse is given its own.
    fn follow_up(&self, notification: &Notification) -> Option<Request> {
        let worse = notification.severity() > notification.old_severity.filter(|_| notification.old_state.is_problem());
        if notification.test || !notification.new_state.is_problem() || !notification.old_state.is_problem() || !worse {
            return None;
        }
        let mut url = below(self.alerts.clone(), &[notification.incident_key(), "priority"]);
        url.query_pairs_mut().append_pair("identifierType", "alias");
        let body = json!({ "priority": self.priority });
        let request = Request::new(Method::PUT, url).body("application/json", body.to_string());
        request.header("Authorization", &format!("GenieKey {}", self.api_key)).ok()
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        answer.by_word(answer.json["requestId"].is_string())
    }

    fn question(&self, taken: &Answer) -> Option<Request> {
        let url = below(self.alerts.clone(), &["requests", taken.json["requestId"].as_str()?]);
        Request::get(url).header("Authorization", &format!("GenieKey {}", self.api_key)).ok()
    }

    fn came_of(&self, notification: &Notification, answer: &Answer) -> Option<Verdict> {
        let data = &answer.json["data"];
        let closes = notification.is_over() && !notification.test;
        match data["success"].as_bool().or(data["isSuccess"].as_bool())? {
            // Somebody closed it by hand, or it was never opened: nothing is left that somebody has to hear of.
            false if !closes => Some(answer.never(data["status"].as_str().unwrap_or("no alert was opened"))),
            _ => Some(Verdict::Taken),
        }
    }
}
