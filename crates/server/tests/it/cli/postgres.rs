//! What each command says and does where the database is PostgreSQL.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use revere::{
    access::secrets::digest,
    store::{NewToken, NewUser, PostgresAddress, Store, StoreOptions},
};
use revere_model::{Asked, Clock as _, Rights, Role, SystemClock};
use serde_json::json;

use super::{Shell, said};
use crate::support::{PostgresServer, Sql, client, database::schema_of_its_own, eventually, until};

#[tokio::test]
async fn the_program_runs_on_postgresql_and_says_what_it_does_there() {
    let url = schema_of_its_own().await;
    let shell = Shell::new();
    let (address, password) = {
        let (before, after) = url.split_once("test-s3cret").expect("the password of the tests");
        (format!("{}{after}", before.strip_suffix(':').unwrap()), "test-s3cret")
    };
    shell.write("database-password", password);
    shell.write("config.py", &format!("DATABASE_URL = '{address}'\nDATABASE_PASSWORD = 'FILE:database-password'\n"));

    let said = shell.run("check --connect").exits(0);
    assert!(said.stdout.contains("database   postgresql://revere@127.0.0.1:"), "{}", said.stdout);
    assert!(said.stdout.contains("the database answers"), "{}", said.stdout);
    let said = shell.run("backup copy.db").exits(1);
    assert!(said.stderr.contains("pg_dump --format=custom"), "{}", said.stderr);

    let one = shell.serve(&[]);
    let other = shell.serve(&[]);
    let spec = json!({"name": "a", "script": "return_value = 67", "schedule": "* * * * * *"});
    let (status, made) = one.post("/api/v1/monitors", &spec).await;
    assert_eq!(status, 201, "{made:#}");
    let path = format!("/api/v1/monitors/{}", made["id"]);
    other.wait_for(&path, |monitor| (monitor["state"] == "OK").then_some(())).await;
    one.wait_for("/healthz", |health| (health["servers"] == 2 && health["partitions"] == "ok").then_some(())).await;
    let said = shell.run("nodes").exits(0);
    assert_eq!(said.stdout.matches("  runs  ").count(), 2, "{}", said.stdout);
    let said = shell.run("user add alice --role administrator").exits(0);
    assert!(!format!("{}{}", said.stdout, said.stderr).contains(password));
    other.stop();
    one.stop();
    shell.run("nodes").exits(1);
    assert!(!shell.path("revere.db").exists(), "nothing is kept beside it");

    // In a file there is one server, and nothing to be listed.
    shell.write("file.py", "DATABASE_PATH = 'revere.db'");
    let said = shell.run("nodes -c file.py").exits(1);
    assert!(said.stderr.contains("is a SQLite file, which one server has for itself"), "{}", said.stderr);
}

/// The scheme has two spellings, and the password several places.
#[tokio::test]
async fn an_address_of_either_scheme_takes_a_password_from_where_it_is_kept() {
    let url = schema_of_its_own().await;
    let shell = Shell::new();
    let bare = url.replace(":test-s3cret@", "@");
    shell.write("password", "test-s3cret\n");
    for (config, variable, code, words) in [
        (format!("DATABASE_URL = '{bare}'\nDATABASE_PASSWORD = 'FILE:password'"), None, 0, "the database answers"),
        (
            format!("DATABASE_URL = '{bare}'\nDATABASE_PASSWORD = 'ENV:SHOP_DB'"),
            Some("test-s3cret"),
            0,
            "the database answers",
        ),
        (
            format!("DATABASE_URL = '{bare}'\nDATABASE_PASSWORD = 'ENV:SHOP_DB'"),
            Some("wr0ng-s3cret"),
            1,
            "does not let this user in",
        ),
        (
            format!("DATABASE_URL = '{bare}'\nDATABASE_PASSWORD = 'ENV:SHOP_DB'"),
            None,
            1,
            "environment variable SHOP_DB is not set",
        ),
        (format!("DATABASE_URL = '{bare}'"), None, 1, "does not let this user in"),
        (format!("DATABASE_URL = '{url}'"), None, 0, "the database answers"),
    ] {
        for scheme in ["postgresql://", "postgres://"] {
            shell.write("config.py", &config.replace("postgresql://", scheme));
            let mut command = shell.revere();
            command.args(["check", "--connect"]).env_remove("SHOP_DB");
            if let Some(variable) = variable {
                command.env("SHOP_DB", variable);
            }
            let said = said(&mut command).exits(code);
            let all = format!("{}{}", said.stdout, said.stderr);
            assert!(all.contains(words) && !all.contains("s3cret"), "{scheme} {variable:?}: {all}");
        }
    }
}

