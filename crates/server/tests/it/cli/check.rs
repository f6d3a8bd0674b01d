//! `revere check` says what `revere run` would come to, and commands that only read make nothing.

use std::path::Path;

use sqlx::Connection as _;

use super::{Said, Shell, said};
use crate::support::{PostgresServer, database::schema_of_its_own};

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_command_that_only_reads_says_where_there_is_no_database_and_makes_none() {
    let shell = Shell::new();
    shell.write(
        "config.py",
        "DATABASE_PATH = 'there/revere.db'\nLOCAL_USERS = True\nREVERE_ALERTS = {'ops': {'type': 'log'}}\n",
    );
    std::fs::create_dir(shell.path("there")).unwrap();
    let commands = [
        "user list",
        "user disable ada",
        "user enable ada",
        "user role ada viewer",
        "user rename ada eve",
        "user reset ada",
        "alert who 1",
        "alert preview ops 1",
        "backup copy.db",
    ];
    for command in commands {
        let said = shell.run(command).exits(1);
        assert!(said.stderr.contains("there is no database"), "{command}: {}", said.stderr);
        assert!(said.stderr.contains("there/revere.db"), "where it was looked for: {command}: {}", said.stderr);
        assert_eq!(files(&shell.path("there")), [""; 0], "{command}");
    }
    // An empty file is none, and stays empty; neither does looking into one make anything of it.
    for empty in ["there/revere.db", "empty.db"] {
        shell.write(empty, "");
    }
    for command in ["user list", "alert who 1", "backup copy.db", "run -p 0 --look empty.db"] {
        let said = shell.run(command).exits(1);
        assert!(said.stderr.contains("there is no database"), "{command}: {}", said.stderr);
        for empty in ["there/revere.db", "empty.db"] {
            assert_eq!(std::fs::metadata(shell.path(empty)).unwrap().len(), 0, "{command}: {empty}");
        }
    }

    let url = schema_of_its_own().await;
    shell.write("server.py", &format!("DATABASE_URL = '{url}'\nLOCAL_USERS = True\n"));
    for command in ["user list", "nodes", "alert who 1", "reload"] {
        let said = shell.run(&format!("{command} -c server.py")).exits(1);
        assert!(said.stderr.contains("there is no database at postgresql://"), "{command}: {}", said.stderr);
    }
    let said = shell.run(&format!("run -p 0 -c server.py --look {url}")).exits(1);
    assert!(said.stderr.contains("--look"), "{}", said.stderr);
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    let tables: i64 =
        sqlx::query_scalar("select count(*) from pg_class where relnamespace = current_schema()::regnamespace")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(tables, 0);
}

#[test]
fn check_judges_the_address_that_run_would_listen_on() {
    let shell = Shell::new();
    shell.write("config.py", "");
    let check = |host: &str, port: &str| -> Said {
        said(shell.revere().arg("check").env("REVERE_HOST", host).env("REVERE_PORT", port))
    };
    let right = check("127.0.0.1", "8080").exits(0);
    assert!(right.stdout.contains("listens at 127.0.0.1:8080"), "{}", right.stdout);
    let open = check("0.0.0.0", "5000").exits(1);
    assert!(open.stderr.contains("nobody would be asked who they are"), "{}", open.stderr);
    shell.run("check --host 0.0.0.0").exits(1);
    check("127.0.0.1", "many").exits(2);
    let nowhere = check("no.such.host.invalid", "5000").exits(1);
    assert!(nowhere.stderr.contains("no address has that name"), "{}", nowhere.stderr);
    shell.write("config.py", "LOCAL_USERS = True\nBASE_URL = 'https://revere.example'\n");
    check("0.0.0.0", "5000").exits(0);
}

