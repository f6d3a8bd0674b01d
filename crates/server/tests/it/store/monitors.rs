//! Monitors: created, found, edited, switched, deleted.

use jiff::ToSpan;
use revere::store::{MonitorFilter, OverviewFilter, StoreError};
use revere_model::{MonitorSpec, State, StateSet};

use crate::support::{Scratch, at, by_server, spec, switched};

#[tokio::test]
async fn a_new_monitor_is_inactive_and_knows_its_next_tick() {
    let scratch = Scratch::new().await;
    let wanted = MonitorSpec {
        description: "Watches Postfix.".to_owned(),
        retain_days: Some(30),
        timeout_s: Some(2.5),
        tags: vec!["zeta".to_owned(), "mail".to_owned()],
        alarm_after: 3,
        ..spec("Mail queue 📬")
    };
    let made = scratch.store.create_monitor(&wanted, &by_server(scratch.now())).await.unwrap();
    assert_eq!(made.spec, wanted);
    assert_eq!((made.version, made.state, made.state_since), (1, State::Inactive, scratch.now()));
    assert_eq!(made.next_run_at, Some(at("2026-01-01T00:01:00Z")));
    assert_eq!(scratch.store.monitor(made.id).await.unwrap(), made);
}

#[tokio::test]
async fn of_two_editors_the_second_is_told_what_the_first_made() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let made = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    let alice = store.update_monitor(made.id, made.version, &spec("alice's"), &by_server(scratch.now())).await.unwrap();
    assert_eq!((alice.version, alice.spec.name.as_str()), (2, "alice's"));
    let bob = store.update_monitor(made.id, made.version, &spec("bob's"), &by_server(scratch.now())).await;
    let Err(StoreError::Conflict(current)) = bob else { panic!("{bob:?}") };
    assert_eq!(*current, alice);
    assert_eq!(store.monitor(made.id).await.unwrap(), alice);
}

#[tokio::test]
async fn lists_go_page_by_page_and_filters_combine() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    for n in 0..25 {
        let tags = if n % 2 == 0 { vec!["even".to_owned()] } else { Vec::new() };
        let made = store
            .create_monitor(&MonitorSpec { tags, ..spec(&format!("100%_m{n}")) }, &by_server(scratch.now()))
            .await
            .unwrap();
        if n % 5 == 0 {
            scratch.manual(made.id, State::Alarm).await;
        }
    }
    store.create_monitor(&spec("other"), &by_server(scratch.now())).await.unwrap();
    let mut filter = MonitorFilter {
        search: Some("0%_M".to_owned()),
        tag: Some("even".to_owned()),
        states: Some(StateSet::EMPTY.with(State::Alarm).with(State::Inactive)),
        limit: 5,
        ..MonitorFilter::default()
    };
    let mut names = Vec::new();
    loop {
        let page = store.monitors(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some(last.id);
        names.extend(page.into_iter().map(|monitor| monitor.spec.name));
    }
    let expected: Vec<String> = (0..25).filter(|n| n % 2 == 0).map(|n| format!("100%_m{n}")).collect();
    assert_eq!(names, expected);
    filter = MonitorFilter { states: Some(StateSet::EMPTY.with(State::Alarm)), limit: 50, ..MonitorFilter::default() };
    assert_eq!(store.monitors(&filter).await.unwrap().len(), 5);
    let counts = store.count_by_state().await.unwrap();
    assert_eq!((counts[&State::Alarm], counts[&State::Inactive], counts[&State::Ok]), (5, 21, 0));
    assert_eq!(store.tags(10).await.unwrap(), [("even".to_owned(), 13)]);
}

#[tokio::test]
async fn a_monitor_is_found_by_any_part_of_its_tags() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let tags = ["say \"cheese\"", "back\\slash", "Zürich", "shop, mail", "50%"];
    for (n, tag) in tags.iter().enumerate() {
        let spec = MonitorSpec { tags: vec!["usual".to_owned(), (*tag).to_owned()], ..spec(&format!("m{n}")) };
        store.create_monitor(&spec, &by_server(scratch.now())).await.unwrap();
    }
    for (search, found) in [
        ("\"CHEESE", vec!["m0"]),
        ("k\\S", vec!["m1"]),
        ("zür", vec!["m2"]),
        ("p, m", vec!["m3"]),
        ("0%", vec!["m4"]),
        // What stands between tags is in none.
        ("\",\"", vec![]),
        (",", vec!["m3"]),
        (", ", vec!["m3"]),
        ("[", vec![]),
        ("]", vec![]),
        ("usual", vec!["m0", "m1", "m2", "m3", "m4"]),
    ] {
        let filter = OverviewFilter { search: Some(search.to_owned()), limit: 9, ..OverviewFilter::default() };
        let names: Vec<String> = store.overview(&filter).await.unwrap().into_iter().map(|row| row.name).collect();
        assert_eq!(names, found, "{search}");
        let counted: u64 = store.count_fitting(&filter).await.unwrap().0.values().sum();
        assert_eq!(counted, found.len() as u64, "{search}");
    }
}

#[tokio::test]
async fn which_runs_failed_is_known_after_a_restart_and_to_another_server() {
    let scratch = Scratch::new().await;
    let windowed = MonitorSpec { alarm_after: 3, alarm_window: Some(60), ..spec("a") };
    let made = scratch.store.create_monitor(&windowed, &by_server(scratch.now())).await.unwrap();
    scratch.manual(made.id, State::Alarm).await;
    for _ in 0..57 {
        scratch.manual(made.id, State::Ok).await;
    }
    let scratch = scratch.reopened().await;
    let pending = async || scratch.store.monitor(made.id).await.unwrap().pending.map(|pending| pending.to_string());
    assert_eq!(pending().await.as_deref(), Some("1 of the last 60 runs failed, alarm at 3"));
    scratch.manual(made.id, State::Error).await;
    scratch.manual(made.id, State::Alarm).await;
    assert_eq!(scratch.store.monitor(made.id).await.unwrap().state, State::Alarm);
}

