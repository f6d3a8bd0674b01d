//! Claims and fences: every tick is one run or in one gap.

use jiff::{SignedDuration, Timestamp, ToSpan};
use revere::store::{ClaimRequest, Committed, HandedBack, TakenBack};
use revere_model::{GapReason, MonitorId, MonitorSpec, RunKind, State};

use crate::support::{Scratch, at, by_server, spec, switched};

/// Every tick of the schedule "each minute" up to `until`, that has a run or lies in a gap, once for each.
async fn accounted(scratch: &Scratch, monitor: MonitorId) -> Vec<Timestamp> {
    let filter = revere::store::RunFilter { limit: 1000, ..Default::default() };
    let runs = scratch.store.runs(monitor, filter).await.unwrap();
    let mut ticks: Vec<Timestamp> =
        runs.iter().filter(|run| run.kind != RunKind::Manual).map(|run| run.tick_at).collect();
    for (_, gap) in scratch.store.gaps(monitor, None, 1000).await.unwrap() {
        let within: Vec<Timestamp> = std::iter::successors(Some(gap.first_tick_at), |tick| Some(*tick + 1.minute()))
            .take(gap.count as usize)
            .collect();
        assert_eq!(within.last(), Some(&gap.last_tick_at), "the gap's count does not fit its ends");
        ticks.extend(within);
    }
    ticks.sort_unstable();
    ticks
}

fn minutes(range: std::ops::RangeInclusive<i64>) -> Vec<Timestamp> {
    range.map(|minute| at("2026-01-01T00:00:00Z") + minute.minutes()).collect()
}

#[tokio::test]
async fn a_tick_is_claimed_by_one_and_settled_by_its_own_attempt_only() {
    let scratch = Scratch::new().await;
    let made = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    assert_eq!(scratch.store.next_due(scratch.now()).await.unwrap(), Some(at("2026-01-01T00:01:00Z")));
    assert_eq!(scratch.claim().await, [], "never early");
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let (one, two) = tokio::join!(scratch.claim_as("one"), scratch.claim_as("two"));
    let mut both = [one, two].concat();
    assert_eq!(both.len(), 1, "one of two servers has it");
    let claimed = both.remove(0);
    assert_eq!((claimed.tick_at, claimed.kind), (scratch.now(), RunKind::Scheduled));
    let mut stale = scratch.result(&claimed, State::Alarm);
    stale.attempt = Some(claimed.attempt - 1);
    assert_eq!(scratch.store.commit_run(stale).await.unwrap(), Committed::Superseded);
    let done = scratch.finish(&claimed, State::Ok).await;
    assert!(matches!(done, Committed::Recorded { .. }), "{done:?}");
    assert_eq!(scratch.finish(&claimed, State::Alarm).await, Committed::Superseded, "a result counts once");
    assert_eq!(scratch.store.monitor(made.id).await.unwrap().state, State::Ok);
    assert_eq!(accounted(&scratch, made.id).await, minutes(1..=1));
}

#[tokio::test]
async fn after_downtime_all_but_the_last_tick_are_missed_and_the_last_is_caught_up() {
    let scratch = Scratch::new().await;
    let made = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T10:00:30Z"));
    let claimed = scratch.claim().await.remove(0);
    assert_eq!((claimed.tick_at, claimed.kind), (at("2026-01-01T10:00:00Z"), RunKind::CatchUp));
    scratch.finish(&claimed, State::Ok).await;
    assert_eq!(accounted(&scratch, made.id).await, minutes(1..=600));
    let monitor = scratch.store.monitor(made.id).await.unwrap();
    assert_eq!((monitor.missed_ticks, monitor.overlapped_ticks), (599, 0));
    let missed = async |from, to| scratch.store.gaps_between(made.id, at(from), at(to), 10).await.unwrap().len();
    assert_eq!(missed("2026-01-01T05:00:00Z", "2026-01-01T06:00:00Z").await, 1, "it reaches into that hour");
    assert_eq!(missed("2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z").await, 0);
    assert_eq!(monitor.next_run_at, Some(at("2026-01-01T10:01:00Z")));
}

