//! Against raw sockets, since the faults worth testing are those that no proper server makes.

use std::{collections::BTreeMap, io::ErrorKind, net::IpAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::tls;

/// Serves each connection with the bytes that `answer` gives for what was asked, then closes it.
async fn server(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let head = read_head(&mut socket).await;
                let _ = socket.write_all(&answer(&head)).await;
            });
        }
    });
    url
}

async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && socket.read(&mut byte).await.unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

fn limits() -> Limits {
    Limits::within(Duration::from_secs(10), 1000)
}

async fn fails(url: Url) -> OutboundError {
    Outbound::new(Secrets::default()).send(Request::get(url), limits()).await.unwrap_err()
}

#[tokio::test]
async fn an_answer_comes_whole_with_status_headers_and_time() {
    let url = server(|head| {
        assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: Basic dTpwIHc=\r\n"), "{head}");
        b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-type: text/plain; charset=iso-8859-1\r\ncontent-length: 4\r\nconnection: close\r\n\r\ncaf\xe9"
            .to_vec()
    })
    .await;
    let mut url = url.join("a?b=c").unwrap();
    url.set_username("u").unwrap();
    url.set_password(Some("p w")).unwrap();
    let reply = Outbound::new(Secrets::default()).send(Request::get(url), limits()).await.unwrap();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.text().await, "café");
    let now: jiff::Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(reply.retry_after(now), Some(Duration::from_secs(7)));
    assert!(reply.elapsed > Duration::ZERO);
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let url = server(|_| {
        b"HTTP/1.1 429 Too Many Requests\r\nretry-after: Tue, 01 Jan 2030 00:01:30 GMT\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()
    })
    .await;
    let reply = Outbound::new(Secrets::default()).send(Request::get(url), limits()).await.unwrap();
    assert_eq!(reply.retry_after("2030-01-01T00:00:00Z".parse().unwrap()), Some(Duration::from_secs(90)));
    assert_eq!(reply.retry_after("2030-01-01T01:00:00Z".parse().unwrap()), Some(Duration::ZERO));
}

#[tokio::test]
async fn refused_says_so() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = fails(Url::parse(&format!("http://{free}/x?token=abcd")).unwrap()).await;
    assert_eq!(error.kind, OutboundKind::Unreachable);
    assert_eq!(
        error.to_string(),
        format!("connection refused: nothing listens there (GET http://{free}/x?token=redacted)")
    );
}

#[tokio::test]
async fn an_unknown_name_says_so() {
    let error = fails(Url::parse("http://no-such-host.invalid/").unwrap()).await;
    assert_eq!(error.kind, OutboundKind::Unreachable);
    assert!(error.what.starts_with("the name cannot be resolved"), "{error}");
}

/// The greeting of TLS is never answered: whoever is asked was not reached.
#[tokio::test]
async fn a_connection_that_does_not_come_about_is_told_from_an_answer_that_does_not_come() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let outbound = Outbound::new(Secrets::default());
    for (scheme, millis, kind, what) in [
        ("https", 600, OutboundKind::NotConnected, "timed out after 0.6 s: no connection"),
        ("http", 600, OutboundKind::TimedOut, "timed out after 0.6 s: no answer"),
        // Too short to say so.
        ("https", 100, OutboundKind::TimedOut, "timed out after 0.1 s: no answer"),
    ] {
        let url = Url::parse(&format!("{scheme}://{}/", listener.local_addr().unwrap())).unwrap();
        let hurried = outbound.with(Options { timeout: Duration::from_millis(millis), ..Options::default() });
        let error = hurried.send(Request::get(url), limits()).await.unwrap_err();
        assert_eq!((error.kind, error.what.as_str()), (kind, what), "{scheme}");
    }
}

#[tokio::test]
async fn silence_times_out_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let outbound = Outbound::new(Secrets::default());
    let outbound = outbound.with(Options { timeout: Duration::from_millis(150), ..Options::default() });
    let error = outbound.send(Request::get(url), limits()).await.unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (OutboundKind::TimedOut, "timed out after 0.15 s: no answer"));
}

