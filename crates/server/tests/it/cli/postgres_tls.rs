//! The database of PostgreSQL over a network: who it is by its certificate, and what it is never sent.

use serde_json::json;

use super::Shell;
use crate::support::{network_address, postgres_server::PostgresServer};

/// An authority, and a pair that it signed for `localhost`: all as PEM.
pub(crate) fn authority() -> (String, (String, String)) {
    let root_key = rcgen::KeyPair::generate().unwrap();
    let mut root = rcgen::CertificateParams::new(vec!["authority".to_owned()]).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = root.self_signed(&root_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(root, root_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (pem, (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem()))
}

#[tokio::test]
async fn the_right_authority_lets_it_connect_and_a_wrong_one_is_refused_in_words() {
    let (root, (certificate, key)) = authority();
    let (other, _) = authority();
    let database = PostgresServer::listening(Some((&certificate, &key))).await;
    let shell = Shell::new();
    let at = |host: &str, options: &str| {
        let address = format!("postgresql://revere@{host}:{}/postgres?{options}", database.port());
        shell.write("config.py", &format!("DATABASE_URL = '{address}'\n"));
    };
    let (root, other) = (shell.write("root.pem", &root), shell.write("other.pem", &other));
    let full = |root: &std::path::Path| format!("sslmode=verify-full&sslrootcert={}", root.display());
    for (host, options) in [
        ("localhost", full(&other)),
        ("127.0.0.1", full(&root)),
        ("localhost", "sslmode=verify-full".to_owned()),
        ("localhost", format!("sslrootcert={}", other.display())),
    ] {
        at(host, &options);
        let said = shell.run("check --connect").exits(1).stdout;
        let words = ["the database (", "cannot be spoken to over TLS", "name its authority by sslrootcert=FILE"];
        assert!(words.iter().all(|words| said.contains(words)), "{host} {options}: {said}");
    }
    at("localhost", &full(&root));
    let said = shell.run("check --connect").exits(0);
    assert!(said.stdout.contains("the database answers") && !said.stderr.contains("DATABASE_URL"), "{said:?}");

    let server = shell.serve(&[]);
    let monitor = json!({"name": "a", "script": "return_value = 67", "schedule": "* * * * * *"});
    let (status, made) = server.post("/api/v1/monitors", &monitor).await;
    assert_eq!(status, 201, "{made:#}");
    let path = format!("/api/v1/monitors/{}", made["id"]);
    server.wait_for(&path, |monitor| (monitor["state"] == "OK").then_some(())).await;
    assert_eq!(in_the_clear(&mut database.connect().await).await.0, 0);
    server.stop();
}

#[tokio::test]
async fn a_password_goes_over_a_network_in_no_way_that_everybody_can_read() {
    let own = network_address();
    let database = PostgresServer::listening(None).await;
    let mut owner = database.connect().await;
    sqlx::raw_sql("alter user revere password 'pass-s3cret'").execute(&mut owner).await.unwrap();
    let shell = Shell::new();
    let host = if own.is_ipv6() { format!("[{own}]") } else { own.to_string() };
    let address = format!("postgresql://revere:pass-s3cret@{host}:{}/postgres", database.port());
    for options in ["", "?sslmode=prefer", "?sslmode=disable"] {
        shell.write("config.py", &format!("DATABASE_URL = '{address}{options}'\n"));
        let said = shell.run("check --connect").exits(1);
        assert!(said.stdout.contains("was not sent the password") && said.stdout.contains("scram-sha-256"), "{said:?}");
        assert!(said.stderr.contains("DATABASE_URL: its host is another machine"), "{said:?}");
        assert!(!format!("{said:?}").contains("s3cret"), "{said:?}");
    }
    let said = shell.run("run -p 0").exits(1).stderr;
    assert!(said.contains("was not sent the password"), "{said}");

    // Where it encrypts, all connections do, though nothing says so.
    let (_, (certificate, key)) = authority();
    let encrypted = PostgresServer::listening(Some((&certificate, &key))).await;
    let mut owner = encrypted.connect().await;
    sqlx::raw_sql("alter user revere password 'pass-s3cret'").execute(&mut owner).await.unwrap();
    let address = format!("postgresql://revere:pass-s3cret@{host}:{}/postgres", encrypted.port());
    shell.write("config.py", &format!("DATABASE_URL = '{address}'\n"));
    let server = shell.serve(&[]);
    server.json("/api/v1/monitors").await;
    assert_eq!(in_the_clear(&mut owner).await.0, 0);
    server.stop();
}

/// How many connections of Revere are not encrypted, and how many there are.
async fn in_the_clear(owner: &mut sqlx::PgConnection) -> (i64, i64) {
    let asked =
        "select count(*) filter (where not s.ssl), count(*) from pg_stat_ssl s join pg_stat_activity a using (pid)
         where a.application_name = 'revere'";
    let found: (i64, i64) = sqlx::query_as(asked).fetch_one(owner).await.unwrap();
    assert!(found.1 >= 2, "{found:?}");
    found
}
