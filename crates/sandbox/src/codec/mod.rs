//! The JSON form of a [`Value`](crate::Value): how values travel to and from a script.
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
//! That is what keeps large answers fast: the script's side turns a whole column at once. Either side may leave `$rows`
//! away and write tagged values.
//!
//! The Python half is `prelude/codec.py`; a property test sends values through both.

mod decode;
mod encode;

pub(crate) use encode::{EncodeError, encode_within};

/// Deeper values are refused on both sides, so no reader of them can run out of stack.
pub(crate) const MAX_DEPTH: usize = 100;

#[cfg(test)]
pub(crate) mod strategy {
    //! Arbitrary values, for the properties.

    use proptest::prelude::*;

    use crate::Value;

    pub(crate) fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            "-?[1-9][0-9]{20,60}".prop_map(Value::BigInt),
            any::<f64>().prop_filter("NaN is not equal to itself", |f| !f.is_nan()).prop_map(Value::Float),
            any::<String>().prop_map(Value::Text),
            "\\$[a-z]{1,8}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
            "-?[0-9]{1,30}\\.[0-9]{1,10}".prop_map(Value::Decimal),
            "20[0-9]{2}-0[1-9]-[12][0-9]".prop_map(Value::Date),
            "[01][0-9]:[0-5][0-9]:[0-5][0-9]".prop_map(Value::Time),
            "20[0-9]{2}-0[1-9]-[12][0-9]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\+0[1-9]:30)?".prop_map(Value::DateTime),
            (-10i64.pow(15)..10i64.pow(15)).prop_map(Value::Duration),
            "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}".prop_map(Value::Uuid),
        ];
        let key = prop_oneof!["\\$?[a-z]{0,6}".prop_map(Value::Text), any::<i64>().prop_map(Value::Int)];
        leaf.prop_recursive(4, 60, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Tuple),
                (1usize..4, 0usize..5, inner.clone()).prop_flat_map(|(width, height, cell)| {
                    proptest::collection::vec(
                        proptest::collection::vec(prop_oneof![Just(cell), Just(Value::Null)], width),
                        height,
                    )
                    .prop_map(|rows| Value::List(rows.into_iter().map(Value::Tuple).collect()))
                }),
                proptest::collection::vec((key.clone(), inner), 0..6).prop_map(|items| {
                    let mut seen: Vec<(Value, Value)> = Vec::new();
                    for (key, value) in items {
                        if !seen.iter().any(|(k, _)| *k == key) {
                            seen.push((key, value));
                        }
                    }
                    Value::Dict(seen)
                }),
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::strategy::value;
    use crate::Value;

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
