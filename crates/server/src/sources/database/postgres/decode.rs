//! PostgreSQL's values as Python has them.
//!
//! What has a Python word comes in binary, in which nothing depends on settings of the session. Everything else comes as
//! the text that PostgreSQL itself writes.

use super::{
    super::{Value, answer_room::Room, calendar, from_json, short_float},
    text_array,
};

/// How values of a type are read.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
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
    /// An array of texts that comes as one text.
    TextArray,
}

impl Kind {
    /// The kind of a type, by its number in `pg_type`; `None` for those that each database gives its own.
    pub(super) fn of(number: u32) -> Option<Kind> {
        // The numbers of pg_type.dat, which never change; below 16384 they are PostgreSQL's.
        let array = |element| Some(Kind::Array(Box::new(element)));
        match number {
            16 => Some(Kind::Bool),
            17 => Some(Kind::Bytes),
            20 | 21 | 23 => Some(Kind::Int),
            26 => Some(Kind::Oid),
            114 => Some(Kind::Json),
            700 => Some(Kind::Float4),
            701 => Some(Kind::Float8),
            1082 => Some(Kind::Date),
            1083 => Some(Kind::Time),
            1114 => Some(Kind::Timestamp),
            1184 => Some(Kind::TimestampTz),
            1186 => Some(Kind::Interval),
            1266 => Some(Kind::TimeTz),
            1700 => Some(Kind::Numeric),
            2278 => Some(Kind::Void),
            2950 => Some(Kind::Uuid),
            3802 => Some(Kind::Jsonb),
            1000 => array(Kind::Bool),
            1001 => array(Kind::Bytes),
            1005 | 1007 | 1016 => array(Kind::Int),
            1028 => array(Kind::Oid),
            199 => array(Kind::Json),
            1021 => array(Kind::Float4),
            1022 => array(Kind::Float8),
            1182 => array(Kind::Date),
            1183 => array(Kind::Time),
            1115 => array(Kind::Timestamp),
            1185 => array(Kind::TimestampTz),
            1187 => array(Kind::Interval),
            1270 => array(Kind::TimeTz),
            1231 => array(Kind::Numeric),
            2951 => array(Kind::Uuid),
            3807 => array(Kind::Jsonb),
            // name, text, char(n), varchar
            1003 | 1009 | 1014 | 1015 => array(Kind::Text),
            // xml, "char"
            143 | 1002 => Some(Kind::TextArray),
            0..16384 => Some(Kind::Text),
            _ => None,
        }
    }

    /// Whether values are to come in binary.
    pub(super) fn is_binary(&self) -> bool {
        !matches!(self, Kind::Text | Kind::TextArray)
    }

    /// The value, or `None` where it cannot be one of this kind, or has no room.
    pub(super) fn read(&self, bytes: &[u8], room: &mut Room) -> Option<Value> {
        room.value(bytes.len())?;
        Some(match self {
            Kind::Bool => Value::Bool(*bytes.first()? != 0),
            Kind::Int => Value::Int(int(bytes)?),
            Kind::Oid => Value::Int(i64::from(u32::from_be_bytes(bytes.try_into().ok()?))),
            Kind::Float4 => short_float(f32::from_be_bytes(bytes.try_into().ok()?)),
            Kind::Float8 => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
            Kind::Numeric => {
                room.value(numeric_length(bytes)?)?;
                Value::Decimal(numeric(bytes)?)
            }
            Kind::Text => text(bytes)?,
            Kind::Bytes => Value::Bytes(bytes.to_vec()),
            Kind::Date => date(i32::from_be_bytes(bytes.try_into().ok()?)),
            Kind::Time => time(int(bytes)?, "")?,
            Kind::TimeTz => {
                let (micros, west) = bytes.split_at_checked(8)?;
                time(int(micros)?, &offset(i32::from_be_bytes(west.try_into().ok()?).checked_neg()?))?
            }
            Kind::Timestamp => timestamp(int(bytes)?, "")?,
            Kind::TimestampTz => timestamp(int(bytes)?, "+00:00")?,
            Kind::Interval => interval(bytes)?,
            Kind::Uuid => Value::Uuid(uuid::Uuid::from_slice(bytes).ok()?.to_string()),
            Kind::Json => json(bytes, room)?,
            Kind::Jsonb => json(bytes.strip_prefix(&[1])?, room)?,
            Kind::Void => Value::Null,
            Kind::Array(element) => array(element, bytes, room)?,
            Kind::TextArray => text_array::read(std::str::from_utf8(bytes).ok()?, room)?,
        })
    }
}

fn text(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok().map(|text| Value::Text(text.to_owned()))
}

/// What the JSON is; its text where it holds numbers that no float can, or is nested beyond reason.
fn json(bytes: &[u8], room: &mut Room) -> Option<Value> {
    room.json(bytes)?;
    serde_json::from_slice(bytes).map_or_else(|_| text(bytes), |json| Some(from_json(&json)))
}

