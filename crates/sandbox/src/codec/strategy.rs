//! Arbitrary values, for the properties. A text of Decimal and its kind is as Python writes it, so that it comes back as it is.

use proptest::prelude::*;

use revere_sandbox::Value;

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
        "-?[1-9][0-9]{0,20}\\.[0-9]{1,10}".prop_map(Value::Decimal),
        "20[0-9]{2}-0[1-9]-[12][0-8]".prop_map(Value::Date),
        "[01][0-9]:[0-5][0-9]:[0-5][0-9]".prop_map(Value::Time),
        "20[0-9]{2}-0[1-9]-[12][0-8]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\+0[1-9]:30)?".prop_map(Value::DateTime),
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
            (1usize..4, 1usize..5, inner.clone()).prop_flat_map(|(width, height, cell)| {
                let names = (0..width).map(|column| Value::Text(format!("column{column}"))).collect::<Vec<_>>();
                let cells = proptest::collection::vec(prop_oneof![Just(cell), Just(Value::Null)], width);
                let record = cells.prop_map(move |cells| Value::Dict(names.iter().cloned().zip(cells).collect()));
                proptest::collection::vec(record, height).prop_map(Value::List)
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
