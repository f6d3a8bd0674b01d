//! Certificates of database servers: trusted by their authority or by themselves, and otherwise refused in words.

use std::sync::Arc;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};

use super::{
    server::{certificate, listen},
    services::service,
    *,
};

/// The real PostgreSQL, behind TLS with this certificate. Answers its address.
async fn postgres_behind(certificate: &rcgen::Certificate, key: &rcgen::KeyPair) -> String {
    revere::tls::install();
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], private).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let real = service("REVERE_TEST_POSTGRES_URL");
    let real = real.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
    listen(move |mut socket| {
        let (acceptor, real) = (acceptor.clone(), real.clone());
        async move {
            let mut asks_for_tls = [0; 8];
            socket.read_exact(&mut asks_for_tls).await.unwrap();
            socket.write_all(b"S").await.unwrap();
            // A client that does not like the certificate hangs up, which is its right.
            let Ok(mut encrypted) = acceptor.accept(socket).await else { return };
            let mut server = TcpStream::connect(real).await.unwrap();
            let _ = copy_bidirectional(&mut encrypted, &mut server).await;
        }
    })
    .await
}

/// What PostgreSQL behind `shown` answers to one who was told to trust `trusted`: a row, or what is wrong.
async fn asked(shown: &(rcgen::Certificate, rcgen::KeyPair), trusted: &str, host: &str, options: &str) -> String {
    let address = postgres_behind(&shown.0, &shown.1).await;
    let port = address.rsplit(':').next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("trusted.pem"), trusted).unwrap();
    let url = format!("postgresql://revere:test-s3cret@{host}:{port}/postgres?{options}");
    let asked = source_in("database", json!({"connection_string": url}), folder.path());
    match asked.call("execute", [text("select 67")]).await {
        Ok(rows) => rows.repr(100),
        Err(fault) => fault.to_string(),
    }
}

#[tokio::test]
async fn a_certificate_that_was_named_is_itself_trusted() {
    for authority in [true, false] {
        let own = certificate("localhost", (2020, 2099), authority);
        for options in [
            "sslrootcert=trusted.pem",
            "sslmode=require&sslrootcert=trusted.pem",
            "sslmode=verify-ca&sslrootcert=trusted.pem",
            "sslmode=verify-full&sslrootcert=trusted.pem",
        ] {
            assert_eq!(asked(&own, &own.0.pem(), "localhost", options).await, "[(67,)]", "{authority} {options}");
        }
    }
}

/// `openssl req -x509 -subj /CN=localhost` makes such: no alternative name, the common name alone.
#[tokio::test]
async fn a_certificate_that_was_named_may_have_its_host_as_common_name() {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
    let key = rcgen::KeyPair::generate().unwrap();
    let own = (params.self_signed(&key).unwrap(), key);
    let full = "sslmode=verify-full&sslrootcert=trusted.pem";
    assert_eq!(asked(&own, &own.0.pem(), "localhost", full).await, "[(67,)]");
    says(&asked(&own, &own.0.pem(), "127.0.0.1", full).await, &["TLS failed: ", "wrong certificate: "]);
}

