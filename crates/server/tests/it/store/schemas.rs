//! What both engines' steps make is the same: tables, columns, what may be missing, indexes, keys and what refers to what.

use std::{collections::BTreeSet, fs, path::Path};

use crate::support::{Scratch, TestDatabase};

/// Names of the steps of an engine, in order.
fn steps(engine: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// `runs.seed integer?`, and `runs_flip_time (monitor_id,new_state,started_at) in part`.
async fn sqlite() -> BTreeSet<String> {
    let scratch = Scratch::on(TestDatabase::in_a_file(), |_| {}).await;
    let mut sql = scratch.sql().await;
    let columns = "select t.name || '.' || c.name || ' ' || lower(c.type)
             || case when c.\"notnull\" or c.pk then '' else '?' end
         from sqlite_schema t, pragma_table_info(t.name) c where t.type = 'table' and t.name not like 'sqlite%'";
    let indexes = "select sql from sqlite_schema where type = 'index' and sql is not null";
    let mut all: BTreeSet<String> = sql.texts(columns).await.into_iter().collect();
    all.extend(sql.texts(indexes).await.iter().map(|sql| index(sql, " on ")));
    all
}

async fn postgresql() -> BTreeSet<String> {
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
    let mut sql = scratch.sql().await;
    // One server has a file for itself: there is nothing to be said of others, nor of commits without an answer. Views are for servers
    // of another version.
    let columns = "select table_name || '.' || column_name || ' ' || case data_type when 'bigint' then 'integer'
             when 'boolean' then 'integer' when 'double precision' then 'real' else data_type end
             || case is_nullable when 'NO' then '' else '?' end
         from information_schema.columns where table_schema = current_schema() and table_name not in ('nodes', 'commits')
             and table_name not in (select relname from pg_class where relispartition
                 or relkind = 'v' and relnamespace = current_schema()::regnamespace)";
    // Those that a key or a rule has are not written down in either.
    let indexes = "select replace(indexdef, ' USING btree', '') from pg_indexes
         where schemaname = current_schema() and indexdef not like 'CREATE UNIQUE %'
             and tablename not in (select relname from pg_class where relispartition)";
    let mut all: BTreeSet<String> = sql.texts(columns).await.into_iter().collect();
    all.extend(sql.texts(indexes).await.iter().map(|sql| index(sql, " ON ")));
    all
}

/// An index, from what makes it: its name, what it is of, and whether it holds a part of the rows.
fn index(sql: &str, on: &str) -> String {
    let (begin, rest) = sql.split_once(on).unwrap();
    let name = begin.split_whitespace().last().unwrap();
    let of = &rest[rest.find('(').unwrap()..];
    let (of, condition) = match of.to_lowercase().find(" where ") {
        Some(at) => (&of[..at], " in part"),
        None => (of, ""),
    };
    format!("{name} {}{condition}", of.to_lowercase().replace(' ', ""))
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_indexes() {
    let (mut sqlite, mut postgresql) = (sqlite().await, postgresql().await);
    assert!(sqlite.len() > 150, "{sqlite:?}");
    // What charts are drawn from: a part of a column cannot be read from an index of PostgreSQL, and a whole one has no room in one.
    assert!(sqlite.remove("runs_series (monitor_id,started_at,new_state,substr(return_value,1,200))"), "{sqlite:?}");
    for index in [
        "runs_time (monitor_id,started_at)",
        "runs_points (monitor_id,started_at,id)include(new_state,return_value) in part",
        "runs_long_points (monitor_id,started_at,id) in part",
    ] {
        assert!(postgresql.remove(index), "{index}: {postgresql:?}");
    }
    let only =
        |these: &BTreeSet<String>, those: &BTreeSet<String>| these.difference(those).cloned().collect::<Vec<_>>();
    assert_eq!(only(&sqlite, &postgresql), [""; 0], "only SQLite has these");
    assert_eq!(only(&postgresql, &sqlite), [""; 0], "only PostgreSQL has these");
}

/// Keys, what has to be unique, and what refers to what: `deliveries unique (key)`, `flips (monitor_id) references monitors on delete
/// no action`.
async fn rules_of_sqlite() -> BTreeSet<String> {
    let scratch = Scratch::on(TestDatabase::in_a_file(), |_| {}).await;
    let mut sql = scratch.sql().await;
    let keys = "select t.name || ' primary key (' || (select group_concat(name, ',') from
             (select name from pragma_table_info(t.name) where pk > 0 order by pk)) || ')'
         from sqlite_schema t where t.type = 'table' and t.name not like 'sqlite%'";
    let unique = "select t.name || ' unique (' || (select group_concat(name, ',') from
             (select name from pragma_index_info(l.name) order by seqno)) || ')'
         from sqlite_schema t, pragma_index_list(t.name) l where t.type = 'table' and l.origin = 'u'";
    let references =
        "select t.name || ' (' || group_concat(f.\"from\", ',') || ') references ' || f.\"table\" || ' on delete '
             || lower(f.on_delete)
         from sqlite_schema t, pragma_foreign_key_list(t.name) f where t.type = 'table' group by t.name, f.id";
    let mut all = BTreeSet::new();
    for asked in [keys, unique, references] {
        all.extend(sql.texts(asked).await);
    }
    all
}

