//! What is read when everything is over, and what it must show.

use std::{collections::BTreeMap, fmt, time::Duration};

use revere::store::PostgresAddress;
use serde_json::json;

use super::{load::CHANGED, receiver::Receiver, world::World};
use crate::{
    proof::{
        database::{Ticks, no_tick_is_run_twice, ticks_are_accounted_for},
        get,
        killed::{acknowledged_rows_are_there, every_flip_is_told},
    },
    support::{PATIENCE, Sql, within},
};

/// How much there was of what is proved.
#[derive(Default)]
pub(super) struct Tally {
    /// Of the monitors that nobody changes.
    ticks: Ticks,
    /// Of all monitors, but those that people asked for.
    runs: u64,
    flips: u64,
    attempts: u64,
    refused: u64,
    pub(super) repeats: u64,
    fenced: u64,
    acts: BTreeMap<&'static str, u64>,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, more: Tally) {
        self.ticks += more.ticks;
        self.runs += more.runs;
        self.flips += more.flips;
        self.attempts += more.attempts;
        self.refused += more.refused;
        self.repeats += more.repeats;
        self.fenced += more.fenced;
        for (act, times) in more.acts {
            *self.acts.entry(act).or_default() += times;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ticks { due, counted, gaps } = self.ticks;
        write!(
            f,
            "{due} due ticks, {} of them runs and {counted} in {gaps} gaps; {} runs of all monitors; {} flips, a delivery each, \
             {} attempts, {} refused, {} duplicates; {} results fenced; acts:",
            due - counted,
            self.runs,
            self.flips,
            self.attempts,
            self.refused,
            self.repeats,
            self.fenced
        )?;
        let mut between = "";
        for (act, times) in &self.acts {
            write!(f, "{between} {times} {act}")?;
            between = ",";
        }
        Ok(())
    }
}

/// A quiet end, in which all servers are there, what is queued goes out, and nothing changes any more; then everything is read.
/// Answers how much there was, and what the servers said that were there at the end.
pub(super) async fn judge(world: &mut World, receiver: &Receiver, patience: Duration) -> (Tally, Vec<String>) {
    receiver.takes_all();
    world.quiet().await;
    let base = world.base(1);
    let unchanged = world.flapping.iter().map(|(id, _)| *id);
    for id in unchanged.chain(world.known.keys().copied()) {
        // A deletion may have been done although its answer was lost.
        let may_be_gone = world.known.contains_key(&id);
        switch_off(&world.client, &base, id, may_be_gone).await;
    }
    all_is_delivered(&world.client, &base, patience).await;
    let logs = world.end_all().await;

    let address = PostgresAddress::read(&world.postgres.url(), None).unwrap();
    let mut database = Sql::at(&address.into()).await;
    assert!(world.ledger.monitors.len() > world.flapping.len() + CHANGED as usize, "nobody was at work");
    acknowledged_rows_are_there(&mut database, &world.ledger).await;
    let mut ticks = Ticks::default();
    for (id, period_s) in &world.flapping {
        ticks += ticks_are_accounted_for(&mut database, *id, *period_s).await;
    }
    no_tick_is_run_twice(&mut database).await;
    acknowledged_edits_hold(&mut database, world).await;
    let told = receiver.read();
    let flips = every_flip_is_told(&mut database, &told.taken, world.flapping.len() as u64).await;
    assert!(told.refused > 0, "the receiver refused nothing");
    no_two_runs_at_once(&mut database, world.lateness.worst_us()).await;
    assert_eq!(database.number("select count(*) from dues where claimed_by is not null").await, 0);
    // Those that were killed are listed for a day; these left in order.
    let killed = world.acts.get("killed").copied().unwrap_or_default();
    assert!(killed >= database.number("select count(*) from nodes").await as u64);
    let tally = Tally {
        ticks,
        runs: database.number("select count(*) from runs where kind <> 'manual'").await as u64,
        flips: flips.flips,
        attempts: told.asked,
        refused: told.refused,
        repeats: flips.repeats,
        fenced: world.fenced,
        acts: world.acts.clone(),
    };
    world.is_proved = true;
    (tally, logs)
}

pub(super) async fn switch_off(client: &reqwest::Client, base: &str, id: i64, may_be_gone: bool) {
    let url = format!("{base}/api/v1/monitors/{id}");
    within(PATIENCE, "it is switched off", async || {
        let answer = client.patch(&url).json(&json!({"active": false})).send().await;
        let status = answer.map_err(|error| error.to_string())?.status();
        if status.is_success() || (may_be_gone && status == 404) { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
}

/// Waits until nothing is queued.
pub(super) async fn all_is_delivered(client: &reqwest::Client, base: &str, patience: Duration) {
    let url = format!("{base}/api/v1/deliveries?status=queued&limit=1");
    within(patience, "everything queued is sent", async || {
        let queued = get(client, &url).await.ok_or("it does not answer")?;
        let queued = queued["items"].as_array().ok_or("it answers something else")?;
        if queued.is_empty() { Ok(()) } else { Err(format!("queued: {queued:?}")) }
    })
    .await;
}

/// What the API last said of a monitor that people changed is so. All of them are switched off by now.
async fn acknowledged_edits_hold(database: &mut Sql, world: &World) {
    for (id, known) in &world.known {
        let Some((description, _)) = known else { continue };
        let row = format!("select description from monitors where id = {id} and deleted_at is null");
        assert_eq!(database.texts(row).await, std::slice::from_ref(description), "monitor {id}: an edit that is gone");
    }
    for id in &world.deleted {
        let row = format!("select count(*) from monitors where id = {id} and deleted_at is null");
        assert_eq!(database.number(row).await, 0, "monitor {id} was deleted");
    }
}

/// By the clock that all of them go by, which an answer that took so long leaves in doubt. A run that another server took over was
/// never recorded.
async fn no_two_runs_at_once(database: &mut Sql, answer_us: i64) {
    // On a quiet machine, 50 ms is what two servers may think different about it.
    let doubt_us = 50_000 + answer_us;
    let pairs = format!(
        "select monitor_id || ': ' || started_at || ' took ' || duration_us || ', the next: ' || next_at from
         (select monitor_id, started_at, duration_us,
             lead(started_at) over (partition by monitor_id order by started_at, id) as next_at
             from runs where kind <> 'manual') as pairs
         where started_at + duration_us > next_at + {doubt_us}"
    );
    let pairs = database.texts(pairs).await;
    assert!(pairs.is_empty(), "two runs of one monitor at once, give or take {doubt_us} us: {pairs:?}");
}
