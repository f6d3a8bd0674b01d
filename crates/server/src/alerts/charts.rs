//! Charts in messages: which channels take one, and the setting that has them go without.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Channel, Notification, PreviewPart, Receipt, SendError, WebPush};
use crate::{
    chart::Picture,
    settings::{Field, FieldGroup, FieldKind},
};

/// The setting, which types have that can show a picture.
pub static CHARTS: FieldGroup = FieldGroup {
    heading: "Charts",
    fields: &[Field::optional(
        "chart",
        FieldKind::Bool,
        "Whether a message about a monitor with numbers shows their chart.",
    )
    .or_flag(true)],
};

/// What the picture of a mail is called in its page.
pub(super) const CHART_ID: &str = "chart";

impl Notification {
    /// The chart that goes with it.
    pub(super) fn chart(&self) -> Option<&Picture> {
        self.sending.chart.as_deref()
    }

    /// The same in words alone.
    pub(super) fn without_chart(&self) -> Notification {
        let mut plain = self.clone();
        plain.sending.chart = None;
        plain
    }

    /// The same with a chart.
    #[must_use]
    pub fn with_chart(mut self, chart: Picture) -> Notification {
        self.sending.chart = Some(Arc::new(chart));
        self
    }
}

/// `channel`, which is given charts if it `takes_chart`, and otherwise words alone.
pub(super) fn around(takes_chart: bool, channel: Arc<dyn Channel>) -> Arc<dyn Channel> {
    Arc::new(Charted { takes_chart, channel })
}

struct Charted {
    takes_chart: bool,
    channel: Arc<dyn Channel>,
}

impl Charted {
    fn given(&self, notification: &Notification) -> Notification {
        if self.takes_chart { notification.clone() } else { notification.without_chart() }
    }
}

#[async_trait]
impl Channel for Charted {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        self.channel.send(&self.given(notification), timeout).await
    }

    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        self.channel.preview(&self.given(notification))
    }

    fn knows_repeats(&self) -> bool {
        self.channel.knows_repeats()
    }

    fn crowd_window(&self) -> Duration {
        self.channel.crowd_window()
    }

    fn takes_chart(&self) -> bool {
        self.takes_chart
    }

    fn web_push(&self) -> Option<&WebPush> {
        self.channel.web_push()
    }
}

/// A chart as a preview shows it: by its words.
pub(super) fn shown(chart: &Picture) -> PreviewPart {
    PreviewPart::new(Picture::NAME, &chart.words)
}

/// What was taken in words alone, after the receiver refused it with its chart.
pub(super) fn told_without(taken: Receipt, refused: &SendError) -> Receipt {
    Receipt { reply: format!("{} (without its chart: {refused})", taken.reply), ..taken }
}
