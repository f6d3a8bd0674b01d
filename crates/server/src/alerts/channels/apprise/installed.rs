//! The Apprise that is installed on this machine, run once for each notification and each address: of several addresses it
//! leaves out those that it cannot read, and says that all went well.
//!
//! Facts: apprise 2.3.0 (`cli.py`, `result.py`), tried; its version 1.2 takes the same arguments. The body comes on standard
//! input, the title as an argument that cannot be taken for an option. Whom to tell is a secret and is never an argument, which
//! every user of the machine can read: it stands in a file that is there for its owner alone, while the program runs.

use std::{
    collections::{HashMap, HashSet},
    fs::OpenOptions,
    io::{self, ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    process::ExitStatus,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::json;
use tokio::process::Command;

use super::{
    super::super::{Built, Channel, Notification, PreviewPart, Receipt, Retry, SendError, process},
    TEXT, kind_of,
};
use crate::{building::BuildInput, http_target, redact::Secrets};

/// What is said of a status, by Apprise's own table, and whether trying again can help.
///
/// | exit status | again? |
/// |---|---|
/// | 0 | taken |
/// | 2 (it does not understand its arguments), 3 (no service has the tag) | never |
/// | 1 (a service failed), 4 (some were told, some were not), 5 (a service took too long) | later |
/// | 126, 127 (a shell found nothing to run) | never |
/// | any other, or ended by a signal | later |
fn judge(status: ExitStatus) -> Option<(Retry, &'static str)> {
    match status.code() {
        Some(0) => None,
        Some(1) => Some((Retry::Later, "a service was not notified")),
        Some(2) => Some((Retry::Never, "it does not understand its arguments")),
        Some(3) => Some((Retry::Never, "it knows nobody to notify, or nobody with this tag")),
        Some(4) => Some((Retry::Later, "some services were notified and some were not")),
        Some(5) => Some((Retry::Later, "a service took too long")),
        Some(126 | 127) => Some((Retry::Never, "there is nothing to run")),
        _ => Some((Retry::Later, "")),
    }
}

struct Installed {
    command: Vec<String>,
    urls: Vec<String>,
    tag: Option<String>,
    folder: PathBuf,
    timeout: Duration,
    secrets: Secrets,
    told: Told,
}

/// Which of `urls` took a notification of which others are still to hear, by its key: they are not told again as long as this
/// process lives.
#[derive(Default)]
struct Told(Mutex<HashMap<String, HashSet<usize>>>);

/// More notifications than wait for a service in an ordinary outage; beyond that, rather tell somebody twice than grow.
const MOST_TOLD: usize = 1000;

impl Told {
    fn of(&self, key: &str) -> HashSet<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned().unwrap_or_default()
    }

    /// Keeps who took it, or forgets them where nobody is left.
    fn keep(&self, key: &str, told: HashSet<usize>, of: usize) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_empty() || told.len() == of {
            all.remove(key);
        } else {
            if all.len() >= MOST_TOLD {
                all.clear();
            }
            all.insert(key.to_owned(), told);
        }
    }
}

pub(super) fn build(setup: &BuildInput) -> Built {
    let (settings, context) = (setup.settings, setup.context);
    let given = |field: &str| setup.entry.config.get(field);
    let mut faults = Vec::new();
    let mut command = settings.texts("command");
    match command.first_mut() {
        Some(program) if !program.trim().is_empty() => {
            if program.contains('/') {
                *program = context.folder.join(&*program).to_string_lossy().into_owned();
            }
        }
        // One that is no list has been named.
        None if given("command") != Some(&json!([])) => {}
        _ => faults.push(setup.fault("command", "expected the program, such as ['apprise']")),
    }
    if command.iter().any(|text| text.contains('\0')) {
        faults.push(setup.fault("command", "holds a NUL character, which no program can be given"));
    }
    if address_in(&command).is_some() {
        let message = "holds an address of whom to notify, which everybody on the machine can read, and 'urls' and 'tag' would not count; write it into 'urls'";
        faults.push(setup.fault("command", message));
    }
    let urls = settings.texts("urls");
    if urls.iter().any(|url| !is_address(url)) || given("urls") == Some(&json!([])) {
        faults.push(
            setup.fault("urls", "expected addresses of Apprise, each such as tgram://TOKEN/CHAT and without a blank"),
        );
    }
    let http = http_target::LOGIN.fields.iter().chain(http_target::CHANNEL_CONNECTION.fields);
    for field in http.filter(|field| field.name != "timeout" && given(field.name).is_some()) {
        faults.push(setup.fault(field.name, "belongs to 'url'; the command asks nobody over HTTP for us"));
    }
    if !faults.is_empty() || command.is_empty() {
        return Err(faults);
    }
    Ok(Arc::new(Installed {
        command,
        urls,
        tag: settings.text("tag").map(str::to_owned),
        folder: context.folder.clone(),
        timeout: settings.required_seconds("timeout"),
        secrets: context.secrets.clone(),
        told: Told::default(),
    }))
}

