//! What sources name to whoever writes a script, by the real services.

use revere::sources::names::{Extent, Name, Names, NamesOf, NamesQuestion};
use serde_json::json;

use super::{
    graphite::{feed, graphite, recently},
    server,
    services::{service, unique},
    *,
};

impl Asked {
    async fn names(&self, prefix: &str) -> Names {
        let question =
            NamesQuestion { prefix: prefix.to_owned(), deadline: Instant::now() + self.deadline, now: self.now };
        self.source.names(question).await.unwrap()
    }

    /// As a question has them, with what they are.
    async fn written(&self, prefix: &str) -> Vec<String> {
        let shown = |name: Name| {
            let words = [name.kind.word(), &name.of, &name.detail];
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            format!("{}: {}", name.written, words.join(" "))
        };
        self.names(prefix).await.items.into_iter().map(shown).collect()
    }
}

#[tokio::test]
async fn sqlite_names_tables_views_and_columns() {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"connection_string": "sqlite:///shop.db", "read_only": false});
    std::fs::write(folder.path().join("shop.db"), "").unwrap();
    let asked = source_in("database", config, folder.path());
    for sql in [
        "create table Orders (id integer primary key, \"to\" text, total real)",
        "create table \"odd name\" (x)",
        "create view cheap as select total from Orders",
    ] {
        asked.rows(sql).await;
    }
    assert_eq!(asked.source.names_of(), Some(NamesOf::Tables));
    assert_eq!(
        asked.written("").await,
        [
            "Orders: table",
            "cheap: table",
            "\"odd name\": table",
            "id: column Orders INTEGER",
            "\"to\": column Orders TEXT",
            "total: column Orders REAL",
            "total: column cheap REAL",
            "x: column odd name",
        ]
    );
    assert_eq!(asked.written("orders.T").await, ["\"to\": column Orders TEXT", "total: column Orders REAL"]);
    // It is known for a minute; then it is asked again.
    asked.rows("create table later (y)").await;
    assert_eq!(asked.written("later").await, [""; 0]);
    let asked = Asked { now: asked.now + jiff::SignedDuration::from_secs(61), ..asked };
    assert_eq!(asked.written("later").await, ["later: table", "y: column later"]);
    // A view of what is gone hides no table.
    asked.rows("drop table Orders").await;
    let asked = Asked { now: asked.now + jiff::SignedDuration::from_secs(61), ..asked };
    assert_eq!(asked.written("o").await, ["\"odd name\": table", "x: column odd name"]);
}

#[tokio::test]
async fn what_has_too_many_columns_is_asked_by_what_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.db"), "").unwrap();
    let config = json!({"connection_string": "sqlite:///shop.db", "read_only": false, "max_rows": 3});
    let asked = source_in("database", config, folder.path());
    for sql in ["create table a_1 (x, y, z)", "create table ab1 (x)", "create table zz (a_1)"] {
        asked.rows(sql).await;
    }
    assert_eq!(asked.names("").await.extent, Extent::Some);
    let found = asked.names("A_1").await;
    assert_eq!(found.extent, Extent::Some, "four columns, and three are answered");
    let found = asked.names("zz.").await;
    assert_eq!((found.items[0].name.as_str(), found.extent), ("a_1", Extent::All));
}

