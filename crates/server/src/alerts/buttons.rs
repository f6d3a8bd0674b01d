//! What a receiver can show as buttons. Each opens a page and does nothing by itself: who acknowledges says so there.

use super::Notification;
use crate::outbound::Url;

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

    /// The same for a chat whose text has the links already, and whose service refuses a message for a button that it does not
    /// like: only where there is something to acknowledge, and none whose address is longer than `longest` or names no
    /// host of the internet.
    pub(super) fn problem_buttons(&self, longest: usize) -> Vec<Button> {
        if self.sending.without_buttons || self.acknowledge_link().is_none() {
            return Vec::new();
        }
        let is_taken = |button: &Button| {
            let host = Url::parse(&button.url).ok().and_then(|url| url.host_str().map(|host| host.contains('.')));
            button.url.len() <= longest && host == Some(true)
        };
        self.buttons().into_iter().filter(is_taken).collect()
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

    #[test]
    fn a_button_that_a_service_may_refuse_is_left_out() {
        let mut notification = test_notification("team", String::new(), jiff::Timestamp::UNIX_EPOCH, 1);
        "https://revere.example.com/monitor/7".clone_into(&mut notification.monitor.url);
        assert_eq!(notification.problem_buttons(512), [], "the text has the link, and there is nothing to acknowledge");
        notification.acknowledge_url = Some("https://revere.example.com/acknowledge/7.ab".to_owned());
        assert_eq!(notification.problem_buttons(512), notification.buttons());
        assert_eq!(notification.problem_buttons(40).len(), 1);
        let mut without = notification.clone();
        without.sending.without_buttons = true;
        assert_eq!(without.problem_buttons(512), []);
        "http://revere:5000/monitor/7".clone_into(&mut notification.monitor.url);
        notification.acknowledge_url = Some("http://revere:5000/acknowledge/7.ab".to_owned());
        assert_eq!(notification.problem_buttons(512), []);
    }
}
