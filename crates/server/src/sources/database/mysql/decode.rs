//! MySQL's binary values as Python has them.
//!
//! Read by the column's type from the bytes themselves: so that unsigned and zero-filled columns, times beyond a day and
//! days that no calendar has come through as they are.

use bytes::Bytes;

use super::{
    super::{Value, answer_room::Room, calendar, faults::undecodable, from_json, short_float},
    connection::Column,
    packet::{Reader, garbled},
};
use crate::sources::database::faults::Stopped;

/// The types of the protocol that are told apart here.
mod kind {
    pub(super) const DECIMAL: u8 = 0;
    pub(super) const TINY: u8 = 1;
    pub(super) const SHORT: u8 = 2;
    pub(super) const LONG: u8 = 3;
    pub(super) const FLOAT: u8 = 4;
    pub(super) const DOUBLE: u8 = 5;
    pub(super) const NULL: u8 = 6;
    pub(super) const TIMESTAMP: u8 = 7;
    pub(super) const LONG_LONG: u8 = 8;
    pub(super) const MEDIUM: u8 = 9;
    pub(super) const DATE: u8 = 10;
    pub(super) const TIME: u8 = 11;
    pub(super) const DATE_TIME: u8 = 12;
    pub(super) const YEAR: u8 = 13;
    pub(super) const BIT: u8 = 16;
    pub(super) const JSON: u8 = 245;
    pub(super) const NEW_DECIMAL: u8 = 246;
    pub(super) const ENUM: u8 = 247;
    pub(super) const SET: u8 = 248;
    pub(super) const GEOMETRY: u8 = 255;
}

const UNSIGNED: u16 = 0x20;
/// The character set of what is no text.
const BINARY: u16 = 63;

/// The values of a row.
pub(super) fn row(columns: &[Column], row: Bytes, room: &mut Room) -> Result<Vec<Value>, Stopped> {
    let mut row = Reader(row);
    row.u8()?;
    let nulls = row.bytes((columns.len() + 9) / 8)?;
    let mut values = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        // Two bits of it are for other things.
        let (byte, bit) = ((index + 2) / 8, (index + 2) % 8);
        if nulls[byte] & 1 << bit != 0 {
            values.push(Value::Null);
            continue;
        }
        let bytes = match column.kind {
            kind::NULL => Bytes::new(),
            kind::TINY => row.bytes(1)?,
            kind::SHORT | kind::YEAR => row.bytes(2)?,
            kind::LONG | kind::MEDIUM | kind::FLOAT => row.bytes(4)?,
            kind::LONG_LONG | kind::DOUBLE => row.bytes(8)?,
            kind::DATE | kind::DATE_TIME | kind::TIMESTAMP | kind::TIME => {
                let length = row.u8()?;
                row.bytes(length.into())?
            }
            _ => row.counted()?,
        };
        let value = room.value(bytes.len()).and_then(|()| read(column, &bytes, room)).ok_or_else(|| {
            let kind = format!("number {}", column.kind);
            let unread = || undecodable(index, &column.name, &kind, "of which this value cannot be read");
            room.fault().unwrap_or_else(unread)
        });
        values.push(value?);
    }
    if row.0.is_empty() { Ok(values) } else { Err(garbled()) }
}

fn read(column: &Column, bytes: &[u8], room: &mut Room) -> Option<Value> {
    let text = || String::from_utf8(bytes.to_vec()).ok();
    Some(match column.kind {
        kind::NULL => Value::Null,
        kind::YEAR => Value::Int(i64::try_from(unsigned_int(bytes)?).ok()?),
        kind::TINY | kind::SHORT | kind::MEDIUM | kind::LONG | kind::LONG_LONG => match column.flags & UNSIGNED != 0 {
            true => int(unsigned_int(bytes)?),
            false => Value::Int(signed_int(bytes)?),
        },
        kind::FLOAT => short_float(f32::from_le_bytes(bytes.try_into().ok()?)),
        kind::DOUBLE => Value::Float(f64::from_le_bytes(bytes.try_into().ok()?)),
        kind::DECIMAL | kind::NEW_DECIMAL => Value::Decimal(text()?),
        // The bits are a big-endian number.
        kind::BIT => int(bytes.iter().try_fold(0u64, |all, byte| Some(all.checked_mul(256)? | u64::from(*byte)))?),
        kind::DATE | kind::DATE_TIME | kind::TIMESTAMP => moment(column.kind == kind::DATE, bytes)?,
        kind::TIME => Value::Duration(time(bytes)?),
        kind::JSON => {
            room.json(bytes)?;
            match serde_json::from_slice(bytes) {
                Ok(json) => from_json(&json),
                Err(_) => Value::Text(text()?),
            }
        }
        kind::ENUM | kind::SET => Value::Text(text()?),
        kind::GEOMETRY => Value::Bytes(bytes.to_vec()),
        _ if column.charset != BINARY => Value::Text(text()?),
        _ => Value::Bytes(bytes.to_vec()),
    })
}

