//! Whoever sends nothing, half a request, or takes no answer, is cut; whoever has many connections loses the idle ones.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, extract::Request, http::StatusCode, response::IntoResponse, routing};
use futures_util::stream;
use revere::app::{Listener, ListenerBounds};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SOON: Duration = Duration::from_millis(600);
/// So long a reader on a busy machine may do nothing, who reads all the same.
const LONG: Duration = Duration::from_secs(4);
/// A bound that no test reaches.
const NEVER: Duration = Duration::from_secs(3600);

/// No bound is reached but those that a test sets.
fn bounds() -> ListenerBounds {
    ListenerBounds {
        head_time: NEVER,
        body_time: NEVER,
        idle_time: NEVER,
        write_time: NEVER,
        connections: 100,
        connections_by_address: 100,
        ..ListenerBounds::default()
    }
}

/// `/` answers a word, `/large` what no buffer holds, `/read` with what it was sent, and `/never` comes to no end.
async fn serve(bounds: ListenerBounds) -> Listener {
    let listener = Listener::bind_within("127.0.0.1", 0, bounds).await.unwrap();
    let read = async |request: Request| match axum::body::to_bytes(request.into_body(), 1 << 20).await {
        Ok(bytes) => Body::from(bytes).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    };
    let router = Router::new()
        .route("/", routing::any(async || "well"))
        .route("/large", routing::get(async || vec![b'x'; 64 << 20]))
        .route("/read", routing::post(read))
        .route("/never", routing::get(async || Body::from_stream(stream::pending::<Result<&str, Infallible>>())));
    listener.open(router);
    listener
}

async fn connect(listener: &Listener) -> TcpStream {
    TcpStream::connect(listener.address()).await.unwrap()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n";

/// Sends a whole request and reads its answer to the end.
async fn ask(stream: &mut TcpStream) {
    stream.write_all(GET).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"well") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "{}", String::from_utf8_lossy(&answer));
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

/// Has an answer begun that comes to no end.
async fn busy(listener: &Listener) -> TcpStream {
    let mut stream = connect(listener).await;
    stream.write_all(b"GET /never HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    stream
}

/// Reads until the other side ends the connection; answers what came.
async fn ended(stream: &mut TcpStream) -> Vec<u8> {
    let mut came = Vec::new();
    // An end is an end, in order or by a reset.
    let _ = stream.read_to_end(&mut came).await;
    came
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_cut() {
    let listener = serve(ListenerBounds { head_time: SOON, ..bounds() }).await;
    for begun in [&b""[..], b"G", b"GET / HTTP/1.1\r\nhost: h\r\n", b"\r\n\r\n"] {
        // From before the server knows of it: what a busy machine does in between only makes it more.
        let began = Instant::now();
        let mut stream = connect(&listener).await;
        stream.write_all(begun).await.unwrap();
        let came = ended(&mut stream).await;
        let took = began.elapsed();
        assert_eq!(came, b"", "{begun:?}");
        assert!(took >= SOON / 2, "{took:?}");
    }
    // The second request of a connection has no more time than the first.
    let mut stream = connect(&listener).await;
    ask(&mut stream).await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert_eq!(ended(&mut stream).await, b"");
}

#[tokio::test]
async fn one_byte_at_a_time_is_no_way_around() {
    let listener = serve(ListenerBounds { head_time: SOON, ..bounds() }).await;
    let mut stream = connect(&listener).await;
    stream.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let trickle = async {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            if writer.write_all(b"y").await.is_err() {
                return;
            }
        }
    };
    let mut came = Vec::new();
    tokio::select! {
        _ = reader.read_to_end(&mut came) => {}
        () = trickle => {}
    }
    assert_eq!(came, b"");
}

#[tokio::test]
async fn a_body_that_does_not_come_to_its_end_is_cut() {
    let listener = serve(ListenerBounds { body_time: SOON, ..bounds() }).await;
    for begun in [
        "POST /read HTTP/1.1\r\ncontent-length: 9\r\n\r\n",
        "POST /read HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf",
        "POST /read HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "POST /read HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    ] {
        let began = Instant::now();
        let mut stream = connect(&listener).await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let came = String::from_utf8(ended(&mut stream).await).unwrap();
        let took = began.elapsed();
        assert!(came.is_empty() || came.starts_with("HTTP/1.1 400"), "{begun:?}: {came}");
        assert!(took >= SOON / 2, "{took:?}");
    }
}

#[tokio::test]
async fn an_idle_connection_ends_and_one_in_use_does_not() {
    let listener = serve(ListenerBounds { idle_time: SOON, ..bounds() }).await;
    let mut idle = connect(&listener).await;
    ask(&mut idle).await;
    let mut waiting = busy(&listener).await;
    assert_eq!(ended(&mut idle).await, b"");
    // It was asked before the other began to be idle, and still waits for its answer.
    let answer = tokio::time::timeout(SOON * 2, ended(&mut waiting)).await;
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_cut() {
    let listener = serve(ListenerBounds { write_time: LONG, ..bounds() }).await;
    let mut stream = connect(&listener).await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
    // Whoever goes on reading gets it, however long all of it takes: here longer than the other one is waited for.
    let mut slow = connect(&listener).await;
    slow.write_all(b"GET /large HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut got = 0;
    let mut part = vec![0; 1 << 20];
    loop {
        tokio::time::sleep(LONG / 50).await;
        let read = slow.read(&mut part).await.unwrap();
        got += read;
        if read == 0 {
            break;
        }
    }
    assert!(got > 64 << 20, "{got}");
    let came = ended(&mut stream).await;
    assert!(came.len() < 64 << 20, "{}", came.len());
}

#[tokio::test]
async fn heads_have_a_size_and_a_number_of_headers() {
    let listener = serve(bounds()).await;
    for (head, expected) in [
        (format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20 << 10)), "HTTP/1.1 200"),
        (format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(40 << 10)), "HTTP/1.1 431"),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "y".repeat(40 << 10)), "HTTP/1.1 4"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(99)), "HTTP/1.1 200"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(101)), "HTTP/1.1 431"),
    ] {
        let mut stream = connect(&listener).await;
        // It may have been refused before all of it was sent.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with(expected), "{answer} instead of {expected} to {} bytes", head.len());
    }
}