/// As docs/POSTGRES.md says how many statements a minute a server asks that has nothing to do: some 180. What it does all the time it
/// does in every stretch of time; what it does once after its start, on a busy machine late, is in one of them, and the next is asked.
#[tokio::test]
async fn a_server_with_nothing_to_do_asks_its_database_little() {
    // Looks at what is due, every five seconds, that a stretch has.
    const LOOKS: i64 = 4;
    const STRETCHES: usize = 4;
    let database = PostgresServer::start(&["shared_preload_libraries=pg_stat_statements"]).await;
    let shell = Shell::new();
    shell.write("config.py", &format!("DATABASE_URL = '{}'\n", database.url()));
    let server = shell.serve(&[]);
    let mut sql = Sql::at(&PostgresAddress::read(&database.url(), None).unwrap().into()).await;
    sql.run("create extension pg_stat_statements").await;
    let looks = "select cast(coalesce(sum(calls), 0) as bigint) from pg_stat_statements
         where query like 'select min(due_at) %'";
    // How many there were, and how long that took by the clock of who counts them, read at once.
    let counted = "select cast(coalesce(sum(calls), 0) as bigint) || ' ' ||
             cast(extract(epoch from clock_timestamp() - (select stats_reset from pg_stat_statements_info)) * 1000000 as bigint)
         from pg_stat_statements where query not like '%pg_stat_statements%'";
    let which = "select calls || ' ' || query from pg_stat_statements order by calls desc";
    let looked = async |sql: &mut Sql, most: i64| {
        eventually("it looks at what is due", async || match sql.number(looks).await {
            looked if looked < most => Err(format!("{looked} looks")),
            _ => Ok(()),
        })
        .await;
    };
    // Most of what a start asks once is over by then.
    looked(&mut sql, 2).await;
    let mut busiest = Vec::new();
    for _ in 0..STRETCHES {
        sql.run("select pg_stat_statements_reset()").await;
        looked(&mut sql, LOOKS).await;
        let counts = sql.numbers(counted).await;
        let (statements, seconds) = (counts[0][0], counts[0][1] as f64 / 1e6);
        let a_minute = statements as f64 * 60.0 / seconds;
        if a_minute < 200.0 && seconds > LOOKS as f64 {
            server.stop();
            return;
        }
        let words = sql.texts(which).await;
        busiest.push(format!("{a_minute:.0} statements a minute, {LOOKS} looks in {seconds:.1} s: {words:#?}"));
    }
    panic!("in each stretch more than 200 statements a minute, or a look each second: {}", busiest.join("\n"));
}

/// A server that starts while somebody holds what is needed to make one.
#[tokio::test]
async fn health_says_that_runs_of_the_next_days_have_no_partition() {
    let (shell, url) = (Shell::new(), schema_of_its_own().await);
    shell.write("config.py", &format!("DATABASE_URL = '{url}'\n"));
    shell.serve(&[]).stop();
    let mut sql = Sql::at(&PostgresAddress::read(&url, None).unwrap().into()).await;
    let weeks = "select cast(c.relname as text) from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = to_regclass('runs') and c.relname <> 'runs_before'";
    for week in sql.texts(weeks).await {
        sql.run(format!("drop table {week}")).await;
    }
    sql.run("begin; lock table runs in share update exclusive mode").await;
    let server = shell.serve(&[]);
    let said = server
        .wait_for("/healthz", |health| health["partitions"].as_str().filter(|said| *said != "ok").map(str::to_owned))
        .await;
    assert!(said.starts_with("runs have partitions until ") && said.contains(" only: "), "{said}");
    server.stop();
}

/// PostgreSQL keeps no text with a NUL in it: neither what a script says nor what people write stops anything for that.
#[tokio::test]
async fn a_text_with_a_nul_is_kept_with_its_place_shown_or_refused_in_words() {
    let shell = Shell::new();
    shell.write("config.py", &format!("DATABASE_URL = '{}'\n", schema_of_its_own().await));
    let server = shell.serve(&[]);
    let script = "print('in' + chr(0) + 'side')\nraise MonitorFailure('before' + chr(0) + 'after')";
    let monitor = json!({"name": "a", "script": script, "schedule": "@yearly"});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    let (status, run) = server.post("/api/v1/monitors/1/run", &json!({})).await;
    assert_eq!(status, 200, "{run:#}");
    let kept = server.json("/api/v1/monitors/1/runs?limit=1").await["items"][0].clone();
    assert_eq!((&kept["message"], &kept["new_state"]), (&json!("before\\x00after"), &json!("ALARM")), "{kept:#}");
    assert!(kept["output"].as_str().unwrap().contains("in\\x00side"), "{kept:#}");
    for body in [
        json!({"name": "b\0", "script": "return_value = 1", "schedule": "@yearly"}),
        json!({"name": "b", "description": "\0", "script": "return_value = 1", "schedule": "@yearly"}),
        json!({"name": "b", "tags": ["\0"], "script": "return_value = 1", "schedule": "@yearly"}),
        json!({"name": "b", "script": "return_value = '\0'", "schedule": "@yearly"}),
    ] {
        let (status, said) = server.post("/api/v1/monitors", &body).await;
        assert!(status == 201 || status == 422, "{status} {said:#} for {body}");
    }
    for path in ["/?search=a%00", "/api/v1/monitors?search=a%00", "/api/v1/monitors?tag=a%00", "/audit?target=a%00"] {
        let (status, said) = server.get(path).await;
        assert!(status == 200 || status == 422, "{status} {said} for {path}");
    }
    assert_eq!(server.json("/healthz").await["status"], "ok");
    server.stop();
}

