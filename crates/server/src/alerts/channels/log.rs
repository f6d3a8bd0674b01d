//! `log`: a line in the server's log, and where wanted the text on standard output.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use revere_model::Severity;

use super::super::{
    Channel, ChannelKind, ChannelSample, Notification, PreviewPart, Receipt, SendError, plain_text, printer::Printer,
};
use crate::settings::{Field, FieldKind};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["log"],
    doc: "Writes one line per notification to the server's own log.",
    fields: &[Field::optional(
        "print",
        FieldKind::Bool,
        "Also print the default text, over several lines, on standard output.",
    )
    .or_flag(false)],
    groups: &[],
    knows_repeats: true,
    build: |setup| {
        let print = setup.settings.flag("print").then(|| Printer::start(std::io::stdout())).transpose();
        let print = print.map_err(|error| vec![setup.fault("print", format!("no thread for it: {error}"))])?;
        Ok(Arc::new(Log { alert: setup.entry.name.clone(), print }))
    },
    warnings: |_| Vec::new(),
    samples: &[ChannelSample { config: r#"{"print": true}"#, taken: "", refusals: &[] }],
};

struct Log {
    alert: String,
    print: Option<Printer>,
}

#[async_trait]
impl Channel for Log {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        // One event is one line, whatever a script put into its message.
        tracing::info!(
            target: "revere::alert",
            alert = %plain_text::one_line(&self.alert),
            monitor_id = notification.monitor.id.0,
            monitor = %plain_text::one_line(&notification.monitor.name),
            old_state = %notification.old_state,
            new_state = %notification.new_state,
            severity = notification.severity().map(Severity::as_str),
            return_value = %notification.return_value.as_ref().map_or_else(String::new, |value| plain_text::log_line(&value.to_string())),
            key = %plain_text::one_line(&notification.key),
            test = notification.test,
            "{}",
            plain_text::log_line(&notification.message),
        );
        if let Some(printer) = &self.print {
            printer.print(format!("{}\n\n", notification.text()), timeout).await?;
        }
        Ok(Receipt::saying("logged"))
    }

    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        let mut parts = vec![
            PreviewPart::new("message", plain_text::log_line(&notification.message)),
            PreviewPart::new("monitor", plain_text::one_line(&notification.monitor.name)),
            PreviewPart::new("old_state", notification.old_state.as_str()),
            PreviewPart::new("new_state", notification.new_state.as_str()),
        ];
        if self.print.is_some() {
            parts.insert(0, PreviewPart::new("standard output", notification.text()));
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, sync::Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::alerts::message::tests::{hostile, sample};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Shared {
        type Writer = Shared;
        fn make_writer(&self) -> Shared {
            self.clone()
        }
    }

    async fn logged(notification: &Notification) -> (String, String) {
        let (log, out) = (Shared::default(), Shared::default());
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).without_time().with_ansi(false).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let channel = Log { alert: "ops".to_owned(), print: Some(Printer::start(out.clone()).unwrap()) };
        channel.send(notification, Duration::from_secs(1)).await.unwrap();
        drop(guard);
        (log.text(), out.text())
    }

    #[tokio::test]
    async fn a_notification_is_one_line_and_a_readable_text() {
        let (log, out) = logged(&sample()).await;
        assert_eq!(
            log,
            " INFO revere::alert: Monitor Passed alert=ops monitor_id=17 monitor=Mail Queue Length old_state=ALARM \
             new_state=OK return_value=67 key=17-204-ops test=false\n"
        );
        assert_eq!(out, format!("{}\n\n", sample().text()));
    }

    #[tokio::test]
    async fn hostile_text_forges_no_line_and_steers_no_terminal() {
        let (log, out) = logged(&hostile()).await;
        assert_eq!(log.lines().count(), 1);
        assert!(!log.contains('\x1b') && !out.contains('\x1b'));
    }
}