#[tokio::test]
async fn ticks_that_find_the_last_run_still_going_overlap() {
    let scratch = Scratch::new().await;
    let made = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let slow = scratch.claim().await.remove(0);
    for minute in 2..=4 {
        scratch.clock.set(at("2026-01-01T00:00:00Z") + minute.minutes());
        assert_eq!(scratch.claim().await, []);
    }
    scratch.finish(&slow, State::Ok).await;
    scratch.clock.set(at("2026-01-01T00:05:00Z"));
    let next = scratch.claim().await.remove(0);
    assert_eq!((next.tick_at, next.kind), (scratch.now(), RunKind::Scheduled));
    scratch.finish(&next, State::Ok).await;
    assert_eq!(accounted(&scratch, made.id).await, minutes(1..=5));
    let gaps = scratch.store.gaps(made.id, None, 10).await.unwrap();
    assert!(gaps.iter().all(|(_, gap)| gap.reason == GapReason::Overlapped));
    assert_eq!(scratch.store.monitor(made.id).await.unwrap().overlapped_ticks, 3);
}

#[tokio::test]
async fn a_restart_takes_the_claims_of_the_dead_back_and_catches_up() {
    let scratch = Scratch::with(|options| options.alone = true).await;
    let store = &scratch.store;
    let alone = store.create_monitor(&spec("alone"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let lost = scratch.claim_as("dead").await.remove(0);
    scratch.clock.set(at("2026-01-01T00:01:20Z"));
    // Its lease is in force; but the lock file is ours, so it cannot be alive.
    assert_eq!(store.take_back("live", scratch.now()).await.unwrap().runs, 1);
    let again = scratch.claim_as("live").await.remove(0);
    assert_eq!((again.tick_at, again.kind), (lost.tick_at, RunKind::CatchUp));
    assert_eq!(scratch.finish(&lost, State::Alarm).await, Committed::Superseded);
    scratch.finish(&again, State::Ok).await;

    // With later ticks due as well, the lost one is missed and the last is caught up.
    scratch.clock.set(at("2026-01-01T00:02:00Z"));
    scratch.claim_as("dead").await;
    scratch.clock.set(at("2026-01-01T00:05:10Z"));
    store.take_back("live", scratch.now()).await.unwrap();
    let last = scratch.claim_as("live").await.remove(0);
    assert_eq!((last.tick_at, last.kind), (at("2026-01-01T00:05:00Z"), RunKind::CatchUp));
    scratch.finish(&last, State::Ok).await;
    assert_eq!(accounted(&scratch, alone.id).await, minutes(1..=5));
}

#[tokio::test]
async fn where_several_share_a_database_only_a_claim_whose_time_is_over_is_taken_back() {
    let scratch = Scratch::with(|options| options.alone = false).await;
    let store = &scratch.store;
    let alert = revere::store::ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() };
    store.sync_alerts(&[alert], scratch.now()).await.unwrap();
    let made = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.manual(made.id, State::Alarm).await;
    let minute = std::time::Duration::from_secs(60);
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let going = scratch.claim_as("other").await.remove(0);
    let sending = store.claim_deliveries("ops", "other", scratch.now(), minute, 9).await.unwrap();
    assert_eq!(store.take_back("new", scratch.now()).await.unwrap(), TakenBack::default(), "it may well be alive");
    assert_eq!(store.claim_deliveries("ops", "new", scratch.now(), minute, 9).await.unwrap(), []);
    scratch.clock.advance(SignedDuration::from_secs(89));
    assert_eq!(store.take_back("new", scratch.now()).await.unwrap(), TakenBack::default());
    let again = store.claim_deliveries("ops", "new", scratch.now(), minute, 9).await.unwrap();
    assert_eq!((again.len(), again[0].id), (1, sending[0].id), "its time was over, so it was due by itself");
    scratch.clock.advance(SignedDuration::from_secs(2));
    assert_eq!(store.take_back("new", scratch.now()).await.unwrap(), TakenBack { runs: 1, deliveries: 0 });
    assert_eq!(scratch.finish(&going, State::Ok).await, Committed::Superseded);
}

#[tokio::test]
async fn a_monitor_that_was_off_sees_as_previous_what_its_last_run_left() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let made = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.manual(made.id, State::Ok).await;
    scratch.manual(made.id, State::Alarm).await;
    switched(store, made.id, false, scratch.now()).await;
    let on = switched(store, made.id, true, scratch.now()).await;
    assert_eq!(on.state, State::Inactive);
    let on_demand = store.previous_run(&on).await.unwrap().unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let previous = scratch.claim().await.remove(0).previous.unwrap();
    assert_eq!((previous.state, previous.message.as_str()), (State::Alarm, "came out ALARM"));
    assert_eq!(on_demand, previous);
}

