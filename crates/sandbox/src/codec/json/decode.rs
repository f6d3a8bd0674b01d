//! JSON to value. The bytes come from files and programs of others, so nothing is assumed of them: every step is bounded by
//! their length, depth is limited, and whatever is not exactly the form the codec writes is an error that says where.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    Value, ValueError,
    codec::{MAX_DEPTH, is_integer},
};

impl Value {
    /// Reads the tagged JSON of a value.
    pub fn from_json(bytes: &[u8]) -> Result<Value, ValueError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ValueError(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
        let mut parser = Parser { text, at: 0 };
        let value = parser.value(0)?;
        parser.space();
        if parser.at == text.len() { Ok(value) } else { Err(parser.fault("nothing more")) }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, ValueError> {
        // Tags make the JSON of a value up to four times as deep as the value.
        if depth > 4 * MAX_DEPTH {
            return Err(ValueError(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => Ok(Value::List(self.array(depth)?)),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.fault("a value")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>, ValueError> {
        let mut items = Vec::new();
        self.expect(b'[')?;
        if self.take(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.take(b',') {
                self.expect(b']')?;
                return Ok(items);
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, ValueError> {
        let mut items = Vec::new();
        self.expect(b'{')?;
        if self.take(b'}') {
            return Ok(Value::Dict(items));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.expect(b':')?;
            let value = self.value(depth + 1)?;
            if key.starts_with('$') {
                if !items.is_empty() {
                    return Err(self.fault("a tag alone in its object"));
                }
                self.expect(b'}')?;
                return untag(&key, value).ok_or_else(|| self.fault(&format!("a payload that fits {key:?}")));
            }
            items.push((Value::Text(key), value));
            if !self.take(b',') {
                self.expect(b'}')?;
                return Ok(Value::Dict(items));
            }
        }
    }

    fn string(&mut self) -> Result<String, ValueError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(self.fault("the end of a text")),
            }
        }
        self.at += 1;
        // The slice begins and ends at an ASCII quote, so it lies on character boundaries; serde_json judges its inside.
        let quoted = self.text.get(start..self.at).ok_or_else(|| self.fault("the end of a text"))?;
        serde_json::from_str(quoted).map_err(|_| self.fault("a text"))
    }

    fn number(&mut self) -> Result<Value, ValueError> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')).unwrap_or(rest.len());
        let digits = &rest[..end];
        let value = if digits.contains(['.', 'e', 'E']) {
            digits.parse().ok().map(Value::Float)
        } else {
            digits.parse().ok().map(Value::Int).or_else(|| is_integer(digits).then(|| Value::BigInt(digits.to_owned())))
        };
        let value = value.ok_or_else(|| self.fault("a number"))?;
        self.at += end;
        Ok(value)
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, ValueError> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.fault("a value"))
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), ValueError> {
        if self.take(byte) { Ok(()) } else { Err(self.fault(&format!("{:?}", char::from(byte)))) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault(&self, expected: &str) -> ValueError {
        ValueError(format!("expected {expected} at byte {}", self.at))
    }
}

fn untag(tag: &str, payload: Value) -> Option<Value> {
    Some(match (tag, payload) {
        ("$int", Value::Text(digits)) if is_integer(&digits) => Value::BigInt(digits),
        ("$float", Value::Text(text)) => Value::Float(match text.as_str() {
            "nan" => f64::NAN,
            "inf" => f64::INFINITY,
            "-inf" => f64::NEG_INFINITY,
            _ => return None,
        }),
        ("$bytes", Value::Text(text)) => Value::Bytes(BASE64_STANDARD.decode(text).ok()?),
        ("$decimal", Value::Text(text)) => Value::Decimal(text),
        ("$date", Value::Text(text)) => Value::Date(text),
        ("$time", Value::Text(text)) => Value::Time(text),
        ("$datetime", Value::Text(text)) => Value::DateTime(text),
        ("$timedelta", Value::Int(micros)) => Value::Duration(micros),
        ("$uuid", Value::Text(text)) => Value::Uuid(text),
        ("$tuple", Value::List(items)) => Value::Tuple(items),
        ("$dict", Value::List(items)) => Value::Dict(items.into_iter().map(pair).collect::<Option<_>>()?),
        ("$rows", Value::List(parts)) => {
            let [Value::List(kinds), Value::List(rows)] = <[Value; 2]>::try_from(parts).ok()? else { return None };
            Value::List(rows.into_iter().map(|row| untag_row(&kinds, row)).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn pair(item: Value) -> Option<(Value, Value)> {
    match item {
        Value::List(parts) => <[Value; 2]>::try_from(parts).ok().map(|[key, value]| (key, value)),
        _ => None,
    }
}

fn untag_row(kinds: &[Value], row: Value) -> Option<Value> {
    let Value::List(cells) = row else { return None };
    if cells.len() != kinds.len() {
        return None;
    }
    let untag_cell = |(kind, cell): (&Value, Value)| match (kind, cell) {
        (Value::Null, cell) => Some(cell),
        (Value::Text(_), Value::Null) => Some(Value::Null),
        (Value::Text(tag), cell) => untag(tag, cell),
        _ => None,
    };
    Some(Value::Tuple(kinds.iter().zip(cells).map(untag_cell).collect::<Option<_>>()?))
}
