//! The rows of an answer, within limits: more is a fault that says so, never a shorter answer.

use super::{Value, answer_room::Room};
use crate::{
    answer_memory,
    sources::{SourceFault, size},
};

/// Collects rows as they come.
pub(super) struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    bytes: usize,
    max_rows: usize,
    max_bytes: usize,
}

impl Rows {
    pub(super) fn within(max_rows: usize, max_bytes: usize) -> Self {
        Rows { columns: Vec::new(), rows: Vec::new(), bytes: 0, max_rows, max_bytes }
    }

    /// Names the columns, before the first row.
    pub(super) fn name<'a>(&mut self, columns: impl Iterator<Item = &'a str>) {
        if self.columns.is_empty() {
            self.columns = columns.map(str::to_owned).collect();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The room that the next row has.
    pub(super) fn room(&self) -> Room {
        Room::of(self.max_bytes.saturating_sub(self.bytes), self.max_bytes)
    }

    pub(super) fn push(&mut self, row: Vec<Value>) -> Result<(), SourceFault> {
        if self.rows.len() == self.max_rows {
            return Err(SourceFault::Failed(format!(
                "the answer has more than {} rows; ask for fewer (limit, sum, count), or raise 'max_rows' in the configuration",
                self.max_rows
            )));
        }
        let bytes = row.iter().map(size).sum::<usize>();
        answer_memory::count(bytes)?;
        self.bytes += bytes;
        if self.bytes > self.max_bytes {
            return Err(SourceFault::TooLarge(self.max_bytes));
        }
        self.rows.push(row);
        Ok(())
    }

    /// A list of tuples, or of dicts.
    pub(super) fn into_value(self, as_dict: bool) -> Result<Value, SourceFault> {
        if !as_dict {
            return Ok(Value::List(self.rows.into_iter().map(Value::Tuple).collect()));
        }
        if let Some((index, name)) =
            self.columns.iter().enumerate().find(|(index, name)| self.columns[..*index].contains(name))
        {
            return Err(SourceFault::BadArguments(format!(
                "two columns are named '{name}', the second of them at {}; with as_dict=True each needs a name of its own (select ... as ...)",
                index + 1
            )));
        }
        let dict =
            |row: Vec<Value>| Value::Dict(self.columns.iter().map(|name| Value::Text(name.clone())).zip(row).collect());
        Ok(Value::List(self.rows.into_iter().map(dict).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_limits_is_a_fault() {
        let mut rows = Rows::within(2, 1000);
        rows.push(vec![Value::Int(1)]).unwrap();
        rows.push(vec![Value::Int(2)]).unwrap();
        assert!(rows.push(vec![Value::Int(3)]).unwrap_err().to_string().contains("more than 2 rows"));
        let mut rows = Rows::within(2, 1000);
        assert_eq!(rows.push(vec![Value::Bytes(vec![0; 2000])]), Err(SourceFault::TooLarge(1000)));
    }

    #[test]
    fn dicts_need_names_of_their_own() {
        let mut rows = Rows::within(2, 1000);
        rows.name(["a", "a"].into_iter());
        assert!(rows.into_value(true).unwrap_err().to_string().contains("two columns are named 'a'"));
        assert_eq!(Rows::within(1, 1).into_value(true), Ok(Value::List(vec![])));
    }
}