/// It is read in pieces, each a question of its own: whoever takes it slowly, or no more, keeps no dead row in the database's way.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_goes_on_reading_holds_no_snapshot() {
    // Thirty megabytes, which fit nowhere in between.
    const RUNS: usize = 30_000;
    let database = PostgresServer::start(&[]).await;
    let shell = Shell::new();
    shell.write("config.py", &format!("DATABASE_URL = '{}'\n", database.url()));
    let server = shell.serve(&[]);
    let monitor = json!({"name": "a", "script": "return_value = 1", "schedule": "@yearly"});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    assert_eq!(server.post("/api/v1/monitors/1/run", &json!({})).await.0, 200);
    let mut sql = Sql::at(&PostgresAddress::read(&database.url(), None).unwrap().into()).await;
    sql.run(format!(
        "insert into runs (monitor_id, kind, tick_at, started_at, duration_us, outcome, old_state, new_state, message, output)
         select 1, 'scheduled', r.started_at - n * 1000, r.started_at - n * 1000, 7, 'OK', 'OK', 'OK', repeat('m', 1000), ''
         from runs r, generate_series(1, {RUNS}) n"
    ))
    .await;
    let answer = client().get(format!("{}/monitor/1/history.csv", server.address)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut parts = answer.bytes_stream();
    let mut text = parts.next().await.unwrap().unwrap().to_vec();
    let held = "select count(*) from pg_stat_activity where application_name = 'revere'
         and (state like 'idle in transaction%' or clock_timestamp() - xact_start > interval '2 seconds')";
    let stopped = Instant::now();
    until("three seconds have passed", async || {
        assert_eq!(sql.number(held).await, 0, "somebody holds a snapshot");
        stopped.elapsed() > Duration::from_secs(3)
    })
    .await;
    while let Some(part) = parts.next().await {
        text.extend_from_slice(&part.unwrap());
    }
    assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), RUNS + 2, "all of them, and a head");
    server.stop();
}

/// Whoever watches hears of a server that is gone also where the others of its database call the same address.
#[tokio::test]
async fn a_heartbeat_is_withheld_while_another_server_is_gone_without_a_word() {
    let url = schema_of_its_own().await;
    let receiver = crate::alerts::stub::Stub::start().await;
    let shell = Shell::new();
    shell.write("config.py", &format!("DATABASE_URL = '{url}'\nHEARTBEAT_URL = '{}/ping'\n", receiver.url));
    let first = shell.serve(&[]);
    let heard = async || {
        eventually("a heartbeat", async || receiver.taken().pop().ok_or_else(|| "none yet".to_owned())).await;
    };
    heard().await;
    let mut sql = Sql::at(&PostgresAddress::read(&url, None).unwrap().into()).await;
    let minutes_ago = |minutes: i64| (SystemClock.now() - jiff::SignedDuration::from_mins(minutes)).as_microsecond();
    let gone = |name: &str, seen: i64| {
        format!(
            "insert into nodes (name, host, version, address, started_at, seen_at)
             values ('{name}', 'node-{name}', '1', '', {}, {})",
            minutes_ago(600),
            minutes_ago(seen)
        )
    };
    // One that has been gone for hours is missed no more; in place of one that went before this one began, this one is there.
    sql.run(gone("b", 300)).await;
    sql.run(gone("c", 5)).await;
    let second = shell.serve(&[]);
    heard().await;
    second.stop();
    first.stop();
    sql.run("delete from nodes").await;
    sql.run(gone("d", 5)).await;
    sql.run(gone("e", 5)).await;
    let third = shell.serve(&[]);
    let said = third
        .wait_for("/healthz", |health| health["heartbeat"].as_str().filter(|said| *said != "ok").map(str::to_owned))
        .await;
    assert!(said.contains("not all is well: the server on node-"), "{said}");
    assert!(receiver.taken().is_empty());
    third.stderr.wait_for("another server gives no sign of life");
    third.stop();
}

