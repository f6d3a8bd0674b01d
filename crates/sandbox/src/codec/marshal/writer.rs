//! Value to bytes for a script, in one pass over the value and within a number of bytes.

use std::{collections::HashMap, ops::RangeInclusive};

use super::{
    Tag,
    columns::{Kind, records, rows, tag},
    word,
};
use crate::{Value, codec::MAX_DEPTH};

/// Why a value was not written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    #[error("a value nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    #[error("more bytes than there may be")]
    TooLarge,
}

/// Keys of dicts that are written once and then by number; an answer has few, and each of them many times.
const MOST_KEYS: usize = 1024;
/// In longer lists a text is looked for among those before it: a column of a database has the same few again and again.
const LONG: usize = 32;
/// Of how many texts it is known whether they were there before.
const SEEN: usize = 256;
/// The lengths of texts that are worth it: shorter ones take no more room than a number, and longer ones are no words.
const REPEATED: RangeInclusive<usize> = 4..=255;
/// Where an answer says whether it has marks: after its tuple's two bytes and the word for an int.
const MARKS_AT: usize = 3;

/// Writes one value.
pub(crate) struct Writer<'v> {
    out: Vec<u8>,
    most: usize,
    keys: HashMap<&'v str, u32>,
    /// The key that was last at each place of a dict, with its number.
    last_keys: Vec<(&'v str, u32)>,
    /// Texts of long lists, each in the place that its ends lead to, with its number if it has one. Empty before the first such list.
    seen: Vec<(&'v str, Option<u32>)>,
    /// How many values the reader remembers.
    remembered: u32,
    marks: bool,
}

impl<'v> Writer<'v> {
    /// A writer of at most about `most` bytes.
    pub(crate) fn within(most: usize) -> Writer<'v> {
        Writer {
            out: Vec::new(),
            most,
            keys: HashMap::new(),
            last_keys: Vec::new(),
            seen: Vec::new(),
            remembered: 0,
            marks: false,
        }
    }

    /// The answer to a question: that `value` is it.
    pub(crate) fn answer(value: &'v Value, most: usize) -> Result<Vec<u8>, EncodeError> {
        let mut writer = Writer::within(most);
        writer.tuple(2);
        writer.int(0);
        writer.value(value, 0)?;
        if writer.marks {
            writer.out[MARKS_AT] = 1;
        }
        Ok(writer.out)
    }

    /// That there is no answer: `kind` names why, and `text` says it.
    pub(crate) fn fault(kind: &str, text: &str) -> Vec<u8> {
        let mut writer = Writer::within(usize::MAX);
        writer.tuple(2);
        writer.text(kind);
        writer.text(text);
        writer.out
    }

    /// The bytes.
    pub(crate) fn finish(self) -> Result<Vec<u8>, EncodeError> {
        if self.out.len() > self.most { Err(EncodeError::TooLarge) } else { Ok(self.out) }
    }

    fn value(&mut self, value: &'v Value, depth: usize) -> Result<(), EncodeError> {
        if let Value::List(_) | Value::Tuple(_) | Value::Dict(_) = value
            && depth > MAX_DEPTH
        {
            return Err(EncodeError::TooDeep);
        }
        match value {
            Value::List(items) => self.items(items, depth)?,
            Value::Tuple(items) => {
                self.tuple(items.len());
                items.iter().try_for_each(|item| self.value(item, depth + 1))?;
            }
            Value::Dict(pairs) => self.pairs(pairs, depth)?,
            _ => match tag(value) {
                Some(tag) => {
                    self.mark(tag);
                    self.bare(value)?;
                }
                None => self.bare(value)?,
            },
        }
        self.check(0)
    }

    /// A value that holds no others, without its tag.
    fn bare(&mut self, value: &'v Value) -> Result<(), EncodeError> {
        match value {
            Value::Null => self.null(),
            Value::Bool(value) => self.bool(*value),
            Value::Int(int) | Value::Duration(int) => self.int(*int),
            Value::Float(float) => self.float(*float),
            Value::Bytes(bytes) => {
                self.check(bytes.len())?;
                self.bytes(bytes);
            }
            Value::BigInt(text)
            | Value::Text(text)
            | Value::Decimal(text)
            | Value::Date(text)
            | Value::Time(text)
            | Value::DateTime(text)
            | Value::Uuid(text) => {
                self.check(text.len())?;
                self.repeated(text);
            }
            Value::List(_) | Value::Tuple(_) | Value::Dict(_) => unreachable!("only called for values without parts"),
        }
        Ok(())
    }

    fn items(&mut self, items: &'v [Value], depth: usize) -> Result<(), EncodeError> {
        if items.len() >= LONG && self.seen.is_empty() {
            self.seen.resize(SEEN, ("", None));
        }
        if let Some(kinds) = rows(items) {
            return self.rows(&kinds, items, depth);
        }
        if let Some(columns) = records(items) {
            return self.records(&columns, items, depth);
        }
        self.list(items.len());
        items.iter().try_for_each(|item| self.value(item, depth + 1))
    }

    /// A list of tuples, column by column.
    fn rows(&mut self, kinds: &[Kind], rows: &'v [Value], depth: usize) -> Result<(), EncodeError> {
        if depth + 1 > MAX_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        self.mark(Tag::Rows);
        self.tuple(2);
        self.list(kinds.len());
        kinds.iter().for_each(|kind| self.int(kind.number()));
        self.list(kinds.len());
        for (column, kind) in kinds.iter().enumerate() {
            self.list(rows.len());
            for row in rows {
                let Value::Tuple(cells) = row else { unreachable!("`rows` saw only tuples") };
                self.cell(&cells[column], *kind, depth + 2)?;
            }
        }
        Ok(())
    }

    /// A list of dicts, and which of their items are to be made.
    fn records(&mut self, columns: &[(&'v str, Kind)], records: &'v [Value], depth: usize) -> Result<(), EncodeError> {
        if depth + 1 > MAX_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        let made = columns.iter().filter(|(_, kind)| *kind != Kind::Plain);
        self.mark(Tag::Records);
        self.tuple(2);
        self.list(made.clone().count());
        for (key, kind) in made {
            self.tuple(2);
            self.key(key);
            self.int(kind.number());
        }
        self.list(records.len());
        for record in records {
            let Value::Dict(pairs) = record else { unreachable!("`records` saw only dicts") };
            self.dict();
            for (place, ((_, cell), (key, kind))) in pairs.iter().zip(columns).enumerate() {
                self.key_at(place, key);
                self.cell(cell, *kind, depth + 2)?;
            }
            self.end();
        }
        Ok(())
    }

    fn cell(&mut self, cell: &'v Value, kind: Kind, depth: usize) -> Result<(), EncodeError> {
        match kind {
            Kind::Mixed => self.value(cell, depth),
            Kind::Plain | Kind::Tagged(..) => {
                self.bare(cell)?;
                self.check(0)
            }
        }
    }

    fn pairs(&mut self, pairs: &'v [(Value, Value)], depth: usize) -> Result<(), EncodeError> {
        self.dict();
        for (place, (key, value)) in pairs.iter().enumerate() {
            match key {
                Value::Text(key) => {
                    self.check(key.len())?;
                    self.key_at(place, key);
                }
                key => self.value(key, depth + 1)?,
            }
            self.value(value, depth + 1)?;
        }
        self.end();
        Ok(())
    }

    /// Whether there is room for so many bytes more.
    fn check(&self, more: usize) -> Result<(), EncodeError> {
        // The format's own lengths have 31 bits.
        if self.out.len().saturating_add(more) > self.most.min(i32::MAX as usize) {
            Err(EncodeError::TooLarge)
        } else {
            Ok(())
        }
    }

    fn mark(&mut self, tag: Tag) {
        self.marks = true;
        self.tuple(3);
        self.out.push(word::MARK);
        self.int(tag as i64);
    }

    pub(crate) fn null(&mut self) {
        self.out.push(word::NONE);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.out.push(if value { word::TRUE } else { word::FALSE });
    }

    pub(crate) fn int(&mut self, int: i64) {
        if let Ok(int) = i32::try_from(int) {
            return self.word_with(word::INT, int.to_le_bytes());
        }
        let mut size = int.unsigned_abs();
        let digits = (u64::BITS - size.leading_zeros()).div_ceil(15).cast_signed();
        self.out.push(word::LONG);
        self.out.extend_from_slice(&(if int < 0 { -digits } else { digits }).to_le_bytes());
        while size > 0 {
            self.out.extend_from_slice(&((size & 0x7fff) as u16).to_le_bytes());
            size >>= 15;
        }
    }

    pub(crate) fn float(&mut self, float: f64) {
        self.out.push(word::FLOAT);
        self.out.extend_from_slice(&float.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.push(word::BYTES);
        self.length(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        match u8::try_from(text.len()) {
            Ok(length) if text.is_ascii() => self.out.extend_from_slice(&[word::SHORT_ASCII, length]),
            _ => {
                self.out.push(if text.is_ascii() { word::ASCII } else { word::TEXT });
                self.length(text.len());
            }
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A key of a dict, which may come again.
    pub(crate) fn key(&mut self, key: &'v str) {
        self.numbered(key);
    }

    /// The same of the key at this place of a dict: dicts of a list mostly have the same ones in the same places.
    fn key_at(&mut self, place: usize, key: &'v str) {
        match self.last_keys.get(place).copied() {
            Some((before, number)) if before == key => self.again(number),
            found => {
                let Some(number) = self.numbered(key) else { return };
                match found {
                    Some(_) => self.last_keys[place] = (key, number),
                    None if place == self.last_keys.len() => self.last_keys.push((key, number)),
                    None => {}
                }
            }
        }
    }

    /// Writes a key; answers its number, if it has one.
    fn numbered(&mut self, key: &'v str) -> Option<u32> {
        if let Some(number) = self.keys.get(key).copied() {
            self.again(number);
            return Some(number);
        }
        if self.keys.len() >= MOST_KEYS {
            self.text(key);
            return None;
        }
        let number = self.remembered;
        self.keys.insert(key, number);
        self.remembered += 1;
        self.out.push(word::NAME | word::REMEMBERED);
        self.length(key.len());
        self.out.extend_from_slice(key.as_bytes());
        Some(number)
    }

    /// A text of a list, which may come again. It is remembered when it comes for the second time: most texts never do, and to
    /// remember one costs the reader something.
    fn repeated(&mut self, text: &'v str) {
        if self.seen.is_empty() || !REPEATED.contains(&text.len()) {
            return self.text(text);
        }
        let place = &mut self.seen[place_of(text)];
        match *place {
            (before, Some(number)) if before == text => self.again(number),
            (before, None) if before == text => {
                place.1 = Some(self.remembered);
                self.remembered += 1;
                let begins = self.out.len();
                self.text(text);
                self.out[begins] |= word::REMEMBERED;
            }
            _ => {
                *place = (text, None);
                self.text(text);
            }
        }
    }

    /// What was remembered under this number.
    fn again(&mut self, number: u32) {
        self.word_with(word::AGAIN, number.to_le_bytes());
    }

    /// A word and its four bytes, at once: nearly all of a long answer are such.
    fn word_with(&mut self, word: u8, [a, b, c, d]: [u8; 4]) {
        self.out.extend_from_slice(&[word, a, b, c, d]);
    }

    /// Begins a tuple of so many values.
    pub(crate) fn tuple(&mut self, count: usize) {
        match u8::try_from(count) {
            Ok(count) => self.out.extend_from_slice(&[word::SHORT_TUPLE, count]),
            Err(_) => {
                self.out.push(word::TUPLE);
                self.length(count);
            }
        }
    }

    /// Begins a list of so many values.
    pub(crate) fn list(&mut self, count: usize) {
        self.out.push(word::LIST);
        self.length(count);
    }

    /// Begins a dict; keys and values follow in turn.
    pub(crate) fn dict(&mut self) {
        self.out.push(word::DICT);
    }

    /// Ends a dict.
    pub(crate) fn end(&mut self) {
        self.out.push(word::END);
    }

    fn length(&mut self, length: usize) {
        self.out.extend_from_slice(&(length as u32).to_le_bytes());
    }
}

/// A place below [`SEEN`], by a text's length and its ends, in which the texts of a column differ if they do.
fn place_of(text: &str) -> usize {
    let end = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let (first, last) = (end(text.as_bytes().first_chunk()), end(text.as_bytes().last_chunk()));
    let mixed = (first.rotate_left(13) ^ last ^ text.len() as u32).wrapping_mul(0x9e37_79b1);
    (mixed >> 24) as usize % SEEN
}
