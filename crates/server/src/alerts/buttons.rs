//! What a receiver can show as buttons. Each opens a page and does nothing by itself: who acknowledges says so there.

use super::Notification;

/// One button.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Button {
    pub(super) label: &'static str,
    pub(super) url: String,
}

impl Notification {
    /// The buttons below it, as far as the server knows its own address: what it is about, and where to acknowledge it.
    pub(super) fn buttons(&self) -> Vec<Button> {
        let open = self.url().map(|url| Button { label: self.open_words(), url });
        let acknowledge = self.acknowledge_link().map(|url| Button { label: "Acknowledge", url });
        open.into_iter().chain(acknowledge).collect()
    }

    /// What the link of [`Notification::link`] opens.
    pub(super) fn open_words(&self) -> &'static str {
        match (self.sending.crowd.is_empty(), self.run_id) {
            (false, _) => "Open the list",
            (true, Some(_)) => "Open the run",
            (true, None) => "Open the monitor",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::test_notification;

    #[test]
    fn what_cannot_be_opened_or_acknowledged_has_no_button() {
        let mut notification = test_notification("team", String::new(), jiff::Timestamp::UNIX_EPOCH, 1);
        assert_eq!(notification.buttons(), []);
        "https://revere.example.com/monitor/7".clone_into(&mut notification.monitor.url);
        notification.acknowledge_url = Some("https://revere.example.com/acknowledge/7.ab".to_owned());
        let button = |label, url: &str| Button { label, url: url.to_owned() };
        let acknowledge = button("Acknowledge", "https://revere.example.com/acknowledge/7.ab");
        let monitor = button("Open the monitor", "https://revere.example.com/monitor/7");
        assert_eq!(notification.buttons(), [monitor, acknowledge]);
    }
}
