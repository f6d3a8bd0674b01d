//! One session with a MySQL or MariaDB server.
//!
//! Statements of scripts are prepared on the server, which takes one at a time, and answered in binary.

use bytes::Bytes;

use super::{
    super::{faults::Stopped, server::Server, tls::TlsMode, wire::Wire},
    encode::Parameter,
    log_in::{self, Privacy},
    packet::{Packets, Reader, garbled, put_counted},
};
use crate::{answer_memory, sources::SourceFault};

/// The largest packet that is no row.
const LARGEST_PACKET: usize = 16 << 20;

/// What both sides can do, by the bits of the protocol.
mod capability {
    pub(super) const FOUND_ROWS: u32 = 1 << 1;
    pub(super) const LONG_FLAG: u32 = 1 << 2;
    pub(super) const WITH_DATABASE: u32 = 1 << 3;
    pub(super) const PROTOCOL_41: u32 = 1 << 9;
    pub(super) const TLS: u32 = 1 << 11;
    pub(super) const TRANSACTIONS: u32 = 1 << 13;
    pub(super) const SECURE_CONNECTION: u32 = 1 << 15;
    pub(super) const SEVERAL_RESULTS: u32 = 1 << 17;
    pub(super) const SEVERAL_PREPARED_RESULTS: u32 = 1 << 18;
    pub(super) const PLUGINS: u32 = 1 << 19;
    pub(super) const LONG_PROOFS: u32 = 1 << 21;
    pub(super) const NO_EOF: u32 = 1 << 24;
}

/// There are more answers to the same statement.
const MORE_ANSWERS: u16 = 1 << 3;
/// A backslash in a text is no more than that.
const NO_BACKSLASH_ESCAPES: u16 = 1 << 9;

/// A column of an answer.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: u8,
    pub(super) flags: u16,
    pub(super) charset: u16,
}

pub(super) struct Connection {
    packets: Packets,
    capabilities: u32,
    status: u16,
}

impl Connection {
    /// Connects and logs in.
    pub(super) async fn open(server: &Server) -> Result<Connection, Stopped> {
        use capability::*;
        let mut packets = Packets::new(Wire::open(server).await?);
        let greeting = Greeting::read(packets.receive(LARGEST_PACKET).await?)?;
        let mut wanted =
            FOUND_ROWS | LONG_FLAG | TRANSACTIONS | SEVERAL_RESULTS | SEVERAL_PREPARED_RESULTS | NO_EOF | LONG_PROOFS;
        if server.database.is_some() {
            wanted |= WITH_DATABASE;
        }
        let mut capabilities = wanted & greeting.capabilities | PROTOCOL_41 | SECURE_CONNECTION | PLUGINS;
        let mut privacy = if server.socket.is_some() { Privacy::Hidden } else { Privacy::None };
        if server.tls.mode != TlsMode::Off && server.socket.is_none() {
            if greeting.capabilities & TLS != 0 {
                capabilities |= TLS;
                packets.send(&opening(capabilities)).await?;
                let (config, name) = server.tls.client(&server.host).await?;
                packets = packets.encrypt(config, name).await.map_err(|error| server.tls.fault(error))?;
                privacy = if server.tls.names_server() { Privacy::Certain } else { Privacy::Hidden };
            } else if server.tls.mode > TlsMode::Offered {
                return Err(server.tls.not_offered("ssl_mode"));
            }
        }
        let mut connection = Connection { packets, capabilities, status: 0 };
        connection.log_in(server, &greeting, privacy).await?;
        Ok(connection)
    }

    /// Whether a backslash in a text of the statement escapes what follows it.
    pub(super) fn backslash_escapes(&self) -> bool {
        self.status & NO_BACKSLASH_ESCAPES == 0
    }