async fn rules_of_postgresql() -> BTreeSet<String> {
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
    // What holds for all runs stands at each of their partitions.
    let rules = "select cast(case c.relname when 'runs_before' then 'runs' else c.relname end as text)
             || case k.contype when 'p' then ' primary key (' when 'u' then ' unique (' else ' (' end
             || (select string_agg(cast(a.attname as text), ',' order by o.place)
                 from unnest(k.conkey) with ordinality o (number, place)
                 join pg_attribute a on a.attrelid = c.oid and a.attnum = o.number) || ')'
             || case when k.contype = 'f' then ' references ' || cast(f.relname as text) || ' on delete '
                 || case k.confdeltype when 'a' then 'no action' when 'c' then 'cascade' else 'something else' end else '' end
         from pg_constraint k join pg_class c on c.oid = k.conrelid left join pg_class f on f.oid = k.confrelid
         where k.connamespace = current_schema()::regnamespace and k.contype in ('p', 'u', 'f')
             and c.relname not in ('nodes', 'commits') and (not c.relispartition or c.relname = 'runs_before')";
    scratch.sql().await.texts(rules).await.into_iter().collect()
}

#[tokio::test]
async fn both_engines_have_the_same_keys_and_references() {
    let (mut sqlite, postgresql) = (rules_of_sqlite().await, rules_of_postgresql().await);
    assert!(sqlite.len() > 60, "{sqlite:?}");
    // PostgreSQL would write to the row of the monitor with every run, to look after it.
    assert!(sqlite.remove("runs (monitor_id) references monitors on delete no action"), "{sqlite:?}");
    assert_eq!(sqlite.difference(&postgresql).collect::<Vec<_>>(), [""; 0], "only SQLite has these");
    assert_eq!(postgresql.difference(&sqlite).collect::<Vec<_>>(), [""; 0], "only PostgreSQL has these");
}

#[tokio::test]
async fn every_step_has_a_pair_of_the_same_name_and_is_made() {
    let (sqlite, postgresql) = (steps("sqlite"), steps("postgres"));
    // PostgreSQL began with all that there was by then.
    let from = sqlite.iter().position(|name| *name == postgresql[0]).expect("the first has the name of SQLite's step");
    assert_eq!(sqlite[from..], postgresql[..], "crates/server/migrations");
    let number = |name: &String| name[..4].parse::<i64>().unwrap();
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
    let made = "select cast(value as bigint) from meta where key = 'schema'";
    assert_eq!(scratch.sql().await.number(made).await, number(postgresql.last().unwrap()));
    let scratch = Scratch::on(TestDatabase::in_a_file(), |_| {}).await;
    assert_eq!(scratch.sql().await.number("pragma user_version").await, number(sqlite.last().unwrap()));
}

/// What of a step of PostgreSQL a server of the version before could stumble over, which goes on beside the new one for the
/// length of an upgrade: it reads and writes what it knows of by name, and knows nothing of the rest.
fn not_for_the_version_before(step: &str) -> Option<String> {
    let lines: String = step.lines().map(|line| format!("{}\n", line.split("--").next().unwrap())).collect();
    let statements = lines.split(';').map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut new_tables = BTreeSet::new();
    for statement in statements.filter(|statement| !statement.is_empty()) {
        let words: Vec<&str> = statement.split(' ').collect();
        let is_harmless = match words[..] {
            ["create", "table", name, ..] => new_tables.insert(name.to_owned()),
            // What has to be unique is news to whoever writes it.
            ["create", "unique", "index", _, "on", table, ..] => new_tables.contains(table),
            ["create", "index", ..] | ["drop", "index", ..] | ["insert", "into", ..] | ["update", ..] => true,
            ["alter", "table", _, "add", "column", ..] => {
                !statement.contains("not null") || statement.contains(" default ")
            }
            _ => false,
        };
        if !is_harmless {
            return Some(statement);
        }
    }
    None
}

#[test]
fn every_step_leaves_a_server_of_the_version_before_what_it_reads_and_writes() {
    // Those before are older than the promise.
    const PROMISED_FROM: &str = "0023";
    // `store::partitions` and `store::dues` have a session of the version before go on over these.
    const SHOWN_ELSEWHERE: [&str; 3] = ["0036_partitions.sql", "0037_dues.sql", "0038_chart_index.sql"];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let is_promised = |name: &String| &name[..4] >= PROMISED_FROM && !SHOWN_ELSEWHERE.contains(&name.as_str());
    let promised: Vec<String> = steps("postgres").into_iter().filter(is_promised).collect();
    assert!(promised.len() >= 8, "{promised:?}");
    for name in promised {
        let found = not_for_the_version_before(&fs::read_to_string(folder.join(&name)).unwrap());
        assert_eq!(
            found, None,
            "{name}: a server of the version before is beside this one during an upgrade; do it in two releases"
        );
    }
    for refused in [
        "alter table runs drop column seed;",
        "alter table runs rename column seed to start;",
        "alter table runs add column made bigint not null;",
        "create table a (b bigint);\ncreate unique index runs_tick on runs (tick_at);",
        "drop table gaps;",
        "alter table runs alter column seed type text;",
        "delete from gaps;",
    ] {
        assert!(not_for_the_version_before(refused).is_some(), "{refused}");
    }
}
