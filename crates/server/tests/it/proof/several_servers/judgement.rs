//! What is read when everything is over, and what it must show.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    time::Duration,
};

use revere::store::PostgresAddress;
use serde_json::json;

use super::{
    load::CHANGED,
    receiver::{Book, Receiver},
    world::World,
};
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
    let address = PostgresAddress::read(&world.postgres.url(), None).unwrap();
    let mut database = Sql::at(&address.into()).await;
    let until = all_is_done_that_was_due(&mut database, world, patience).await;
    acknowledged_edits_hold(&mut database, world, None).await;
    let unchanged = world.flapping.iter().map(|(id, _)| *id);
    for id in unchanged.chain(world.known.keys().copied()) {
        // A deletion may have been done although its answer was lost.
        let may_be_gone = world.known.contains_key(&id);
        switch_off(&world.client, &base, id, may_be_gone).await;
    }
    all_is_delivered(&world.client, &base, patience).await;
    let logs = world.end_all().await;

    assert!(world.ledger.monitors.len() > world.flapping.len() + CHANGED as usize, "nobody was at work");
    acknowledged_rows_are_there(&mut database, &world.ledger).await;
    let mut ticks = Ticks::default();
    for (id, period_s) in &world.flapping {
        ticks += ticks_are_accounted_for(&mut database, *id, *period_s).await;
    }
    assert!((ticks.due - ticks.counted) * 5 > ticks.due, "hardly any tick was run: {ticks:?}");
    no_tick_is_missing_at_either_end(&mut database, world, until).await;
    no_tick_is_run_twice(&mut database).await;
    no_run_is_out_of_its_time(&mut database).await;
    each_change_of_state_is_a_flip(&mut database, world).await;
    acknowledged_edits_hold(&mut database, world, Some(false)).await;
    let told = receiver.read();
    every_attempt_has_the_key_of_its_flip(&mut database, &told).await;
    let flips = every_flip_is_told(&mut database, &told.taken, world.flapping.len() as u64).await;
    assert!(told.refused > 0, "the receiver refused nothing");
    no_two_runs_at_once(&mut database, world.lateness.worst_us()).await;
    database.assert_sound().await;
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

/// Waits until everything of the monitors that nobody changes that is due by now has been run or counted; answers when that is, by
/// the database's clock. One that was left behind for good, or until an hour has passed, is never done.
async fn all_is_done_that_was_due(database: &mut Sql, world: &World, patience: Duration) -> i64 {
    let now = "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)";
    let now = database.number(now).await;
    let ids = world.flapping.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(", ");
    let left = format!(
        "select monitor_id || ': next ' || coalesce(cast(next_tick_at - {now} as text), 'never') || ', claimed '
             || coalesce(cast(claimed_tick_at - {now} as text), 'never')
         from dues where monitor_id in ({ids})
             and (next_tick_at is null or next_tick_at <= {now} or owed_tick_at is not null or claimed_tick_at <= {now})"
    );
    within(patience, "all that was due is run or counted", async || {
        let left = database.texts(left.clone()).await;
        if left.is_empty() { Ok(()) } else { Err(format!("left, in microseconds: {left:?}")) }
    })
    .await;
    now
}

/// What is accounted for of a monitor that nobody changes begins with the first tick after it was made, and ends with none before the
/// last that was due by `until`.
async fn no_tick_is_missing_at_either_end(database: &mut Sql, world: &World, until: i64) {
    let spans = "select m.id || ' ' || m.created_at || ' ' || min(t.first_at) || ' ' || max(t.last_at) from monitors m
         join (select monitor_id, tick_at as first_at, tick_at as last_at from runs where kind <> 'manual'
             union all select monitor_id, first_tick_at, last_tick_at from gaps) t on t.monitor_id = m.id
         group by m.id, m.created_at";
    let spans = database.numbers(spans).await.into_iter().map(|span| (span[0], (span[1], span[2], span[3])));
    let spans: HashMap<i64, (i64, i64, i64)> = spans.collect();
    for (id, period_s) in &world.flapping {
        let (made, first, last) = spans[id];
        let period = period_s * 1_000_000;
        assert!(first <= made + period, "monitor {id}: made at {made}, and its first tick is {first}");
        assert!(last > until - period, "monitor {id}: its last tick is {last}, and more were due by {until}");
    }
}