    /// Executes a statement of our own that answers no rows.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), Stopped> {
        self.packets.command(&[&[3], sql.as_bytes()].concat()).await?;
        let answer = self.packets.receive(LARGEST_PACKET).await?;
        match answer[0] {
            0 => self.done(answer),
            _ => Err(garbled()),
        }
    }

    /// Has the server read a statement.
    pub(super) async fn prepare(&mut self, sql: &str) -> Result<Prepared, Stopped> {
        self.packets.command(&[&[0x16], sql.as_bytes()].concat()).await?;
        let mut answer = Reader(self.packets.receive(LARGEST_PACKET).await?);
        if answer.u8()? != 0 {
            return Err(garbled());
        }
        let prepared = Prepared { number: answer.u32()?, columns: answer.u16()?, parameters: answer.u16()? };
        for count in [prepared.parameters, prepared.columns] {
            self.skip_columns(count.into()).await?;
        }
        Ok(prepared)
    }

    /// Begins to execute a statement; its answer is told by [`Connection::columns`].
    pub(super) async fn execute(&mut self, prepared: &Prepared, parameters: &[Parameter]) -> Result<(), Stopped> {
        let mut body = vec![0x17];
        body.extend(prepared.number.to_le_bytes());
        body.extend([0, 1, 0, 0, 0]);
        if !parameters.is_empty() {
            let mut nulls = vec![0; parameters.len().div_ceil(8)];
            for (index, _) in parameters.iter().enumerate().filter(|(_, parameter)| parameter.is_null()) {
                nulls[index / 8] |= 1 << (index % 8);
            }
            body.extend(nulls);
            body.push(1);
            parameters.iter().for_each(|parameter| body.extend(parameter.kind()));
            parameters.iter().for_each(|parameter| parameter.put(&mut body));
        }
        self.packets.command(&body).await
    }

    /// The columns of the next answer to the statement; `None` if it has no rows.
    pub(super) async fn columns(&mut self) -> Result<Option<Vec<Column>>, Stopped> {
        let answer = self.packets.receive(LARGEST_PACKET).await?;
        match answer[0] {
            0 => self.done(answer).map(|()| None),
            // The server asks for a file of this machine.
            0xfb => {
                Err(SourceFault::Failed("LOAD DATA LOCAL is not supported: no file leaves this machine".to_owned())
                    .into())
            }
            _ => {
                let count = Reader(answer).number()?;
                let (mut columns, mut room) = (Vec::new(), LARGEST_PACKET);
                for _ in 0..count {
                    columns.push(column(self.description(&mut room).await?)?);
                }
                self.skip_eof().await?;
                Ok(Some(columns))
            }
        }
    }

    /// The next row, if there is one. A row of more than `largest` bytes is not read.
    pub(super) async fn next_row(&mut self, largest: usize) -> Result<Option<Bytes>, Stopped> {
        answer_memory::passed();
        // Beside its values a row has a few bits for each, and the values are what counts.
        let row = match self.packets.receive(largest.saturating_add(8 << 10)).await {
            Err(Stopped::Here(SourceFault::TooLarge(_))) => return Err(SourceFault::TooLarge(largest).into()),
            row => row?,
        };
        match row[0] {
            0 => Ok(Some(row)),
            0xfe => self.done(row).map(|()| None),
            _ => Err(garbled()),
        }
    }

    /// Whether the statement has another answer.
    pub(super) fn has_more(&self) -> bool {
        self.status & MORE_ANSWERS != 0
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        if self.packets.command(&[1]).await.is_ok() {
            let _ = self.packets.wire.close().await;
        }
    }

    /// What the server says of the next column; of all of them together no more than `room`.
    async fn description(&mut self, room: &mut usize) -> Result<Bytes, Stopped> {
        let packet = self.packets.receive(*room).await.map_err(|stopped| match stopped {
            Stopped::Here(SourceFault::TooLarge(_)) => too_many_columns(),
            other => other,
        })?;
        // Kept, each takes a little more than its name.
        *room = room.checked_sub(packet.len() + size_of::<Column>()).ok_or_else(too_many_columns)?;
        Ok(packet)
    }

    async fn skip_columns(&mut self, count: u64) -> Result<(), Stopped> {
        let mut room = LARGEST_PACKET;
        for _ in 0..count {
            self.description(&mut room).await?;
        }
        if count > 0 { self.skip_eof().await } else { Ok(()) }
    }

    /// Older servers end a list of columns with a packet of its own.
    async fn skip_eof(&mut self) -> Result<(), Stopped> {
        if self.capabilities & capability::NO_EOF == 0 {
            self.packets.receive(LARGEST_PACKET).await?;
        }
        Ok(())
    }

    /// Reads what the server says at the end of an answer.
    fn done(&mut self, answer: Bytes) -> Result<(), Stopped> {
        let old_end = answer[0] == 0xfe && self.capabilities & capability::NO_EOF == 0;
        let mut answer = Reader(answer);
        answer.u8()?;
        if old_end {
            answer.u16()?;
        } else {
            // Rows that were changed, and the last number given.
            answer.number()?;
            answer.number()?;
        }
        self.status = answer.u16()?;
        Ok(())
    }

    async fn log_in(&mut self, server: &Server, greeting: &Greeting, privacy: Privacy) -> Result<(), Stopped> {
        let password = server.password.as_deref().unwrap_or_default();
        // What the server proposes may not be this user's; then it says so.
        let mut plugin = greeting.plugin.clone();
        let first = log_in::proof(&plugin, password, &greeting.nonce, privacy);
        if first.is_err() {
            plugin = "mysql_native_password".to_owned();
        }
        let first = first.or_else(|_| log_in::proof(&plugin, password, &greeting.nonce, privacy))?;
        let mut body = opening(self.capabilities);
        body.extend(server.user.bytes());
        body.push(0);
        put_counted(&mut body, &first);
        if let Some(database) = &server.database {
            body.extend(database.bytes());
            body.push(0);
        }
        body.extend(plugin.bytes());
        body.push(0);
        self.packets.send(&body).await?;
        let mut has_switched = false;
        loop {
            let answer = self.packets.receive(LARGEST_PACKET).await?;
            match answer[0] {
                0 => return self.done(answer),
                0xfe if has_switched => return Err(garbled()),
                0xfe => {
                    has_switched = true;
                    let mut switch = Reader(answer.slice(1..));
                    plugin = String::from_utf8_lossy(&switch.until_zero()).into_owned();
                    if plugin.is_empty() {
                        plugin = "mysql_old_password".to_owned();
                    }
                    let proof = log_in::proof(&plugin, password, &switch.0, privacy)?;
                    self.packets.send(&proof).await?;
                }
                // What the plug-in says: 3, that it is content; 4, that it wants the password itself.
                1 if plugin == "caching_sha2_password" => match answer.get(1) {
                    Some(3) => {}
                    Some(4) if privacy >= Privacy::Hidden => self.packets.send(&log_in::plain(password)).await?,
                    Some(4) => return Err(log_in::needs_tls(&plugin)),
                    _ => return Err(garbled()),
                },
                _ => return Err(garbled()),
            }
        }
    }
}

