//! An alert as a page shows it: what it tells, and how it fared.

use jiff::Timestamp;
use revere_model::{Severity, State};

use super::{
    super::{display::Span, monitors::SeverityOption, page_request::PageClock},
    delivery_view::DeliveryView,
};
use crate::{
    alerts::recipients,
    operations::{
        Context, Failure,
        alerts::{AlertReport, TestResult},
        deliveries,
    },
    store::{DeliveryFilter, DeliveryStatus},
};

/// Owed deliveries among which one is looked for that was tried.
const LOOKED_AT: u32 = 20;

/// An alert as the page shows it.
pub(super) struct AlertView {
    pub(super) number: usize,
    pub(super) key: String,
    pub(super) kind: String,
    pub(super) description: String,
    pub(super) enabled: bool,
    pub(super) in_config: bool,
    pub(super) on: bool,
    pub(super) why_off: &'static str,
    /// Whom it tells, as far as the configuration shows it without a secret.
    pub(super) recipients: String,
    /// Since when nothing of it arrives.
    pub(super) failing: Option<Span>,
    pub(super) owed: u64,
    pub(super) states: Vec<StateOption>,
    pub(super) severities: Vec<SeverityOption>,
    /// The tags it is for, as one would type them.
    pub(super) tags: String,
    /// The same as they are kept, whatever was typed.
    pub(super) kept_tags: String,
    /// Why it tells nothing by what is chosen.
    pub(super) tells_nothing: Option<&'static str>,
    /// What is wrong with the tags that were typed.
    pub(super) tags_fault: String,
    pub(super) fared: PastResult,
    pub(super) test: Option<TestView>,
}

/// What became of what an alert owed, at its newest.
pub(super) struct PastResult {
    pub(super) sent: Option<DeliveryView>,
    pub(super) failed: Option<DeliveryView>,
    /// One that was tried in vain, and is tried again.
    pub(super) trying: Option<DeliveryView>,
}

pub(super) struct StateOption {
    pub(super) state: State,
    pub(super) chosen: bool,
}

/// What the receiver of a test said.
pub(super) struct TestView {
    pub(super) class: &'static str,
    pub(super) words: &'static str,
    pub(super) reply: String,
    pub(super) took: Span,
}

/// How an alert fared of late.
pub(super) async fn fared(context: &Context, key: &str, clock: &PageClock) -> Result<PastResult, Failure> {
    let newest = async |status, limit| {
        let filter =
            DeliveryFilter { alert: Some(key.to_owned()), status: Some(status), limit, ..DeliveryFilter::default() };
        deliveries::list(context, &filter).await
    };
    let view = |delivery| DeliveryView::of(delivery, clock);
    // Most of what is owed may wait behind something else, and was never tried.
    let owed = newest(DeliveryStatus::Owed, LOOKED_AT).await?;
    Ok(PastResult {
        sent: newest(DeliveryStatus::Sent, 1).await?.pop().map(view),
        failed: newest(DeliveryStatus::Failed, 1).await?.pop().map(view),
        trying: owed.into_iter().find(|delivery| delivery.last_error.is_some()).map(view),
    })
}

impl AlertView {
    /// Whether it says something by itself: a rota has others say it.
    pub(super) fn says_itself(&self) -> bool {
        self.in_config && self.kind != crate::on_call::KIND
    }

    /// Which monitors and problems it is for, in few words.
    pub(super) fn scope(&self) -> String {
        let severities: Vec<&str> =
            self.severities.iter().filter(|option| option.chosen).map(|option| option.severity.as_str()).collect();
        let problems = match severities.as_slice() {
            [] => Some("no problems".to_owned()),
            [only] if self.severities.len() > 1 => Some(format!("{only} only")),
            _ => None,
        };
        let tags = Some(self.tags.clone()).filter(|tags| !tags.is_empty());
        let words: Vec<String> = tags.into_iter().chain(problems).collect();
        if words.is_empty() { "all".to_owned() } else { words.join("; ") }
    }

    pub(super) fn of(index: usize, report: AlertReport, fared: PastResult, now: Timestamp) -> AlertView {
        let row = report.row;
        let failing = fared.failing_since().filter(|_| row.is_on()).map(|since| Span::Since(since, now));
        AlertView {
            number: index + 1,
            kind: report.entry.as_ref().map(|entry| entry.kind.clone()).unwrap_or_default(),
            recipients: report.entry.as_ref().map(recipients).unwrap_or_default(),
            description: report.entry.map(|entry| entry.description).unwrap_or_default(),
            failing,
            enabled: row.enabled,
            in_config: row.in_config && row.enabled_in_config,
            on: row.is_on(),
            why_off: match (row.in_config, row.enabled_in_config) {
                (false, _) => "no longer in the configuration",
                (true, false) => "switched off in the configuration",
                (true, true) => "switched off",
            },
            owed: report.owed,
            states: State::ALL
                .into_iter()
                .map(|state| StateOption { state, chosen: row.states.contains(state) })
                .collect(),
            severities: Severity::ALL
                .into_iter()
                .map(|severity| SeverityOption { severity, chosen: row.severities.contains(severity) })
                .collect(),
            tags: row.tags.join(", "),
            kept_tags: row.tags.join(", "),
            tells_nothing: row.tells_nothing(),
            tags_fault: String::new(),
            fared,
            test: None,
            key: row.key,
        }
    }
}

impl PastResult {
    /// Since when nothing has arrived any more, if the newest that is known of did not.
    fn failing_since(&self) -> Option<Timestamp> {
        let sent = self.sent.as_ref().map(|sent| sent.at.at);
        let failed = self.failed.as_ref().filter(|failed| sent.is_none_or(|sent| failed.at.at > sent));
        failed.or(self.trying.as_ref()).map(|delivery| delivery.at.at)
    }
}

impl From<TestResult> for TestView {
    fn from(result: TestResult) -> Self {
        TestView {
            class: if result.reply.is_ok() { "good" } else { "bad" },
            words: if result.reply.is_ok() { "The test was taken." } else { "The test was not taken." },
            reply: result.reply.unwrap_or_else(|error| error),
            took: Span::Took(result.took.as_secs_f64() * 1e3),
        }
    }
}
