//! Python values as MySQL's parameters.

use sqlx::{Arguments, mysql::MySqlArguments};

use super::super::{Value, expand, no_parameter};
use crate::sources::SourceFault;

/// Adds `value` to the arguments and its placeholder to the statement.
pub(super) fn bind(value: Value, sql: &mut String, arguments: &mut MySqlArguments) -> Result<(), SourceFault> {
    let added = match value {
        Value::List(items) | Value::Tuple(items) => return expand(items, sql, |item, sql| bind(item, sql, arguments)),
        Value::Null => arguments.add(None::<i64>),
        Value::Bool(flag) => arguments.add(flag),
        Value::Int(int) => arguments.add(int),
        Value::BigInt(digits) => match digits.parse::<u64>() {
            Ok(int) => arguments.add(int),
            Err(_) => arguments.add(digits),
        },
        Value::Float(float) if float.is_finite() => arguments.add(float),
        Value::Bytes(bytes) => arguments.add(bytes),
        Value::Decimal(text) => match text.parse::<bigdecimal::BigDecimal>() {
            Ok(decimal) => arguments.add(decimal),
            Err(_) => return Err(no_parameter("MySQL", &Value::Decimal(text))),
        },
        Value::Text(text) | Value::Date(text) | Value::Time(text) | Value::Uuid(text) => arguments.add(text),
        Value::DateTime(text) if !has_offset(&text) => arguments.add(text.replacen('T', " ", 1)),
        Value::DateTime(text) => {
            return Err(SourceFault::BadArguments(format!(
                "MySQL has no times with an offset, such as {text}; pass a naive datetime in the time zone of the session"
            )));
        }
        Value::Duration(micros) => arguments.add(time(micros)),
        other @ (Value::Float(_) | Value::Dict(_)) => return Err(no_parameter("MySQL", &other)),
    };
    added.map_err(|error| SourceFault::BadArguments(error.to_string()))?;
    sql.push('?');
    Ok(())
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
    use super::*;

    #[test]
    fn spans_are_written_as_mysql_reads_them() {
        assert_eq!(time(-(34 * 3600 + 22 * 60 + 59) * 1_000_000 - 1), "-34:22:59.000001");
        assert_eq!(time(838 * 3_600_000_000), "838:00:00.000000");
        assert!(has_offset("2026-01-02T03:04:05+00:00") && !has_offset("2026-01-02T03:04:05.000001"));
    }
}