#[tokio::test]
async fn half_a_body_is_no_answer() {
    let url = server(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this".to_vec()).await;
    let error = fails(url).await;
    assert_eq!((error.kind, error.what.as_str()), (OutboundKind::Broken, "the answer broke off after 9 of 100 bytes"));
    let url = server(|_| b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n".to_vec()).await;
    let error = fails(url).await;
    assert_eq!(error.kind, OutboundKind::Broken);
    assert!(error.what.starts_with("the answer broke off after 5 bytes"), "{error}");
}

#[tokio::test]
async fn too_much_is_refused_announced_or_not() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1001)),
    ] {
        let url = server(move |_| answer.clone().into_bytes()).await;
        let error = fails(url).await;
        assert_eq!(
            (error.kind, error.what.as_str()),
            (OutboundKind::TooLarge(1000), "the answer is larger than 1000 bytes")
        );
        assert!(!error.may_pass());
    }
}

#[tokio::test]
async fn what_is_no_http_and_who_hangs_up_are_told_apart() {
    let url = server(|_| b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()).await;
    assert_eq!(fails(url).await.kind, OutboundKind::Protocol);
    let url = server(|_| Vec::new()).await;
    let error = fails(url.clone()).await;
    assert_eq!(
        (error.kind, error.what.as_str()),
        (OutboundKind::Broken, "the connection was closed before an answer came")
    );
    // A server without TLS answers the first bytes of a handshake with a complaint in plain text.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_u8().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let error = fails(tls).await;
    assert_eq!(error.kind, OutboundKind::Tls);
    assert!(error.what.contains("does not speak TLS"), "{error}");
}

#[tokio::test]
async fn a_reset_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_head(&mut socket).await;
            socket.set_zero_linger().unwrap();
        }
    });
    let error = fails(url).await;
    assert_eq!((error.kind, error.what.as_str()), (OutboundKind::Broken, "connection reset by the other side"));
}

#[tokio::test]
async fn redirects_are_followed_counted_and_checked() {
    let url = server(|head| {
        let to = |place: &str| {
            format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .into_bytes()
        };
        match head.split(' ').nth(1).unwrap() {
            "/once" => to("/end"),
            "/end" => ok("arrived"),
            "/metadata" => to("http://169.254.169.254/latest/"),
            "/elsewhere" => to("http://elsewhere.example/"),
            _ => to("/again"),
        }
    })
    .await;
    let outbound = Outbound::new(Secrets::default());
    let here = outbound.with(Options { allowed_hosts: Some(vec!["127.0.0.1".parse().unwrap()]), ..Options::default() });
    let reply = here.send(Request::get(url.join("once").unwrap()), limits()).await.unwrap();
    assert_eq!((reply.text().await.as_str(), reply.url.path()), ("arrived", "/end"));
    let again = here.send(Request::get(url.join("again").unwrap()), limits()).await.unwrap_err();
    assert!(again.what.starts_with("redirected more than 10 times"), "{again}");
    let metadata = outbound.send(Request::get(url.join("metadata").unwrap()), limits()).await.unwrap_err();
    assert_eq!(metadata.kind, OutboundKind::NotAllowed);
    let elsewhere = here.send(Request::get(url.join("elsewhere").unwrap()), limits()).await.unwrap_err();
    assert_eq!(elsewhere.what, "host 'elsewhere.example' is not among the allowed hosts: 127.0.0.1");
    let unfollowed = Request { redirects: 0, ..Request::get(url.join("once").unwrap()) };
    assert_eq!(here.send(unfollowed, limits()).await.unwrap().status, 302);
}

