//! Values of Python as plain data, which is all that settings are read from.

use revere_sandbox::Value as PythonValue;
use serde_json::{Map, Value};

use crate::settings::{self, ConfigFault};

/// Collects what is no plain data.
#[derive(Default)]
pub(super) struct Unreadable {
    pub(super) faults: Vec<ConfigFault>,
    /// Where null stands instead.
    pub(super) nulls: Vec<String>,
}

impl Unreadable {
    pub(super) fn null(&mut self, place: &str, message: String) -> Value {
        self.faults.push(ConfigFault::new(place, message));
        self.nulls.push(place.to_owned());
        Value::Null
    }

    /// A configured value as JSON, which is all that kinds read; null where it cannot be had.
    pub(super) fn plain(&mut self, value: PythonValue, place: &str) -> Value {
        match value {
            PythonValue::Null => Value::Null,
            PythonValue::Bool(flag) => Value::Bool(flag),
            PythonValue::Int(int) => int.into(),
            PythonValue::Float(float) => match serde_json::Number::from_f64(float) {
                Some(number) => Value::Number(number),
                None => self.null(place, format!("expected a finite number, not {float}")),
            },
            PythonValue::Text(text)
            | PythonValue::BigInt(text)
            | PythonValue::Date(text)
            | PythonValue::Time(text)
            | PythonValue::DateTime(text)
            | PythonValue::Uuid(text) => Value::String(text),
            PythonValue::Decimal(text) => match text.parse() {
                Ok(number) => Value::Number(number),
                Err(_) => self.null(place, format!("expected a finite number, not Decimal('{text}')")),
            },
            PythonValue::Duration(microseconds) => (microseconds as f64 / 1e6).into(),
            PythonValue::Bytes(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Value::String(text),
                // `SECRET_KEY = os.urandom(24)`, as many files of the original have it.
                Err(raw) => {
                    Value::String(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, raw.into_bytes()))
                }
            },
            PythonValue::List(items) | PythonValue::Tuple(items) => {
                let item = |(index, item)| self.plain(item, &format!("{place}[{index}]"));
                Value::Array(items.into_iter().enumerate().map(item).collect())
            }
            PythonValue::Dict(items) => {
                let mut map = Map::new();
                for (key, value) in items {
                    let PythonValue::Text(key) = key else {
                        // Without the key itself: who writes {password: user} by mistake should not read it in a log.
                        let key = Unreadable::default().plain(key, place);
                        let message =
                            format!("expected texts as the keys of a dict, not {}", settings::python_type(&key));
                        self.faults.push(ConfigFault::new(place, message));
                        continue;
                    };
                    let value = self.plain(value, &format!("{place}['{}']", key.escape_debug()));
                    map.insert(key, value);
                }
                Value::Object(map)
            }
        }
    }
}
