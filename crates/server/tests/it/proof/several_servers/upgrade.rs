//! The version before and this one: servers of both on one PostgreSQL for the length of an upgrade, while all of them run monitors,
//! tell of them and serve people, and a file of the version before that this one goes on with.
//!
//! `REVERE_BEFORE` names an executable of the version before. `scripts/test-upgrade` builds one and runs these tests, which is to be
//! done before each release; they are not among those that run by themselves, because nobody has that executable there.
//! `REVERE_CHECKER_SECONDS` sets how long each step of the upgrade takes at least, `REVERE_CHECKER_MONITORS` with how many monitors.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use revere::store::{DatabasePlace, PostgresAddress};
use serde_json::json;

use super::{
    judgement::{all_is_delivered, judge, switch_off},
    receiver::Receiver,
    setting, slow_source,
    world::{Beginning, SERVERS, World},
};
use crate::{
    proof::{
        Program, command,
        database::every_tick_is_accounted_for,
        eventually,
        killed::{every_flip_is_told, flapping},
        this_version,
    },
    support::{PATIENCE, Sql, client},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes an executable of the version before: scripts/test-upgrade"]
async fn servers_of_the_version_before_go_on_beside_this_one_until_all_are_exchanged() {
    let before = version_before();
    let (receiver, source) = (Receiver::start().await, slow_source().await);
    let mut world = World::begin(Beginning {
        seed: setting("REVERE_CHECKER_SEED", 1),
        pooled: false,
        monitors: setting("REVERE_CHECKER_MONITORS", 46) as i64,
        executable: &before,
        receiver: &receiver,
        source: &source,
    })
    .await;
    let place = DatabasePlace::from(PostgresAddress::read(&world.postgres.url(), None).unwrap());
    let mut logs = Vec::new();
    all_work(&mut world, &receiver).await;
    let old = schema(&place).await;
    for exchanged in 0..SERVERS {
        logs.push(world.exchange(exchanged, this_version()).await);
        all_work(&mut world, &receiver).await;
    }
    let new = schema(&place).await;
    is_refused(&before, world.folder(0), old, new).await;
    assert_eq!(schema(&place).await, new, "what was refused changed nothing");
    all_work(&mut world, &receiver).await;
    let (tally, last) = judge(&mut world, &receiver, PATIENCE).await;
    assert_eq!(tally.repeats, 0, "nobody was killed, so nothing is told twice");
    for log in logs.iter().chain(&last) {
        nothing_is_wrong(log);
    }
    println!("from schema {old} to {new}: {tally}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes an executable of the version before: scripts/test-upgrade"]
async fn a_file_of_the_version_before_is_brought_up_to_date_and_gone_on_with() {
    const MONITORS: i64 = 12;
    let (before, receiver, client) = (version_before(), Receiver::start().await, client());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("revere.db");
    let config = format!(
        "DATABASE_PATH = '{}'\nFLAPPING_CHANGES = 0\n\
         REVERE_ALERTS = {{'hook': {{'type': 'webhook', 'config': {{'url': '{}/0'}}}}}}\n",
        file.display(),
        receiver.url
    );
    std::fs::write(folder.path().join("config.py"), config).unwrap();
    let place = DatabasePlace::from(file.as_path());
    let more_is_told = async || {
        let told = receiver.read().taken.len();
        eventually("more is told", async || (receiver.read().taken.len() > told + 30).then_some(())).await;
    };

    let program = Program::start_as(&before, folder.path(), &[]);
    for number in 0..MONITORS {
        let made = client.post(format!("{}/api/v1/monitors", program.base)).json(&flapping(number, 1)).send().await;
        assert_eq!(made.unwrap().status(), 201);
    }
    more_is_told().await;
    nothing_is_wrong(&program.stop());
    let (old, was) = (schema(&place).await, history(&place).await);

    let program = Program::start(folder.path());
    more_is_told().await;
    let url = format!("{}/api/v1/monitors/1", program.base);
    let edit = client.patch(&url).json(&json!({"description": "edited since"})).send().await.unwrap();
    assert_eq!(edit.status(), 200, "{}", edit.text().await.unwrap());
    receiver.takes_all();
    for id in 1..=MONITORS {
        switch_off(&client, &program.base, id, false).await;
    }
    all_is_delivered(&client, &program.base, PATIENCE).await;
    nothing_is_wrong(&program.stop());
    let (new, is) = (schema(&place).await, history(&place).await);
    let gone: Vec<&String> = was.difference(&is).collect();
    assert!(gone.is_empty() && is.len() > was.len(), "what the version before wrote and is gone: {gone:?}");
    is_refused(&before, folder.path(), old, new).await;

    let mut database = Sql::at(&place).await;
    database.assert_sound().await;
    every_tick_is_accounted_for(&mut database, 1..=MONITORS).await;
    let told = every_flip_is_told(&mut database, &receiver.read().taken, MONITORS as u64).await;
    assert_eq!(told.repeats, 0, "nobody was killed, so nothing is told twice");
    println!("from schema {old} to {new}: {} runs and flips from before, {} in all, each told", was.len(), is.len());
}

fn version_before() -> PathBuf {
    let named = std::env::var_os("REVERE_BEFORE");
    let named = named.expect("REVERE_BEFORE names an executable of the version before: scripts/test-upgrade makes one");
    std::fs::canonicalize(&named).unwrap_or_else(|error| panic!("REVERE_BEFORE={}: {error}", named.display()))
}

/// For a while, and until each server has run monitors, told of them and served people.
async fn all_work(world: &mut World, receiver: &Receiver) {
    let until = Instant::now() + Duration::from_secs(setting("REVERE_CHECKER_SECONDS", 5));
    loop {
        for place in 0..SERVERS {
            works(world, receiver, place).await;
        }
        if Instant::now() >= until {
            return;
        }
    }
}

async fn works(world: &mut World, receiver: &Receiver, place: usize) {
    let (runs, told, people) = (runs(world, place).await, receiver.read().of[place], world.ledger.runs.len());
    eventually("a server runs monitors, tells of them and serves people", async || {
        world.people(place).await;
        let has_run = self::runs(world, place).await >= runs + 20;
        let has_told = receiver.read().of[place] >= told + 2;
        (has_run && has_told && world.ledger.runs.len() > people).then_some(())
    })
    .await;
}

/// How many due runs a server has made since it was started.
async fn runs(world: &World, place: usize) -> u64 {
    world.counted(place, "revere_runs_total{", "kind=\"scheduled\"").await.unwrap_or(0)
}

async fn schema(place: &DatabasePlace) -> i64 {
    let asked = match place {
        DatabasePlace::File(_) => "pragma user_version",
        DatabasePlace::Server(_) => "select cast(value as bigint) from meta where key = 'schema'",
    };
    Sql::at(place).await.number(asked).await
}

/// Every run and every flip.
async fn history(place: &DatabasePlace) -> BTreeSet<String> {
    let mut database = Sql::at(place).await;
    let runs = "select 'run ' || id || ' ' || monitor_id || ' ' || tick_at || ' ' || new_state from runs";
    let flips = "select 'flip ' || id || ' ' || monitor_id || ' ' || old_state || ' ' || new_state from flips";
    database.texts(runs).await.into_iter().chain(database.texts(flips).await).collect()
}

/// The version before does not start where this one has been, and says why, unless both know the same schema.
async fn is_refused(before: &Path, folder: &Path, old: i64, new: i64) {
    if old == new {
        println!("both versions know schema {old}, so neither refuses what the other made");
        return;
    }
    let mut command = tokio::process::Command::from(command(before, folder));
    let ends = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await;
    let output = ends.expect("it refuses and ends").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let why = said.contains(&format!("has schema {new}")) && said.contains("use the newer Revere");
    assert!(!output.status.success() && why, "{said}");
}

/// Neither a warning nor an error, but of the receiver, and of two servers that wrote the same rows in another order: PostgreSQL ends
/// that after a second, one of them is told that the database is busy and does the same again, as docs/POSTGRES.md says; twice in a
/// row, and it says that what is to be written is held.
fn nothing_is_wrong(log: &str) {
    let lines: Vec<&str> = log.lines().collect();
    // Whether what is said here is said to be over later on.
    let ends = |number: usize, end: &str| {
        lines[number..].iter().any(|line| line.contains(end) || line.contains("SIGTERM: stopping"))
    };
    let task_goes_on = |number: usize| {
        let task = lines[number].split("task=").nth(1).and_then(|after| after.split('"').nth(1)).unwrap_or_default();
        ends(number, &format!("a task does its work again  task=\"{task}\""))
    };
    let mut wrong = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let has = |words: &str| line.contains(words);
        let is_expected = match line.split_whitespace().nth(1) {
            Some("WARN") => has("a delivery was not taken; trying again") || has("slow statement"),
            Some("ERROR") if has("the store cannot be written") => {
                has("what is to be written is held by somebody else") && ends(number, "the store can be written again")
            }
            Some("ERROR") => has("a task cannot do its work") && has("the database is busy") && task_goes_on(number),
            _ => true,
        };
        if !is_expected {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
