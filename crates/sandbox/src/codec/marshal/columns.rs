//! Which lists are written in columns, and what each column holds.

use std::collections::HashSet;

use super::Tag;
use crate::Value;

/// Wider dicts are written as any other.
const MOST_COLUMNS: usize = 256;

/// What a column of rows holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Values that need no mark.
    Plain,
    /// Values of one tag, with `None` among them or not.
    Tagged(Tag, bool),
    /// Anything.
    Mixed,
}

impl Kind {
    pub(super) fn number(self) -> i64 {
        match self {
            Kind::Plain => 0,
            Kind::Tagged(tag, false) => tag as i64,
            Kind::Tagged(tag, true) => -(tag as i64),
            Kind::Mixed => Tag::Mixed as i64,
        }
    }

    /// The kind of a column with one cell more.
    fn with(self, cell: &Value) -> Kind {
        match (self, tag(cell), cell) {
            (Kind::Mixed, ..) | (_, _, Value::List(_) | Value::Tuple(_) | Value::Dict(_)) => Kind::Mixed,
            (kind @ Kind::Plain, None, _) => kind,
            (Kind::Tagged(tag, _), _, Value::Null) => Kind::Tagged(tag, true),
            (Kind::Tagged(before, nulls), Some(tag), _) if before == tag => Kind::Tagged(tag, nulls),
            _ => Kind::Mixed,
        }
    }
}

/// The tag of a value that holds no others, if `marshal` has no word for it.
pub(super) fn tag(value: &Value) -> Option<Tag> {
    Some(match value {
        Value::BigInt(_) => Tag::BigInt,
        Value::Decimal(_) => Tag::Decimal,
        Value::Date(_) => Tag::Date,
        Value::Time(_) => Tag::Time,
        Value::DateTime(_) => Tag::DateTime,
        Value::Duration(_) => Tag::Duration,
        Value::Uuid(_) => Tag::Uuid,
        _ => return None,
    })
}

/// The kind of all these cells.
fn kind<'a>(cells: impl Iterator<Item = &'a Value>) -> Kind {
    let mut cells = cells.peekable();
    let mut nulls = false;
    while cells.next_if(|cell| **cell == Value::Null).is_some() {
        nulls = true;
    }
    let first = cells.peek().and_then(|cell| tag(cell)).map_or(Kind::Plain, |tag| Kind::Tagged(tag, nulls));
    cells.fold(first, Kind::with)
}

/// Whether these cells begin with one that needs a mark, whatever `None` there is before it: no other column is made.
fn begin_tagged<'a>(mut cells: impl Iterator<Item = &'a Value>) -> bool {
    cells.find(|cell| **cell != Value::Null).is_some_and(|cell| tag(cell).is_some())
}

/// If the items are tuples of one length and columns of them are to be made: the kinds of the columns.
pub(super) fn rows(items: &[Value]) -> Option<Vec<Kind>> {
    let Some(Value::Tuple(first)) = items.first() else { return None };
    let width = first.len();
    if !items.iter().all(|item| matches!(item, Value::Tuple(cells) if cells.len() == width)) {
        return None;
    }
    let cells = |column: usize| {
        items.iter().map(move |item| match item {
            Value::Tuple(cells) => &cells[column],
            _ => &Value::Null,
        })
    };
    // Most answers end here, and without a look at all of them.
    if !(0..width).any(|column| begin_tagged(cells(column))) {
        return None;
    }
    let kinds: Vec<Kind> = (0..width).map(|column| kind(cells(column))).collect();
    kinds.iter().any(|kind| matches!(kind, Kind::Tagged(..))).then_some(kinds)
}

/// If the items are dicts with the same keys and columns of them are to be made: the keys, with the columns' kinds.
pub(super) fn records<'a>(items: &'a [Value]) -> Option<Vec<(&'a str, Kind)>> {
    let Some(Value::Dict(first)) = items.first() else { return None };
    let keys: Vec<&str> = first.iter().map(|(key, _)| key.as_text()).collect::<Option<_>>()?;
    let same = |item: &Value| match item {
        Value::Dict(pairs) => {
            pairs.len() == keys.len() && pairs.iter().zip(&keys).all(|((key, _), wanted)| key.as_text() == Some(wanted))
        }
        _ => false,
    };
    let cells = |column: usize| {
        items.iter().map(move |item| match item {
            Value::Dict(pairs) => pairs.get(column).map_or(&Value::Null, |(_, cell)| cell),
            _ => &Value::Null,
        })
    };
    if keys.len() > MOST_COLUMNS || !(0..keys.len()).any(|column| begin_tagged(cells(column))) {
        return None;
    }
    if !items.iter().all(same) {
        return None;
    }
    let column = |(column, key): (usize, &&'a str)| (*key, kind(cells(column)));
    let columns: Vec<_> = keys.iter().enumerate().map(column).collect();
    if !columns.iter().any(|(_, kind)| matches!(kind, Kind::Tagged(..))) {
        return None;
    }
    let mut seen = HashSet::with_capacity(keys.len());
    keys.iter().all(|key| seen.insert(*key)).then_some(columns)
}
