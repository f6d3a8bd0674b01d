//! MySQL's packets: a length of three bytes, a number, and what is in them.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use rustls::{ClientConfig, pki_types::ServerName};

use super::super::{
    faults::{Refusal, Stopped},
    wire::Wire,
};
use crate::sources::SourceFault;

/// A packet of this size is followed by the rest of what is in it.
const FULL: usize = 0xff_ff_ff;

/// The packets of one connection.
pub(super) struct Packets {
    pub(super) wire: Wire,
    /// The number of the next one.
    next: u8,
}

impl Packets {
    pub(super) fn new(wire: Wire) -> Packets {
        Packets { wire, next: 0 }
    }

    /// The same, encrypted from here on.
    pub(super) async fn encrypt(self, config: ClientConfig, name: ServerName<'static>) -> io::Result<Packets> {
        Ok(Packets { wire: self.wire.encrypt(config, name).await?, next: self.next })
    }

    /// Sends a command: the numbers begin anew.
    pub(super) async fn command(&mut self, body: &[u8]) -> Result<(), Stopped> {
        self.next = 0;
        self.send(body).await
    }

    pub(super) async fn send(&mut self, body: &[u8]) -> Result<(), Stopped> {
        self.put(body);
        Ok(self.wire.flush().await?)
    }

    pub(super) fn put(&mut self, body: &[u8]) {
        let mut rest = body;
        loop {
            let (part, after) = rest.split_at(rest.len().min(FULL));
            let out = self.wire.out();
            out.extend(&u32::try_from(part.len()).unwrap_or(0).to_le_bytes()[..3]);
            out.push(self.next);
            out.extend(part);
            self.next = self.next.wrapping_add(1);
            rest = after;
            if part.len() < FULL {
                return;
            }
        }
    }

    /// What comes next, unless it is an error or has more than `largest` bytes.
    pub(super) async fn receive(&mut self, largest: usize) -> Result<Bytes, Stopped> {
        let mut whole = BytesMut::new();
        loop {
            let head = self.wire.take(4).await?;
            let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
            self.next = head[3].wrapping_add(1);
            if whole.len() + length > largest {
                return Err(SourceFault::TooLarge(largest).into());
            }
            let part = self.wire.take_row(length).await?;
            let packet = match whole.is_empty() {
                true if length < FULL => part,
                _ => {
                    whole.extend_from_slice(&part);
                    if length == FULL {
                        continue;
                    }
                    whole.split().freeze()
                }
            };
            return match packet.first() {
                Some(0xff) => Err(Stopped::Refused(refusal(packet.slice(1..)))),
                Some(_) => Ok(packet),
                None => Err(garbled()),
            };
        }
    }
}

pub(super) fn garbled() -> Stopped {
    Stopped::Protocol("what came cannot be read; is it MySQL or MariaDB that listens there?".to_owned())
}

/// What the server says of an error.
fn refusal(mut body: Bytes) -> Refusal {
    let number = body.try_get_u16_le().unwrap_or_default();
    let (code, message) = match body.first() {
        Some(b'#') if body.len() >= 6 => (body.slice(1..6), body.slice(6..)),
        _ => (Bytes::new(), body),
    };
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    Refusal { code: text(&code), number, message: text(&message), more: String::new() }
}

/// Reads parts of a packet.
pub(super) struct Reader(pub(super) Bytes);

impl Reader {
    pub(super) fn bytes(&mut self, length: usize) -> Result<Bytes, Stopped> {
        if length > self.0.len() {
            return Err(garbled());
        }
        Ok(self.0.split_to(length))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Stopped> {
        self.0.try_get_u8().map_err(|_| garbled())
    }

    pub(super) fn u16(&mut self) -> Result<u16, Stopped> {
        self.0.try_get_u16_le().map_err(|_| garbled())
    }

    pub(super) fn u32(&mut self) -> Result<u32, Stopped> {
        self.0.try_get_u32_le().map_err(|_| garbled())
    }

    /// A number that says by its first byte how long it is.
    pub(super) fn number(&mut self) -> Result<u64, Stopped> {
        let more = match self.u8()? {
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            0xfb | 0xff => return Err(garbled()),
            small => return Ok(small.into()),
        };
        let bytes = self.bytes(more)?;
        Ok(bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    /// Bytes with their number before them.
    pub(super) fn counted(&mut self) -> Result<Bytes, Stopped> {
        let length = self.number()?;
        self.bytes(usize::try_from(length).map_err(|_| garbled())?)
    }

    /// Bytes up to a zero, or the end.
    pub(super) fn until_zero(&mut self) -> Bytes {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let text = self.0.split_to(end);
        self.0.advance(self.0.len().min(1));
        text
    }
}

/// Writes bytes with their number before them.
pub(super) fn put_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len() as u64;
    match length {
        0..=250 => out.push(length as u8),
        251..=0xffff => {
            out.push(0xfc);
            out.extend(&length.to_le_bytes()[..2]);
        }
        0x1_0000..=0xff_ffff => {
            out.push(0xfd);
            out.extend(&length.to_le_bytes()[..3]);
        }
        _ => {
            out.push(0xfe);
            out.extend(length.to_le_bytes());
        }
    }
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_with_its_length_is_read_again(length in prop_oneof![0usize..600, 65_500usize..65_600, 16_777_200usize..16_777_230]) {
            let mut out = Vec::new();
            put_counted(&mut out, &vec![7; length]);
            let mut reader = Reader(out.into());
            prop_assert_eq!(reader.counted().ok().map(|bytes| bytes.len()), Some(length));
            prop_assert!(reader.0.is_empty());
        }

        #[test]
        fn damaged_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = refusal(bytes.clone().into());
            let mut reader = Reader(bytes.into());
            while !reader.0.is_empty() {
                let _ = (reader.number(), reader.counted(), reader.until_zero(), reader.u32());
                if reader.u8().is_err() { break }
            }
        }
    }
}