#[tokio::test]
async fn a_database_that_is_away_is_seen_by_a_server_that_has_nothing_to_write() {
    let mut database = PostgresServer::start(&[]).await;
    let shell = Shell::new();
    shell.write("config.py", &format!("DATABASE_URL = '{}'\n", database.url()));
    let server = shell.serve(&[]);
    database.crash();
    server.stderr.wait_for("the store cannot be written");
    database.start_again().await;
    server.stderr.wait_for("the store can be written again");
    server.stop();
}

/// Whoever watches the server is told at once what is wrong, and who may know why learns that, too.
#[tokio::test]
async fn health_answers_at_once_while_the_database_is_away_also_who_shows_a_token() {
    let mut database = PostgresServer::start(&[]).await;
    let shell = Shell::new();
    shell.write("config.py", &format!("DATABASE_URL = '{}'\nLOCAL_USERS = True\n", database.url()));
    let server = shell.serve(&[]);
    let store = Store::open(StoreOptions::new(PostgresAddress::read(&database.url(), None).unwrap())).await.unwrap();
    let asked = Asked::at_a_shell(SystemClock.now());
    let new = NewUser {
        name: "ada".to_owned(),
        role: Role::Administrator,
        tags: Vec::new(),
        password_hash: Some("none".to_owned()),
        identity: None,
        link: None,
    };
    let owner = store.create_user(new, &asked).await.unwrap().unwrap().id;
    let rights = Rights { token: true, ..Rights::all() };
    let secret = "revere_watching";
    let new = NewToken { secret_hash: digest(secret), owner, name: "watch".to_owned(), rights, ends_at: None };
    store.create_token(new, &asked).await.unwrap().unwrap();
    store.close().await;
    let ask = async || {
        let began = Instant::now();
        let answer = client().get(format!("{}/healthz", server.address)).bearer_auth(secret).send().await.unwrap();
        let (status, health) = (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap());
        // It was five seconds.
        assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
        (status, health)
    };
    let (status, health) = ask().await;
    assert!(status == 200 && health["version"].is_string(), "{health:#}");
    database.crash();
    let health = eventually("it is failing", async || match ask().await {
        (503, health) => Ok(health),
        (status, health) => Err(format!("{status} {health:#}")),
    })
    .await;
    let why = health.to_string();
    assert!(why.contains("PostgreSQL does not answer"), "whichever part met it first: {health:#}");
    let read = client().get(format!("{}/api/v1/monitors", server.address)).bearer_auth(secret).send().await.unwrap();
    let problem = read.text().await.unwrap();
    assert!(problem.contains("PostgreSQL does not answer") && !problem.contains("disk"), "{problem}");
}

#[test]
fn what_postgresql_says_is_said_once() {
    let shell = Shell::new();
    shell.write("config.py", "DATABASE_URL = 'postgresql://u@127.0.0.1:1/d'\nLOCAL_USERS = True\n");
    for command in ["user list", "nodes", "check --connect"] {
        let said = shell.run(command).exits(1);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert_eq!(all.matches("refused").count(), 1, "{command}: {all}");
        assert!(!all.contains("communicating"), "{command}: {all}");
    }
}

#[test]
fn a_database_that_is_two_things_or_none_is_refused_by_name_and_shows_no_password() {
    let shell = Shell::new();
    for (config, said) in [
        (
            "DATABASE_PATH = 'a.db'\nDATABASE_URL = 'postgresql://u:s3cret-word@h/d'",
            "line 2: DATABASE_URL: stands beside DATABASE_PATH, and one database holds everything: take one of the two out",
        ),
        ("DATABASE_URL = 'mysql://u:s3cret-word@h/d'", "line 1: DATABASE_URL: begins with mysql:"),
        ("DATABASE_URL = 'postgresql://u:s3cret-word@h/d?sslmode=maybe'", "line 1: DATABASE_URL: cannot be read"),
    ] {
        shell.write("config.py", config);
        let answer = shell.run("check").exits(1);
        assert!(answer.stderr.contains(said), "{}", answer.stderr);
        assert!(!answer.stderr.contains("s3cret"), "{}", answer.stderr);
    }
    shell.write("config.py", "DATABASE_URL = 'postgresql://u:s3cret-word@127.0.0.1:1/d'");
    let answer = shell.run("check --connect").exits(1);
    assert!(answer.stdout.contains("does not answer") && answer.stdout.contains("DATABASE_URL"), "{}", answer.stdout);
    assert!(!format!("{}{}", answer.stdout, answer.stderr).contains("s3cret"));
}