#[tokio::test]
async fn gaps_that_touch_are_one_and_are_counted_all_the_same() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let made = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    let at_minute = |minute: i64| scratch.clock.set(at("2026-01-01T00:00:00Z") + minute.minutes());
    // Slow for five minutes, then an hour of faults of ours, then well again.
    at_minute(1);
    let slow = scratch.claim().await.remove(0);
    for minute in 2..=5 {
        at_minute(minute);
        assert_eq!(scratch.claim().await, []);
    }
    scratch.finish(&slow, State::Ok).await;
    for minute in 6..=65 {
        at_minute(minute);
        let claimed = scratch.claim().await.remove(0);
        let fault = HandedBack {
            monitor_id: made.id,
            attempt: claimed.attempt,
            fault: Some("no interpreter".to_owned()),
            retry_at: scratch.now() + 90.seconds(),
        };
        store.hand_back(vec![fault]).await.unwrap();
    }
    at_minute(66);
    let well = scratch.claim().await.remove(0);
    scratch.finish(&well, State::Ok).await;
    at_minute(69);
    let well = scratch.claim().await.remove(0);
    scratch.finish(&well, State::Ok).await;
    assert_eq!(accounted(&scratch, made.id).await, minutes(1..=69));
    let gaps: Vec<(GapReason, i64)> =
        store.gaps(made.id, None, 100).await.unwrap().into_iter().map(|(_, gap)| (gap.reason, gap.count)).collect();
    assert_eq!(gaps, [(GapReason::Missed, 2), (GapReason::Missed, 60), (GapReason::Overlapped, 4)]);
    let monitor = store.monitor(made.id).await.unwrap();
    assert_eq!((monitor.missed_ticks, monitor.overlapped_ticks), (62, 4));
}

