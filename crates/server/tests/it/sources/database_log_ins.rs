//! How databases are logged in to: through PgBouncer, by Ed25519, and by what is not known here.

use serde_json::json;

use super::{services::service, *};

fn database(connection_string: &str) -> Asked {
    source("database", json!({"connection_string": connection_string}))
}

#[tokio::test]
async fn pgbouncer_works_as_debian_configures_it() {
    for pool in ["by_session", "by_transaction"] {
        let asked = database(&format!("{}/{pool}", service("REVERE_TEST_PGBOUNCER_URL")));
        for round in 0..5 {
            let sql = "select %s::int, current_setting('transaction_read_only'), current_setting('TimeZone'), 0.1::float8, '{[1,2)}'::int4multirange";
            let rows = asked.shown("execute", [text(sql), list([Value::Int(round)])]).await;
            assert_eq!(rows, format!("[({round}, 'on', 'UTC', 0.1, '{{[1,2)}}')]"), "{pool}");
        }
        says(&asked.fails("execute", [text("select 1/0")]).await, &["division by zero (22012)"]);
        assert_eq!(asked.rows("select 1").await, "[(1,)]", "{pool}");
        let (a, b) = tokio::join!(asked.rows("select 1 from pg_sleep(0.1)"), asked.rows("select 2 from pg_sleep(0.1)"));
        assert_eq!((a.as_str(), b.as_str()), ("[(1,)]", "[(2,)]"), "{pool}");
    }
}

#[tokio::test]
async fn what_pgbouncer_refuses_is_named_with_the_way_out() {
    let url = service("REVERE_TEST_PGBOUNCER_URL");
    let asked = database(&format!("{url}/by_session?options=-c%20search_path%3Dapp"));
    says(
        &asked.fails("execute", [text("select 1")]).await,
        &[
            "unsupported startup parameter",
            "take 'options' out of the connection string",
            "ignore_startup_parameters = options",
        ],
    );
    let wrong = url.replace(":test-s3cret@", ":wr0ng-pass@");
    let fault = database(&format!("{wrong}/by_session")).fails("execute", [text("select 1")]).await;
    assert!(fault.contains("password authentication failed") && !fault.contains("wr0ng"), "{fault}");
}

#[tokio::test]
async fn users_log_in_by_ed25519() {
    let url = service("REVERE_TEST_MARIADB_TLS_URL");
    assert_eq!(database(&url).rows("select substring_index(current_user(), '@', 1)").await, "[('revere',)]");
    let wrong = url.replace(":test-s3cret@", ":wr0ng-pass@");
    let fault = database(&wrong).fails("execute", [text("select 1")]).await;
    says(&fault, &["Access denied for user 'revere'"]);
    assert!(!fault.contains("wr0ng"), "{fault}");
}

#[tokio::test]
async fn a_log_in_that_is_not_known_is_named_with_those_that_are() {
    let url = service("REVERE_TEST_MARIADB_TLS_URL").replace("//revere:", "//other:");
    let fault = database(&url).fails("execute", [text("select 1")]).await;
    says(
        &fault,
        &["the log-in failed: the server wants the log-in 'dialog' for this user", "client_ed25519", "alter user"],
    );
    let url = service("REVERE_TEST_POSTGRES_URL").replace(":test-s3cret@", "@");
    says(
        &database(&url).fails("execute", [text("select 1")]).await,
        &["wants a password, and the connection string has none"],
    );
}
