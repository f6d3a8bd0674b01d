//! Bytes of a script to a value. They come out of a sandbox, so nothing is assumed of them: nothing is allocated that
//! their length does not cover, values are counted before there is room made for them, and depth is limited.

use super::{Tag, word};
use crate::{
    Value,
    codec::{MAX_DEPTH, is_integer},
};

/// More values than this are no question and no result. A byte can be a value of its own, which takes thirty times that.
pub(super) const MOST_VALUES: usize = 1 << 20;

/// Why bytes are no value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Python can have such a text, and nobody else.
    #[error("a text with a lone surrogate at position {0}")]
    LoneSurrogate(usize),
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("more than {MOST_VALUES} values")]
    TooMany,
    #[error("expected {what} at byte {at}")]
    Expected { what: &'static str, at: usize },
}

/// The value that a script's side wrote.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, ReadError> {
    let mut reader = Reader { bytes, at: 0, values: 1 };
    let value = reader.value(0)?;
    if reader.at == bytes.len() { Ok(value) } else { Err(reader.expected("nothing more")) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The values that are or will be read.
    values: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, ReadError> {
        Ok(match self.byte("a value")? {
            word::NONE => Value::Null,
            word::TRUE => Value::Bool(true),
            word::FALSE => Value::Bool(false),
            word::INT => Value::Int(i32::from_le_bytes(self.array()?).into()),
            word::LONG => Value::Int(self.long()?),
            word::FLOAT => Value::Float(f64::from_le_bytes(self.array()?)),
            word::BYTES => Value::Bytes(self.counted()?.to_vec()),
            word::TEXT => Value::Text(self.text()?),
            word::TUPLE => self.tuple(depth)?,
            word::LIST => Value::List(self.items(depth)?),
            word::DICT => Value::Dict(self.pairs(depth)?),
            _ => {
                self.at -= 1;
                return Err(self.expected("a value"));
            }
        })
    }

    fn tuple(&mut self, depth: usize) -> Result<Value, ReadError> {
        if self.bytes[self.at..].starts_with(&[3, 0, 0, 0, word::MARK]) {
            check(depth)?;
            self.at += 5;
            return self.marked();
        }
        Ok(Value::Tuple(self.items(depth)?))
    }

    /// What stands after a mark: tag and payload.
    fn marked(&mut self) -> Result<Value, ReadError> {
        let tag = match self.byte("a tag")? {
            word::INT => i32::from_le_bytes(self.array()?),
            _ => return Err(self.expected("a tag")),
        };
        let begins = self.at;
        let payload = match self.byte("a payload")? {
            word::TEXT => Value::Text(self.text()?),
            word::INT => Value::Int(i32::from_le_bytes(self.array()?).into()),
            word::LONG => Value::Int(self.long()?),
            _ => Value::Null,
        };
        let is = |wanted: Tag| tag == wanted as i32;
        Ok(match payload {
            Value::Text(digits) if is(Tag::BigInt) && is_integer(&digits) => Value::BigInt(digits),
            Value::Text(text) if is(Tag::Decimal) => Value::Decimal(text),
            Value::Text(text) if is(Tag::Date) => Value::Date(text),
            Value::Text(text) if is(Tag::Time) => Value::Time(text),
            Value::Text(text) if is(Tag::DateTime) => Value::DateTime(text),
            Value::Int(micros) if is(Tag::Duration) => Value::Duration(micros),
            Value::Text(text) if is(Tag::Uuid) => Value::Uuid(text),
            _ => return Err(ReadError::Expected { what: "a payload that fits its tag", at: begins }),
        })
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Value>, ReadError> {
        check(depth)?;
        let count = self.length()?;
        self.count(count)?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.value(depth + 1)?);
        }
        Ok(items)
    }

    fn pairs(&mut self, depth: usize) -> Result<Vec<(Value, Value)>, ReadError> {
        check(depth)?;
        let mut pairs = Vec::new();
        while self.bytes.get(self.at) != Some(&word::END) {
            self.count(2)?;
            pairs.push((self.value(depth + 1)?, self.value(depth + 1)?));
        }
        self.at += 1;
        Ok(pairs)
    }

    /// Counts values that will follow.
    fn count(&mut self, values: usize) -> Result<(), ReadError> {
        self.values += values;
        if self.values > MOST_VALUES { Err(ReadError::TooMany) } else { Ok(()) }
    }

    fn text(&mut self) -> Result<String, ReadError> {
        let begins = self.at;
        let bytes = self.counted()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            // As Python writes a surrogate. Others have no way to say this character, whatever was meant.
            Err(error) if matches!(bytes[error.valid_up_to()..], [0xed, 0xa0..=0xbf, ..]) => {
                let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                Err(ReadError::LoneSurrogate(before.chars().count()))
            }
            Err(_) => Err(ReadError::Expected { what: "UTF-8", at: begins }),
        }
    }

    /// An int within 64 bits; of a larger one its digits are sent.
    fn long(&mut self) -> Result<i64, ReadError> {
        let begins = self.at;
        let fault = || ReadError::Expected { what: "an int within 64 bits", at: begins };
        let count = i32::from_le_bytes(self.array()?);
        let mut size: u128 = 0;
        // Five digits of 15 bits are more than 64.
        if count.unsigned_abs() > 5 {
            return Err(fault());
        }
        for place in 0..count.unsigned_abs() {
            let digit = u16::from_le_bytes(self.array()?);
            if digit >= 1 << 15 {
                return Err(fault());
            }
            size |= u128::from(digit) << (15 * place);
        }
        let size = i128::try_from(size).map_err(|_| fault())?;
        i64::try_from(if count < 0 { -size } else { size }).map_err(|_| fault())
    }

    /// A count of bytes, and these.
    fn counted(&mut self) -> Result<&'a [u8], ReadError> {
        let count = self.length()?;
        let bytes = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(bytes)
    }

    /// A count of what takes a byte each at least.
    fn length(&mut self) -> Result<usize, ReadError> {
        let begins = self.at;
        let count = i32::from_le_bytes(self.array()?);
        match usize::try_from(count) {
            Ok(count) if count <= self.bytes.len() - self.at => Ok(count),
            _ => Err(ReadError::Expected { what: "a length within what follows", at: begins }),
        }
    }

    fn byte(&mut self, what: &'static str) -> Result<u8, ReadError> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| self.expected(what))?;
        self.at += 1;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let array = self.bytes[self.at..].first_chunk().copied().ok_or_else(|| self.expected("a number"))?;
        self.at += N;
        Ok(array)
    }

    fn expected(&self, what: &'static str) -> ReadError {
        ReadError::Expected { what, at: self.at }
    }
}

fn check(depth: usize) -> Result<(), ReadError> {
    if depth > MAX_DEPTH { Err(ReadError::TooDeep) } else { Ok(()) }
}
