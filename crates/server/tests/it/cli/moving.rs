//! `revere move`: everything from SQLite to PostgreSQL and back, whatever happens on the way.

use std::{
    path::Path,
    process::{Child, Stdio},
};

use revere::store::{DatabasePlace, PostgresAddress};
use serde_json::{Value, json};

use super::{Said, Shell};
use crate::{
    alerts::stub::Stub,
    store::{people, portable},
    support::{Scratch, Sql, TestDatabase, by_server, database::schema_of_its_own, eventually, spec, until},
};

/// The name of a schema, out of its address.
fn schema(url: &str) -> &str {
    url.rsplit_once("[search_path]=").unwrap().1
}

async fn at_url(url: &str) -> Sql {
    Sql::at(&PostgresAddress::read(url, None).unwrap().into()).await
}

async fn at_file(path: impl AsRef<Path>) -> Sql {
    Sql::at(&DatabasePlace::File(path.as_ref().to_owned())).await
}

/// Everything in a file, in one order, and which numbers were given last.
async fn contents(path: impl AsRef<Path>) -> Vec<String> {
    let mut sql = at_file(path).await;
    let mut all = sql.everything().await;
    all.extend(sql.texts("select name || ' ' || seq from sqlite_sequence where seq > 0").await);
    all.sort();
    all
}

impl Shell {
    /// `revere move` of the database `from`, a setting of config.py.
    fn moves(&self, from: &str, to: &str) -> Said {
        self.write("move.py", from);
        self.run(&format!("move -c move.py --to {to}"))
    }

    /// The same, begun.
    fn begins_to_move(&self, from: &str, to: &str) -> Child {
        self.write("move.py", from);
        let mut command = self.revere();
        command.args(["move", "-c", "move.py", "--to", to]).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }
}

fn url_setting(url: &str) -> String {
    format!("DATABASE_URL = '{url}'")
}

/// Kills it before it has ended.
fn kill(mut moving: Child) {
    moving.kill().unwrap();
    assert_eq!(moving.wait().unwrap().code(), None, "it was still at it");
}

