//! MySQL's binary values as Python has them.
//!
//! Read from the bytes themselves, by the column's type: so that unsigned and zero-filled columns, times beyond a day and
//! days that no calendar has come through as they are.

use sqlx::{
    Column, MySql, Row, Type, TypeInfo, ValueRef,
    mysql::{MySqlRow, MySqlTypeInfo},
};

use super::super::{Value, fault, from_json, short_float, undecodable};
use crate::sources::SourceFault;

/// The value of one column.
pub(super) fn value(row: &MySqlRow, index: usize) -> Result<Value, SourceFault> {
    let raw = row.try_get_raw(index).map_err(fault)?;
    // Zero dates count as null here, as they do for Python's drivers.
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let info = raw.type_info().into_owned();
    let bytes: Vec<u8> = row.try_get_unchecked(index).map_err(fault)?;
    let name = info.name().to_owned();
    read(&info, bytes)
        .ok_or_else(|| undecodable(index, row.column(index).name(), &name, "of which this value cannot be read"))
}

fn read(info: &MySqlTypeInfo, bytes: Vec<u8>) -> Option<Value> {
    let unsigned = <u64 as Type<MySql>>::compatible(info);
    Some(match info.name() {
        "NULL" => Value::Null,
        "YEAR" => Value::Int(i64::try_from(unsigned_int(&bytes)?).ok()?),
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "TINYINT UNSIGNED"
        | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "BIGINT UNSIGNED" => match unsigned {
            true => int(unsigned_int(&bytes)?),
            false => Value::Int(signed_int(&bytes)?),
        },
        "FLOAT" => short_float(f32::from_le_bytes(bytes.as_slice().try_into().ok()?)),
        "DOUBLE" => Value::Float(f64::from_le_bytes(bytes.as_slice().try_into().ok()?)),
        "DECIMAL" => Value::Decimal(String::from_utf8(bytes).ok()?),
        // The bits are a big-endian number.
        "BIT" => int(bytes.iter().try_fold(0u64, |all, byte| Some(all.checked_mul(256)? | u64::from(*byte)))?),
        "DATE" | "DATETIME" | "TIMESTAMP" => moment(info.name(), &bytes)?,
        "TIME" => Value::Duration(time(&bytes)?),
        "JSON" => from_json(&serde_json::from_slice(&bytes).ok()?),
        "ENUM" | "SET" => Value::Text(String::from_utf8(bytes).ok()?),
        _ if <str as Type<MySql>>::compatible(info) => Value::Text(String::from_utf8(bytes).ok()?),
        _ => Value::Bytes(bytes),
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

/// A length, then year, month, day, hour, minute, second, microseconds, as far as they are not zero.
fn moment(kind: &str, bytes: &[u8]) -> Option<Value> {
    let (length, rest) = bytes.split_first()?;
    let mut parts = [0; 11];
    parts.get_mut(..usize::from(*length))?.copy_from_slice(rest.get(..usize::from(*length))?);
    let [y0, y1, month, day, hour, minute, second, f0, f1, f2, f3] = parts;
    let (year, micros) = (u16::from_le_bytes([y0, y1]), u32::from_le_bytes([f0, f1, f2, f3]));
    let date = format!("{year:04}-{month:02}-{day:02}");
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    let text = format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}");
    // A day such as 2024-02-00, which MySQL allows and Python's calendar does not, stays a text.
    let real =
        jiff::civil::Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).is_ok() && year > 0;
    Some(match (kind, real) {
        ("DATE", true) => Value::Date(date),
        ("DATE", false) => Value::Text(date),
        (_, true) => Value::DateTime(text),
        (_, false) => Value::Text(text.replacen('T', " ", 1)),
    })
}

/// A length, then sign, days, hours, minutes, seconds, microseconds, as far as they are not zero. In microseconds.
fn time(bytes: &[u8]) -> Option<i64> {
    let (length, rest) = bytes.split_first()?;
    let mut parts = [0; 12];
    parts.get_mut(..usize::from(*length))?.copy_from_slice(rest.get(..usize::from(*length))?);
    let [negative, d0, d1, d2, d3, hours, minutes, seconds, f0, f1, f2, f3] = parts;
    let days = i64::from(u32::from_le_bytes([d0, d1, d2, d3]));
    let whole = ((days * 24 + i64::from(hours)) * 60 + i64::from(minutes)) * 60 + i64::from(seconds);
    let micros = whole * 1_000_000 + i64::from(u32::from_le_bytes([f0, f1, f2, f3]));
    Some(if negative == 1 { -micros } else { micros })
}

#[cfg(test)]
mod tests {
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
        assert_eq!(moment("DATE", &[4, 0xea, 0x07, 2, 28]), Some(Value::Date("2026-02-28".into())));
        assert_eq!(
            moment("DATETIME", &[7, 0xea, 0x07, 2, 28, 23, 59, 1]),
            Some(Value::DateTime("2026-02-28T23:59:01".into()))
        );
        assert_eq!(moment("DATETIME", &[4, 0xea, 0x07, 2, 0]), Some(Value::Text("2026-02-00 00:00:00".into())));
        assert_eq!(moment("DATE", &[9, 1]), None);
        assert_eq!(time(&[8, 1, 34, 0, 0, 0, 22, 59, 59]), Some(-((34 * 24 + 22) * 3600 + 59 * 60 + 59) * 1_000_000));
        assert_eq!(time(&[0]), Some(0));
    }
}