fn int(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        2 => Some(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        4 => Some(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        8 => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

/// As many characters as [`numeric`] will write, or a few more.
fn numeric_length(bytes: &[u8]) -> Option<usize> {
    let (weight, scale) = (word(bytes, 2)? as i16, word(bytes, 6)?);
    Some(4 * (usize::try_from(weight).unwrap_or(0) + 1) + usize::from(scale))
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
        calendar::push_digits(&mut out, digit(place)?.into(), if place == i32::from(weight) { 1 } else { 4 });
    }
    if scale > 0 {
        out.push('.');
        let end = out.len() + usize::from(scale);
        let mut place = -1;
        while out.len() < end {
            calendar::push_digits(&mut out, digit(place)?.into(), 4);
            place -= 1;
        }
        out.truncate(end);
    }
    Some(out)
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// From 1970 to 2000, where PostgreSQL counts from.
const EPOCH_DAYS: i64 = 10_957;
const DAY: i64 = 86_400_000_000;

fn date(days: i32) -> Value {
    match days {
        i32::MAX => Value::Text("infinity".to_owned()),
        i32::MIN => Value::Text("-infinity".to_owned()),
        days => calendar::date(i64::from(days) + EPOCH_DAYS),
    }
}

fn timestamp(micros: i64, zone: &str) -> Option<Value> {
    Some(match micros {
        i64::MAX => Value::Text("infinity".to_owned()),
        i64::MIN => Value::Text("-infinity".to_owned()),
        micros => calendar::date_time(micros.checked_add(EPOCH_DAYS * DAY)?, zone),
    })
}

fn time(micros: i64, zone: &str) -> Option<Value> {
    // The end of a day, 24:00, is a time in PostgreSQL and none in Python.
    (0..=DAY).contains(&micros).then(|| {
        let text = format!("{}{zone}", clock(micros));
        if micros == DAY { Value::Text(text) } else { Value::Time(text) }
    })
}

/// `04:05:06.700000`, of any number of hours.
fn clock(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("{sign}{:02}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn offset(east: i32) -> String {
    let sign = if east < 0 { '-' } else { '+' };
    let east = east.unsigned_abs();
    let seconds = if east.is_multiple_of(60) { String::new() } else { format!(":{:02}", east % 60) };
    format!("{sign}{:02}:{:02}{seconds}", east / 3600, east / 60 % 60)
}

/// As psycopg2 has it: a month is 30 days, twelve of them a year of 365. What is longer than the longest span is a text.
fn interval(bytes: &[u8]) -> Option<Value> {
    let micros = int(bytes.get(..8)?)?;
    let (days, months) = (int(bytes.get(8..12)?)?, int(bytes.get(12..16)?)?);
    match (micros, days, months) {
        (i64::MAX, 0x7fff_ffff, 0x7fff_ffff) => return Some(Value::Text("infinity".to_owned())),
        (i64::MIN, -0x8000_0000, -0x8000_0000) => return Some(Value::Text("-infinity".to_owned())),
        _ => {}
    }
    let whole = days + (months / 12) * 365 + (months % 12) * 30;
    let all = whole.checked_mul(DAY).and_then(|days| days.checked_add(micros));
    Some(all.map_or_else(
        || {
            let parts = [(months / 12, "years"), (months % 12, "mons"), (days, "days")];
            let parts = parts.iter().filter(|(count, _)| *count != 0).map(|(count, unit)| format!("{count} {unit} "));
            Value::Text(format!("{}{}", parts.collect::<String>(), clock(micros)))
        },
        Value::Duration,
    ))
}

fn array(element: &Kind, bytes: &[u8], room: &mut Room) -> Option<Value> {
    let dimensions = usize::try_from(int(bytes.get(..4)?)?).ok().filter(|count| *count <= 6)?;
    let mut lengths = Vec::with_capacity(dimensions);
    for dimension in 0..dimensions {
        let at = 12 + 8 * dimension;
        // An empty array has no dimensions; one of which a dimension is empty could have any number of lists in it.
        lengths.push(usize::try_from(int(bytes.get(at..at + 4)?)?).ok().filter(|length| *length > 0)?);
    }
    let mut rest = bytes.get(12 + 8 * dimensions..)?;
    if lengths.is_empty() {
        return Some(Value::List(Vec::new()));
    }
    list(element, &lengths, &mut rest, room)
}

fn list(element: &Kind, lengths: &[usize], rest: &mut &[u8], room: &mut Room) -> Option<Value> {
    let Some((length, inner)) = lengths.split_first() else {
        let (length, after) = rest.split_at_checked(4)?;
        let length = int(length)?;
        *rest = after;
        let Ok(length) = usize::try_from(length) else {
            room.value(0)?;
            return Some(Value::Null);
        };
        let (bytes, after) = rest.split_at_checked(length)?;
        *rest = after;
        return element.read(bytes, room);
    };
    room.list()?;
    (0..*length).map(|_| list(element, inner, rest, room)).collect::<Option<_>>().map(Value::List)
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
        assert_eq!(date(2_921_939), Value::Date("9999-12-31".into()));
        assert_eq!(date(2_921_940), Value::Text("10000-01-01".into()));
        assert_eq!(timestamp(1, "+00:00"), Some(Value::DateTime("2000-01-01T00:00:00.000001+00:00".into())));
        assert_eq!(time(DAY, ""), Some(Value::Text("24:00:00".into())));
        assert_eq!(time(DAY + 1, ""), None);
        assert_eq!(offset(-(3600 * 5 + 1800)), "-05:30");
    }

    #[test]
    fn spans_beyond_the_longest_are_texts() {
        let bytes = |micros: i64, days: i32, months: i32| {
            let parts: [&[u8]; 3] = [&micros.to_be_bytes(), &days.to_be_bytes(), &months.to_be_bytes()];
            interval(&parts.concat()).unwrap()
        };
        assert_eq!(bytes(-1_500_000, 1, 13), Value::Duration(396 * DAY - 1_500_000));
        assert_eq!(
            bytes(-1_500_000, 3, 12 * 178_000_000 + 1),
            Value::Text("178000000 years 1 mons 3 days -00:00:01.500000".into())
        );
        assert_eq!(bytes(i64::MAX, i32::MAX, i32::MAX), Value::Text("infinity".into()));
    }

    #[test]
    fn json_that_no_float_can_hold_is_its_text() {
        let json = |bytes: &[u8]| json(bytes, &mut Room::of(100_000, 100_000));
        assert_eq!(json(b"[1, 1e2]"), Some(Value::List(vec![Value::Int(1), Value::Float(100.0)])));
        assert_eq!(json(b"1e400"), Some(Value::Text("1e400".into())));
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        assert_eq!(json(deep.as_bytes()), Some(Value::Text(deep)));
    }

    /// An array of these dimensions, with one element after the other as it is sent.
    fn array_of(lengths: &[i32], elements: &[u8]) -> Vec<u8> {
        let mut out = i32::try_from(lengths.len()).unwrap().to_be_bytes().to_vec();
        out.extend([0; 8]);
        lengths.iter().for_each(|length| out.extend([length.to_be_bytes(), [0, 0, 0, 1]].concat()));
        out.extend(elements);
        out
    }

    #[test]
    fn what_would_be_far_larger_than_what_came_is_counted_before_it_is_made() {
        let full = |kind: &Kind, bytes: &[u8]| {
            let mut room = Room::of(1 << 20, 1 << 20);
            (kind.read(bytes, &mut room), room.fault().is_some())
        };
        // 1e131071: ten bytes, and 131,072 digits.
        let number = words(&[1, 32767, 0, 0, 1000]);
        assert_eq!(full(&Kind::Numeric, &number).0.map(|value| value.repr(200_000).len() > 131_072), Some(true));
        let element = [&10_i32.to_be_bytes(), number.as_slice()].concat();
        let numbers = array_of(&[100], &element.repeat(100));
        assert_eq!(full(&Kind::Array(Box::new(Kind::Numeric)), &numbers), (None, true));
        let ints = Kind::Array(Box::new(Kind::Int));
        let nulls = array_of(&[100_000], &[0xff; 400_000]);
        assert_eq!(full(&ints, &nulls), (None, true));
        let small = array_of(&[2, 1], &[0, 0, 0, 2, 0, 7, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(full(&ints, &small).0.map(|value| value.repr(100)), Some("[[7], [None]]".to_owned()));
        assert_eq!(full(&Kind::TextArray, format!("{{{}a}}", "a,".repeat(100_000)).as_bytes()), (None, true));
        assert_eq!(full(&Kind::TextArray, format!("{{{}{{}}}}", "{},".repeat(100_000)).as_bytes()), (None, true));
        assert_eq!(full(&Kind::Json, format!("[{}1]", "1,".repeat(100_000)).as_bytes()), (None, true));
    }

    #[test]
    fn an_array_of_which_a_dimension_is_empty_is_none() {
        let ints = Kind::Array(Box::new(Kind::Int));
        for lengths in [&[i32::MAX, 0][..], &[0], &[0, 5], &[-1], &[2, -1]] {
            let mut room = Room::of(1 << 20, 1 << 20);
            assert_eq!(
                (ints.read(&array_of(lengths, &[]), &mut room), room.fault().is_some()),
                (None, false),
                "{lengths:?}"
            );
        }
        assert_eq!(ints.read(&array_of(&[], &[]), &mut Room::of(1000, 1000)), Some(Value::List(vec![])));
    }

    proptest! {
        #[test]
        fn damaged_bytes_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            for kind in [Kind::Numeric, Kind::Interval, Kind::TimeTz, Kind::Jsonb, Kind::Array(Box::new(Kind::Int)), Kind::Time, Kind::Timestamp] {
                let _ = kind.read(&bytes, &mut Room::of(10_000, 10_000));
            }
        }
    }
}
