//! One session with a PostgreSQL server, or with what speaks its protocol.
//!
//! Statements of scripts go out by the part of the protocol that takes one at a time. Of each answer it is known how many
//! ends the server still owes, so that a session is only used again where nothing of the last call is left in it.

use std::collections::HashMap;

use bytes::Bytes;

use super::{
    super::{answer_room::Room, faults::Stopped, server::Server, tls::TlsMode, wire::Wire},
    decode::Kind,
    message::{self, Column, Message},
    scram::{self, Scram},
};
use crate::{answer_memory, sources::SourceFault};

/// The largest message that is no row: a description of an answer, an error.
const LARGEST_MESSAGE: usize = 16 << 20;

pub(super) struct Connection {
    wire: Wire,
    /// How many messages "ready" are still to come.
    owed: u32,
    /// What was learned about types that are this database's own.
    pub(super) kinds: HashMap<u32, Kind>,
    /// Whether it is known that nothing stays behind in this session.
    pub(super) is_forgetful: bool,
}

impl Connection {
    /// Connects and logs in.
    pub(super) async fn open(server: &Server) -> Result<Connection, Stopped> {
        if server.tls.mode != TlsMode::WherePlainIsRefused || server.socket.is_some() {
            return Connection::open_with(server, server.tls.mode).await;
        }
        match Connection::open_with(server, TlsMode::Off).await {
            Err(Stopped::Refused(_) | Stopped::Ended(_) | Stopped::LogIn(_)) => {
                Connection::open_with(server, TlsMode::Required).await
            }
            opened => opened,
        }
    }

    async fn open_with(server: &Server, mode: TlsMode) -> Result<Connection, Stopped> {
        let wire = encrypted(Wire::open(server).await?, server, mode).await?;
        let mut connection = Connection::over(wire);
        connection.log_in(server).await?;
        Ok(connection)
    }

    fn over(wire: Wire) -> Connection {
        Connection { wire, owed: 1, kinds: HashMap::new(), is_forgetful: false }
    }

    /// Whether the server has answered all it was asked.
    pub(super) fn is_in_order(&self) -> bool {
        self.owed == 0
    }

    /// Executes texts of our own, one after the other; their rows, if any, are thrown away.
    pub(super) async fn run(&mut self, texts: &[&str]) -> Result<(), Stopped> {
        texts.iter().for_each(|text| self.put_query(text));
        self.wire.flush().await?;
        for _ in texts {
            self.answered(|_| Ok(())).await?;
        }
        Ok(())
    }

