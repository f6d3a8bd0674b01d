//! PostgreSQL's binary values as Python has them.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use sqlx::{
    Column, Row, ValueRef,
    postgres::{PgRow, PgTypeInfo, PgTypeKind},
};

use super::super::{Value, fault, from_json, short_float, undecodable};
use crate::sources::SourceFault;

/// Whether values of this type have a Python word.
pub(super) fn knows(info: &PgTypeInfo) -> bool {
    kind(info).is_some()
}

/// The value of one column.
pub(super) fn value(row: &PgRow, index: usize) -> Result<Value, SourceFault> {
    let raw = row.try_get_raw(index).map_err(fault)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let column = row.column(index);
    let bytes = raw.as_bytes().unwrap_or_default();
    let read = kind(column.type_info()).and_then(|kind| read(&kind, bytes));
    read.ok_or_else(|| {
        undecodable(index, column.name(), &column.type_info().to_string(), "of which this value cannot be read")
    })
}

#[derive(Clone, PartialEq, Debug)]
enum Kind {
    Bool,
    Int,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Bytes,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Json,
    Jsonb,
    Void,
    Array(Box<Kind>),
}

fn kind(info: &PgTypeInfo) -> Option<Kind> {
    match info.kind() {
        PgTypeKind::Array(element) => return kind(element).map(|element| Kind::Array(Box::new(element))),
        PgTypeKind::Enum(_) => return Some(Kind::Text),
        PgTypeKind::Domain(base) => return kind(base),
        PgTypeKind::Simple | PgTypeKind::Pseudo => {}
        PgTypeKind::Composite(_) | PgTypeKind::Range(_) => return None,
    }
    // The numbers of pg_type.dat, which never change.
    Some(match info.oid()?.0 {
        16 => Kind::Bool,
        17 => Kind::Bytes,
        20 | 21 | 23 => Kind::Int,
        26 => Kind::Oid,
        // "char", name, text, xml, unknown, char(n), varchar
        18 | 19 | 25 | 142 | 705 | 1042 | 1043 => Kind::Text,
        114 => Kind::Json,
        700 => Kind::Float4,
        701 => Kind::Float8,
        1082 => Kind::Date,
        1083 => Kind::Time,
        1114 => Kind::Timestamp,
        1184 => Kind::TimestampTz,
        1186 => Kind::Interval,
        1266 => Kind::TimeTz,
        1700 => Kind::Numeric,
        2278 => Kind::Void,
        2950 => Kind::Uuid,
        3802 => Kind::Jsonb,
        _ => return None,
    })
}