#[tokio::test]
async fn postgresql_names_what_its_user_may_read() {
    let asked = postgres::postgres(json!({"read_only": false}));
    let (schema, table) = (unique("names"), unique("Orders"));
    for sql in [
        format!("create table \"{table}\" (id bigint, \"group\" text)"),
        format!("create schema {schema}"),
        format!("create table {schema}.orders (total numeric)"),
    ] {
        asked.rows(&sql).await;
    }
    assert_eq!(
        asked.written(&table.to_lowercase()).await,
        [
            format!("\"{table}\": table"),
            format!("id: column {table} bigint"),
            format!("\"group\": column {table} text"),
        ]
    );
    let other = format!("{schema}.orders");
    assert_eq!(
        asked.written(&other).await,
        [format!("{other}: table"), format!("total: column {other} numeric")],
        "with its schema, which is not looked in by itself"
    );
    // Somebody who may read nothing is told nothing.
    let nobody = unique("nobody");
    asked.rows(&format!("create role {nobody} login password 'x'")).await;
    let url = service("REVERE_TEST_POSTGRES_URL").replace("revere:test-s3cret@", &format!("{nobody}:x@"));
    let powerless = source("database", json!({"connection_string": url}));
    assert_eq!(powerless.written(&table).await, [""; 0]);
    for sql in
        [format!("drop role {nobody}"), format!("drop schema {schema} cascade"), format!("drop table \"{table}\"")]
    {
        asked.rows(&sql).await;
    }
}

#[tokio::test]
async fn mariadb_names_tables_and_columns() {
    let mut config = json!({"connection_string": service("REVERE_TEST_MARIADB_URL")});
    config["read_only"] = false.into();
    let asked = source("database", config);
    let table = unique("orders");
    asked.rows(&format!("create table {table} (id int, `key` varchar(9))")).await;
    let found = asked.written(&format!("{table}.")).await;
    assert_eq!(found, [format!("id: column {table} int"), format!("`key`: column {table} varchar")]);
    assert_eq!(asked.written(&table.to_uppercase()).await[0], format!("{table}: table"));
    asked.rows(&format!("drop table {table}")).await;
}

#[tokio::test]
async fn graphite_names_paths_level_by_level() {
    let (asked, root) = (graphite(), unique("names"));
    feed(&asked, &format!("{root}.web1.load"), recently(), &[Some(1.0)]).await;
    feed(&asked, &format!("{root}.web2.load"), recently(), &[Some(1.0)]).await;
    assert_eq!(asked.written(&root).await, [format!("{root}.: branch")]);
    let found = [format!("{root}.web1.: branch"), format!("{root}.web2.: branch")];
    assert_eq!(asked.written(&format!("{root}.")).await, found);
    assert_eq!(asked.written(&format!("{root}.web2")).await, found[1..]);
    assert_eq!(asked.written(&format!("{root}.*.lo")).await, [format!("{root}.*.load: series")]);
    assert_eq!(asked.written(&format!("{root}.[")).await, [""; 0]);
    assert_eq!(asked.source.names_of(), Some(NamesOf::Paths));
}

#[tokio::test]
async fn prometheus_names_metrics_and_their_labels() {
    let mut asked = source("prometheus", json!({"url": service("REVERE_TEST_PROMETHEUS_URL")}));
    asked.now = revere_model::Clock::now(&revere_model::SystemClock);
    assert_eq!(asked.written("revere_test_q").await, ["revere_test_queue: metric"]);
    assert_eq!(asked.written("revere_test_queue{na").await, ["name: label revere_test_queue"]);
    assert!(asked.written("up{").await.contains(&"job: label up".to_owned()));
    assert_eq!(asked.written("no such, thing{").await, [""; 0]);
    assert_eq!(asked.source.names_of(), Some(NamesOf::Metrics));
}

#[tokio::test]
async fn an_answer_of_any_size_ends_and_what_others_say_is_no_name() {
    let huge = format!("[\"{}\"]", "x".repeat(3 << 20));
    let url = server::http(move |_, _| server::ok("application/json", &huge)).await;
    let asked = source("graphite", json!({"url": url}));
    assert_eq!(asked.names("a").await, Names { items: Vec::new(), extent: Extent::Some });
    let asked = source("demo", json!({}));
    assert_eq!(asked.written("mail").await, ["mail.queue: series mails waiting"]);
    let asked = source("http", json!({"base_url": "http://127.0.0.1:1"}));
    assert_eq!((asked.source.names_of(), asked.names("").await), (None, Names::default()));
}
