//! Every type of source, by its samples: every status, servers that are dead, silent or break off, and no secret anywhere.

use std::time::{Duration, Instant};

use revere::{
    redact::Secrets,
    sources::{KINDS, names::NamesQuestion},
};

use super::*;
use crate::{
    alerts::stub::{self, Stub},
    support::ShownSecrets,
};

#[test]
fn samples_show_every_secret_and_all_are_learned() {
    let mut shown = ShownSecrets::default();
    for (kind, _, config) in samples::all("http://127.0.0.1:1") {
        let secrets = Secrets::default();
        let entry = json!({"src": {"type": kind.names[0], "config": config}});
        let (entries, _) = building::read_entries("REVERE_SOURCES", &entry);
        let context =
            BuildContext { folder: ".".into(), outbound: Outbound::new(secrets.clone()), secrets: secrets.clone() };
        assert_eq!(sources::build_all(&entries, &context).1, [], "{}", kind.names[0]);
        shown.assert_learned(kind.names[0], &config, &secrets);
    }
    for kind in KINDS {
        assert!(!kind.samples.is_empty(), "{} has no sample", kind.names[0]);
        shown.assert_complete(kind.names[0], kind.fields, kind.groups);
    }
}

#[tokio::test]
async fn every_status_is_judged_and_no_secret_is_said() {
    let stub = Stub::start().await;
    for (kind, sample, config) in samples::over_http(&stub.url) {
        let asked = source(kind.names[0], config);
        for status in 200..=599_u16 {
            // Anything but a good answer says the request back, secrets and all.
            stub.answer(status, &[], (status == 200).then_some(sample.answer));
            match samples::call(&asked, sample).await {
                Ok(_) => assert!(status == 200 || !sample.judges_status, "{} {status}", kind.names[0]),
                Err(fault) => {
                    assert!(status != 200 && sample.judges_status, "{} {status}: {fault}", kind.names[0]);
                    assert!(!fault.to_string().contains("s3cret"), "{} {status}: {fault}", kind.names[0]);
                    let said = status < 300 || fault.to_string().contains(&status.to_string());
                    assert!(said, "{} {status}: {fault}", kind.names[0]);
                }
            }
        }
    }
}

#[tokio::test]
async fn servers_that_are_dead_silent_or_break_off_are_faults_that_say_so() {
    for (server, deadline, said) in [
        (stub::dead().await, PATIENCE, "connection refused: nothing listens there"),
        (stub::silent(), Duration::from_millis(100), "timed out after 0."),
        (stub::resetting().await, PATIENCE, "connection reset by the other side"),
    ] {
        for (kind, sample, config) in samples::over_http(&server.url) {
            let asked = Asked { deadline, ..source(kind.names[0], config) };
            let fault = samples::call(&asked, sample).await.unwrap_err().to_string();
            assert!(fault.contains(said) && !fault.contains("s3cret"), "{}: {fault}", kind.names[0]);
            if asked.source.names_of().is_some() {
                let question =
                    NamesQuestion { prefix: "a".to_owned(), deadline: Instant::now() + deadline, now: asked.now };
                let unnamed = asked.source.names(question).await.unwrap_err().to_string();
                let late = unnamed.contains("no answer in time");
                assert!(
                    (late || unnamed.contains(said)) && !unnamed.contains("s3cret"),
                    "{}: {unnamed}",
                    kind.names[0]
                );
            }
            let probed = asked.source.probe(Instant::now() + deadline).await.unwrap_err().to_string();
            assert!(probed.contains(said) && !probed.contains("s3cret"), "{}: {probed}", kind.names[0]);
        }
    }
}
