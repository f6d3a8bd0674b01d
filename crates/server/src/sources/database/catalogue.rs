//! What a database says of its tables and columns, by its own catalogue and so by what its user may see.

use super::{Database, Dialect, Value};
use crate::sources::{
    SourceFault,
    names::{Extent, MOST_BYTES, MOST_NAMES, Name, NameKind, Names, NamesQuestion},
};

/// Schema (empty where none has to be named), table, column and its type. `:begin` is a pattern of `like`.
const POSTGRES: &str = "select case when table_schema::text = any(current_schemas(false)::text[]) then '' \
    else table_schema::text end, table_name::text, column_name::text, data_type::text \
    from information_schema.columns \
    where table_schema <> 'information_schema' and left(table_schema::text, 3) <> 'pg_' \
    and (lower(column_name::text) like :begin escape '!' \
    or lower(concat(table_name, '.', column_name)) like :begin escape '!' \
    or lower(concat(table_schema, '.', table_name, '.', column_name)) like :begin escape '!') \
    order by 1, 2, ordinal_position";
const MYSQL: &str = "select if(table_schema = database(), '', table_schema), table_name, column_name, data_type \
    from information_schema.columns \
    where table_schema not in ('information_schema', 'mysql', 'performance_schema', 'sys') \
    and (lower(column_name) like :begin escape '!' \
    or lower(concat(table_name, '.', column_name)) like :begin escape '!' \
    or lower(concat(table_schema, '.', table_name, '.', column_name)) like :begin escape '!') \
    order by 1, 2, ordinal_position";
const SQLITE: &str = "select '', t.name, c.name, c.type from sqlite_master t join pragma_table_xinfo(t.name) c \
    where t.type in ('table', 'view') and substr(t.name, 1, 7) <> 'sqlite_' and c.hidden <> 1 \
    and (lower(c.name) like :begin escape '!' or lower(t.name || '.' || c.name) like :begin escape '!') \
    order by t.name, c.cid";

/// Words that no database here takes for a name without quotes. In quotes any name is good.
const RESERVED: &[&str] = &[
    "add",
    "all",
    "alter",
    "analyze",
    "and",
    "any",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "cross",
    "current_date",
    "current_time",
    "default",
    "delete",
    "desc",
    "distinct",
    "do",
    "drop",
    "else",
    "end",
    "except",
    "exists",
    "fetch",
    "for",
    "foreign",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "in",
    "index",
    "inner",
    "insert",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "key",
    "keys",
    "left",
    "like",
    "limit",
    "match",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "primary",
    "range",
    "rank",
    "references",
    "right",
    "row",
    "rows",
    "select",
    "set",
    "some",
    "table",
    "then",
    "to",
    "trigger",
    "union",
    "unique",
    "update",
    "user",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
];

impl Database {
    /// Whether what it is made of can be asked for.
    pub(super) fn has_catalogue(&self) -> bool {
        matches!(self.dialect, Dialect::Sqlite | Dialect::MySql | Dialect::MySqlPlain | Dialect::Postgres)
    }

    /// Tables and columns that begin with what was asked, the tables first.
    pub(super) async fn catalogue(&self, question: NamesQuestion) -> Result<Names, SourceFault> {
        let (sql, tables) = match self.dialect {
            Dialect::Postgres => (POSTGRES.to_owned(), None),
            Dialect::MySql | Dialect::MySqlPlain => (MYSQL.to_owned(), None),
            Dialect::Sqlite => (SQLITE.to_owned(), Some(SQLITE.replace("('table', 'view')", "('table')"))),
            Dialect::Bracketed | Dialect::Other => return Ok(Names::default()),
        };
        let columns = match (self.columns(&sql, &question).await, tables) {
            // A view of what is gone is no column's fault.
            (Err(SourceFault::Failed(_) | SourceFault::Unavailable(_)), Some(tables)) => {
                self.columns(&tables, &question).await?
            }
            (columns, _) => columns?,
        };
        let extent = if columns.len() < self.most_columns() { Extent::All } else { Extent::Some };
        let mut names = Vec::new();
        for [schema, table, column, kind] in columns {
            let of = if schema.is_empty() { table.clone() } else { format!("{schema}.{table}") };
            let written = match schema.is_empty() {
                true => self.written(&table),
                false => format!("{}.{}", self.written(&schema), self.written(&table)),
            };
            if !names.iter().rev().any(|name: &Name| name.kind == NameKind::Table && name.name == of) {
                names.push(Name { written, ..Name::plain(NameKind::Table, &of) });
            }
            names.push(Name {
                written: self.written(&column),
                of,
                detail: kind,
                ..Name::plain(NameKind::Column, &column)
            });
        }
        names.sort_by_key(|name| name.kind);
        Ok(Names::of(names, extent))
    }

    async fn columns(&self, sql: &str, question: &NamesQuestion) -> Result<Vec<[String; 4]>, SourceFault> {
        let mut begin = question.prefix.to_lowercase();
        for special in ["!", "%", "_"] {
            begin = begin.replace(special, &format!("!{special}"));
        }
        let params = Value::Dict(vec![(Value::Text("begin".to_owned()), Value::Text(format!("{begin}%")))]);
        let sql = format!("{sql} limit {}", self.most_columns());
        let job = self.job(sql, Some(params), question.deadline, MOST_BYTES)?;
        let Value::List(rows) = self.execute(job).await?.into_value(false)? else { return Ok(Vec::new()) };
        Ok(rows.into_iter().filter_map(texts).collect())
    }

    /// Tables are named besides their columns.
    fn most_columns(&self) -> usize {
        self.rules.max_rows.min(MOST_NAMES / 2)
    }

    /// A name as a statement has it.
    fn written(&self, name: &str) -> String {
        let mysql = matches!(self.dialect, Dialect::MySql | Dialect::MySqlPlain);
        // Without quotes PostgreSQL takes every letter for a small one.
        let small = self.dialect == Dialect::Postgres;
        let letter = |c: char| c == '_' || c.is_ascii_lowercase() || !small && c.is_ascii_uppercase();
        let plain = name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit());
        if plain && !RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            return name.to_owned();
        }
        let quote = if mysql { "`" } else { "\"" };
        format!("{quote}{}{quote}", name.replace(quote, &quote.repeat(2)))
    }
}

/// A row of four texts; what has no name is left out.
fn texts(row: Value) -> Option<[String; 4]> {
    let Value::Tuple(values) = row else { return None };
    let text = |value: Value| match value {
        Value::Text(text) => Some(text),
        Value::Null => Some(String::new()),
        _ => None,
    };
    let texts: Vec<String> = values.into_iter().map(text).collect::<Option<_>>()?;
    texts.try_into().ok().filter(|texts: &[String; 4]| !texts[1].is_empty() && !texts[2].is_empty())
}