#[tokio::test]
async fn a_name_that_leads_to_the_metadata_service_is_refused() {
    let names = BTreeMap::from([
        ("innocent.example".to_owned(), vec![IpAddr::from([169, 254, 169, 254])]),
        ("loop.example".to_owned(), vec![IpAddr::from([169, 254, 169, 254]), IpAddr::from([127, 0, 0, 1])]),
    ]);
    let outbound = named(names, AddressRules::default(), Proxies::default());
    let url = Url::parse("http://innocent.example/latest/meta-data/").unwrap();
    let error = outbound.send(Request::get(url), limits()).await.unwrap_err();
    assert_eq!(error.kind, OutboundKind::NotAllowed);
    assert!(error.what.contains("169.254.169.254"), "{error}");
    // Of several addresses only the harmless ones are tried.
    let mut url = server(|_| ok("harmless")).await;
    url.set_host(Some("loop.example")).unwrap();
    assert_eq!(outbound.send(Request::get(url), limits()).await.unwrap().text().await, "harmless");
}

/// A client for which these names lead to these addresses.
fn named(names: BTreeMap<String, Vec<IpAddr>>, rules: AddressRules, proxies: Proxies) -> Outbound {
    let answer = move |host: &str| names.get(host).cloned().unwrap_or_default();
    let dialer = Dialer { rules: Arc::new(rules), names: Names::Own(Arc::new(answer)) };
    Outbound::of(Secrets::default(), dialer, proxies)
}

/// Rules that refuse one address.
fn without(address: &str) -> AddressRules {
    AddressRules { refused_networks: vec![address.parse().unwrap()], ..AddressRules::default() }
}

#[tokio::test]
async fn every_hop_is_judged_by_the_rules_of_the_configuration() {
    let url = server(|head| match head.split(' ').nth(1).unwrap() {
        "/literal" => {
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.2:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                .to_vec()
        }
        "/name" => {
            b"HTTP/1.1 302 Found\r\nlocation: http://two.example:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                .to_vec()
        }
        _ => ok("well"),
    })
    .await;
    let names = BTreeMap::from([("two.example".to_owned(), vec![IpAddr::from([127, 0, 0, 2])])]);
    let outbound = named(names, without("127.0.0.2"), Proxies::default());
    let ask = async |path: &str| outbound.send(Request::get(url.join(path).unwrap()), limits()).await;
    assert_eq!(ask("well").await.unwrap().text().await, "well");
    for path in ["literal", "name"] {
        let error = ask(path).await.unwrap_err();
        assert_eq!(error.kind, OutboundKind::NotAllowed, "{error}");
        assert!(error.what.contains("127.0.0.2") && error.what.contains("OUTBOUND_ALLOWS"), "{error}");
    }
}

#[tokio::test]
async fn a_name_is_judged_each_time_it_is_resolved() {
    let harmless = server(|_| ok("harmless")).await;
    let turns = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let next = turns.clone();
    // As a server of names answers that means harm: something harmless first, and then what it is after.
    let names = Names::Own(Arc::new(move |_| match next.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => vec![IpAddr::from([127, 0, 0, 1])],
        _ => vec![IpAddr::from([169, 254, 169, 254])],
    }));
    let dialer = Dialer { rules: Arc::default(), names };
    let outbound = Outbound::of(Secrets::default(), dialer.clone(), Proxies::default());
    let mut url = harmless.clone();
    url.set_host(Some("turns.example")).unwrap();
    let first = outbound.send(Request::get(url.clone()), limits()).await.unwrap();
    assert_eq!((first.text().await.as_str(), turns.load(std::sync::atomic::Ordering::SeqCst)), ("harmless", 1));
    assert_eq!(outbound.send(Request::get(url), limits()).await.unwrap_err().kind, OutboundKind::NotAllowed);
    let refused = dialer.connect("turns.example", 5432).await.unwrap_err().to_string();
    assert!(refused.starts_with("'turns.example' is 169.254.169.254, a cloud metadata address"), "{refused}");
}