#[tokio::test]
async fn switching_off_is_a_flip_and_switching_on_waits_for_the_first_run() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let made = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.manual(made.id, State::Ok).await;
    scratch.clock.advance(jiff::SignedDuration::from_secs(10));
    let off = switched(store, made.id, false, scratch.now()).await;
    assert_eq!((off.state, off.state_since, off.next_run_at), (State::Inactive, scratch.now(), None));
    // A manual run of a monitor that is off is recorded and leaves it off.
    scratch.manual(made.id, State::Alarm).await;
    let on = switched(store, made.id, true, scratch.now()).await;
    assert_eq!((on.state, on.next_run_at), (State::Inactive, Some(at("2026-01-01T00:01:00Z"))));
    let flips = store.flips(made.id, None, 10).await.unwrap();
    let story: Vec<_> = flips.iter().map(|flip| (flip.old_state, flip.new_state)).collect();
    assert_eq!(story, [(State::Ok, State::Inactive), (State::Inactive, State::Ok)]);
}

#[tokio::test]
async fn an_edit_that_does_not_touch_the_schedule_leaves_the_ticks_alone() {
    let scratch = Scratch::new().await;
    let made = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.advance(jiff::SignedDuration::from_mins(5));
    let edited = scratch.store.update_monitor(made.id, 1, &spec("b"), &by_server(scratch.now())).await.unwrap();
    assert_eq!(edited.next_run_at, made.next_run_at);
    assert_eq!(edited.created_at, made.created_at);
    assert_eq!(edited.updated_at, made.created_at + 5.minutes());
}

#[tokio::test]
async fn a_deleted_monitor_is_gone_at_once_and_its_history_piece_by_piece() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let made = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    let kept = store.create_monitor(&spec("b"), &by_server(scratch.now())).await.unwrap();
    for n in 0..25 {
        scratch.manual(made.id, if n % 2 == 0 { State::Ok } else { State::Error }).await;
    }
    store.delete_monitor(made.id, &by_server(scratch.now())).await.unwrap();
    assert!(matches!(store.monitor(made.id).await, Err(StoreError::NotFound)));
    assert!(matches!(store.delete_monitor(made.id, &by_server(scratch.now())).await, Err(StoreError::NotFound)));
    assert_eq!(store.count_by_state().await.unwrap()[&State::Error], 0);
    assert_eq!(scratch.manual(made.id, State::Ok).await, revere::store::Committed::Gone);
    let gone_at = scratch.now() + jiff::SignedDuration::from_hours(24 * 30);
    let mut pieces = 0;
    while store.purge_deleted(10, gone_at).await.unwrap() > 0 {
        pieces += 1;
    }
    assert!(pieces > 5, "{pieces}");
    let next = store.create_monitor(&spec("c"), &by_server(scratch.now())).await.unwrap();
    assert!(next.id > kept.id, "an id was used again");
    scratch.assert_sound().await;
}

#[tokio::test]
async fn counts_follow_every_change_at_once() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let counts = async || {
        let counts = store.count_by_state().await.unwrap();
        [State::Ok, State::Alarm, State::Inactive].map(|state| counts[&state])
    };
    assert_eq!(counts().await, [0, 0, 0]);
    let one = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    let two = store.create_monitor(&spec("b"), &by_server(scratch.now())).await.unwrap();
    assert_eq!(counts().await, [0, 0, 2]);
    scratch.manual(one.id, State::Ok).await;
    scratch.manual(two.id, State::Alarm).await;
    assert_eq!(counts().await, [1, 1, 0]);
    scratch.manual(two.id, State::Ok).await;
    assert_eq!(counts().await, [2, 0, 0]);
    switched(store, one.id, false, scratch.now()).await;
    assert_eq!(counts().await, [1, 0, 1]);
    let off = MonitorSpec { active: false, ..spec("b") };
    store.update_monitor(two.id, two.version, &off, &by_server(scratch.now())).await.unwrap();
    assert_eq!(counts().await, [0, 0, 2]);
    store.delete_monitor(two.id, &by_server(scratch.now())).await.unwrap();
    assert_eq!(counts().await, [0, 0, 1]);
    store.delete_monitor_at(one.id, 2, &by_server(scratch.now())).await.unwrap();
    assert_eq!(counts().await, [0, 0, 0]);
    let gone_at = scratch.now() + jiff::SignedDuration::from_hours(24 * 30);
    while store.purge_deleted(10, gone_at).await.unwrap() > 0 {}
    assert_eq!(counts().await, [0, 0, 0]);
}

#[tokio::test]
async fn a_page_of_long_scripts_ends_before_it_is_too_long() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    for n in 0..7 {
        let long = MonitorSpec { script: "#".repeat(1000), ..spec(&format!("m{n}")) };
        store.create_monitor(&long, &by_server(scratch.now())).await.unwrap();
    }
    let mut filter = MonitorFilter { limit: 5, ..MonitorFilter::default() };
    let all = store.monitors(&MonitorFilter { limit: 9, ..filter.clone() }).await.unwrap();
    let (page, more) = store.monitors_page(&filter, 3999).await.unwrap();
    assert_eq!((page.as_slice(), more), (&all[..3], true));
    filter.after = Some(page[2].id);
    assert_eq!(store.monitors_page(&filter, 4000).await.unwrap(), (all[3..].to_vec(), false));
    assert_eq!(store.monitors_page(&filter, 10).await.unwrap(), (all[3..4].to_vec(), true));
}
