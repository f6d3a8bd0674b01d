//! Commits that were done and whose answer was lost on the way: what became of them is asked before anything is answered or
//! done again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use revere::store::{Committed, ConfiguredAlert, MonitorFilter, PostgresAddress, Settlement, Store, StoreOptions};
use revere_model::State;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

use crate::support::{PostgresServer, Scratch, TestDatabase, at, by_server, settle_one, spec};

/// Stands between a store and the database, and hides the answer to the next commit once it is told to: it arrived, was done, and
/// nobody heard of it.
struct Hides {
    folder: tempfile::TempDir,
    next: Arc<AtomicBool>,
    hidden: Arc<AtomicUsize>,
}

impl Hides {
    fn before(server: &PostgresServer) -> Hides {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (next, hidden) = (Arc::default(), Arc::default());
        let behind = server.socket();
        let hides = Hides { folder, next, hidden };
        let (next, hidden) = (hides.next.clone(), hides.hidden.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&behind).await.unwrap();
                tokio::spawn(pass(client, server, next.clone(), hidden.clone()));
            }
        });
        hides
    }

    fn url(&self) -> String {
        format!("postgresql://revere@localhost/postgres?host={}", self.folder.path().display())
    }
}

async fn pass(client: UnixStream, server: UnixStream, next: Arc<AtomicBool>, hidden: Arc<AtomicUsize>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut piece = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from_server.read(&mut piece).await {
        // What PostgreSQL says of a commit that it has done.
        if piece[..length].windows(7).any(|word| word == b"COMMIT\0") && next.swap(false, SeqCst) {
            hidden.fetch_add(1, SeqCst);
            break;
        }
        if to_client.write_all(&piece[..length]).await.is_err() {
            break;
        }
    }
    there.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_read_back_and_done_once() {
    let server = PostgresServer::start(&[]).await;
    let hides = Hides::before(&server);
    let address = PostgresAddress::read(&hides.url(), None).unwrap();
    let store = Store::open(StoreOptions::new(address)).await.unwrap();
    let now = at("2026-01-01T00:00:00Z");
    for n in 0..5_usize {
        hides.next.store(true, SeqCst);
        let made = store.create_monitor(&spec(&format!("m{n}")), &by_server(now)).await.unwrap();
        assert_eq!(made.spec.name, format!("m{n}"));
        assert_eq!(hides.hidden.load(SeqCst), n + 1, "an answer was hidden");
    }
    let all = store.monitors(&MonitorFilter { limit: 99, ..MonitorFilter::default() }).await.unwrap();
    assert_eq!(all.len(), 5, "none is there twice");
    assert_eq!(store.health().failing_since, None);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_and_a_delivery_whose_answer_was_lost_are_there_once() {
    let server = PostgresServer::start(&[]).await;
    let hides = Hides::before(&server);
    let scratch = Scratch::on(TestDatabase::at_url(&hides.url()), |_| {}).await;
    let (store, minute) = (&scratch.store, Duration::from_secs(60));
    let alert = ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() };
    store.sync_alerts(&[alert], scratch.now()).await.unwrap();
    store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claimed = scratch.claim().await.remove(0);
    hides.next.store(true, SeqCst);
    let committed = scratch.finish(&claimed, State::Alarm).await;
    assert!(matches!(committed, Committed::Recorded { .. }), "{committed:?}");
    assert_eq!(hides.hidden.load(SeqCst), 1, "an answer was hidden");
    let sending = store.claim_deliveries("ops", "one", scratch.now(), minute, 9).await.unwrap().remove(0);
    hides.next.store(true, SeqCst);
    assert!(settle_one(store, &sending, Settlement::Sent(String::new()), scratch.now()).await);
    assert_eq!(hides.hidden.load(SeqCst), 2, "an answer was hidden");
    let mut sql = scratch.sql().await;
    for (asked, there) in [
        ("select cast(attempt as text) || ' ' || count(*) over () from dues where claimed_by is null", "1 1"),
        ("select old_state || ' ' || new_state || ' ' || count(*) over () from runs", "INACTIVE ALARM 1"),
        ("select new_state || ' ' || count(*) over () from flips", "ALARM 1"),
        ("select status || ' ' || attempts || ' ' || count(*) over () from deliveries", "sent 1 1"),
    ] {
        assert_eq!(sql.texts(asked).await, [there], "{asked}");
    }
    assert!(store.claim_deliveries("ops", "one", scratch.now(), minute, 9).await.unwrap().is_empty());
    assert_eq!(scratch.claim().await, [], "neither is run nor sent again");
    store.close().await;
}