#[tokio::test]
async fn a_new_connection_takes_the_place_of_an_idle_one() {
    let listener = serve(ListenerBounds { connections: 4, connections_by_address: 3, ..bounds() }).await;
    let mut first = connect(&listener).await;
    ask(&mut first).await;
    let mut busy = busy(&listener).await;
    // Ten more that send nothing, and every one that asks is answered.
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(connect(&listener).await);
        ask(&mut connect(&listener).await).await;
    }
    assert_eq!(ended(&mut first).await, b"");
    for stream in &mut silent[..8] {
        assert_eq!(ended(stream).await, b"");
    }
    let answer = tokio::time::timeout(SOON, ended(&mut busy)).await;
    assert!(answer.is_err(), "what is being answered stays: {answer:?}");
}

#[tokio::test]
async fn where_all_are_being_answered_the_next_is_refused() {
    let listener = serve(ListenerBounds { connections: 2, connections_by_address: 2, ..bounds() }).await;
    let busy = [busy(&listener).await, busy(&listener).await];
    let mut refused = connect(&listener).await;
    let _ = refused.write_all(GET).await;
    let came = String::from_utf8(ended(&mut refused).await).unwrap();
    assert!(came.is_empty() || came.starts_with("HTTP/1.1 503"), "{came}");
    // As soon as one of them has gone, the next is answered.
    drop(busy);
    let answered = async || {
        let mut stream = connect(&listener).await;
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
        let came = String::from_utf8(ended(&mut stream).await).unwrap();
        if came.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(came) }
    };
    crate::support::eventually("an answer", answered).await;
}

#[tokio::test]
async fn two_lengths_are_refused_and_one_is_not() {
    let listener = serve(bounds()).await;
    for (head, expected) in [
        ("POST /read HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello", "200"),
        ("POST /read HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200"),
        ("POST /read HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello", "200"),
        ("POST /read HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ("POST /read HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\n", "400"),
        ("POST /read HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", "400"),
        ("POST /read HTTP/1.1\r\ntransfer-encoding: identity\r\n\r\n", "400"),
        ("POST /read HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ("POST /read HTTP/1.1\r\ncontent-length : 5\r\n\r\nhello", "400"),
        ("POST /read HTTP/1.1\r\ncontent-length: +5\r\n\r\nhello", "400"),
        ("POST /read HTTP/1.1\r\n content-length: 5\r\n\r\nhello", "400"),
    ] {
        let mut stream = connect(&listener).await;
        // A request that follows a refused one is part of what was refused.
        stream.write_all(format!("{head}GET / HTTP/1.1\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let came = String::from_utf8(ended(&mut stream).await).unwrap();
        assert!(came.starts_with(&format!("HTTP/1.1 {expected}")), "{head:?}: {came}");
        let answers = came.matches("HTTP/1.1 ").count();
        assert_eq!(answers, if expected == "200" { 2 } else { 1 }, "{head:?}: {came}");
    }
}

#[tokio::test]
async fn http_2_is_refused_where_it_begins_and_where_it_is_asked_for() {
    let listener = serve(bounds()).await;
    let mut stream = connect(&listener).await;
    // What every connection of HTTP/2 begins with, and its first frame: no settings.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let came = ended(&mut stream).await;
    let text = String::from_utf8_lossy(&came);
    assert!(came.is_empty() || text.starts_with("HTTP/1.1 4"), "{text:?}");
    // Nor is it changed to from HTTP/1.1.
    let mut stream = connect(&listener).await;
    let upgrade = "GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade, http2-settings, close\r\nupgrade: h2c\r\n\
                   http2-settings: AAMAAABkAAQAAP__\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let came = String::from_utf8(ended(&mut stream).await).unwrap();
    assert!(came.starts_with("HTTP/1.1 200") && came.ends_with("well"), "{came}");
}