    /// The rows of a text of our own, all of them texts.
    pub(super) async fn rows(&mut self, text: &str) -> Result<Vec<Vec<Option<String>>>, Stopped> {
        self.put_query(text);
        self.wire.flush().await?;
        let (mut rows, mut room) = (Vec::new(), Room::of(LARGEST_MESSAGE, LARGEST_MESSAGE));
        self.answered(|row| {
            let values = message::values(row).ok_or_else(garbled)?;
            let fits =
                room.list().and_then(|()| values.iter().try_for_each(|value| room.value(value.map_or(0, <[u8]>::len))));
            fits.ok_or_else(|| Stopped::Protocol("more came than was asked for".to_owned()))?;
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            rows.push(values.into_iter().map(|value| value.map(text)).collect());
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Executes `opening`, has the server read `sql`, and answers the columns it will have. All of it goes out at once.
    pub(super) async fn prepare(&mut self, opening: &str, sql: &str) -> Result<Vec<Column>, Stopped> {
        self.put_query(opening);
        message::put_parse(self.wire.out(), sql);
        message::put_describe(self.wire.out());
        message::put_sync(self.wire.out());
        self.owed += 1;
        self.wire.flush().await?;
        self.answered(|_| Ok(())).await?;
        let (mut columns, mut refused) = (Vec::new(), None);
        loop {
            let message = self.receive(LARGEST_MESSAGE).await?;
            match message.kind {
                b'T' => columns = message::columns(&message.body).ok_or_else(garbled)?,
                b'E' => refused = Some(ended(message::refusal(&message.body))?),
                b'Z' => return refused.map_or(Ok(columns), Err),
                // Read, its parameters, that it answers no rows.
                b'1' | b't' | b'n' => {}
                other => return Err(unexpected(other)),
            }
        }
    }

    /// Begins to execute what was prepared, or `again` the same text, if something else was executed since.
    pub(super) async fn execute(
        &mut self,
        again: Option<&str>,
        binary: impl ExactSizeIterator<Item = bool>,
    ) -> Result<(), Stopped> {
        if let Some(sql) = again {
            message::put_parse(self.wire.out(), sql);
        }
        message::put_execute(self.wire.out(), binary);
        message::put_sync(self.wire.out());
        self.owed += 1;
        Ok(self.wire.flush().await?)
    }

    /// The next row of what is executed, if there is one. A row of more than `largest` bytes is not read.
    pub(super) async fn next_row(&mut self, largest: usize) -> Result<Option<Bytes>, Stopped> {
        answer_memory::passed();
        let mut refused = None;
        loop {
            let message = self.receive(largest).await?;
            match message.kind {
                b'D' => return Ok(Some(message.body)),
                b'E' => refused = Some(ended(message::refusal(&message.body))?),
                b'Z' => return refused.map_or(Ok(None), Err),
                // Read, bound, done, nothing to do, not everything.
                b'1' | b'2' | b'C' | b'I' | b's' => {}
                b'G' | b'H' | b'W' => {
                    let what = "COPY moves its rows in another way than this source can; use select or insert";
                    return Err(SourceFault::Failed(what.to_owned()).into());
                }
                other => return Err(unexpected(other)),
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        message::put(self.wire.out(), b'X', |_| ());
        let _ = self.wire.close().await;
    }

    fn put_query(&mut self, text: &str) {
        message::put_query(self.wire.out(), text);
        self.owed += 1;
    }

    /// Reads one answer to a text of our own.
    async fn answered(&mut self, mut row: impl FnMut(&[u8]) -> Result<(), Stopped>) -> Result<(), Stopped> {
        let mut refused = None;
        loop {
            let message = self.receive(LARGEST_MESSAGE).await?;
            match message.kind {
                b'D' => row(&message.body)?,
                b'E' => refused = refused.or(Some(ended(message::refusal(&message.body))?)),
                b'Z' => return refused.map_or(Ok(()), Err),
                b'T' | b'C' | b'I' => {}
                other => return Err(unexpected(other)),
            }
        }
    }

    /// The next message that is about what was asked.
    async fn receive(&mut self, largest: usize) -> Result<Message, Stopped> {
        loop {
            let head = self.wire.take(5).await?;
            let announced = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            let length = announced.checked_sub(4).ok_or_else(garbled)?;
            // A row has four bytes beside each of its values, and the values are what counts.
            match head[0] {
                b'D' if length > largest.saturating_add(8 << 10) => return Err(SourceFault::TooLarge(largest).into()),
                b'D' => {}
                other if !other.is_ascii_graphic() || length > LARGEST_MESSAGE => return Err(garbled()),
                _ => {}
            }
            let body = match head[0] {
                b'D' => self.wire.take_row(length).await?,
                _ => self.wire.take(length).await?,
            };
            let message = Message { kind: head[0], body };
            match message.kind {
                // Notices, settings, notifications.
                b'N' | b'S' | b'A' => {}
                b'Z' => {
                    self.owed = self.owed.saturating_sub(1);
                    return Ok(message);
                }
                _ => return Ok(message),
            }
        }
    }

    async fn log_in(&mut self, server: &Server) -> Result<(), Stopped> {
        message::put_sized(self.wire.out(), |body| {
            body.extend(196_608_u32.to_be_bytes());
            let database = server.database.as_deref().unwrap_or(&server.user);
            // No more than what poolers such as PgBouncer let through as they come.
            let own = [("user", server.user.as_str()), ("database", database), ("client_encoding", "UTF8")];
            let own = own.into_iter().chain([("DateStyle", "ISO, MDY"), ("TimeZone", "UTC")]);
            let more = server.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            for (name, value) in own.chain(more) {
                message::put_text(body, name);
                message::put_text(body, value);
            }
            body.push(0);
        });
        self.wire.flush().await?;
        let mut proof = Proof::default();
        loop {
            let message = self.receive(LARGEST_MESSAGE).await?;
            match message.kind {
                b'R' if !proof.is_accepted => self.prove(server, &message.body, &mut proof).await?,
                b'E' => return Err(helped(message::refusal(&message.body))),
                b'Z' if proof.is_accepted => return Ok(()),
                // The key for cancelling, and what of newer versions of the protocol it does not know.
                b'K' | b'v' => {}
                other => return Err(unexpected(other)),
            }
        }
    }

    /// Answers what the server asks for as a proof.
    async fn prove(&mut self, server: &Server, asked: &[u8], proof: &mut Proof) -> Result<(), Stopped> {
        let (kind, rest) = asked.split_first_chunk().ok_or_else(garbled)?;
        let text = || std::str::from_utf8(rest).map_err(|_| garbled());
        let password = || server.password.as_deref().ok_or_else(no_password);
        let no_proof = || Stopped::LogIn("the server does not know the password itself".to_owned());
        let kind = u32::from_be_bytes(*kind);
        // One log-in is asked for, and no easier one after it.
        if matches!(kind, 3 | 5 | 10) && std::mem::replace(&mut proof.is_begun, true) {
            return Err(garbled());
        }
        match kind {
            0 if proof.scram.is_some() => Err(no_proof()),
            0 => {
                proof.is_accepted = true;
                Ok(())
            }
            3 => {
                let password = password()?;
                if !self.wire.is_private() {
                    return Err(needs_tls());
                }
                self.answer(|body| message::put_text(body, password)).await
            }
            5 => {
                let hash = scram::md5(&server.user, password()?, rest);
                self.answer(|body| message::put_text(body, &hash)).await
            }
            10 => {
                if !text()?.split('\0').any(|name| name == "SCRAM-SHA-256") {
                    return Err(unknown_log_in(text()?));
                }
                let nonce = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
                let exchange = proof.scram.insert(Scram::new(password()?, nonce));
                let first = exchange.first();
                self.answer(|body| {
                    message::put_text(body, "SCRAM-SHA-256");
                    body.extend(u32::try_from(first.len()).unwrap_or(0).to_be_bytes());
                    body.extend(first.bytes());
                })
                .await
            }
            11 => {
                let (Some(mut exchange), challenge) = (proof.scram.take(), text()?.to_owned()) else {
                    return Err(garbled());
                };
                // Many rounds take their time, and others use this thread.
                let work =
                    tokio::task::spawn_blocking(move || exchange.proof(&challenge).map(|answer| (exchange, answer)));
                let (exchange, answer) = work.await.map_err(|_| garbled())?.map_err(Stopped::LogIn)?;
                proof.scram = Some(exchange);
                self.answer(|body| body.extend(answer.bytes())).await
            }
            12 => match proof.scram.take().is_some_and(|exchange| exchange.is_proven(text().unwrap_or_default())) {
                true => Ok(()),
                false => Err(no_proof()),
            },
            7 | 8 => Err(unknown_log_in("GSSAPI")),
            9 => Err(unknown_log_in("SSPI")),
            other => Err(unknown_log_in(&format!("number {other}"))),
        }
    }

    async fn answer(&mut self, body: impl FnOnce(&mut Vec<u8>)) -> Result<(), Stopped> {
        message::put(self.wire.out(), b'p', body);
        Ok(self.wire.flush().await?)
    }
}

/// How far a log-in has come.
#[derive(Default)]
struct Proof {
    /// An exchange in which the server has not yet shown that it knows the password.
    scram: Option<Scram>,
    /// Whether the server has said what it wants.
    is_begun: bool,
    /// Whether the server is content.
    is_accepted: bool,
}

/// The same connection with TLS, if it is wanted and there.
async fn encrypted(mut wire: Wire, server: &Server, mode: TlsMode) -> Result<Wire, Stopped> {
    if mode == TlsMode::Off || server.socket.is_some() {
        return Ok(wire);
    }
    message::put_sized(wire.out(), |body| body.extend(80_877_103_u32.to_be_bytes()));
    wire.flush().await?;
    match wire.take(1).await?[0] {
        b'S' => {
            let (config, name) = server.tls.client(&server.host).await?;
            wire.encrypt(config, name).await.map_err(|error| server.tls.fault(error))
        }
        b'N' if mode == TlsMode::Offered => Ok(wire),
        b'N' => Err(server.tls.not_offered("sslmode")),
        _ => Err(garbled()),
    }
}

/// An error that ends the session is all there is; any other is followed by more.
fn ended(stopped: Stopped) -> Result<Stopped, Stopped> {
    if stopped.is_broken() { Err(stopped) } else { Ok(stopped) }
}

/// Adds what to do about what PgBouncer refuses.
fn helped(stopped: Stopped) -> Stopped {
    let mut stopped = stopped;
    if let Stopped::Refused(refusal) | Stopped::Ended(refusal) = &mut stopped
        && let Some(name) = refusal.message.split("unsupported startup parameter").nth(1)
    {
        let ours = if name.contains("options") { "take 'options' out of the connection string, or " } else { "" };
        let name = name.rsplit(':').next().unwrap_or(name).trim();
        refusal.more.push_str(&format!(
            "; this is how PgBouncer refuses: {ours}have it let through by 'ignore_startup_parameters = {name}' in pgbouncer.ini"
        ));
    }
    stopped
}

fn no_password() -> Stopped {
    Stopped::LogIn("the server wants a password, and the connection string has none".to_owned())
}

fn needs_tls() -> Stopped {
    Stopped::LogIn(
        "the server wants to be sent the password itself, which is only done over TLS, a Unix socket or within this machine: \
         add sslmode=require to the connection string, or have the server ask for scram-sha-256 (pg_hba.conf)"
            .to_owned(),
    )
}

fn unknown_log_in(what: &str) -> Stopped {
    let what = what.trim_end_matches('\0').replace('\0', ", ");
    Stopped::LogIn(format!(
        "the server wants {what}, which is not known here; known are scram-sha-256, md5, password, cert and trust (pg_hba.conf)"
    ))
}

fn garbled() -> Stopped {
    Stopped::Protocol("what came cannot be read; is it PostgreSQL that listens there?".to_owned())
}

fn unexpected(kind: u8) -> Stopped {
    Stopped::Protocol(format!("a message '{}' came that fits nothing that was asked", kind.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// What becomes of a log-in with a password for which the server sends `asked`.
    async fn tried(asked: &[u8], is_private: bool) -> (Result<(), String>, String) {
        let place = super::super::super::url::parse(
            "postgresql://alice:s3cret-password@db.example/d",
            std::path::Path::new("/"),
            &crate::redact::Secrets::default(),
        );
        let Ok(super::super::super::url::Place::Postgres(server)) = place else { panic!("this is PostgreSQL") };
        let (ours, mut theirs) = tokio::io::duplex(10_000);
        let mut connection = Connection::over(Wire::over(ours, is_private));
        theirs.write_all(&[asked, b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"].concat()).await.unwrap();
        let result = connection.log_in(&server).await.map_err(|stopped| SourceFault::from(stopped).to_string());
        drop(connection);
        let mut sent = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut theirs, &mut sent).await.unwrap();
        (result, String::from_utf8_lossy(&sent).into_owned())
    }

    #[tokio::test]
    async fn a_password_is_only_sent_where_nobody_on_the_way_reads_it() {
        let asks_for_it = b"R\0\0\0\x08\0\0\0\x03";
        let (result, sent) = tried(asks_for_it, false).await;
        let said = result.unwrap_err();
        assert!(said.contains("sslmode=require") && said.contains("scram-sha-256"), "{said}");
        assert!(!sent.contains("s3cret"), "{sent:?}");
        let (result, sent) = tried(asks_for_it, true).await;
        assert_eq!(result, Ok(()));
        assert!(sent.contains("s3cret-password\0"), "{sent:?}");
        let (result, sent) = tried(b"R\0\0\0\x0c\0\0\0\x05salt", false).await;
        assert_eq!(result, Ok(()));
        assert!(sent.contains("md5") && !sent.contains("s3cret"), "{sent:?}");
    }
}