fn too_many_columns() -> Stopped {
    Stopped::Protocol("it describes more columns than any statement has".to_owned())
}

/// A statement that the server has read.
pub(super) struct Prepared {
    number: u32,
    columns: u16,
    pub(super) parameters: u16,
}

/// What a server says first.
struct Greeting {
    capabilities: u32,
    nonce: Vec<u8>,
    plugin: String,
}

impl Greeting {
    fn read(packet: Bytes) -> Result<Greeting, Stopped> {
        let mut packet = Reader(packet);
        if packet.u8()? != 10 {
            return Err(garbled());
        }
        // Its version, and the number of this session.
        packet.until_zero();
        packet.u32()?;
        let mut nonce = packet.bytes(8)?.to_vec();
        packet.u8()?;
        let low = packet.u16()?;
        // Character set and status.
        packet.bytes(3)?;
        let capabilities = u32::from(low) | u32::from(packet.u16()?) << 16;
        let length = usize::from(packet.u8()?);
        packet.bytes(10)?;
        let second = packet.bytes(length.saturating_sub(8).max(13).min(packet.0.len()))?;
        // With a zero at its end that is no part of it.
        nonce.extend(second.strip_suffix(&[0]).unwrap_or(&second));
        let plugin = String::from_utf8_lossy(&packet.until_zero()).into_owned();
        let plugin = if plugin.is_empty() { "mysql_native_password".to_owned() } else { plugin };
        Ok(Greeting { capabilities, nonce, plugin })
    }
}

/// What a log-in begins with, and what asks for TLS: capabilities, the largest packet, utf8mb4, room for later.
fn opening(capabilities: u32) -> Vec<u8> {
    let mut body = capabilities.to_le_bytes().to_vec();
    body.extend((1_u32 << 30).to_le_bytes());
    body.push(45);
    body.extend([0; 23]);
    body
}

fn column(packet: Bytes) -> Result<Column, Stopped> {
    let mut packet = Reader(packet);
    // Catalogue, schema, table as it is called and as it is.
    for _ in 0..4 {
        packet.counted()?;
    }
    let name = String::from_utf8_lossy(&packet.counted()?).into_owned();
    packet.counted()?;
    packet.number()?;
    let charset = packet.u16()?;
    packet.u32()?;
    Ok(Column { name, charset, kind: packet.u8()?, flags: packet.u16()? })
}