/// No run began before its tick, and none was over later than now, by the clock that all of them go by, whatever the clock of the
/// server's own machine says.
async fn no_run_is_out_of_its_time(database: &mut Sql) {
    // 50 ms is what two servers may think different about the clock.
    let odd = "select monitor_id || ': the tick ' || tick_at || ' was run at ' || started_at || ' for ' || duration_us from runs
         where kind <> 'manual' and started_at < tick_at - 50000
             or started_at + duration_us > cast(extract(epoch from clock_timestamp()) * 1000000 as bigint) + 50000";
    let odd = database.texts(odd).await;
    assert!(odd.is_empty(), "runs that were made out of their time: {odd:?}");
}

/// Of a monitor that nobody changes each run begins in the state that the one before it left, and what it changes is a flip.
async fn each_change_of_state_is_a_flip(database: &mut Sql, world: &World) {
    let ids = world.flapping.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(", ");
    // An id is taken while the monitor's state is held, so that these are in the order in which they were recorded. What still ran when
    // its monitor was switched off at the end changes nothing.
    let breaks = format!(
        "select monitor_id || ': ' || id || ' went from ' || old_state || ' to ' || new_state || ', after ' || was from
             (select monitor_id, id, old_state, new_state,
                 lag(new_state, 1, 'INACTIVE') over (partition by monitor_id order by id) as was
                 from runs where monitor_id in ({ids})) as all_runs
         where old_state <> was and not (old_state = 'INACTIVE' and new_state = 'INACTIVE')"
    );
    let breaks = database.texts(breaks).await;
    assert!(breaks.is_empty(), "changes of state that no run made: {breaks:?}");
    let odd = "select r.monitor_id || ': ' || r.id from runs r left join flips f on f.run_id = r.id
             and f.monitor_id = r.monitor_id and f.old_state = r.old_state and f.new_state = r.new_state
         where r.old_state <> r.new_state and f.id is null";
    let odd = database.texts(odd).await;
    assert!(odd.is_empty(), "runs that changed a state without a flip: {odd:?}");
}

/// Also those that were refused: a receiver knows a repeat by it.
async fn every_attempt_has_the_key_of_its_flip(database: &mut Sql, told: &Book) {
    assert!(told.other_keys.is_empty(), "attempts with another key: {:?}", told.other_keys);
    let owed: HashSet<String> = database.texts("select key from deliveries").await.into_iter().collect();
    let strangers: Vec<_> = told.keys.values().filter(|key| !owed.contains(*key)).collect();
    assert!(strangers.is_empty(), "keys of no flip: {strangers:?}");
}

/// What the API last said of a monitor that people changed is so: where all of them are in one state by now, whether it is active but
/// for that. One that is paused is not due.
async fn acknowledged_edits_hold(database: &mut Sql, world: &World, all: Option<bool>) {
    for (id, known) in &world.known {
        let Some((description, active)) = known else { continue };
        let is = format!("{description}, active: {}", all.unwrap_or(*active));
        let row = "select description || ', active: ' || cast(active as text) from monitors";
        let row = format!("{row} where id = {id} and deleted_at is null");
        assert_eq!(database.texts(row).await, [is], "monitor {id}: an edit that is gone");
    }
    let odd = "select cast(m.id as text) from monitors m join dues d on d.monitor_id = m.id
         where m.deleted_at is null and m.active <> (d.next_tick_at is not null)";
    let odd = database.texts(odd).await;
    assert!(odd.is_empty(), "active and never due, or paused and due: {odd:?}");
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