#[tokio::test]
async fn a_proxy_is_where_the_environment_says_and_what_it_is_asked_for_is_judged_as_far_as_it_is_known() {
    let proxy = server(|head| ok(head.lines().next().unwrap())).await;
    let mut by_name = proxy.clone();
    by_name.set_host(Some("proxy.example")).unwrap();
    let proxies = Proxies::from_variables(|name| match name {
        "http_proxy" => Some(by_name.to_string()),
        "no_proxy" => Some("proxy.example,direct.example".to_owned()),
        _ => None,
    });
    let here = vec![IpAddr::from([127, 0, 0, 1])];
    let names = BTreeMap::from([("proxy.example".to_owned(), here.clone()), ("direct.example".to_owned(), here)]);
    let outbound = named(names, without("127.0.0.0/8"), proxies);
    let ask = async |url: &str| outbound.send(Request::get(Url::parse(url).unwrap()), limits()).await;
    let proxied = ask("http://elsewhere.example/x").await.unwrap();
    assert_eq!(proxied.text().await, "GET http://elsewhere.example/x HTTP/1.1");
    for refused in ["http://127.0.0.1/", "http://169.254.169.254/", "http://direct.example/", by_name.as_str()] {
        assert_eq!(ask(refused).await.unwrap_err().kind, OutboundKind::NotAllowed, "{refused}");
    }
}

#[tokio::test]
async fn json_says_what_it_is_instead() {
    let bodies = [
        ("<!DOCTYPE html><html><head><title>Sign in</title>", "a web page titled 'Sign in' instead of JSON"),
        ("", "an empty answer instead of JSON"),
        ("{\"a\": s3cret", "{\"a\": [redacted]"),
    ];
    let secrets = Secrets::default();
    secrets.learn("s3cret");
    for (body, expected) in bodies {
        let url = server(move |_| ok(body)).await;
        let reply = Outbound::new(secrets.clone()).send(Request::get(url), limits()).await.unwrap();
        let text = reply.json().unwrap_err();
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn the_wrong_certificate_is_named_and_can_be_trusted_or_ignored() {
    tls::install();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2077, 1, 2);
    let certificate = params.self_signed(&key).unwrap();
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private);
    let config = Arc::new(config.unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut tls =
                rustls::StreamOwned::new(rustls::ServerConnection::new(config.clone()).unwrap(), socket.unwrap());
            let mut buffer = [0; 1000];
            match std::io::Read::read(&mut tls, &mut buffer) {
                Ok(_) => std::io::Write::write_all(&mut tls, &ok("secure")).unwrap(),
                Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    });
    let outbound = Outbound::new(Secrets::default());
    let get = |host: &str| Request::get(Url::parse(&format!("https://{host}:{port}/")).unwrap());
    let error = outbound.send(get("localhost"), limits()).await.unwrap_err();
    assert_eq!(error.kind, OutboundKind::Tls);
    assert!(error.what.contains("does not trust"), "{error}");

    let extra = vec![certificate.der().clone()];
    let trusting = outbound.with(Options { trust: Trust { verify: true, extra }, ..Options::default() });
    let reply = trusting.send(get("localhost"), limits()).await.unwrap();
    assert_eq!(reply.text().await, "secure");
    assert_eq!(tls::not_after(&reply.certificate.unwrap()).unwrap().to_string(), "2077-01-02T00:00:00");
    let error = trusting.send(get("127.0.0.1"), limits()).await.unwrap_err();
    assert!(error.what.contains("it is for") && error.what.contains("not for 127.0.0.1"), "{error}");

    let careless = outbound.with(Options { trust: Trust { verify: false, extra: Vec::new() }, ..Options::default() });
    assert_eq!(careless.send(get("127.0.0.1"), limits()).await.unwrap().status, 200);
}

/// Names of other letters are asked for as the register has them (RFC 5891), whichever tables of Unicode read them.
#[test]
fn international_names_are_read_as_browsers_do() {
    for (typed, asked) in [
        ("b\u{fc}cher.example", Some("xn--bcher-kva.example")),
        ("FA\u{df}.example", Some("xn--fa-hia.example")),
        ("\u{645}\u{62b}\u{627}\u{644}.example", Some("xn--mgbh0fb.example")),
        // A joiner, where the letters around it allow one, and where they do not.
        ("\u{915}\u{94d}\u{200d}\u{937}.example", Some("xn--11b2ezcw70k.example")),
        ("a\u{200d}b.example", None),
    ] {
        let read = Url::parse(&format!("https://{typed}/")).ok();
        assert_eq!(read.as_ref().and_then(Url::host_str), asked, "{typed}");
    }
}
