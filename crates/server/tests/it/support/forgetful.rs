//! A server that keeps a connection open after an answer, and closes it at the moment at which the next request comes.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Answers the first request of each connection, and closes it when a second one comes: after having read it, or with it
/// unread, which the other side sees as a reset.
pub(crate) struct Forgetful {
    pub(crate) url: String,
    connections: Arc<AtomicUsize>,
    answered: Arc<Mutex<Vec<String>>>,
    dropped: Arc<AtomicUsize>,
}

impl Forgetful {
    /// Every answer is `200` with `body` as JSON.
    pub(crate) async fn start(body: &'static str, reads_before_it_closes: bool) -> Forgetful {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let forgetful = Forgetful {
            url: format!("http://{}", listener.local_addr().unwrap()),
            connections: Arc::default(),
            answered: Arc::default(),
            dropped: Arc::default(),
        };
        let (connections, answered, dropped) =
            (forgetful.connections.clone(), forgetful.answered.clone(), forgetful.dropped.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(socket, body, reads_before_it_closes, answered.clone(), dropped.clone()));
            }
        });
        forgetful
    }

    /// How many connections were made to it, and how many requests it left without an answer.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.connections.load(Ordering::SeqCst), self.dropped.load(Ordering::SeqCst))
    }

    /// The first lines of the requests that it answered.
    pub(crate) fn answered(&self) -> Vec<String> {
        self.answered.lock().unwrap().clone()
    }
}

async fn serve(
    mut socket: TcpStream,
    body: &'static str,
    reads_before_it_closes: bool,
    answered: Arc<Mutex<Vec<String>>>,
    dropped: Arc<AtomicUsize>,
) {
    let Some(first) = request(&mut socket).await else { return };
    answered.lock().unwrap().push(first.lines().next().unwrap_or_default().to_owned());
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    if reads_before_it_closes {
        if request(&mut socket).await.is_some() {
            dropped.fetch_add(1, Ordering::SeqCst);
        }
    } else if socket.peek(&mut [0]).await.is_ok_and(|length| length > 0) {
        dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// A request with as much of a body as it announces; `None` where the connection ends.
async fn request(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    socket.read_exact(&mut vec![0; length]).await.ok()?;
    Some(head)
}