fn int(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::BigInt(number.to_string()), Value::Int)
}

fn unsigned_int(bytes: &[u8]) -> Option<u64> {
    let mut wide = [0; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(wide))
}

fn signed_int(bytes: &[u8]) -> Option<i64> {
    let negative = bytes.last()? & 0x80 != 0;
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(wide))
}

/// Year, month, day, hour, minute, second, microseconds, as far as they are not zero.
fn moment(only_date: bool, bytes: &[u8]) -> Option<Value> {
    let mut parts = [0; 11];
    parts.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let [y0, y1, month, day, hour, minute, second, f0, f1, f2, f3] = parts;
    let (year, micros) = (u16::from_le_bytes([y0, y1]), u32::from_le_bytes([f0, f1, f2, f3]));
    if hour > 23 || minute > 59 || second > 59 || micros > 999_999 {
        return None;
    }
    let is_real = calendar::is_real(year.into(), month, day);
    let mut text = String::with_capacity(26);
    calendar::push_day(&mut text, year.into(), month, day);
    if !only_date {
        text.push(if is_real { 'T' } else { ' ' });
        let seconds = (u64::from(hour) * 60 + u64::from(minute)) * 60 + u64::from(second);
        calendar::push_clock(&mut text, seconds * 1_000_000 + u64::from(micros));
    }
    // A day such as 0000-00-00 or 2024-02-00, which MySQL allows and Python's calendar does not have, stays a text.
    Some(match (only_date, is_real) {
        (_, false) => Value::Text(text),
        (true, true) => Value::Date(text),
        (false, true) => Value::DateTime(text),
    })
}

/// Sign, days, hours, minutes, seconds, microseconds, as far as they are not zero. In microseconds.
fn time(bytes: &[u8]) -> Option<i64> {
    let mut parts = [0; 12];
    parts.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let [negative, d0, d1, d2, d3, hours, minutes, seconds, f0, f1, f2, f3] = parts;
    let (days, micros) = (i64::from(u32::from_le_bytes([d0, d1, d2, d3])), u32::from_le_bytes([f0, f1, f2, f3]));
    if hours > 23 || minutes > 59 || seconds > 59 || micros > 999_999 {
        return None;
    }
    let whole = ((days * 24 + i64::from(hours)) * 60 + i64::from(minutes)) * 60 + i64::from(seconds);
    let micros = whole.checked_mul(1_000_000)?.checked_add(i64::from(micros))?;
    Some(if negative == 1 { -micros } else { micros })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_keep_their_sign() {
        assert_eq!(signed_int(&[0xff]), Some(-1));
        assert_eq!(signed_int(&(-5i16).to_le_bytes()), Some(-5));
        assert_eq!(unsigned_int(&[0xff, 0xff]), Some(65535));
        assert_eq!(int(u64::MAX), Value::BigInt("18446744073709551615".into()));
    }

    #[test]
    fn moments_end_where_zeros_begin() {
        let text = |text: &str| Some(Value::Text(text.into()));
        assert_eq!(moment(true, &[0xea, 0x07, 2, 28]), Some(Value::Date("2026-02-28".into())));
        assert_eq!(moment(true, &[0x0f, 0x27, 12, 31]), Some(Value::Date("9999-12-31".into())));
        assert_eq!(moment(false, &[0xea, 0x07, 2, 28, 23, 59, 1]), Some(Value::DateTime("2026-02-28T23:59:01".into())));
        assert_eq!(moment(false, &[0xea, 0x07, 2, 0]), text("2026-02-00 00:00:00"));
        assert_eq!(moment(true, &[]), text("0000-00-00"));
        assert_eq!(moment(false, &[]), text("0000-00-00 00:00:00"));
        assert_eq!(time(&[1, 34, 0, 0, 0, 22, 59, 59]), Some(-((34 * 24 + 22) * 3600 + 59 * 60 + 59) * 1_000_000));
        assert_eq!(time(&[]), Some(0));
    }

    #[test]
    fn what_no_clock_shows_is_not_read() {
        for clock in [[24, 0, 0], [0, 60, 0], [0, 0, 60]] {
            assert_eq!(moment(false, &[[0xea, 0x07, 2, 28].as_slice(), &clock].concat()), None, "{clock:?}");
            assert_eq!(time(&[[0, 1, 0, 0, 0].as_slice(), &clock].concat()), None, "{clock:?}");
        }
        assert_eq!(time(&[0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x42, 0x0f, 0]), None, "a million microseconds");
        assert_eq!(time(&[0, 0xff, 0xff, 0xff, 0xff, 23, 59, 59, 0xff, 0xff, 0xff, 0xff]), None);
    }

    proptest! {
        #[test]
        fn damaged_rows_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), kinds in proptest::collection::vec(any::<u8>(), 0..12)) {
            let columns: Vec<Column> =
                kinds.into_iter().map(|kind| Column { name: "c".into(), kind, flags: 0, charset: BINARY }).collect();
            let _ = row(&columns, bytes.into(), &mut Room::of(1000, 1000));
        }
    }
}
