//! Value to JSON, in one pass over the value.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{Value, ValueError, codec::MAX_DEPTH};

impl Value {
    /// The tagged JSON of this value. Refuses what is nested more than a hundred levels deep.
    pub fn to_json(&self) -> Result<Vec<u8>, ValueError> {
        let mut encoder = Encoder { out: Vec::new() };
        encoder.value(self, 0)?;
        Ok(encoder.out)
    }
}

struct Encoder {
    out: Vec<u8>,
}

impl Encoder {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), ValueError> {
        if let Value::List(_) | Value::Tuple(_) | Value::Dict(_) = value
            && depth > MAX_DEPTH
        {
            return Err(too_deep());
        }
        match value {
            Value::List(items) => match columns(items) {
                Some(kinds) => self.rows(&kinds, items, depth),
                None => self.sequence(items, depth),
            },
            Value::Tuple(items) => self.tagged("$tuple", |e| e.sequence(items, depth)),
            Value::Dict(items) => self.dict(items, depth),
            _ => match tag(value) {
                Some(tag) => self.tagged(tag, |e| {
                    e.payload(value);
                    Ok(())
                }),
                None => {
                    self.payload(value);
                    Ok(())
                }
            },
        }
    }

    /// A value that holds no others, without its tag.
    fn payload(&mut self, value: &Value) {
        match value {
            Value::Null => self.raw("null"),
            Value::Bool(true) => self.raw("true"),
            Value::Bool(false) => self.raw("false"),
            Value::Int(int) | Value::Duration(int) => self.json(int),
            Value::Float(float) if float.is_finite() => self.json(float),
            Value::Float(float) if float.is_nan() => self.raw("\"nan\""),
            Value::Float(float) => self.raw(if *float > 0.0 { "\"inf\"" } else { "\"-inf\"" }),
            Value::Bytes(bytes) => self.json(&BASE64_STANDARD.encode(bytes)),
            Value::BigInt(text)
            | Value::Text(text)
            | Value::Decimal(text)
            | Value::Date(text)
            | Value::Time(text)
            | Value::DateTime(text)
            | Value::Uuid(text) => self.json(text),
            Value::List(_) | Value::Tuple(_) | Value::Dict(_) => unreachable!("only called for values without parts"),
        }
    }

    fn tagged(
        &mut self,
        tag: &str,
        payload: impl FnOnce(&mut Self) -> Result<(), ValueError>,
    ) -> Result<(), ValueError> {
        self.raw("{\"");
        self.raw(tag);
        self.raw("\":");
        payload(self)?;
        self.raw("}");
        Ok(())
    }

    fn sequence(&mut self, items: &[Value], depth: usize) -> Result<(), ValueError> {
        self.raw("[");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.raw(",");
            }
            self.value(item, depth + 1)?;
        }
        self.raw("]");
        Ok(())
    }

    fn dict(&mut self, items: &[(Value, Value)], depth: usize) -> Result<(), ValueError> {
        let plain = items.iter().all(|(key, _)| key.as_text().is_some_and(|key| !key.starts_with('$')));
        if plain {
            self.raw("{");
            for (index, (key, value)) in items.iter().enumerate() {
                if index > 0 {
                    self.raw(",");
                }
                self.payload(key);
                self.raw(":");
                self.value(value, depth + 1)?;
            }
            self.raw("}");
            return Ok(());
        }
        self.tagged("$dict", |e| {
            e.raw("[");
            for (index, (key, value)) in items.iter().enumerate() {
                e.raw(if index > 0 { ",[" } else { "[" });
                e.value(key, depth + 1)?;
                e.raw(",");
                e.value(value, depth + 1)?;
                e.raw("]");
            }
            e.raw("]");
            Ok(())
        })
    }

    fn rows(&mut self, kinds: &[Option<&'static str>], rows: &[Value], depth: usize) -> Result<(), ValueError> {
        if depth + 1 > MAX_DEPTH {
            return Err(too_deep());
        }
        self.tagged("$rows", |e| {
            e.raw("[");
            e.json(kinds);
            e.raw(",[");
            for (index, row) in rows.iter().enumerate() {
                e.raw(if index > 0 { ",[" } else { "[" });
                let Value::Tuple(cells) = row else { unreachable!("`columns` saw only tuples") };
                for (column, cell) in cells.iter().enumerate() {
                    if column > 0 {
                        e.raw(",");
                    }
                    match kinds[column] {
                        Some(_) => e.payload(cell),
                        None => e.value(cell, depth + 2)?,
                    }
                }
                e.raw("]");
            }
            e.raw("]]");
            Ok(())
        })
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn json<T: serde::Serialize + ?Sized>(&mut self, value: &T) {
        serde_json::to_writer(&mut self.out, value)
            .expect("numbers and texts always have a JSON form, and a Vec takes any");
    }
}

fn too_deep() -> ValueError {
    ValueError(format!("a value nested more than {MAX_DEPTH} levels deep"))
}

/// The tag of a value that holds no others, if JSON has no word for it.
fn tag(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::BigInt(_) => "$int",
        Value::Float(float) if !float.is_finite() => "$float",
        Value::Bytes(_) => "$bytes",
        Value::Decimal(_) => "$decimal",
        Value::Date(_) => "$date",
        Value::Time(_) => "$time",
        Value::DateTime(_) => "$datetime",
        Value::Duration(_) => "$timedelta",
        Value::Uuid(_) => "$uuid",
        _ => return None,
    })
}

/// If the items are tuples of one length: the tag that all cells of each column share, or `None` where they are plain.
fn columns(items: &[Value]) -> Option<Vec<Option<&'static str>>> {
    let Some(Value::Tuple(first)) = items.first() else { return None };
    let width = first.len();
    if !items.iter().all(|item| matches!(item, Value::Tuple(cells) if cells.len() == width)) {
        return None;
    }
    let kind = |column: usize| {
        let mut cells = items.iter().map(|item| match item {
            Value::Tuple(cells) => &cells[column],
            _ => &Value::Null,
        });
        let kind = cells.clone().find(|cell| **cell != Value::Null).and_then(tag)?;
        cells.all(|cell| *cell == Value::Null || tag(cell) == Some(kind)).then_some(kind)
    };
    Some((0..width).map(kind).collect())
}
