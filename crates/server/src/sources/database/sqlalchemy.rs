//! Databases that only SQLAlchemy knows (`mssql+pyodbc://`, `oracle+oracledb://`, `snowflake://`): asked by the machine's own
//! Python, if it has SQLAlchemy and the driver.
//!
//! What holds for the others is as true as the dialect allows: each statement is its own transaction, which is rolled back
//! unless writing is allowed; an answer that is late ends the process that waits for it.

use std::path::Path;

use async_trait::async_trait;

use super::{Engine, Job, Rows, Rules, Value};
use crate::sources::{SourceFault, child::Child, plugin};

pub(super) struct Foreign {
    child: Child,
    rules: Rules,
}

impl Foreign {
    pub(super) fn new(python: &str, connection_string: String, rules: &Rules, folder: &Path) -> Self {
        let text = |text: &str| Value::Text(text.to_owned());
        let greeting = Value::Dict(vec![
            (text("connection_string"), Value::Text(connection_string)),
            (text("read_only"), Value::Bool(rules.read_only)),
            (text("pool_recycle"), Value::Float(rules.pool_recycle.as_secs_f64())),
        ]);
        let child = Child::new(plugin::host(python, "sqlalchemy", folder, greeting, rules.timeout));
        Foreign { child, rules: rules.clone() }
    }
}

#[async_trait]
impl Engine for Foreign {
    async fn execute(&self, job: Job) -> Result<Rows, SourceFault> {
        let text = |text: &str| Value::Text(text.to_owned());
        let most = i64::try_from(self.rules.max_rows).unwrap_or(i64::MAX - 1);
        let mut rows = job.rows(&self.rules);
        let kwargs = Value::Dict(vec![
            (text("sql"), Value::Text(job.sql)),
            (text("params"), job.params.unwrap_or(Value::Null)),
            (text("max_rows"), Value::Int(most)),
        ]);
        let params = Value::Dict(vec![
            (text("method"), text("execute")),
            (text("args"), Value::List(Vec::new())),
            (text("kwargs"), kwargs),
        ]);
        let answer = self.child.ask("call", params, job.deadline, job.max_bytes).await?;
        let (Some(Value::List(columns)), Some(Value::List(found))) = (answer.get("columns"), answer.get("rows")) else {
            return Err(SourceFault::Failed(format!(
                "the Python process answered what is no list of rows: {}",
                answer.repr(200)
            )));
        };
        rows.name(columns.iter().filter_map(Value::as_text));
        for row in found {
            match row {
                Value::Tuple(values) => rows.push(values.clone())?,
                other => {
                    return Err(SourceFault::Failed(format!(
                        "the Python process answered a row that is no tuple: {}",
                        other.repr(200)
                    )));
                }
            }
        }
        Ok(rows)
    }
}
