//! `command`: programs in shell and in Python, good and bad.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use revere::alerts::Retry;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{TEXT, channel_in, faults, hostile, sample, send};
use crate::support::until;

/// An executable file in `folder`.
fn program(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn a_shell_script_gets_everything_in_its_environment() {
    let folder = TempDir::new().unwrap();
    program(
        folder.path(),
        "tell.sh",
        "#!/bin/sh\nprintf '%s|' \"$REVERE_MONITOR_ID\" \"$REVERE_MONITOR_NAME\" \"$REVERE_OLD_STATE\" \"$REVERE_NEW_STATE\" \
         \"$REVERE_MESSAGE\" \"$REVERE_RETURN_VALUE\" \"$REVERE_KEY\" \"$REVERE_TICK_AT\" \"$1\" \"$COLOUR\" \"$SIREN_TOKEN\" \"$REVERE_TEST\"; \
         printf '%s' \"$REVERE_TEXT\" >text",
    );
    let config = json!({"command": ["./tell.sh", "--now $(x)"], "environment": {"COLOUR": "purple", "SIREN_TOKEN": "t0ken-of-a-siren"}});
    let command = channel_in(folder.path(), "command", config).unwrap();
    let receipt = send(&command, &sample()).await.unwrap();
    // The value of a variable whose name says so is a secret; others are ordinary words.
    assert_eq!(
        receipt.reply,
        "exit status 0: 17|Mail Queue Length|ALARM|OK|Monitor Passed|67|17-204-ops|2026-03-01T03:12:00Z|--now $(x)|purple|[redacted]||"
    );
    assert_eq!(fs::read_to_string(folder.path().join("text")).unwrap(), TEXT);
}

#[tokio::test]
async fn a_python_program_gets_json() {
    let folder = TempDir::new().unwrap();
    program(
        folder.path(),
        "tell.py",
        "#!/usr/bin/env python3\nimport json, sys\ntold = json.load(sys.stdin)\njson.dump(told, open('told.json', 'w'))\n",
    );
    let command = channel_in(folder.path(), "command", json!({"command": "./tell.py"})).unwrap();
    for notification in [sample(), hostile()] {
        send(&command, &notification).await.unwrap();
        let told: Value = serde_json::from_slice(&fs::read(folder.path().join("told.json")).unwrap()).unwrap();
        assert_eq!(told["message"], notification.message.as_str());
        assert_eq!(told["monitor"]["name"], notification.monitor.name.as_str());
        assert_eq!(told["text"], notification.text());
    }
    assert!(!folder.path().join("pwned").exists(), "nothing a monitor says is a command");
}

#[tokio::test]
async fn the_exit_status_says_what_became_of_it() {
    let folder = TempDir::new().unwrap();
    program(folder.path(), "end", "#!/bin/sh\necho going down >&2\nexit $1\n");
    for status in 0..=255 {
        let config = json!({"command": ["./end", status.to_string()]});
        let sent = send(&channel_in(folder.path(), "command", config).unwrap(), &sample()).await;
        let never = [64, 65, 66, 67, 68, 70, 72, 73, 76, 77, 78, 126, 127].contains(&status);
        match sent {
            Ok(receipt) => assert_eq!((status, receipt.reply.as_str()), (0, "exit status 0: going down")),
            Err(error) => {
                assert_eq!(error.retry, if never { Retry::Never } else { Retry::Later }, "{status}");
                assert!(error.message.ends_with(&format!("/end: exit status {status}: going down")), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_all_it_started() {
    let folder = TempDir::new().unwrap();
    program(folder.path(), "hang", "#!/bin/sh\nsleep 1000 &\necho $! >child\necho waiting\nwait\n");
    let config = json!({"command": ["./hang"], "timeout": 3});
    let error = send(&channel_in(folder.path(), "command", config).unwrap(), &sample()).await.unwrap_err();
    assert!(error.message.ends_with("/hang: killed after 3 s: waiting"), "{error}");
    assert_eq!(error.retry, Retry::Later);
    gone(&folder.path().join("child")).await;
}

#[tokio::test]
async fn nobody_waiting_any_more_ends_it_too() {
    let folder = TempDir::new().unwrap();
    program(folder.path(), "hang", "#!/bin/sh\nsleep 1000 &\necho $! >child.new\nmv child.new child\nwait\n");
    let command = channel_in(folder.path(), "command", json!({"command": ["./hang"]})).unwrap();
    let task = tokio::spawn(async move { send(&command, &sample()).await });
    let child = folder.path().join("child");
    until("its child is there", async || child.exists()).await;
    task.abort();
    gone(&child).await;
}

#[tokio::test]
async fn what_it_leaves_behind_does_not_hold_it_up_and_what_it_prints_is_bounded() {
    let folder = TempDir::new().unwrap();
    program(
        folder.path(),
        "daemon",
        "#!/bin/sh\nsleep 30 &\necho $! >child\nyes abcdefghi | head -c 3000000\necho; echo last word\n",
    );
    let command = channel_in(folder.path(), "command", json!({"command": "./daemon"})).unwrap();
    let started = std::time::Instant::now();
    let receipt = send(&command, &sample()).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(receipt.reply.ends_with("abcdefghi last word") && receipt.reply.len() < 1100, "{}", receipt.reply);
    let child: i32 = fs::read_to_string(folder.path().join("child")).unwrap().trim().parse().unwrap();
    let _ =
        rustix::process::kill_process(rustix::process::Pid::from_raw(child).unwrap(), rustix::process::Signal::KILL);
}

/// Half a secret is one that nobody knows for a secret.
#[tokio::test]
async fn of_a_long_output_the_end_is_shown_and_no_word_in_half() {
    let folder = TempDir::new().unwrap();
    // All but its first 9 letters are among the last 8192 bytes.
    program(folder.path(), "long", "#!/bin/sh\nprintf %s \"$SIREN_TOKEN\"\nyes '' | head -n 8182\nprintf end\n");
    let config = json!({"command": "./long", "environment": {"SIREN_TOKEN": "t0ken-of-a-siren"}});
    let receipt = send(&channel_in(folder.path(), "command", config).unwrap(), &sample()).await.unwrap();
    assert_eq!(receipt.reply, "exit status 0: end");
}

#[tokio::test]
async fn a_program_that_reads_nothing_has_told_all_the_same() {
    let folder = TempDir::new().unwrap();
    program(folder.path(), "deaf", "#!/bin/sh\nexec <&-\nexit 0\n");
    let command = channel_in(folder.path(), "command", json!({"command": "./deaf"})).unwrap();
    send(&command, &hostile()).await.unwrap();
}

#[tokio::test]
async fn a_program_that_is_not_there_says_so() {
    let folder = TempDir::new().unwrap();
    let command = channel_in(folder.path(), "command", json!({"command": "./missing"})).unwrap();
    let error = send(&command, &sample()).await.unwrap_err();
    assert!(error.message.contains("/missing: cannot be started: No such file"), "{error}");
    assert_eq!(error.retry, Retry::Never);
    let place = "REVERE_ALERTS['ops']['config']['command']";
    assert_eq!(
        faults("command", json!({"command": []})),
        [format!("{place}: expected a program and its arguments, such as ['notify', '--now']")]
    );
}

/// Waits until the process whose number is in the file has ended.
async fn gone(file: &Path) {
    let pid = fs::read_to_string(file).unwrap().trim().to_owned();
    until("it has ended", async || {
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // A zombie has ended; whoever adopted it has not looked yet.
        status.is_empty() || status.contains(") Z ")
    })
    .await;
}
