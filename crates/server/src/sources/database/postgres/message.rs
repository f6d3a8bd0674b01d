//! PostgreSQL's messages, version 3 of its protocol: a letter, a length, and what is in them.

use bytes::Bytes;

use super::super::faults::{Refusal, Stopped};

/// One message of the server.
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) body: Bytes,
}

/// A column of an answer.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// The number of its type in `pg_type`; of a domain that of its base.
    pub(super) kind: u32,
}

/// Writes a message of `kind`.
pub(super) fn put(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    put_sized(out, body);
}

/// Writes what has a length and no letter: what a connection begins with.
pub(super) fn put_sized(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend([0; 4]);
    body(out);
    let length = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().filter(|byte| *byte != 0));
    out.push(0);
}

/// A statement or several, whose answers come as text.
pub(super) fn put_query(out: &mut Vec<u8>, sql: &str) {
    put(out, b'Q', |body| put_text(body, sql));
}

/// One statement, to be executed by what follows.
pub(super) fn put_parse(out: &mut Vec<u8>, sql: &str) {
    put(out, b'P', |body| {
        // It has no name, and the server decides on the types of its parameters, of which there are none.
        body.push(0);
        put_text(body, sql);
        body.extend([0; 2]);
    });
}

/// Asks which columns the statement answers.
pub(super) fn put_describe(out: &mut Vec<u8>) {
    put(out, b'D', |body| body.extend(b"S\0"));
}

/// Executes the statement; `binary` says of each column whether it is to come in binary.
pub(super) fn put_execute(out: &mut Vec<u8>, binary: impl ExactSizeIterator<Item = bool>) {
    put(out, b'B', |body| {
        body.extend([0; 6]);
        body.extend(u16::try_from(binary.len()).unwrap_or(u16::MAX).to_be_bytes());
        binary.for_each(|binary| body.extend(u16::from(binary).to_be_bytes()));
    });
    put(out, b'E', |body| body.extend([0; 5]));
}

pub(super) fn put_sync(out: &mut Vec<u8>) {
    put(out, b'S', |_| ());
}

/// A text up to its zero, and what follows it. Where a database has no encoding, names are bytes of any kind.
fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 1..]))
}

/// The columns that a statement answers.
pub(super) fn columns(body: &[u8]) -> Option<Vec<Column>> {
    let (count, mut rest) = body.split_first_chunk()?;
    let mut columns = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (name, after) = text(rest)?;
        // Table, number there, type, length, modifier, format.
        let (about, after) = after.split_at_checked(18)?;
        columns.push(Column { name, kind: u32::from_be_bytes(about[6..10].try_into().ok()?) });
        rest = after;
    }
    Some(columns)
}

/// The values of a row, `None` for null.
pub(super) fn values(body: &[u8]) -> Option<Vec<Option<&[u8]>>> {
    let (count, mut rest) = body.split_first_chunk()?;
    let count = u16::from_be_bytes(*count);
    let mut values = Vec::with_capacity(count.into());
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk()?;
        rest = after;
        values.push(match usize::try_from(i32::from_be_bytes(*length)) {
            Err(_) => None,
            Ok(length) => {
                let (value, after) = rest.split_at_checked(length)?;
                rest = after;
                Some(value)
            }
        });
    }
    rest.is_empty().then_some(values)
}

/// What the server says of an error: of the whole session, or of one statement.
pub(super) fn refusal(body: &[u8]) -> Stopped {
    let mut refusal = Refusal::default();
    let (mut rest, mut ended) = (body, false);
    while let Some((kind, after)) = rest.split_first()
        && *kind != 0
    {
        let end = after.iter().position(|byte| *byte == 0).unwrap_or(after.len());
        // Before the log-in is done, a server speaks in its own encoding.
        let text = String::from_utf8_lossy(&after[..end]);
        match kind {
            // The second is never translated; old servers have the first alone.
            b'S' | b'V' => ended |= text == "FATAL" || text == "PANIC",
            b'C' => refusal.code = text.into_owned(),
            b'M' => refusal.message = text.into_owned(),
            b'D' => refusal.more.push_str(&format!("; detail: {text}")),
            b'H' => refusal.more.push_str(&format!("; hint: {text}")),
            b'P' => refusal.more.push_str(&format!("; at character {text} of the statement")),
            _ => {}
        }
        rest = after.get(end + 1..).unwrap_or_default();
    }
    if ended { Stopped::Ended(refusal) } else { Stopped::Refused(refusal) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_say_how_long_they_are() {
        let mut out = Vec::new();
        put_query(&mut out, "a\0b");
        put_execute(&mut out, [true, false].into_iter());
        assert_eq!(out, b"Q\0\0\0\x07ab\0B\0\0\0\x10\0\0\0\0\0\0\0\x02\0\x01\0\0E\0\0\0\x09\0\0\0\0\0");
    }

    #[test]
    fn an_error_is_read_with_all_it_says() {
        let Stopped::Refused(refusal) = refusal(b"SFEHLER\0VERROR\0C42703\0Mno such column\0Htry another\0P8\0\0")
        else {
            panic!("the session goes on")
        };
        assert_eq!(refusal.code, "42703");
        assert_eq!(refusal.more, "; hint: try another; at character 8 of the statement");
        assert!(matches!(super::refusal(b"SFATAL\0C57P01\0Mbye\0\0"), Stopped::Ended(_)));
    }

    #[test]
    fn a_name_that_is_no_text_is_read_as_far_as_it_goes() {
        let found = columns(&[&[0, 1][..], b"caf\xe9\0", &[0; 6], &[0, 0, 0, 23], &[0; 8]].concat()).unwrap();
        assert_eq!(found, [Column { name: "caf\u{fffd}".into(), kind: 23 }]);
    }

    proptest! {
        #[test]
        fn damaged_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (columns(&bytes), values(&bytes), refusal(&bytes), text(&bytes));
        }
    }
}
