//! `command`: a program of the operator's own, run once for each notification.
//!
//! It gets the notification as JSON on standard input and as `REVERE_*` variables, and says by its exit status what
//! became of it. No shell is involved, so nothing a monitor says can become a command.

use std::{io::ErrorKind, path::PathBuf, process::ExitStatus, sync::Arc, time::Duration};

use async_trait::async_trait;
use revere_model::Severity;
use tokio::process::Command;

use super::super::{
    Built, Channel, ChannelKind, ChannelSample, Notification, PreviewPart, Receipt, Retry, SendError, plain_text,
    preview, process,
};
use crate::{
    building::BuildInput,
    redact::Secrets,
    settings::{Field, FieldKind},
};

pub(crate) const KIND: ChannelKind = ChannelKind {
    names: &["command"],
    doc: "Runs a program of yours with the notification as JSON on standard input.",
    fields: &[
        Field::required(
            "command",
            FieldKind::Texts,
            "The program and its arguments, as a list. No shell; a relative path counts from the configuration's folder.",
        ),
        Field::optional(
            "environment",
            FieldKind::Environment,
            "Further variables for it; those whose names say so (PASSWORD, TOKEN, KEY, ...) are kept secret.",
        ),
        Field::optional("timeout", FieldKind::Seconds, "How long it may take; then it is killed.").or_number(30),
    ],
    groups: &[],
    knows_repeats: true,
    build,
    warnings: |_| Vec::new(),
    samples: &[ChannelSample {
        config: r#"{"command": ["true"], "environment": {"SIREN_PIN": "variable-s3cret"}}"#,
        taken: "",
        refusals: &[],
    }],
};

/// The system takes no variable of more than 128 KiB. The notification on standard input is whole.
const VARIABLE_BYTES: usize = 100_000;

struct Program {
    command: Vec<String>,
    environment: Vec<(String, String)>,
    folder: PathBuf,
    timeout: Duration,
    secrets: Secrets,
}

fn build(setup: &BuildInput) -> Built {
    let BuildInput { settings, context, .. } = *setup;
    let mut command = settings.texts("command");
    let broken = |text: &String| text.contains('\0');
    match command.first_mut() {
        Some(program) if !program.trim().is_empty() => {
            if program.contains('/') {
                *program = context.folder.join(&*program).to_string_lossy().into_owned();
            }
        }
        _ => {
            return Err(vec![
                setup.fault("command", "expected a program and its arguments, such as ['notify', '--now']"),
            ]);
        }
    }
    let environment = settings.map("environment");
    if command.iter().any(broken) {
        return Err(vec![setup.fault("command", "holds a NUL character, which no program can be given")]);
    }
    if environment.iter().any(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || broken(value)) {
        return Err(vec![setup.fault("environment", "expected names without '=', and no NUL character")]);
    }
    Ok(Arc::new(Program {
        command,
        environment,
        folder: context.folder.clone(),
        timeout: settings.required_seconds("timeout"),
        secrets: context.secrets.clone(),
    }))
}

#[async_trait]
impl Channel for Program {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let timeout = timeout.min(self.timeout);
        let input = notification.json().to_string();
        let ended =
            process::run(self.command(notification), input, timeout).await.map_err(|error| self.no_start(&error))?;
        let said = ended.said(timeout, &self.secrets);
        match ended.status.map_or(Some(Retry::Later), judge_exit) {
            None => Ok(Receipt::saying(said)),
            Some(retry) => Err(SendError { message: format!("{}: {said}", self.name()), retry, unanswered: false }),
        }
    }

    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        let variables = variables(&in_variables(notification)).into_iter();
        let variables = variables.map(|(name, text)| PreviewPart::new(name, text));
        Ok(variables.chain(preview::of_json(&notification.json())).collect())
    }
}

impl Program {
    fn command(&self, notification: &Notification) -> Command {
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .current_dir(&self.folder)
            .envs(variables(&in_variables(notification)))
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn no_start(&self, error: &std::io::Error) -> SendError {
        let message = format!("{}: cannot be started: {error}", self.name());
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied => SendError::never(message),
            _ => SendError::later(message),
        }
    }

    /// The program, for messages; its arguments may hold what nobody should see.
    fn name(&self) -> &str {
        &self.command[0]
    }
}

/// `None` that the notification was taken, else whether to try again. The names are those of BSD's `sysexits.h`.
///
/// | exit status | again? |
/// |---|---|
/// | 0 | taken |
/// | 64 to 68, 70, 72, 73, 76 to 78 (usage, data, no such user or host, permission, configuration) | never |
/// | 126, 127 (a shell found nothing to run) | never |
/// | 75 (try again), 69, 71, 74 (a service, the system, input or output failed) | later |
/// | any other, or ended by a signal | later |
pub(crate) fn judge_exit(status: ExitStatus) -> Option<Retry> {
    match status.code() {
        Some(0) => None,
        Some(64..=68 | 70 | 72 | 73 | 76..=78 | 126 | 127) => Some(Retry::Never),
        _ => Some(Retry::Later),
    }
}

/// As much of it as fits into variables.
fn in_variables(notification: &Notification) -> Notification {
    notification.cut_until(|short| short.text().len() <= VARIABLE_BYTES)
}

/// The notification as variables. Cleaned, since no variable can hold a NUL character.
fn variables(notification: &Notification) -> Vec<(&'static str, String)> {
    let time = |at: Option<jiff::Timestamp>| at.map_or_else(String::new, |at| at.to_string());
    let value = notification.return_value.as_ref().map_or_else(String::new, ToString::to_string);
    vec![
        ("REVERE_MONITOR_ID", notification.monitor.id.to_string()),
        ("REVERE_MONITOR_NAME", plain_text::one_line(&notification.monitor.name)),
        ("REVERE_MONITOR_URL", plain_text::one_line(&notification.monitor.url)),
        ("REVERE_MONITOR_TAGS", plain_text::one_line(&notification.monitor.tags.join(","))),
        ("REVERE_OLD_STATE", notification.old_state.to_string()),
        ("REVERE_NEW_STATE", notification.new_state.to_string()),
        ("REVERE_SEVERITY", notification.severity().map_or("", Severity::as_str).to_owned()),
        ("REVERE_MESSAGE", plain_text::lines(&notification.message)),
        ("REVERE_RETURN_VALUE", plain_text::lines(&value)),
        ("REVERE_TICK_AT", time(notification.tick_at)),
        ("REVERE_STARTED_AT", time(notification.started_at)),
        ("REVERE_TEXT", notification.text()),
        ("REVERE_SUBJECT", notification.subject()),
        ("REVERE_SHORT", notification.short()),
        ("REVERE_KEY", plain_text::one_line(&notification.key)),
        ("REVERE_TEST", if notification.test { "1" } else { "" }.to_owned()),
    ]
}
