//! The way from a server to its database, which can be cut: nothing comes through then, and nobody is told.

use std::path::{Path, PathBuf};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

#[derive(Clone, Copy, Default)]
struct Condition {
    is_cut: bool,
    /// How often everything that was open was broken off.
    broken: u64,
}

/// It ends with the test.
pub(super) struct Way {
    port: u16,
    condition: watch::Sender<Condition>,
}

impl Way {
    /// From a port of its own to the socket of a database.
    pub(super) async fn to(socket: &Path) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let condition = watch::Sender::new(Condition::default());
        let (socket, told) = (socket.to_owned(), condition.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, socket.clone(), told.subscribe()));
            }
        });
        Way { port, condition }
    }

    /// The database's address at its near end.
    pub(super) fn url(&self) -> String {
        format!("postgresql://revere@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    pub(super) fn cut(&self) {
        self.condition.send_modify(|condition| condition.is_cut = true);
    }

    /// It is whole again. What was sent meanwhile arrives now or, where whatever is between forgot its connections, never does.
    pub(super) fn mend(&self, forgets: bool) {
        self.condition.send_modify(|condition| {
            condition.is_cut = false;
            condition.broken += u64::from(forgets);
        });
    }
}

async fn connect(client: TcpStream, socket: PathBuf, mut told: watch::Receiver<Condition>) {
    let since = told.borrow().broken;
    passes(&mut told, since).await;
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let back = told.clone();
    // Where one direction ends, the whole does.
    tokio::select! {
        () = carry(from_client, to_server, told, since) => {}
        () = carry(from_server, to_client, back, since) => {}
    }
}

/// Waits until something comes through; answers whether it still may.
async fn passes(told: &mut watch::Receiver<Condition>, since: u64) -> bool {
    let condition = told.wait_for(|condition| !condition.is_cut || condition.broken != since).await;
    condition.is_ok_and(|condition| condition.broken == since)
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut told: watch::Receiver<Condition>,
    since: u64,
) {
    let mut bytes = vec![0; 1 << 16];
    let mut ends = told.clone();
    loop {
        let length = tokio::select! {
            _ = ends.wait_for(|condition| condition.broken != since) => return,
            read = from.read(&mut bytes) => read.unwrap_or(0),
        };
        // Neither does an end come through while it is cut.
        if !passes(&mut told, since).await || length == 0 || to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}
