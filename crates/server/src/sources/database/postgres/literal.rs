//! Python values as PostgreSQL writes them in a statement.
//!
//! Parameters become literals, as psycopg2 has always done it, because only then does the server choose the type: a text
//! may be compared with a date, a number with any other. Every text goes through [`quote`], in which nothing can end the
//! literal: quotes are doubled, backslashes escaped, and the encoding is UTF-8, where no character hides either.

use super::super::{Value, faults::no_parameter};
use crate::{hexadecimal::hex, sources::SourceFault};

/// Writes `value` at the end of `sql`.
pub(super) fn write(value: &Value, sql: &mut String) -> Result<(), SourceFault> {
    let number =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match value {
        Value::Null => sql.push_str("null"),
        Value::Bool(flag) => sql.push_str(if *flag { "true" } else { "false" }),
        // In brackets, since `- -5` is not `--5`, and a cast binds closer than a sign.
        Value::Int(int) => sql.push_str(&format!("({int})")),
        Value::BigInt(text) if number(text) => sql.push_str(&format!("({text})")),
        Value::Float(float) if float.is_finite() => sql.push_str(&format!("({float:?})")),
        Value::Float(float) => {
            let name = if float.is_nan() {
                "NaN"
            } else if *float > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            sql.push_str(&format!("'{name}'::float8"));
        }
        Value::Decimal(text) if number(text) => sql.push_str(&format!("({text})")),
        Value::Decimal(text) => typed(text, "numeric", sql)?,
        Value::Text(text) | Value::Uuid(text) => sql.push_str(&quote(text)?),
        Value::Bytes(bytes) => sql.push_str(&format!("'\\x{}'::bytea", hex(bytes))),
        Value::Date(text) => typed(text, "date", sql)?,
        Value::Time(text) => typed(text, if text.contains(['+', '-']) { "timetz" } else { "time" }, sql)?,
        Value::DateTime(text) => {
            let aware = text.get(11..).is_some_and(|time| time.contains(['+', '-', 'Z']));
            typed(text, if aware { "timestamptz" } else { "timestamp" }, sql)?;
        }
        Value::Duration(micros) => sql.push_str(&format!("'{micros} microseconds'::interval")),
        Value::List(items) if items.is_empty() => sql.push_str("'{}'"),
        Value::List(items) => {
            sql.push_str("array");
            several(items, "[", "]", sql)?;
        }
        Value::Tuple(items) if items.is_empty() => {
            return Err(SourceFault::BadArguments(
                "an empty tuple cannot be a parameter: nothing can be in it".to_owned(),
            ));
        }
        Value::Tuple(items) => several(items, "(", ")", sql)?,
        Value::Dict(_) | Value::BigInt(_) => return Err(no_parameter("PostgreSQL", value)),
    }
    Ok(())
}

fn several(items: &[Value], open: &str, close: &str, sql: &mut String) -> Result<(), SourceFault> {
    for (index, item) in items.iter().enumerate() {
        sql.push_str(if index == 0 { open } else { ", " });
        write(item, sql)?;
    }
    sql.push_str(close);
    Ok(())
}

fn typed(text: &str, kind: &str, sql: &mut String) -> Result<(), SourceFault> {
    sql.push_str(&quote(text)?);
    sql.push_str("::");
    sql.push_str(kind);
    Ok(())
}

/// A text literal that means the same whatever `standard_conforming_strings` is.
fn quote(text: &str) -> Result<String, SourceFault> {
    if text.contains('\0') {
        return Err(SourceFault::BadArguments("PostgreSQL has no texts with a NUL character".to_owned()));
    }
    let doubled = text.replace('\'', "''");
    Ok(match doubled.contains('\\') {
        true => format!(" E'{}'", doubled.replace('\\', "\\\\")),
        false => format!("'{doubled}'"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::super::sql_text::{Dialect, Piece, pieces},
        *,
    };

    fn written(value: Value) -> String {
        let mut sql = String::new();
        write(&value, &mut sql).unwrap();
        sql
    }

    #[test]
    fn values_are_written_as_the_server_reads_them() {
        assert_eq!(written(Value::Int(-5)), "(-5)");
        assert_eq!(written(Value::Float(1e300)), "(1e300)");
        assert_eq!(written(Value::Text(r"it's \ here".into())), r" E'it''s \\ here'");
        assert_eq!(written(Value::Bytes(vec![0, 255])), r"'\x00ff'::bytea");
        assert_eq!(written(Value::Tuple(vec![Value::Int(1), Value::Text("a".into())])), "((1), 'a')");
        assert_eq!(written(Value::List(vec![Value::Int(1)])), "array[(1)]");
        assert_eq!(
            written(Value::DateTime("2026-01-02T03:04:05+00:00".into())),
            "'2026-01-02T03:04:05+00:00'::timestamptz"
        );
        // Values can come from a forged request, so even what should be a date is quoted.
        assert_eq!(written(Value::Date("x'; drop".into())), "'x''; drop'::date");
        assert_eq!(written(Value::Decimal("1); drop".into())), "'1); drop'::numeric");
        assert!(write(&Value::Text("a\0".into()), &mut String::new()).is_err());
    }

    proptest! {
        #[test]
        fn no_text_gets_out_of_its_literal(text in "[-a-z'\\\\\"$;/* \n]{0,20}|\\PC{0,20}") {
            let sql = format!("select {}", written(Value::Text(text)));
            let code: String = pieces(&sql, Dialect::Postgres)
                .into_iter()
                .filter_map(|piece| match piece { Piece::Code(code) => Some(code), _ => None })
                .collect();
            prop_assert!(matches!(code.as_str(), "select " | "select  E"), "{code:?} in {sql:?}");
        }
    }
}
