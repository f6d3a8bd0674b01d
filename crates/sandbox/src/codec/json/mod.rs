//! The JSON form of a [`Value`](crate::Value): how values stand in files, and travel to and from plug-ins.
//!
//! What JSON has a word for is written plainly. Everything else is an object with one key that begins with `$`:
//!
//! | Python | JSON |
//! |---|---|
//! | int beyond 64 bits | `{"$int": "18446744073709551616"}` |
//! | nan, inf, -inf | `{"$float": "nan"}` |
//! | bytes | `{"$bytes": "base64"}` |
//! | Decimal, date, time, datetime, UUID | `{"$decimal": "1.50"}`, `{"$date": "2024-02-29"}`, ... |
//! | timedelta | `{"$timedelta": microseconds}` |
//! | tuple | `{"$tuple": [...]}` |
//! | dict with a key that is no text or begins with `$` | `{"$dict": [[key, value], ...]}` |
//! | list of equally long tuples, as a database answers | `{"$rows": [kinds, [[...], ...]]}` |
//!
//! In `$rows`, `kinds` has a tag or null per column; the cells of a tagged column are bare payloads of that tag or null.
//! A writer may leave `$rows` away and write tagged values.

mod decode;
mod encode;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{Value, codec::strategy::value};

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in value()) {
            let json = value.to_json().expect("not too deep");
            prop_assert_eq!(Value::from_json(&json).expect("our own JSON"), value);
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Value::from_json(&bytes);
        }
    }

    #[test]
    fn rows_travel_by_column() {
        let row = |n: &str| Value::Tuple(vec![Value::Int(1), Value::Decimal(n.into()), Value::Null]);
        let json = Value::List(vec![row("1.5"), row("2")]).to_json().expect("shallow");
        assert_eq!(
            String::from_utf8_lossy(&json),
            r#"{"$rows":[[null,"$decimal",null],[[1,"1.5",null],[1,"2",null]]]}"#
        );
    }
}
