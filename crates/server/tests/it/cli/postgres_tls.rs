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

/// `openssl req -x509`, with more on its command line: the server's certificate, which nobody else signed, and its key.
fn self_signed(shell: &Shell, more: &[&str]) -> (String, String) {
    let (certificate, key) = (shell.path("own.pem"), shell.path("own-key.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"])
        .args(more)
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (std::fs::read_to_string(certificate).unwrap(), std::fs::read_to_string(key).unwrap())
}

/// The client library trusts none that calls itself an authority, as what `openssl req -x509` makes does. The message
/// names what to add to the command, and that works.
#[tokio::test]
async fn a_self_signed_certificate_is_trusted_by_itself_or_refused_with_the_way_to_make_one_that_is() {
    let shell = Shell::new();
    let with_host = ["-addext", "subjectAltName=DNS:localhost"];
    let no_authority = ["-addext", "basicConstraints=critical,CA:FALSE"];
    for is_authority in [true, false] {
        let more = if is_authority { with_host.to_vec() } else { [with_host, no_authority].concat() };
        let (certificate, key) = self_signed(&shell, &more);
        let database = PostgresServer::listening(Some((&certificate, &key))).await;
        let named = format!("sslrootcert={}", shell.path("own.pem").display());
        for options in [named.clone(), format!("sslmode=verify-ca&{named}"), format!("sslmode=verify-full&{named}")] {
            let address = format!("postgresql://revere@localhost:{}/postgres?{options}", database.port());
            shell.write("config.py", &format!("DATABASE_URL = '{address}'\n"));
            let checked = shell.run("check --connect");
            if is_authority {
                let said = checked.exits(1).stdout;
                assert!(said.contains("its certificate says of itself that it is an authority (CA:TRUE)"), "{said}");
                assert!(said.contains(&no_authority.join(" ")) && said.contains("subjectAltName=DNS:"), "{said}");
                assert!(!said.contains("CaUsedAsEndEntity"), "{said}");
            } else {
                assert!(checked.exits(0).stdout.contains("the database answers"), "{options}");
            }
        }
    }
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