fn read(kind: &Kind, bytes: &[u8]) -> Option<Value> {
    Some(match kind {
        Kind::Bool => Value::Bool(*bytes.first()? != 0),
        Kind::Int => Value::Int(int(bytes)?),
        Kind::Oid => Value::Int(i64::from(u32::from_be_bytes(bytes.try_into().ok()?))),
        Kind::Float4 => short_float(f32::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Float8 => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Numeric => Value::Decimal(numeric(bytes)?),
        Kind::Text => text(bytes)?,
        Kind::Bytes => Value::Bytes(bytes.to_vec()),
        Kind::Date => date(i32::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Time => time(int(bytes)?, "")?,
        Kind::TimeTz => {
            let (micros, west) = bytes.split_at_checked(8)?;
            time(int(micros)?, &offset(-i32::from_be_bytes(west.try_into().ok()?)))?
        }
        Kind::Timestamp => timestamp(int(bytes)?, ""),
        Kind::TimestampTz => timestamp(int(bytes)?, "+00:00"),
        Kind::Interval => interval(bytes)?,
        Kind::Uuid => Value::Uuid(uuid::Uuid::from_slice(bytes).ok()?.to_string()),
        Kind::Json => from_json(&serde_json::from_slice(bytes).ok()?),
        Kind::Jsonb => from_json(&serde_json::from_slice(bytes.strip_prefix(&[1])?).ok()?),
        Kind::Void => Value::Null,
        Kind::Array(element) => array(element, bytes)?,
    })
}

fn text(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok().map(|text| Value::Text(text.to_owned()))
}

fn int(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        2 => Some(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        4 => Some(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        8 => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

/// Digits in base 10,000, the first of them worth 10,000 to the power of `weight`.
fn numeric(bytes: &[u8]) -> Option<String> {
    let (count, weight, sign, scale) = (word(bytes, 0)?, word(bytes, 2)? as i16, word(bytes, 4)?, word(bytes, 6)?);
    match sign {
        0xC000 => return Some("NaN".to_owned()),
        0xD000 => return Some("Infinity".to_owned()),
        0xF000 => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let digit = |place: i32| -> Option<u16> {
        let index = i32::from(weight) - place;
        if index < 0 || index >= i32::from(count) { Some(0) } else { word(bytes, 8 + 2 * index as usize) }
    };
    let mut out = String::from(if sign == 0x4000 { "-" } else { "" });
    if weight < 0 {
        out.push('0');
    }
    for place in (0..=i32::from(weight)).rev() {
        let digit = digit(place)?;
        if place == i32::from(weight) { out.push_str(&digit.to_string()) } else { out.push_str(&format!("{digit:04}")) }
    }
    if scale > 0 {
        let mut fraction = String::new();
        let mut place = -1;
        while fraction.len() < usize::from(scale) {
            fraction.push_str(&format!("{:04}", digit(place)?));
            place -= 1;
        }
        out.push('.');
        out.push_str(&fraction[..usize::from(scale)]);
    }
    Some(out)
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// Microseconds from 1970 to 2000, where PostgreSQL counts from.
const EPOCH: i64 = 946_684_800_000_000;
const DAY: i64 = 86_400_000_000;

fn date(days: i32) -> Value {
    match (days, civil(i64::from(days).checked_mul(DAY))) {
        (i32::MAX, _) => Value::Text("infinity".to_owned()),
        (i32::MIN, _) => Value::Text("-infinity".to_owned()),
        (_, Some(moment)) => Value::Date(moment.date().to_string()),
        // Python's calendar ends with the year 9999 and begins with the year 1; what is beyond it is told in days.
        (_, None) => Value::Text(format!("2000-01-01 {days:+} days")),
    }
}

fn timestamp(micros: i64, zone: &str) -> Value {
    match (micros, civil(Some(micros))) {
        (i64::MAX, _) => Value::Text("infinity".to_owned()),
        (i64::MIN, _) => Value::Text("-infinity".to_owned()),
        (_, Some(moment)) => {
            let fraction = moment.subsec_nanosecond() / 1000;
            let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
            Value::DateTime(format!("{}{fraction}{zone}", moment.strftime("%Y-%m-%dT%H:%M:%S")))
        }
        (_, None) => Value::Text(format!("2000-01-01 00:00:00{zone} {:+} s", micros / 1_000_000)),
    }
}

/// The moment so many microseconds after 2000, if Python's calendar has it.
fn civil(micros: Option<i64>) -> Option<DateTime> {
    let at = Timestamp::from_microsecond(micros?.checked_add(EPOCH)?).ok()?;
    let moment = at.to_zoned(TimeZone::UTC).datetime();
    (1..=9999).contains(&moment.year()).then_some(moment)
}

fn time(micros: i64, zone: &str) -> Option<Value> {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    let text = format!("{:02}:{:02}:{:02}{fraction}{zone}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    // The end of a day, 24:00, is a time in PostgreSQL and none in Python.
    Some(if seconds >= 86_400 { Value::Text(text) } else { Value::Time(text) })
}

fn offset(east: i32) -> String {
    let sign = if east < 0 { '-' } else { '+' };
    let east = east.unsigned_abs();
    let seconds = if east.is_multiple_of(60) { String::new() } else { format!(":{:02}", east % 60) };
    format!("{sign}{:02}:{:02}{seconds}", east / 3600, east / 60 % 60)
}

/// As psycopg2 has it: a month is 30 days, twelve of them a year of 365.
fn interval(bytes: &[u8]) -> Option<Value> {
    let micros = int(bytes.get(..8)?)?;
    let (days, months) = (int(bytes.get(8..12)?)?, int(bytes.get(12..16)?)?);
    let days = days + (months / 12) * 365 + (months % 12) * 30;
    Some(Value::Duration(days.checked_mul(DAY)?.checked_add(micros)?))
}

fn array(element: &Kind, bytes: &[u8]) -> Option<Value> {
    let dimensions = usize::try_from(int(bytes.get(..4)?)?).ok().filter(|count| *count <= 6)?;
    let mut lengths = Vec::with_capacity(dimensions);
    for dimension in 0..dimensions {
        let at = 12 + 8 * dimension;
        lengths.push(usize::try_from(int(bytes.get(at..at + 4)?)?).ok()?);
    }
    let mut rest = bytes.get(12 + 8 * dimensions..)?;
    if lengths.is_empty() {
        return Some(Value::List(Vec::new()));
    }
    list(element, &lengths, &mut rest)
}

fn list(element: &Kind, lengths: &[usize], rest: &mut &[u8]) -> Option<Value> {
    let Some((length, inner)) = lengths.split_first() else {
        let (length, after) = rest.split_at_checked(4)?;
        let length = int(length)?;
        *rest = after;
        let Ok(length) = usize::try_from(length) else { return Some(Value::Null) };
        let (bytes, after) = rest.split_at_checked(length)?;
        *rest = after;
        return read(element, bytes);
    };
    (0..*length).map(|_| list(element, inner, rest)).collect::<Option<_>>().map(Value::List)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn numerics_keep_their_scale() {
        let text = |w: &[u16]| numeric(&words(w)).unwrap();
        assert_eq!(text(&[2, 0, 0, 2, 1, 5000]), "1.50");
        assert_eq!(text(&[1, 0xffff, 0x4000, 4, 12]), "-0.0012");
        assert_eq!(text(&[1, 2, 0, 0, 7]), "700000000");
        assert_eq!(text(&[0, 0, 0, 3]), "0.000");
        assert_eq!(text(&[1, 0xfffe, 0, 8, 1]), "0.00000001");
        assert_eq!(text(&[0, 0, 0xC000, 0]), "NaN");
    }

    #[test]
    fn times_that_python_lacks_are_texts() {
        assert_eq!(date(0), Value::Date("2000-01-01".into()));
        assert_eq!(date(i32::MAX), Value::Text("infinity".into()));
        assert_eq!(date(2_921_940), Value::Text("2000-01-01 +2921940 days".into()));
        assert_eq!(timestamp(1, "+00:00"), Value::DateTime("2000-01-01T00:00:00.000001+00:00".into()));
        assert_eq!(time(DAY, ""), Some(Value::Text("24:00:00".into())));
        assert_eq!(offset(-(3600 * 5 + 1800)), "-05:30");
    }

    proptest! {
        #[test]
        fn damaged_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            for kind in [Kind::Numeric, Kind::Interval, Kind::TimeTz, Kind::Jsonb, Kind::Array(Box::new(Kind::Int)), Kind::Time, Kind::Timestamp] {
                let _ = read(&kind, &bytes);
            }
        }
    }
}