#[tokio::test]
async fn a_certificate_of_a_named_authority_is_trusted() {
    let root_key = rcgen::KeyPair::generate().unwrap();
    let mut root = rcgen::CertificateParams::new(vec!["authority".to_owned()]).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = root.self_signed(&root_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(root, root_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let shown = (params.signed_by(&key, &issuer).unwrap(), key);
    let full = "sslmode=verify-full&sslrootcert=trusted.pem";
    assert_eq!(asked(&shown, &pem, "localhost", full).await, "[(67,)]");
    says(&asked(&shown, &pem, "127.0.0.1", full).await, &["wrong certificate: it is for "]);
    let any_name = "sslmode=verify-ca&sslrootcert=trusted.pem";
    assert_eq!(asked(&shown, &pem, "127.0.0.1", any_name).await, "[(67,)]");
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_in_words() {
    let own = certificate("localhost", (2020, 2099), true);
    let other = certificate("localhost", (2020, 2099), true);
    let full = "sslmode=verify-full&sslrootcert=trusted.pem";
    for (shown, trusted, host, options, expected) in [
        (&own, &other, "localhost", full, "wrong certificate: it was issued by an authority that"),
        (&own, &other, "localhost", full, "name it or its authority by sslrootcert=FILE"),
        (&own, &other, "localhost", "sslmode=require&sslrootcert=trusted.pem", "wrong certificate: it was issued by"),
        (&own, &own, "localhost", "sslmode=verify-full", "wrong certificate: it was issued by"),
        (&own, &own, "127.0.0.1", full, "wrong certificate: it is for "),
        (&certificate("localhost", (2020, 2021), true), &own, "localhost", full, "wrong certificate: it"),
    ] {
        let said = asked(shown, &trusted.0.pem(), host, options).await;
        says(&said, &["TLS failed: ", expected]);
        assert!(!said.contains("CaUsedAsEndEntity") && !said.contains("Other("), "{said}");
    }
    for (years, expected) in [((2020, 2021), "it expired at 2021-"), ((2098, 2099), "it is not valid before 2098-")] {
        let late = certificate("localhost", years, true);
        says(&asked(&late, &late.0.pem(), "localhost", full).await, &["wrong certificate: ", expected]);
    }
    let no_file = "sslmode=verify-full&sslrootcert=missing.pem";
    says(&asked(&own, "", "localhost", no_file).await, &["missing.pem cannot be read"]);
    says(&asked(&own, "nothing", "localhost", full).await, &["trusted.pem holds no certificate"]);
}

/// Encryption without a look at the certificate, as libpq and MySQL's client have it, still works.
#[tokio::test]
async fn without_a_named_authority_any_certificate_will_do_unless_asked_otherwise() {
    let own = certificate("elsewhere", (2020, 2021), true);
    assert_eq!(asked(&own, "", "127.0.0.1", "sslmode=require").await, "[(67,)]");
    assert_eq!(asked(&own, "", "127.0.0.1", "").await, "[(67,)]");
}

#[tokio::test]
async fn mariadbs_own_certificate_is_trusted_when_it_is_named() {
    let (url, file) = (service("REVERE_TEST_MARIADB_TLS_URL"), service("REVERE_TEST_MARIADB_TLS_CA"));
    let named = url.replace("@127.0.0.1:", "@localhost:");
    let encrypted = "show session status like 'Ssl_version'";
    for (url, options) in
        [(&url, "ssl_ca="), (&named, "ssl_mode=verify_identity&ssl_ca="), (&url, "ssl_mode=verify_ca&ssl_ca=")]
    {
        let asked = source("database", json!({"connection_string": format!("{url}/?{options}{file}")}));
        assert_eq!(asked.rows(encrypted).await, "[('Ssl_version', 'TLSv1.3')]", "{options}");
    }
    let asked = |options: &str| source("database", json!({"connection_string": format!("{url}/?{options}")}));
    assert_eq!(asked("").rows(encrypted).await, "[('Ssl_version', 'TLSv1.3')]");
    assert_eq!(asked("ssl_mode=disabled").rows(encrypted).await, "[('Ssl_version', '')]");
    let fault = asked(&format!("ssl_mode=verify_identity&ssl_ca={file}")).fails("execute", [text("select 1")]).await;
    says(&fault, &["wrong certificate: it is for "]);
    let fault = asked("ssl_mode=verify_ca").fails("execute", [text("select 1")]).await;
    says(&fault, &["wrong certificate: it was issued by an authority", "by ssl_ca=FILE"]);
    let plain =
        source("database", json!({"connection_string": service("REVERE_TEST_MARIADB_URL") + "?ssl_mode=required"}));
    says(&plain.fails("execute", [text("select 1")]).await, &["TLS failed: the server offers none"]);
}
