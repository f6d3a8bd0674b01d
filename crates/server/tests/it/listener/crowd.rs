//! Four hundred connections that send half a request each: the pages stay as quick, the memory as small, and the
//! connections are gone in seconds.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use revere::app::ListenerBounds;

use crate::{cli::Shell, cli::server::Server, support::PATIENCE};

pub(super) const HALF_OPEN: usize = 400;

/// Kilobytes in memory.
pub(super) fn resident(server: &Server) -> i64 {
    let status = server.proc("status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How long nineteen of twenty answers take, at the best of some rounds: a busy machine is not what is measured.
async fn p95(server: &Server) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let mut times = Vec::new();
        for _ in 0..20 {
            let began = Instant::now();
            let (status, _) = server.get("/").await;
            times.push(began.elapsed());
            assert_eq!(status, 200);
        }
        times.sort_unstable();
        best = best.min(times[18]);
    }
    best
}

/// Fails where pages took longer than 50 ms at p95 beside whoever attacks. A machine on which they took half of that
/// before anybody attacked is too busy to say so: there they may take twice as long, and that is said.
pub(super) fn as_quick_as_ever(quiet: Duration, crowded: Duration) {
    let wanted = Duration::from_millis(50);
    if quiet < Duration::from_millis(25) {
        assert!(crowded < wanted, "p95 {quiet:?} before, then {crowded:?}");
        return;
    }
    eprintln!(
        "THIS MACHINE IS BUSY: p95 {quiet:?} with nobody else there. That pages take less than {wanted:?} is NOT shown by this run."
    );
    assert!(crowded < wanted.max(quiet * 2), "p95 {quiet:?} before, then {crowded:?}");
}

#[test]
fn a_head_has_ten_seconds_where_nothing_else_is_said() {
    assert_eq!(ListenerBounds::default().head_time, Duration::from_secs(10));
}

#[tokio::test]
async fn four_hundred_half_open_connections_hold_nobody_up() {
    let shell = Shell::new();
    let server =
        Server::start(shell.revere().args(["run", "-p", "0"]), |server| server.stderr.wait_for("listening on"));
    let quiet = p95(&server).await;
    let before = resident(&server);
    let began = Instant::now();
    let mut half_open: Vec<TcpStream> = (0..HALF_OPEN)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).unwrap();
            // Some nearly whole, and as large as a head may be.
            let filler = "y".repeat(if number % 4 == 0 { 30_000 } else { 100 });
            stream.write_all(format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {filler}").as_bytes()).unwrap();
            stream
        })
        .collect();
    let crowded = p95(&server).await;
    let more = resident(&server) - before;
    println!("p95 {quiet:?} before, {crowded:?} among them; {more} KiB more memory");
    as_quick_as_ever(quiet, crowded);
    assert!(more < 32 << 10, "{more} KiB");

    for stream in &mut half_open {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // In order or by a reset; what matters is that it ends.
        let mut came = Vec::new();
        let ended = stream.read_to_end(&mut came);
        assert!(!matches!(&ended, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "still open");
        assert_eq!(came, b"");
    }
    let cut = began.elapsed();
    println!("all cut after {cut:?}");
    assert!(cut < Duration::from_secs(30), "they have ten seconds, and were cut after {cut:?}");
    server.stop();
}