/// What is said of those that were not told, if there are any: again where that can help one of them.
fn worst(refused: Vec<SendError>, told: usize) -> Option<SendError> {
    let several = refused.len() + told > 1;
    let unanswered = refused.iter().any(|error| error.unanswered);
    let first = refused.iter().position(|error| error.retry != Retry::Never).unwrap_or(0);
    let mut worst = refused.into_iter().nth(first)?;
    // Whoever was told hears it again only from a server that was started meanwhile, or from another one.
    worst.unanswered = unanswered || told > 0;
    if several {
        let place =
            if told > 0 { "some of 'urls' were notified and some were not" } else { "none of 'urls' was notified" };
        worst.message = format!("{place}: {}", worst.message);
    }
    Some(worst)
}

/// The first argument that Apprise would take for whom to tell: then it goes by nothing else, and everybody can read it.
fn address_in(command: &[String]) -> Option<&String> {
    let mut before = "";
    command.iter().skip(1).find(|argument| {
        let names_a_file = ["-c", "--config"].contains(&before) || argument.starts_with('-');
        before = argument.as_str();
        argument.contains("://") && !names_a_file
    })
}

/// Whether it is one address, and nothing else in a file of a line each.
fn is_address(url: &str) -> bool {
    let blank = |c: char| c.is_whitespace() || c.is_control();
    url.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty() && !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric())
    }) && !url.contains(blank)
}

#[async_trait]
impl Channel for Installed {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let timeout = timeout.min(self.timeout);
        if self.urls.is_empty() {
            return self.tell(notification, None, timeout).await;
        }
        let key = notification.header_key();
        let mut told = self.told.of(&key);
        let open = self.urls.iter().enumerate().filter(|(place, _)| !told.contains(place));
        let tell = open.map(async |(place, url)| (place, self.tell(notification, Some(url), timeout).await));
        let (mut taken, mut refused) = (None, Vec::new());
        for (place, answer) in join_all(tell.collect::<Vec<_>>()).await {
            match answer {
                Ok(receipt) => {
                    told.insert(place);
                    taken = Some(receipt);
                }
                Err(error) => refused.push(error),
            }
        }
        let number = told.len();
        self.told.keep(&key, told, self.urls.len());
        match worst(refused, number) {
            Some(error) => Err(error),
            None => Ok(taken.unwrap_or_else(|| Receipt::saying("all were notified before".to_owned()))),
        }
    }

    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        Ok(vec![
            PreviewPart::new("--title", notification.subject()),
            PreviewPart::new("standard input", notification.chat_text(&TEXT)),
            PreviewPart::new("--notification-type", kind_of(notification)),
            PreviewPart::new("--tag", self.tag()),
        ])
    }
}

impl Installed {
    /// Tells whom this address names, or whom the command's own configuration does.
    async fn tell(
        &self,
        notification: &Notification,
        url: Option<&String>,
        timeout: Duration,
    ) -> Result<Receipt, SendError> {
        let program = &self.command[0];
        let whom = url.map(|url| UrlFile::write(url)).transpose();
        // A folder that is full or away comes back.
        let whom =
            whom.map_err(|error| SendError::later(format!("{program}: no file for whom it notifies: {error}")))?;
        let command = self.command(notification, whom.as_ref());
        let ended = process::run(command, notification.chat_text(&TEXT), timeout).await;
        drop(whom);
        let ended = ended.map_err(|error| {
            let message = format!("{program}: cannot be started: {error}");
            match error.kind() {
                ErrorKind::NotFound | ErrorKind::PermissionDenied => SendError::never(message),
                _ => SendError::later(message),
            }
        })?;
        let said = ended.said(timeout, &self.secrets);
        // Without an end nobody knows whom it told.
        let Some(status) = ended.status else {
            return Err(SendError::unanswered(format!("{program}: {said}")));
        };
        let Some((retry, why)) = judge(status) else { return Ok(Receipt::saying(said)) };
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        // Some may have it, and would read it twice.
        let unanswered = matches!(status.code(), Some(4 | 5) | None);
        Err(SendError { message: format!("{program}{why}: {said}"), retry, unanswered })
    }

    /// Without one, only services that have no tag are told.
    fn tag(&self) -> &str {
        self.tag.as_deref().unwrap_or("all")
    }

    fn command(&self, notification: &Notification, whom: Option<&UrlFile>) -> Command {
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            // As one argument each: a title that begins with a dash is a title.
            .arg(format!("--title={}", notification.subject()))
            .arg(format!("--notification-type={}", kind_of(notification)))
            .arg("--input-format=text")
            .arg(format!("--tag={}", self.tag()))
            .current_dir(&self.folder)
            // Whatever the language of the machine is.
            .env("PYTHONUTF8", "1");
        if let Some(whom) = whom {
            command.arg("--config").arg(&whom.0);
        }
        command
    }
}

/// A file with whom to tell, one address a line, for its owner alone. It is gone when this is dropped.
struct UrlFile(PathBuf);

impl UrlFile {
    fn write(url: &str) -> io::Result<UrlFile> {
        let path = std::env::temp_dir().join(format!("revere-{}.conf", uuid::Uuid::new_v4().simple()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let written = UrlFile(path);
        file.write_all(format!("{url}\n").as_bytes())?;
        Ok(written)
    }
}

impl Drop for UrlFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, file = %self.0.display(), "a file with whom Apprise notifies stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_line_of_one_address() {
        for good in ["json://127.0.0.1:80/", "tgram://1:a/2", "mailto://u:p@x?to=a,b"] {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", "x", "://x", "json://", "json://a\ninclude /etc/x", "json://a b", "ops=json://a", "/etc/apprise"]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
