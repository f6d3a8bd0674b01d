//! The binary form of a [`Value`](crate::Value): how values travel to and from a script.
//!
//! It is CPython's own `marshal`, so that compiled code makes and reads it on the guest's side. What `marshal` has a word
//! for (None, bool, int, float, str, bytes, tuple, list, dict) is written as it is. Everything else is a tuple of three
//! that begins with `...`: mark, tag, payload. No value can hold `...`, because neither side sends one: so nothing can be
//! mistaken for a marked part.
//!
//! | tag | Python | payload |
//! |---|---|---|
//! | 1 | int beyond 64 bits | its digits |
//! | 2, 3, 4, 5, 7 | Decimal, date, time, datetime, UUID | its text |
//! | 6 | timedelta | microseconds |
//! | 8 | whatever is marked inside | itself; only as the kind of a column |
//! | 9 | list of equally long tuples, as a database answers | `(kinds, columns)` |
//! | 10 | list of dicts with the same keys | `([(key, kind), ...], dicts)` |
//!
//! A kind is the tag of all cells of a column, whose payloads stand there bare, or 0 where they are as they are; below 0
//! if there are `None` among them. That keeps large answers fast: the script's side makes a whole column at once. Tags
//! from 8 on only go to the script.
//!
//! A text that a long list has more than once is written the second time as one to remember, and then by its number, so that
//! a column of a few words costs the script's side neither bytes nor objects.
//!
//! An answer of the host is a tuple of two: 0 and a value without a mark in it, 1 and one with marks, or the name of a
//! fault and its text.
//!
//! The script's side is written in `marshal`'s version 2, which has no references: a few bytes can never stand for many.
//! The Python half is `prelude/codec.py`.

mod columns;
mod reader;
mod writer;

pub(crate) use reader::{ReadError, read};
pub(crate) use writer::{EncodeError, Writer};

/// What each word of the format begins with: CPython 3.14, Python/marshal.c.
mod word {
    pub(super) const NONE: u8 = b'N';
    pub(super) const TRUE: u8 = b'T';
    pub(super) const FALSE: u8 = b'F';
    pub(super) const INT: u8 = b'i';
    /// A sign with a count of digits, and these, 15 bits each.
    pub(super) const LONG: u8 = b'l';
    pub(super) const FLOAT: u8 = b'g';
    pub(super) const BYTES: u8 = b's';
    pub(super) const TEXT: u8 = b'u';
    pub(super) const ASCII: u8 = b'a';
    pub(super) const SHORT_ASCII: u8 = b'z';
    /// One of the texts that Python has once only, such as names.
    pub(super) const NAME: u8 = b't';
    pub(super) const TUPLE: u8 = b'(';
    pub(super) const SHORT_TUPLE: u8 = b')';
    pub(super) const LIST: u8 = b'[';
    pub(super) const DICT: u8 = b'{';
    /// Instead of a key: the dict has no more.
    pub(super) const END: u8 = b'0';
    /// `...`
    pub(super) const MARK: u8 = b'.';
    /// Added to a word: the reader remembers the value under the next number.
    pub(super) const REMEMBERED: u8 = 0x80;
    /// A value that was remembered, by its number.
    pub(super) const AGAIN: u8 = b'r';
}

/// What stands after the mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tag {
    BigInt = 1,
    Decimal = 2,
    Date = 3,
    Time = 4,
    DateTime = 5,
    Duration = 6,
    Uuid = 7,
    Mixed = 8,
    Rows = 9,
    Records = 10,
}

#[cfg(test)]
mod tests;
