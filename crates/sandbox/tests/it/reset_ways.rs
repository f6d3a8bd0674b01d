//! The ways of putting interpreters back: the fastest one that works is taken, and what is missing for a faster one is said.
//! What is missing is taken away from a process of its own, by a filter of its system calls.

use std::{process::Command, sync::Mutex};

use revere_sandbox::{KeepInstances, Progress, ResetBy, Sandbox};

use crate::{
    isolation::nothing_is_left,
    support::{options, sandbox},
};

/// The kernel's `UFFDIO_API`, which asks for features, and `PAGEMAP_SCAN`.
const FEATURES: &str = "ioctl:1:C018AA3F";
const SCAN: &str = "ioctl:1:C0606610";

/// What a process says whose system calls are `refused`.
fn said_where(refused: &[String]) -> String {
    let filter = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/with_syscalls_refused.py");
    let ended = Command::new("python3")
        .arg(filter)
        .args(refused)
        .arg("--")
        .arg(std::env::current_exe().expect("its own path"))
        .args(["--exact", "reset_ways::runs_and_says_which_way_it_takes", "--ignored", "--nocapture"])
        .output()
        .expect("python3");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{refused:?}: {said}");
    said
}

#[test]
#[ignore = "what the others start in processes of their own"]
fn runs_and_says_which_way_it_takes() {
    let said = Mutex::new(Vec::new());
    let sandbox = Sandbox::open(options(KeepInstances::Auto), &|progress| said.lock().unwrap().push(progress)).unwrap();
    nothing_is_left(&sandbox);
    let stats = sandbox.stats();
    let kept = stats.reset_by != ResetBy::NewInstances;
    assert_eq!((stats.runs_kept > 0, stats.discarded_unresettable), (kept, 0), "{stats:?}");
    println!("by {}", stats.reset_by.as_str());
    for progress in said.into_inner().unwrap() {
        match progress {
            Progress::WritesNotTracked { reason } => println!("not tracked: {reason}"),
            Progress::InstancesNotKept { reason } => println!("not kept: {reason}"),
            _ => {}
        }
    }
}

fn assert_said(refused: &[String], lines: &[&str]) {
    let said = said_where(refused);
    for line in lines {
        assert!(said.lines().any(|said| said.trim_end() == *line), "{refused:?}: {line:?} is missing in {said}");
    }
}

fn tracks_writes() -> bool {
    let tracks = sandbox().stats().reset_by == ResetBy::WrittenPages;
    if !tracks {
        eprintln!("this machine does not note which pages are written: what forbids it cannot be taken away");
    }
    tracks
}

#[test]
fn where_nothing_is_refused_the_kernel_notes_writes() {
    if tracks_writes() {
        assert_said(&[], &["by written_pages"]);
    }
}

#[test]
fn where_userfaultfd_is_forbidden_private_pages_are_looked_for() {
    let forbidden = ["userfaultfd=EPERM".to_owned()];
    assert_said(&forbidden, &["by private_pages", "not tracked: userfaultfd: Operation not permitted (os error 1)"]);
    let absent = ["userfaultfd=ENOSYS".to_owned()];
    assert_said(&absent, &["by private_pages", "not tracked: userfaultfd: Function not implemented (os error 38)"]);
}

#[test]
fn where_the_kernel_is_older_private_pages_are_looked_for() {
    // Before Linux 6.7 neither is known.
    let old = [format!("{FEATURES}=EINVAL"), format!("{SCAN}=ENOTTY")];
    let reason =
        if tracks_writes() { "not tracked: userfaultfd: Invalid argument (os error 22)" } else { "by private_pages" };
    assert_said(&old, &["by private_pages", reason]);
}

#[test]
fn where_the_kernel_may_not_be_asked_for_written_pages_each_entry_is_looked_at() {
    for error in ["EPERM", "ENOTTY"] {
        let said = said_where(&[format!("{SCAN}={error}")]);
        assert!(said.contains("by private_pages") && said.contains("not tracked: "), "{said}");
    }
}

#[test]
fn where_nothing_is_told_of_pages_every_run_has_a_new_interpreter() {
    // Entries are read 1,024 at a time.
    let said = said_where(&[format!("{SCAN}=EPERM"), "pread64:2:2000=EPERM".to_owned()]);
    assert!(said.contains("by new_instances") && said.contains("not kept: "), "{said}");
}
