//! What a session with PostgreSQL begins with, and what is left of it: databases of one test's own, and servers that
//! write down what they are asked.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::{
    database_impostors::{begun, log_in, message, read_message},
    postgres::postgres,
    server::listen,
    services::{service, unique},
    *,
};

/// A database of this test's own, and a source that may change it.
async fn database() -> (String, Asked) {
    let name = unique("db");
    // A database is made outside of any transaction, which a source never is.
    let made = tokio::process::Command::new("psql")
        .args([&service("REVERE_TEST_POSTGRES_URL"), "-qc", &format!("create database {name}")])
        .output()
        .await
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let url = service("REVERE_TEST_POSTGRES_URL");
    let url = format!("{}/{name}", url.rsplit_once('/').unwrap().0);
    let config = json!({"connection_string": url, "read_only": false, "pool_size": 1});
    (url, source("database", config))
}

/// `discard all` ends no connection of `dblink` and no variable of a function in Perl or Python.
#[tokio::test]
async fn a_session_that_cannot_be_made_as_new_is_not_used_again() {
    let (url, writing) = database().await;
    let pid = writing.rows("select pg_backend_pid()").await;
    assert_eq!(writing.rows("select pg_backend_pid()").await, pid, "nothing of the kind is installed yet");
    writing.rows("create extension dblink").await;
    let reading = source("database", json!({"connection_string": url, "pool_size": 1}));
    let open = format!("select dblink_connect('left_over', '{url}')");
    assert_eq!(reading.rows(&open).await, "[('OK',)]");
    assert_eq!(reading.rows("select dblink_get_connections()").await, "[(None,)]");
    let pid = reading.rows("select pg_backend_pid()").await;
    assert_ne!(reading.rows("select pg_backend_pid()").await, pid, "each call has a session of its own");
}

/// Enums, domains and composites that are made anew between calls have other numbers, and what is known of the old ones
/// must not be used for them.
#[tokio::test]
async fn types_that_were_made_anew_are_learned_anew() {
    let (_, writing) = database().await;
    let pid = writing.rows("select pg_backend_pid()").await;
    for (made, values, shown) in [
        ("enum ('calm', 'cross')", "array['calm', 'cross']::mood[]", "['calm', 'cross']"),
        ("(a int, b text)", "array[row(1, 'x'), row(2, null)]::mood[]", "'{\"(1,x)\",\"(2,)\"}'"),
        ("enum ('1', '2')", "array['1', '2']::mood[]", "['1', '2']"),
        ("range (subtype = int)", "array['[1,2)']::mood[]", "'{\"[1,2)\"}'"),
    ] {
        writing.rows(&format!("create type mood as {made}")).await;
        for _ in 0..2 {
            assert_eq!(writing.rows(&format!("select {values}")).await, format!("[({shown},)]"), "{made}");
        }
        writing.rows("drop type mood").await;
    }
    writing.rows("create domain mood as int").await;
    assert_eq!(writing.rows("select array[1, 2]::mood[]").await, "[([1, 2],)]");
    assert_eq!(writing.rows("select pg_backend_pid()").await, pid, "all of it in one session");
}

/// The limit of a call stands whatever the connection string, the database or an earlier call says.
#[tokio::test]
async fn the_statements_own_time_limit_is_that_of_its_call() {
    let (url, writing) = database().await;
    let name = url.rsplit('/').next().unwrap();
    writing.rows(&format!("alter database {name} set statement_timeout = '2h'")).await;
    let brief = |query: &str| {
        source("database", json!({"connection_string": format!("{url}{query}"), "timeout": 9.0, "pool_size": 1}))
    };
    let limit = async |asked: &Asked| {
        let shown = asked.rows("select setting::int from pg_settings where name = 'statement_timeout'").await;
        let milliseconds: i64 = shown.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
        assert!((1..=9000).contains(&milliseconds), "{milliseconds} ms");
    };
    let (plain, own) = (brief(""), brief("?options=-c%20statement_timeout%3D3h"));
    limit(&plain).await;
    limit(&own).await;
    plain.rows("select set_config('statement_timeout', '0', false)").await;
    limit(&plain).await;
}

/// A PostgreSQL that takes its time to let somebody in, and writes down what it is asked. Answers a source that has three
/// seconds for a call.
async fn slow_to_let_in(delay: Duration) -> (Asked, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let notes = asked.clone();
    let address = listen(move |mut socket| {
        let notes = notes.clone();
        async move {
            if begun(&mut socket).await.is_none() {
                return;
            }
            tokio::time::sleep(delay).await;
            let _ = socket.write_all(&[log_in(0, b""), message(b'Z', b"I")].concat()).await;
            while let Some((kind, body)) = read_message(&mut socket).await {
                notes.lock().unwrap().push(format!("{}{}", char::from(kind), String::from_utf8_lossy(&body)));
                if kind == b'S' {
                    return;
                }
            }
        }
    })
    .await;
    let config = json!({"connection_string": format!("postgresql://u:p@{address}/d"), "timeout": 3.0});
    (source("database", config), asked)
}

