//! Python values as MySQL's parameters, and, where it takes none, as it writes them in a statement.

use super::{
    super::{Value, faults::no_parameter, items},
    packet::put_counted,
};
use crate::{hexadecimal::hex, sources::SourceFault};

/// A statement with its parameters.
pub(super) struct Statement {
    /// What stands between the parameters: one more than there are of them.
    texts: Vec<String>,
    pub(super) parameters: Vec<Parameter>,
}

impl Statement {
    pub(super) fn new() -> Statement {
        Statement { texts: vec![String::new()], parameters: Vec::new() }
    }

    pub(super) fn push_text(&mut self, text: &str) {
        if let Some(last) = self.texts.last_mut() {
            last.push_str(text);
        }
    }

    /// A value, or the several of a list or tuple: `(?, ?, ?)`, for `in`.
    pub(super) fn push_value(&mut self, value: Value) -> Result<(), SourceFault> {
        let several = match value {
            Value::List(several) | Value::Tuple(several) => items(several)?,
            single => {
                self.parameters.push(Parameter::single(single)?);
                self.texts.push(String::new());
                return Ok(());
            }
        };
        for (index, item) in several.into_iter().enumerate() {
            self.push_text(if index == 0 { "(" } else { ", " });
            self.push_value(item)?;
        }
        self.push_text(")");
        Ok(())
    }

    /// As it is sent where parameters travel beside it.
    pub(super) fn with_placeholders(&self) -> String {
        self.texts.join("?")
    }

    /// As it is sent where the server takes no parameters.
    pub(super) fn with_literals(&self, backslash_escapes: bool) -> String {
        let mut sql = String::new();
        for (index, text) in self.texts.iter().enumerate() {
            sql.push_str(text);
            if let Some(parameter) = self.parameters.get(index) {
                sql.push_str(&parameter.literal(backslash_escapes));
            }
        }
        sql
    }
}

/// One parameter of a prepared statement.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Parameter {
    Null,
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Decimal(String),
    Text(String),
    Bytes(Vec<u8>),
}

impl Parameter {
    fn single(value: Value) -> Result<Parameter, SourceFault> {
        Ok(match value {
            Value::Null => Parameter::Null,
            Value::Bool(flag) => Parameter::Bool(flag),
            Value::Int(int) => Parameter::Int(int),
            Value::BigInt(digits) => digits.parse().map_or_else(|_| Parameter::Text(digits), Parameter::Unsigned),
            Value::Float(float) if float.is_finite() => Parameter::Float(float),
            Value::Bytes(bytes) => Parameter::Bytes(bytes),
            Value::Decimal(text) if is_number(&text) => Parameter::Decimal(text),
            Value::Text(text) | Value::Date(text) | Value::Time(text) | Value::Uuid(text) => Parameter::Text(text),
            Value::DateTime(text) if !has_offset(&text) => Parameter::Text(text.replacen('T', " ", 1)),
            Value::DateTime(text) => {
                return Err(SourceFault::BadArguments(format!(
                    "MySQL has no times with an offset, such as {text}; pass a naive datetime in the time zone of the session"
                )));
            }
            Value::Duration(micros) => Parameter::Text(time(micros)),
            other => return Err(no_parameter("MySQL", &other)),
        })
    }

    pub(super) fn is_null(&self) -> bool {
        *self == Parameter::Null
    }

    /// Its type and whether it has a sign, as two bytes.
    pub(super) fn kind(&self) -> [u8; 2] {
        match self {
            Parameter::Null => [6, 0],
            Parameter::Bool(_) => [1, 0],
            Parameter::Int(_) => [8, 0],
            Parameter::Unsigned(_) => [8, 0x80],
            Parameter::Float(_) => [5, 0],
            Parameter::Decimal(_) => [246, 0],
            Parameter::Text(_) => [253, 0],
            Parameter::Bytes(_) => [252, 0],
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Parameter::Null => {}
            Parameter::Bool(flag) => out.push(u8::from(*flag)),
            Parameter::Int(int) => out.extend(int.to_le_bytes()),
            Parameter::Unsigned(int) => out.extend(int.to_le_bytes()),
            Parameter::Float(float) => out.extend(float.to_le_bytes()),
            Parameter::Decimal(text) | Parameter::Text(text) => put_counted(out, text.as_bytes()),
            Parameter::Bytes(bytes) => put_counted(out, bytes),
        }
    }