#[tokio::test]
async fn a_look_without_places_reads_no_scripts_and_still_counts_what_overlaps() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let slow = store.create_monitor(&spec("slow"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    scratch.claim().await;
    let long = MonitorSpec { script: "#".repeat(256 << 10), ..spec("waits") };
    for _ in 0..100 {
        store.create_monitor(&long, &by_server(scratch.now())).await.unwrap();
    }
    scratch.clock.set(at("2026-01-01T00:02:00Z"));
    let request = ClaimRequest {
        node: "one".to_owned(),
        now: scratch.now(),
        up_since: at("2026-01-01T00:00:00Z"),
        run_limit: std::time::Duration::from_secs(30),
        limit: 256,
        places: 0,
    };
    let read = |before: u64| rchar() - before;
    let before = rchar();
    let claims = store.claim_due(&request).await.unwrap();
    assert_eq!((claims.runs.len(), claims.more, claims.overlapped), (0, true, 1));
    assert_eq!(store.monitor(slow.id).await.unwrap().overlapped_ticks, 1);
    assert!(read(before) < 4 << 20, "{} bytes read for 25 MB of scripts", read(before));
    let before = rchar();
    let claims = store.claim_due(&ClaimRequest { places: 2, ..request }).await.unwrap();
    assert_eq!(claims.runs.len(), 2);
    assert!(claims.runs.iter().all(|run| run.spec == long));
    assert!(read(before) < 4 << 20, "{} bytes read for 2 scripts", read(before));
}

/// What this process (each test has its own) has asked the system to read so far, in bytes.
fn rchar() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap();
    text.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_fault_of_ours_leaves_the_state_alone_and_the_tick_owed() {
    let scratch = Scratch::new().await;
    let made = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.manual(made.id, State::Ok).await;
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claimed = scratch.claim().await.remove(0);
    let fault = HandedBack {
        monitor_id: made.id,
        attempt: claimed.attempt,
        fault: Some("the sandbox cannot start".to_owned()),
        retry_at: scratch.now() + 2.seconds(),
    };
    scratch.store.hand_back(vec![fault]).await.unwrap();
    let monitor = scratch.store.monitor(made.id).await.unwrap();
    assert_eq!((monitor.state, monitor.fault.as_deref()), (State::Ok, Some("the sandbox cannot start")));
    assert_eq!(scratch.claim().await, []);
    assert_eq!(scratch.store.next_due(scratch.now()).await.unwrap(), Some(scratch.now() + 2.seconds()));
    scratch.clock.advance(SignedDuration::from_secs(2));
    let again = scratch.claim().await.remove(0);
    assert_eq!((again.tick_at, again.kind, again.fault_count), (claimed.tick_at, RunKind::CatchUp, 1));
    scratch.finish(&again, State::Ok).await;
    assert_eq!(scratch.store.monitor(made.id).await.unwrap().fault, None);
    assert_eq!(accounted(&scratch, made.id).await, minutes(1..=1));
}

#[tokio::test]
async fn an_edit_loses_no_tick_that_was_due() {
    let scratch = Scratch::new().await;
    let made = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:03:30Z"));
    let hourly = MonitorSpec { schedule: "30 * * * *".to_owned(), ..spec("a") };
    let edited = scratch.store.update_monitor(made.id, 1, &hourly, &by_server(scratch.now())).await.unwrap();
    assert_eq!(edited.next_run_at, Some(at("2026-01-01T00:30:00Z")));
    let claimed = scratch.claim().await.remove(0);
    assert_eq!(claimed.tick_at, at("2026-01-01T00:03:00Z"));
    scratch.finish(&claimed, State::Ok).await;
    assert_eq!(accounted(&scratch, made.id).await, minutes(1..=3));
    assert_eq!(scratch.store.next_due(scratch.now()).await.unwrap(), edited.next_run_at);
}

#[tokio::test]
async fn switching_off_counts_what_was_due_as_missed_even_while_a_run_is_going() {
    let scratch = Scratch::new().await;
    let made = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let going = scratch.claim().await.remove(0);
    scratch.clock.set(at("2026-01-01T00:02:00Z"));
    switched(&scratch.store, made.id, false, scratch.now()).await;
    scratch.finish(&going, State::Alarm).await;
    assert_eq!(scratch.store.monitor(made.id).await.unwrap().state, State::Inactive);
    assert_eq!(accounted(&scratch, made.id).await, minutes(1..=2));
    scratch.clock.set(at("2026-01-01T00:09:30Z"));
    switched(&scratch.store, made.id, true, scratch.now()).await;
    scratch.clock.set(at("2026-01-01T00:12:10Z"));
    let due = switched(&scratch.store, made.id, false, scratch.now()).await;
    assert_eq!(due.missed_ticks, 3);
    assert_eq!(accounted(&scratch, made.id).await, [minutes(1..=2), minutes(10..=12)].concat());
}

#[tokio::test]
async fn a_monitor_whose_schedule_cannot_be_read_is_set_aside_and_stops_nobody() {
    let scratch = Scratch::new().await;
    let broken = scratch.store.create_monitor(&spec("broken"), &by_server(scratch.now())).await.unwrap();
    let sound = scratch.store.create_monitor(&spec("sound"), &by_server(scratch.now())).await.unwrap();
    scratch.sql().await.run(format!("update monitors set schedule = 'every full moon' where id = {}", broken.id)).await;
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claimed: Vec<MonitorId> = scratch.claim().await.iter().map(|claimed| claimed.monitor_id).collect();
    assert_eq!(claimed, [sound.id]);
    let set_aside = scratch.store.monitor(broken.id).await.unwrap();
    assert!(set_aside.fault.unwrap().contains("the schedule cannot be read"));
    assert_eq!(set_aside.state, State::Inactive);
    let mended = scratch.store.update_monitor(broken.id, 1, &spec("mended"), &by_server(scratch.now())).await.unwrap();
    assert_eq!((mended.fault, mended.next_run_at), (None, Some(at("2026-01-01T00:02:00Z"))));
}

#[tokio::test]
async fn every_tick_of_a_monitor_that_cannot_be_read_is_counted() {
    let scratch = Scratch::new().await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    assert_eq!(scratch.claim_as("one").await.len(), 1);
    assert_eq!(scratch.store.release_node("one", scratch.now()).await.unwrap(), 1);
    let mut sql = scratch.sql().await;
    sql.run("update monitors set default_severity = 'dire'").await;
    assert_eq!(scratch.claim().await, [], "the tick that is owed");
    scratch.clock.set(at("2026-01-01T00:03:00Z"));
    assert_eq!(scratch.claim().await, [], "two more");
    sql.run("update monitors set default_severity = 'critical'").await;
    scratch.clock.set(at("2026-01-01T00:04:00Z"));
    let claimed = scratch.claim().await.remove(0);
    scratch.finish(&claimed, State::Ok).await;
    assert_eq!(accounted(&scratch, id).await, minutes(1..=4));
    let is = scratch.store.monitor(id).await.unwrap();
    assert_eq!((is.missed_ticks, is.fault), (3, None));
}

#[tokio::test]
async fn no_more_is_claimed_than_there_are_places_and_what_only_overlaps_takes_none() {
    let scratch = Scratch::new().await;
    for n in 0..3 {
        scratch.store.create_monitor(&spec(&format!("slow {n}")), &by_server(scratch.now())).await.unwrap();
    }
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let slow = scratch.claim().await;
    let quick = scratch.store.create_monitor(&spec("quick"), &by_server(scratch.now())).await.unwrap().id;
    scratch.store.create_monitor(&spec("waits"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:02:00Z"));
    let request = ClaimRequest {
        node: "one".to_owned(),
        now: scratch.now(),
        up_since: at("2026-01-01T00:00:00Z"),
        run_limit: std::time::Duration::from_secs(30),
        limit: 100,
        places: 1,
    };
    let claims = scratch.store.claim_due(&request).await.unwrap();
    assert_eq!(claims.runs.iter().map(|run| run.monitor_id).collect::<Vec<_>>(), [quick]);
    assert_eq!((claims.more, claims.overlapped, claims.missed), (true, slow.len() as u64, 0));
    assert_eq!(scratch.store.next_due(scratch.now()).await.unwrap(), Some(scratch.now()), "the last one is still due");
}

#[tokio::test]
async fn a_clock_put_back_from_far_ahead_stops_nobody_for_years() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let minutely = store.create_monitor(&spec("minutely"), &by_server(scratch.now())).await.unwrap().id;
    let yearly = MonitorSpec { schedule: "0 0 1 1 *".to_owned(), ..spec("yearly") };
    let yearly = store.create_monitor(&yearly, &by_server(scratch.now())).await.unwrap().id;
    scratch.clock.set(at("2026-06-01T00:00:00Z"));
    for claimed in scratch.claim().await {
        scratch.finish(&claimed, State::Ok).await;
    }
    scratch.clock.set(at("2026-05-31T22:00:00Z"));
    assert_eq!(store.plan_after_clock_set_back(scratch.now()).await.unwrap(), 0, "an hour or two is left alone");
    scratch.clock.set(at("2026-01-05T00:00:00Z"));
    assert_eq!(store.plan_after_clock_set_back(scratch.now()).await.unwrap(), 1);
    let next = async |id| store.monitor(id).await.unwrap().next_run_at.unwrap();
    assert_eq!(next(minutely).await, at("2026-01-05T00:01:00Z"));
    assert_eq!(next(yearly).await, at("2027-01-01T00:00:00Z"));
    scratch.clock.set(at("2026-01-05T00:01:00Z"));
    assert_eq!(scratch.claim().await.len(), 1);
}

/// The clocks of two servers are never quite the same.
#[tokio::test]
async fn a_tick_that_was_run_does_not_come_again_when_somebody_whose_clock_is_behind_switches_the_monitor_on() {
    let scratch = Scratch::new().await;
    let made = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    let tick = made.next_run_at.unwrap();
    let behind = tick - jiff::SignedDuration::from_millis(800);
    scratch.clock.set(tick);
    let claimed = scratch.claim().await;

    // While it runs, and afterwards.
    switched(&scratch.store, made.id, false, behind).await;
    let on = switched(&scratch.store, made.id, true, behind).await;
    assert_eq!(on.next_run_at, Some(tick + jiff::SignedDuration::from_mins(1)));
    scratch.finish(&claimed[0], State::Ok).await;
    switched(&scratch.store, made.id, false, behind).await;
    let on = switched(&scratch.store, made.id, true, behind).await;
    assert_eq!(on.next_run_at, Some(tick + jiff::SignedDuration::from_mins(1)));
    scratch.store.delete_monitor(made.id, &by_server(behind)).await.unwrap();
    let back = scratch.store.undelete_monitor(made.id, &by_server(behind)).await.unwrap();
    assert_eq!(back.next_run_at, Some(tick + jiff::SignedDuration::from_mins(1)));

    // A clock that was wrong by an hour keeps nothing back.
    switched(&scratch.store, made.id, false, tick - jiff::SignedDuration::from_hours(1)).await;
    let on = switched(&scratch.store, made.id, true, tick - jiff::SignedDuration::from_hours(1)).await;
    assert_eq!(on.next_run_at, Some(tick - jiff::SignedDuration::from_mins(59)));
}
