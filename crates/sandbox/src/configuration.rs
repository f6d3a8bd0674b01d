//! What an evaluated configuration file left, as the guest tells it.

use crate::{Value, codec::marshal, sanitize::clean};

const TEXT_BYTES: usize = 1 << 10;

/// What a configuration file left.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConfigValues {
    /// The values of its upper-case names. Those that begin with an underscore are the author's own and not here.
    pub values: Vec<(String, Value)>,
    /// Values that are no plain data: where, in Python's notation, and what is wrong. The value has `Null` there.
    pub faults: Vec<(String, String)>,
    /// The author's other names of data: whoever writes a setting small has one of them.
    pub other_names: Vec<String>,
    /// Keys that stand twice in one dict, where the second silently replaces the first: the line, from 1, and the key.
    pub repeated_keys: Vec<(u32, String)>,
}

impl ConfigValues {
    /// Reads the guest's answer; the error says what of it is not as it must be.
    pub(crate) fn of(answer: &Value) -> Result<ConfigValues, String> {
        // Each is written by itself, so that it may be nested as deeply as any value.
        let written = |(name, bytes): (&Value, &Value)| match (name, bytes) {
            (Value::Text(name), Value::Bytes(bytes)) => Some((name.clone(), bytes.clone())),
            _ => None,
        };
        let mut values = Vec::new();
        for (name, bytes) in pairs(answer, "values", written)? {
            values.push((name, marshal::read(&bytes).map_err(|error| error.to_string())?));
        }
        let other_names = items(answer, "other_names")?.iter().filter_map(Value::as_text).map(str::to_owned);
        Ok(ConfigValues {
            values,
            faults: pairs(answer, "faults", |(place, text)| {
                // A place is looked for in the file's text, so it stays as it is.
                Some((place.as_text()?.to_owned(), clean(text.as_text()?, TEXT_BYTES)))
            })?,
            other_names: other_names.collect(),
            repeated_keys: pairs(answer, "repeated_keys", |(line, key)| match line {
                Value::Int(line) => Some((u32::try_from(*line).ok()?, clean(key.as_text()?, TEXT_BYTES))),
                _ => None,
            })?,
        })
    }
}

fn items<'a>(answer: &'a Value, key: &str) -> Result<&'a [Value], String> {
    match answer.get(key) {
        Some(Value::List(items)) => Ok(items),
        _ => Err(format!("no {key}")),
    }
}

fn pairs<T>(answer: &Value, key: &str, read: impl Fn((&Value, &Value)) -> Option<T>) -> Result<Vec<T>, String> {
    let pair = |item: &Value| match item {
        Value::Tuple(pair) => match pair.as_slice() {
            [first, second] => read((first, second)),
            _ => None,
        },
        _ => None,
    };
    items(answer, key)?.iter().map(|item| pair(item).ok_or_else(|| format!("{key} that are no pairs"))).collect()
}