#[tokio::test]
async fn check_connect_says_whether_the_file_can_be_the_database() {
    let shell = Shell::new();
    shell.write("config.py", "");
    let check = || shell.run("check --connect");
    assert!(check().exits(0).stdout.contains("the database is not there yet"));
    assert_eq!(files(&shell.path("")), ["config.py"], "nothing was made");
    shell.write(
        "revere.db",
        "no database at all, but a file of somebody's, and longer than a header\n".repeat(20).as_str(),
    );
    let said = check().exits(1);
    assert!(said.stdout.contains("file is not a database"), "{}", said.stdout);
    std::fs::remove_file(shell.path("revere.db")).unwrap();

    let file = format!("sqlite://{}?mode=rwc", shell.path("revere.db").display());
    let mut foreign = sqlx::SqliteConnection::connect(&file).await.unwrap();
    sqlx::raw_sql("create table songs (name text)").execute(&mut foreign).await.unwrap();
    foreign.close().await.unwrap();
    let said = check().exits(1);
    assert!(said.stdout.contains("not one of Revere's; choose another DATABASE_PATH"), "{}", said.stdout);
    std::fs::remove_file(shell.path("revere.db")).unwrap();

    shell.serve(&[]).stop();
    assert!(check().exits(0).stdout.contains("the database answers"));
    let mut newer = sqlx::SqliteConnection::connect(&file).await.unwrap();
    sqlx::raw_sql("pragma user_version = 9999").execute(&mut newer).await.unwrap();
    newer.close().await.unwrap();
    let said = check().exits(1);
    assert!(said.stdout.contains("has schema 9999, this program knows up to"), "{}", said.stdout);
}

#[test]
fn a_folder_in_the_place_of_the_database_is_named_and_nobody_is_to_close_it() {
    let shell = Shell::new();
    shell.write("config.py", "DATABASE_PATH = '/tmp'\n");
    for command in ["check", "check --connect"] {
        let said = shell.run(command).exits(1);
        assert!(said.stderr.contains("DATABASE_PATH: /tmp is a folder; name the file in it"), "{}", said.stderr);
        assert!(!said.stderr.contains("chmod"), "{}", said.stderr);
    }
}

#[tokio::test]
async fn check_connect_says_which_rights_a_user_of_postgresql_lacks() {
    let server = PostgresServer::start(&[]).await;
    let mut owner = server.connect().await;
    sqlx::raw_sql("revoke create on schema public from public; create role bob login")
        .execute(&mut owner)
        .await
        .unwrap();
    let shell = Shell::new();
    let url = |user: &str| server.url().replace("//revere@", &format!("//{user}@"));
    let check = |user: &str| {
        shell.write("config.py", &format!("DATABASE_URL = '{}'\n", url(user)));
        shell.run("check --connect")
    };
    let said = check("bob").exits(1);
    assert!(said.stdout.contains("does not let bob make tables in the schema public"), "{}", said.stdout);
    assert!(said.stdout.contains("GRANT USAGE, CREATE ON SCHEMA public TO bob"), "{}", said.stdout);
    assert!(check("revere").exits(0).stdout.contains("the database answers"));
    shell.serve(&[]).stop();
    let said = check("bob").exits(1);
    assert!(said.stdout.contains("does not let bob read and write all its tables"), "{}", said.stdout);
    let rights = "grant all on all tables in schema public to bob; grant all on all sequences in schema public to bob";
    sqlx::raw_sql(rights).execute(&mut owner).await.unwrap();
    let said = check("bob").exits(1);
    assert!(said.stdout.contains("has runs in partitions that bob may not make"), "{}", said.stdout);
    assert!(said.stdout.contains("GRANT revere TO bob"), "{}", said.stdout);
    sqlx::raw_sql("grant revere to bob").execute(&mut owner).await.unwrap();
    check("bob").exits(0);
    sqlx::raw_sql("update meta set value = '9999' where key = 'schema'").execute(&mut owner).await.unwrap();
    let said = check("bob").exits(1);
    assert!(said.stdout.contains("has schema 9999, this program knows up to"), "{}", said.stdout);
}

#[test]
fn what_the_configuration_has_switched_off_is_listed_as_off() {
    let shell = Shell::new();
    shell.write(
        "config.py",
        "REVERE_SOURCES = {'old': {'type': 'demo', 'enabled': False}}\n\
         REVERE_ALERTS = {'ops': {'type': 'log', 'enabled': False}, 'print': {'type': 'log'}}\n",
    );
    let said = shell.run("check").exits(0).stdout;
    assert!(said.contains("sources    old (off)\n") && said.contains("alerts     print, ops (off)\n"), "{said}");
}