/// What connecting took is not the statement's any more, and the limit is set before the statement is read.
#[tokio::test]
async fn the_time_to_connect_is_taken_from_the_statements_and_the_limit_comes_first() {
    let delay = Duration::from_millis(400);
    let (slow, asked) = slow_to_let_in(delay).await;
    slow.fails("execute", [text("select 67")]).await;
    let asked = asked.lock().unwrap().clone();
    let limit = asked[0].split("statement_timeout = ").nth(1).and_then(|rest| rest.split(';').next());
    let limit: u128 = limit.unwrap().parse().unwrap();
    assert!(asked[0].starts_with("Qbegin read only; ") && limit > 0 && limit <= 3000 - delay.as_millis(), "{asked:?}");
    assert!(asked[1].starts_with('P') && asked[1].contains("select 67"), "{asked:?}");
}

/// libpq's `allow`: without TLS first, and with it where nobody is let in without.
#[tokio::test]
async fn sslmode_allow_asks_for_tls_where_nothing_else_is_let_in() {
    let url = service("REVERE_TEST_POSTGRES_URL");
    let plain = source("database", json!({"connection_string": format!("{url}?sslmode=allow")}));
    assert_eq!(plain.rows("select ssl from pg_stat_ssl where pid = pg_backend_pid()").await, "[(False,)]");
    let begins = Arc::<Mutex<Vec<u32>>>::default();
    let notes = begins.clone();
    let address = listen(move |mut socket| {
        let notes = notes.clone();
        async move {
            use tokio::io::AsyncReadExt;
            let mut body = vec![0; socket.read_u32().await.unwrap() as usize - 4];
            socket.read_exact(&mut body).await.unwrap();
            let asks = u32::from_be_bytes([body[0], body[1], body[2], body[3]]);
            notes.lock().unwrap().push(asks);
            // Of a server that requires TLS of everyone, and then of one that has none.
            let refusal = message(b'E', b"SFATAL\0C28000\0Mno pg_hba.conf entry for host, no encryption\0\0");
            let _ = socket.write_all(if asks == 80_877_103 { b"N" } else { &refusal }).await;
        }
    })
    .await;
    let config = json!({"connection_string": format!("postgresql://u:p@{address}/d?sslmode=allow")});
    says(
        &source("database", config).fails("execute", [text("select 1")]).await,
        &["TLS failed: the server offers none"],
    );
    assert_eq!(*begins.lock().unwrap(), [3 << 16, 80_877_103], "protocol 3.0, and then TLS");
}

/// A large row is there twice for a moment, as it came and as it is read, and once after that.
#[tokio::test]
async fn large_rows_count_once_when_they_have_come_in() {
    let memory = revere::answer_memory::AnswerMemory::of(10 << 20);
    // Another answer that is coming in: alone, one may be as large as it likes.
    let (begin, begun) = tokio::sync::oneshot::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let beside = memory.clone();
    let beside = tokio::spawn(async move {
        let coming_in = async {
            revere::answer_memory::count(1)?;
            begin.send(()).unwrap();
            let _ = ended.await;
            Ok(())
        };
        beside.during(Instant::now() + PATIENCE, coming_in).await
    });
    begun.await.unwrap();
    let maria = source("database", json!({"connection_string": service("REVERE_TEST_MARIADB_URL")}));
    for (asked, sql) in [
        (postgres(json!({})), "select repeat('x', 2000000) from generate_series(1, %s)"),
        (
            maria,
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < %s) select repeat('x', 2000000) from n",
        ),
    ] {
        // Four rows are 8 MB, and the last of them is there twice: 10 MB.
        let call = asked.call("execute", [Value::Text(sql.replace("%s", "4"))]);
        let Value::List(rows) = memory.during(Instant::now() + PATIENCE, call).await.unwrap() else { panic!() };
        assert_eq!((rows.len(), memory.used()), (4, 1), "{sql}");
        let call = asked.call("execute", [Value::Text(sql.replace("%s", "6"))]);
        let fault = memory.during(Instant::now() + PATIENCE, call).await.unwrap_err();
        says(&fault.to_string(), &["ANSWERS_IN_FLIGHT_MB"]);
        assert_eq!(memory.used(), 1, "{sql}");
    }
    end.send(()).unwrap();
    beside.await.unwrap().unwrap();
}
