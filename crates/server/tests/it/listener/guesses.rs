//! Ten thousand guesses of a password beside four hundred half-open connections: pages stay quick, memory stays small, and the
//! owner of the account gets in meanwhile.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

use super::crowd::{HALF_OPEN, as_quick_as_ever, resident};
use crate::{
    cli::{Shell, server::Server},
    support::{client, until},
};

const GUESSES: usize = 10_000;
/// What one address may try in a minute: those of a thief have moved on then.
const BY_ADDRESS: usize = 20;
/// So many addresses guess at the same time.
const AT_A_TIME: usize = 100;
const PASSWORD: &str = "a quiet mountain lake";
const FORM_TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A request to log in, as a browser sends it.
fn log_in(name: &str, password: &str) -> String {
    let form = format!("token={FORM_TOKEN}&name={name}&password={}&code=&to=", password.replace(' ', "+"));
    format!(
        "POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         cookie: revere_form={FORM_TOKEN}\r\nsec-fetch-site: same-origin\r\naccept: text/html\r\n\
         content-length: {}\r\n\r\n{form}",
        form.len()
    )
}

/// Sends a request and reads the answer: its head, and where its length is said its body, too.
async fn answer(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut came = Vec::new();
    loop {
        if let Some(end) = came.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(came[..end].to_vec()).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            let whole = end + 4 + length.parse::<usize>().unwrap();
            while came.len() < whole {
                assert!(stream.read_buf(&mut came).await.unwrap() > 0, "an answer that ends within");
            }
            return head;
        }
        assert!(stream.read_buf(&mut came).await.unwrap() > 0, "no answer: {}", String::from_utf8_lossy(&came));
    }
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Guesses from addresses of this machine, twenty from each, until all are made. Three of four are for the owner's name.
async fn guess(server: SocketAddr, next: Arc<AtomicUsize>) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= GUESSES / BY_ADDRESS {
            return statuses;
        }
        let socket = TcpSocket::new_v4().unwrap();
        let [.., high, low] = (number as u32).to_be_bytes();
        socket.bind((Ipv4Addr::new(127, 66, high, low), 0).into()).unwrap();
        let mut stream = socket.connect(server).await.unwrap();
        for guess in 0..BY_ADDRESS {
            let made_up = format!("name{number}x{guess}");
            let name = if guess % 4 != 0 { "owner" } else { &made_up };
            let head = answer(&mut stream, &log_in(name, &format!("guess number {number} {guess}"))).await;
            *statuses.entry(status(&head)).or_default() += 1;
        }
    }
}

/// Half a request, and another one as soon as it was cut.
async fn half_open(server: SocketAddr, over: Arc<AtomicBool>, open: Arc<AtomicUsize>) {
    while !over.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(server).await else { continue };
        if stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: y").await.is_ok() {
            open.fetch_add(1, Ordering::Relaxed);
            _ = stream.read(&mut [0]).await;
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// How long a page takes.
async fn page(client: &reqwest::Client, server: &Server, cookie: &str) -> Duration {
    let began = Instant::now();
    let asked = client.get(format!("{}/", server.address)).header("cookie", cookie);
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("Your account, owner"));
    began.elapsed()
}

fn p95(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 95 / 100]
}

#[tokio::test]
async fn ten_thousand_guesses_hold_nobody_up_and_the_owner_still_gets_in() {
    let shell = Shell::new();
    shell.write("config.py", "LOCAL_USERS = True\n");
    shell.write("password", &format!("{PASSWORD}\n"));
    let mut add = shell.revere();
    add.args(["user", "add", "owner", "--role", "administrator", "--password-stdin"]);
    let added = add.stdin(Stdio::from(std::fs::File::open(shell.path("password")).unwrap())).status().unwrap();
    assert!(added.success());
    let server =
        Server::start(shell.revere().args(["run", "-p", "0"]), |server| server.stderr.wait_for("listening on"));
    let address: SocketAddr = server.address.trim_start_matches("http://").parse().unwrap();
    let comes_in = async || {
        let began = Instant::now();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = answer(&mut stream, &log_in("owner", PASSWORD)).await;
        assert_eq!(status(&head), 303, "{head}");
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        (cookie.split(';').next().unwrap().to_owned(), began.elapsed())
    };
    let (cookie, _) = comes_in().await;
    let client = client();
    let mut quiet = Vec::new();
    for _ in 0..40 {
        quiet.push(page(&client, &server, &cookie).await);
    }
    let quiet = p95(quiet);
    let before = resident(&server);

    // Those who attack have a thread of their own: what is measured is the server.
    let (over, open) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (ended, opened) = (over.clone(), open.clone());
    let began = Instant::now();
    let attack = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            for _ in 0..HALF_OPEN {
                tokio::spawn(half_open(address, ended.clone(), opened.clone()));
            }
            let next = Arc::new(AtomicUsize::new(0));
            let guesses: JoinSet<_> = (0..AT_A_TIME).map(|_| guess(address, next.clone())).collect();
            let mut statuses = BTreeMap::new();
            for some in guesses.join_all().await {
                for (status, count) in some {
                    *statuses.entry(status).or_default() += count;
                }
            }
            ended.store(true, Ordering::Relaxed);
            statuses
        })
    });
    until("all are half open", async || open.load(Ordering::Relaxed) == HALF_OPEN).await;
    let (mut times, mut entries, mut most) = (Vec::new(), Vec::new(), 0);
    while !over.load(Ordering::Relaxed) {
        times.push(page(&client, &server, &cookie).await);
        most = most.max(resident(&server) - before);
        // From where they came in before, as often as one address may.
        if entries.len() < BY_ADDRESS - 5 && times.len() % 20 == 0 {
            entries.push(comes_in().await.1);
        }
    }
    let took = began.elapsed();
    let statuses: BTreeMap<u16, usize> = attack.join().unwrap();
    let after = resident(&server) - before;
    let (pages, crowded, slowest) = (times.len(), p95(times), entries.iter().max().unwrap());
    println!(
        "{statuses:?} in {took:?}; {pages} pages with p95 {crowded:?}, {quiet:?} before; {} log-ins of the owner, at most \
         {slowest:?}; {most} KiB more memory at most, {after} KiB after",
        entries.len()
    );
    assert_eq!(statuses.values().sum::<usize>(), GUESSES);
    assert!(statuses.keys().all(|status| [422, 429, 503].contains(status)), "{statuses:?}");
    as_quick_as_ever(quiet, crowded);
    assert!(most < 32 << 10 && after < 32 << 10, "{most} KiB, then {after} KiB");
    comes_in().await;
    server.stop();
}
