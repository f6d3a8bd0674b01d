//! Values that cross between a script and its sources, keeping their Python type.

/// A Python value. Its JSON form ([`Value::to_json`], [`Value::from_json`]) tags what JSON has no word for.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// `None`
    Null,
    /// `bool`
    Bool(bool),
    /// `int` within 64 bits
    Int(i64),
    /// `int` beyond 64 bits, in decimal digits
    BigInt(String),
    /// `float`, NaN and infinities included
    Float(f64),
    /// `str`
    Text(String),
    /// `bytes`
    Bytes(Vec<u8>),
    /// `decimal.Decimal`, in its own notation
    Decimal(String),
    /// `datetime.date`, ISO 8601
    Date(String),
    /// `datetime.time`, ISO 8601
    Time(String),
    /// `datetime.datetime`, ISO 8601, with offset if aware
    DateTime(String),
    /// `datetime.timedelta`, in microseconds
    Duration(i64),
    /// `uuid.UUID`, hyphenated
    Uuid(String),
    /// `list`
    List(Vec<Value>),
    /// `tuple`
    Tuple(Vec<Value>),
    /// `dict`, in insertion order
    Dict(Vec<(Value, Value)>),
}

/// The bytes are no value of ours; says what was found and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub String);

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value under a text key, if this is a dict that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Dict(items) => items.iter().find(|(k, _)| k.as_text() == Some(key)).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The value as Python would write it, shortened to about `budget` bytes: for people, not for machines.
    pub fn repr(&self, budget: usize) -> String {
        let mut text = String::new();
        self.write_repr(&mut text, budget);
        text
    }

    fn write_repr(&self, out: &mut String, budget: usize) {
        use std::fmt::Write;
        if out.len() >= budget {
            return;
        }
        // Writing to a String cannot fail.
        let _ = match self {
            Value::Null => write!(out, "None"),
            Value::Bool(true) => write!(out, "True"),
            Value::Bool(false) => write!(out, "False"),
            Value::Int(int) => write!(out, "{int}"),
            Value::BigInt(digits) => write!(out, "{}", shortened(digits, budget)),
            Value::Float(float) if float.is_nan() => write!(out, "nan"),
            Value::Float(float) => write!(out, "{float:?}"),
            Value::Text(text) => write!(out, "{}", quoted(text, budget)),
            Value::Bytes(bytes) => write!(out, "b'{}'", bytes[..bytes.len().min(budget)].escape_ascii()),
            Value::Decimal(text) => write!(out, "Decimal('{}')", shortened(text, budget)),
            Value::Date(text) | Value::Time(text) | Value::DateTime(text) | Value::Uuid(text) => {
                write!(out, "{}", shortened(text, budget))
            }
            Value::Duration(micros) => write!(out, "{} s", *micros as f64 / 1e6),
            Value::List(items) => return write_items(out, budget, "[", items.iter(), "]"),
            Value::Tuple(items) if items.len() == 1 => return write_items(out, budget, "(", items.iter(), ",)"),
            Value::Tuple(items) => return write_items(out, budget, "(", items.iter(), ")"),
            Value::Dict(items) => {
                out.push('{');
                for (index, (key, value)) in items.iter().enumerate() {
                    if out.len() >= budget {
                        out.push('…');
                        break;
                    }
                    if index > 0 {
                        out.push_str(", ");
                    }
                    key.write_repr(out, budget);
                    out.push_str(": ");
                    value.write_repr(out, budget);
                }
                out.push('}');
                Ok(())
            }
        };
    }
}

fn write_items<'a>(out: &mut String, budget: usize, open: &str, items: impl Iterator<Item = &'a Value>, close: &str) {
    out.push_str(open);
    for (index, item) in items.enumerate() {
        if out.len() >= budget {
            out.push('…');
            break;
        }
        if index > 0 {
            out.push_str(", ");
        }
        item.write_repr(out, budget);
    }
    out.push_str(close);
}

/// Single quotes as Python prefers them; only what would break the line is escaped, the rest is cleaned where it is shown.
fn quoted(text: &str, budget: usize) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in shortened(text, budget).chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

fn shortened(text: &str, budget: usize) -> String {
    if text.len() <= budget {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(budget)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repr_reads_like_python_and_stays_short() {
        let value = Value::Dict(vec![
            (Value::Text("a".into()), Value::Tuple(vec![Value::Int(1)])),
            (Value::Text("b".into()), Value::List(vec![Value::Null, Value::Bool(true), Value::Float(1.0)])),
            (Value::Text("it's\n".into()), Value::Bytes(vec![0, b'x'])),
        ]);
        assert_eq!(value.repr(200), r#"{'a': (1,), 'b': [None, True, 1.0], "it's\n": b'\x00x'}"#);
        let long = || "x".repeat(10_000);
        for text in [Value::Text, Value::BigInt, Value::Decimal, Value::Date, Value::Time, Value::DateTime, Value::Uuid]
        {
            assert!(text(long()).repr(100).len() < 120);
        }
        assert!(Value::List(vec![Value::Int(7); 10_000]).repr(100).len() < 120);
    }
}