    /// As a statement has it. In texts every quote is doubled; a backslash too, where it means something.
    pub(super) fn literal(&self, backslash_escapes: bool) -> String {
        match self {
            Parameter::Null => "null".to_owned(),
            Parameter::Bool(flag) => u8::from(*flag).to_string(),
            // In brackets, since `- -5` is not `--5`.
            Parameter::Int(int) => format!("({int})"),
            Parameter::Unsigned(int) => int.to_string(),
            Parameter::Float(float) => format!("({float:e})"),
            Parameter::Decimal(text) => format!("({text})"),
            Parameter::Text(text) => {
                let doubled = text.replace('\'', "''");
                format!("'{}'", if backslash_escapes { doubled.replace('\\', "\\\\") } else { doubled })
            }
            Parameter::Bytes(bytes) => format!("x'{}'", hex(bytes)),
        }
    }
}

/// Digits, and what else a number is written with. Values can come from a forged request.
fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

fn has_offset(text: &str) -> bool {
    text.get(11..).is_some_and(|time| time.contains(['+', '-', 'Z']))
}

/// As the text MySQL writes: `-34:22:59.000001`.
fn time(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let all = micros.unsigned_abs();
    let (seconds, fraction) = (all / 1_000_000, all % 1_000_000);
    format!("{sign}{:02}:{:02}:{:02}.{fraction:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::super::sql_text::{Dialect, Piece, pieces},
        *,
    };

    #[test]
    fn a_statement_can_be_sent_both_ways() {
        let mut statement = Statement::new();
        statement.push_text("show status where a in ");
        statement.push_value(Value::Tuple(vec![Value::Int(1), Value::Text("it's".into())])).unwrap();
        statement.push_text(" or b = ");
        statement.push_value(Value::Null).unwrap();
        assert_eq!(statement.with_placeholders(), "show status where a in (?, ?) or b = ?");
        assert_eq!(statement.with_literals(true), "show status where a in ((1), 'it''s') or b = null");
        assert!(statement.push_value(Value::List(vec![])).is_err());
        assert!(statement.push_value(Value::List(vec![Value::List(vec![])])).is_err());
    }

    #[test]
    fn spans_are_written_as_mysql_reads_them() {
        assert_eq!(time(-(34 * 3600 + 22 * 60 + 59) * 1_000_000 - 1), "-34:22:59.000001");
        assert_eq!(time(838 * 3_600_000_000), "838:00:00.000000");
        assert!(has_offset("2026-01-02T03:04:05+00:00") && !has_offset("2026-01-02T03:04:05.000001"));
    }

    #[test]
    fn literals_are_what_the_server_reads() {
        let literal = |value: Value| Parameter::single(value).unwrap().literal(true);
        assert_eq!(literal(Value::Null), "null");
        assert_eq!(literal(Value::Int(-5)), "(-5)");
        assert_eq!(literal(Value::Float(0.5)), "(5e-1)");
        assert_eq!(literal(Value::Text(r"it's \ %".into())), r"'it''s \\ %'");
        assert_eq!(literal(Value::Bytes(vec![0, 255])), "x'00ff'");
        assert_eq!(Parameter::Text(r"\".into()).literal(false), r"'\'");
        for wrong in ["1); drop", "--1 ", "", "-", "e5", "NaN"] {
            assert!(Parameter::single(Value::Decimal(wrong.into())).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_gets_out_of_its_literal(text in "[-a-z'\\\\\"$;/*# \n]{0,20}|\\PC{0,20}") {
            let sql = format!("show status like {}", Parameter::Text(text).literal(true));
            let code: String = pieces(&sql, Dialect::MySql)
                .into_iter()
                .filter_map(|piece| match piece { Piece::Code(code) => Some(code), _ => None })
                .collect();
            prop_assert_eq!(code, "show status like ");
        }
    }
}