/// So many runs, with a state each.
async fn fill_with_runs(sql: &mut Sql, monitor: i64, count: u64) {
    sql.run(format!(
        "insert into runs (monitor_id, kind, tick_at, started_at, duration_us, outcome, old_state, new_state, return_value,
             message, output, seed, script_version)
         with recursive n (n) as (select 1 union all select n + 1 from n where n < {count})
         select {monitor}, 'schedule', n * 1000000, n * 1000000 + 7, n % 1000, 'OK', 'OK', 'OK', n || '.5', 'm' || n, 'some output',
             9223372036854775807 - n, '' from n"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_to_postgresql_and_back_and_is_the_same() {
    let shell = Shell::new();
    let scratch = Scratch::on(TestDatabase::in_a_file(), |_| {}).await;
    portable::ask_everything(&scratch).await;
    people::ask_everything(&scratch).await;
    let monitor = scratch.store.create_monitor(&spec("odd"), &by_server(scratch.now())).await.unwrap().id;
    let path = scratch.path();
    scratch.store.close().await;
    let mut sql = at_file(&path).await;
    fill_with_runs(&mut sql, monitor.0, 12_000).await;
    for (column, value) in [
        ("message", "'a' || char(9) || 'b' || char(10) || '\\N' || char(13) || '\\.' || char(10) || '\\.'"),
        ("message", "'😀 ' || char(27) || char(127) || char(65535) || '\"''$$'"),
        ("message", "''"),
        ("return_value", "'{\"a\": [1e400, -0.0, NaN, \"\\u0000\\\\\"]}'"),
        ("return_value", "'-Infinity'"),
        ("return_value", "'123456789012345678901234567890'"),
        ("traceback", "replace(printf('%.200000c', 'x'), 'x', 'läng')"),
        ("seed", "-9223372036854775808"),
        ("tick_at", "9223372036854775807"),
        ("severity", "null"),
    ] {
        sql.run(format!("update runs set {column} = {value} where id = (select max(id) from runs)")).await;
        sql.run("update runs set id = id + 1000 where id = (select max(id) from runs)").await;
        fill_with_runs(&mut sql, monitor.0, 1).await;
    }
    for (index, timeout) in ["9e999", "-0.0", "0.1", "5e-324", "1.7976931348623157e308", "7"].iter().enumerate() {
        sql.run(format!(
            "update monitors set timeout_s = {timeout} where id = (select min(id) + {index} from monitors)"
        ))
        .await;
    }
    // The last run was forgotten, and its number is never given again.
    sql.run("delete from runs where id = (select max(id) from runs)").await;
    drop(sql);
    let before = contents(&path).await;
    assert!(before.len() > 12_100, "{}", before.len());

    let url = schema_of_its_own().await;
    let said = shell.moves(&format!("DATABASE_PATH = '{}'", path.display()), &url).exits(0);
    assert!(said.stdout.contains("each read again and the same"), "{}", said.stdout);
    assert!(!said.stdout.contains("test-s3cret") && !said.stderr.contains("test-s3cret"), "{}", said.stderr);
    assert_eq!(contents(&path).await, before, "what is moved stays as it is");
    let (there, tables) = {
        let mut sql = at_url(&url).await;
        let wrong = "select cast(conrelid as text) from pg_constraint where not convalidated";
        assert_eq!(sql.texts(wrong).await, [""; 0]);
        (
            sql.everything().await,
            sql.texts("select indexname::text from pg_indexes where schemaname = current_schema()").await,
        )
    };
    assert!(
        tables.contains(&"runs_points".to_owned()) && tables.contains(&"deliveries_queue".to_owned()),
        "{tables:?}"
    );

    // Once more: it says that all of it is there.
    let again = shell.moves(&format!("DATABASE_PATH = '{}'", path.display()), &url).exits(0);
    assert!(again.stdout.contains("is in") && again.stdout.contains("already"), "{}", again.stdout);
    assert_eq!(at_url(&url).await.everything().await, there);

    let back = shell.moves(&url_setting(&url), "back.db").exits(0);
    assert_eq!(contents(shell.path("back.db")).await, before);
    let sums = |said: &Said| {
        let line = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        said.stdout.lines().map(line).filter(|words| words.len() == 3 && words[2].len() == 64).collect::<Vec<_>>()
    };
    assert_eq!(sums(&said), sums(&back), "an engine makes no difference to a checksum");
    assert_eq!(sums(&said), sums(&again));
    assert!(sums(&said).len() > 20);
    assert!(!shell.path("back.db.moving").exists() && !shell.path("back.db.moving.lock").exists());
    at_file(shell.path("back.db")).await.assert_sound().await;

    // From one PostgreSQL to another.
    let other = schema_of_its_own().await;
    let said = shell.moves(&url_setting(&url), &other).exits(0);
    assert_eq!(sums(&said), sums(&back));
    let numbers =
        "select sequencename || ' ' || coalesce(last_value, 0) from pg_sequences where schemaname = current_schema()
                   order by 1";
    assert_eq!(at_url(&other).await.texts(numbers).await, at_url(&url).await.texts(numbers).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_postgresql_keeps_nowhere_is_mended_and_said() {
    let shell = Shell::new();
    shell.serve(&[]).stop();
    let mut sql = at_file(shell.path("revere.db")).await;
    sql.run("insert into meta (key, value) values ('odd', 'a' || char(0) || 'b'), ('bytes', cast(x'61ff62' as text))")
        .await;
    let url = schema_of_its_own().await;
    let said = shell.moves("", &url).exits(0);
    assert!(said.stdout.contains("2 values could not be kept as they were"), "{}", said.stdout);
    let kept = at_url(&url).await.texts("select value from meta where key in ('odd', 'bytes') order by key").await;
    assert_eq!(kept, ["a\u{fffd}b", "a\u{fffd}b"]);
    shell.moves("", &url).exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_killed_leaves_nothing_and_is_done_anew() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    let (_, made) = server
        .post("/api/v1/monitors", &json!({"name": "a", "script": "return_value = 1", "schedule": "@yearly"}))
        .await;
    server.stop();
    fill_with_runs(&mut at_file(shell.path("revere.db")).await, made["id"].as_i64().unwrap(), 50_000).await;
    let before = contents(shell.path("revere.db")).await;

    let url = schema_of_its_own().await;
    let mut watch = at_url(&url).await;
    let copying = format!(
        "select count(*) from pg_stat_progress_copy p join pg_class c on c.oid = p.relid
             join pg_namespace n on n.oid = c.relnamespace and n.nspname = '{}' where c.relname = 'runs'",
        schema(&url)
    );
    let moving = shell.begins_to_move("", &url);
    until("runs are copied", async || watch.number(copying.clone()).await > 0).await;
    kill(moving);
    // A server that is started too early finds nothing.
    assert_eq!(watch.number("select count(*) from runs").await, 0);
    shell.moves("", &url).exits(0);
    assert_eq!(watch.number("select count(*) from runs where kind = 'schedule'").await, 50_000);

    let (partial, setting) = (shell.path("back.db.moving"), url_setting(&url));
    let moving = shell.begins_to_move(&setting, "back.db");
    let size = || std::fs::metadata(&partial).map_or(0, |file| file.len());
    until("runs are copied", async || size() > 1 << 20).await;
    kill(moving);
    assert!(partial.exists() && !shell.path("back.db").exists());
    shell.moves(&setting, "back.db").exits(0);
    assert_eq!(contents(shell.path("back.db")).await, before);
    assert!(!partial.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_or_holds_something_else_is_refused_with_the_next_step() {
    let shell = Shell::new();
    let (url, other) = (schema_of_its_own().await, schema_of_its_own().await);
    let refused = |said: Said, words: &[&str]| {
        let said = said.exits(1);
        for word in words {
            assert!(said.stderr.contains(word), "{word}: {}", said.stderr);
        }
        assert!(!said.stderr.contains("s3cret"), "{}", said.stderr);
    };
    refused(shell.moves("", &url), &["there is no database", "revere.db to move"]);
    assert!(!shell.path("revere.db").exists());
    refused(shell.moves(&url_setting(&url), "new.db"), &["there is no database"]);
    shell.run("move").exits(2);

    let server = shell.serve(&[]);
    let (status, _) = server
        .post("/api/v1/monitors", &json!({"name": "a", "script": "return_value = 1", "schedule": "@yearly"}))
        .await;
    assert_eq!(status, 201);
    refused(shell.moves("", &url), &["revere.db is in use by a server (process ", "stop every server first"]);
    server.stop();
    refused(shell.moves("", "copy.db"), &["are both SQLite files", "revere backup copy.db"]);
    refused(shell.moves("", "postgresql://u:s3cret@127.0.0.1:1/d"), &["does not answer"]);
    refused(shell.moves("", "mysql://u:s3cret@h/d"), &["--to: begins with mysql:"]);
    refused(shell.moves("", "ENV:NOWHERE_AT_ALL"), &["--to: the environment variable NOWHERE_AT_ALL is not set"]);

    shell.write("password", "s3cret\n");
    refused(shell.moves("", "FILE:password"), &["--to: what is kept there is no address"]);

    // From an address that is kept elsewhere.
    shell.write("address", &format!("{url}\n"));
    shell.moves("", "FILE:address").exits(0);

    shell.write("postgres.py", &url_setting(&url));
    let server = shell.serve(&["-c", "postgres.py"]);
    let seen = async || {
        let all = at_url(&url).await.number("select count(*) from nodes").await;
        if all == 1 { Ok(()) } else { Err(all.to_string()) }
    };
    eventually("the server is listed", seen).await;
    refused(
        shell.moves(&url_setting(&url), "new.db"),
        &["is in use by the server ", " s ago", "stop every server first"],
    );
    refused(shell.moves("", &url), &["is in use by the server ", "name a database that nothing is in"]);
    server.stop();
    // The server has written down that it ended, or that it began.
    at_url(&url).await.run("update monitors set name = 'b'").await;
    refused(shell.moves("", &url), &["holds an earlier copy of this database", "in `monitors`"]);
    refused(shell.moves(&url_setting(&url), &url), &["is the database that is to be moved"]);

    // Another server's data.
    shell.write("other.py", &url_setting(&other));
    let server = shell.serve(&["-c", "other.py"]);
    let (status, _) = server
        .post("/api/v1/monitors", &json!({"name": "b", "script": "return_value = 1", "schedule": "@yearly"}))
        .await;
    assert_eq!(status, 201);
    server.stop();
    let held = at_url(&other).await.everything().await;
    refused(shell.moves("", &other), &["holds data already", "createdb"]);
    assert_eq!(at_url(&other).await.everything().await, held);
    shell.write("there.db", "something");
    refused(shell.moves(&url_setting(&url), "there.db"), &["there.db exists already and was left as it is"]);
    shell.write("stale.db-wal", "of an earlier database of that name");
    refused(shell.moves(&url_setting(&url), "stale.db"), &["stale.db-wal exists already and was left as it is"]);
    refused(shell.moves(&url_setting(&url), "no/such/folder.db"), &["no/such/folder.db"]);

    // A server that was killed is no hindrance for long; its name is told.
    at_url(&url)
        .await
        .run("insert into nodes (name, host, version, address, started_at, seen_at) values ('n', 'lost', '0', '', 0, 1000000)")
        .await;
    let said = shell.moves(&url_setting(&url), "new.db").exits(0);
    assert!(said.stderr.contains("the server lost (n) ended without a word"), "{}", said.stderr);

    at_url(&url).await.run("update meta set value = '9999' where key = 'schema'").await;
    refused(shell.moves("", &url), &["has schema 9999", "newer Revere"]);
    refused(shell.moves(&url_setting(&url), "newer.db"), &["has schema 9999", "newer Revere"]);
    at_url(&url).await.run("update meta set value = '12' where key = 'schema'").await;
    refused(shell.moves(&url_setting(&url), "older.db"), &["has schema 12", "start a server of this version"]);
    at_file(shell.path("revere.db")).await.run("pragma user_version = 9999").await;
    refused(shell.moves("", &url), &["has schema 9999", "newer Revere"]);
    at_file(shell.path("revere.db")).await.run("pragma user_version = 12").await;
    refused(shell.moves("", &url), &["has schema 12", "start a server of this version"]);
    assert!(!shell.path("newer.db").exists() && !shell.path("older.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_the_new_database_goes_on_where_the_old_one_stopped() {
    let receiver = Stub::start().await;
    let shell = Shell::new();
    let alerts =
        format!("REVERE_ALERTS = {{'hook': {{'type': 'webhook', 'config': {{'url': '{}/hook'}}}}}}\n", receiver.url);
    shell.write("config.py", &alerts);
    let server = shell.serve(&[]);
    let spec = json!({"name": "a", "script": "raise MonitorFailure('broken')", "schedule": "* * * * * *"});
    let (status, made) = server.post("/api/v1/monitors", &spec).await;
    assert_eq!(status, 201, "{made:#}");
    let path = format!("/api/v1/monitors/{}", made["id"]);
    let mut first = Vec::new();
    until("it is told", async || {
        first.extend(receiver.taken());
        !first.is_empty()
    })
    .await;
    // One more is owed, and nobody takes it.
    receiver.answer(503, &[], None);
    let (_, quiet) = server
        .post("/api/v1/monitors", &json!({"name": "b", "script": "raise MonitorFailure('b')", "schedule": "@yearly"}))
        .await;
    let (status, _) = server.post(&format!("/api/v1/monitors/{}/run", quiet["id"]), &json!({})).await;
    assert!(status < 300, "{status}");
    let owed = "/api/v1/deliveries?status=queued";
    server.wait_for(owed, |owed| (owed["items"][0]["attempts"].as_i64() > Some(0)).then_some(())).await;
    server.stop();

    let url = schema_of_its_own().await;
    shell.run(&format!("move --to {url}")).exits(0);
    receiver.answer(200, &[], None);
    first.extend(receiver.taken());
    shell.write("config.py", &format!("{alerts}DATABASE_URL = '{url}'\n"));
    let server = shell.serve(&[]);
    let last = server.json(&format!("{path}/runs?limit=1")).await["items"][0]["id"].as_i64().unwrap();
    let newer = |runs: &Value| (runs["items"][0]["id"].as_i64() > Some(last)).then_some(());
    server.wait_for(&format!("{path}/runs?limit=1"), newer).await;
    server.wait_for(owed, |owed| owed["items"].as_array().unwrap().is_empty().then_some(())).await;
    server.stop();
    let told = receiver.taken();
    assert_eq!(told.len(), 1, "what was told is not told again: {told:?}");
    let key = told[0].header("idempotency-key");
    assert!(
        first.iter().any(|asked| asked.header("idempotency-key") == key),
        "it is what was owed: {told:?}, {first:?}"
    );
}
