//! A server, through its API.

use std::time::Duration;

use revere_model::Rights;
use serde_json::{Map, Value};

use crate::outbound::{Limits, Method, Outbound, OutboundError, Request, Url, shown_url};

/// The longest answer: a page of monitors with their scripts.
const MOST_BYTES: usize = 256 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that monitors are read from and written to.
pub struct Remote {
    outbound: Outbound,
    base: Url,
    token: Option<String>,
}

/// A monitor as the server has it.
#[derive(Clone, PartialEq, Debug)]
pub struct RemoteMonitor {
    /// Its id there.
    pub id: i64,
    /// The version that was read.
    pub version: i64,
    /// All that the API shows of it.
    pub fields: Map<String, Value>,
}

impl RemoteMonitor {
    /// Its name.
    pub fn name(&self) -> &str {
        self.fields.get("name").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Why the server did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// It was not reached.
    #[error("{0}; is a Revere server running there? --server says where")]
    Unreached(#[from] OutboundError),
    /// It wants to know who asks.
    #[error(
        "{0}. Make a token at {1}tokens (role editor; viewer to export), and give it by the variable REVERE_TOKEN or by --token-file"
    )]
    WhoAsks(String, String),
    /// It said no.
    #[error("{detail}")]
    Refused {
        /// As which status.
        status: u16,
        /// What it said.
        detail: String,
        /// What was wrong, by field and line of the script.
        faults: Vec<(String, Option<u32>, String)>,
    },
    /// What answered is no Revere.
    #[error("{0} does not answer as a Revere server does: {1}; is --server right?")]
    Strange(String, String),
}

impl Remote {
    /// The server at `base`, asked with a token if there is one.
    pub fn new(outbound: Outbound, mut base: Url, token: Option<String>) -> Remote {
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Remote { outbound, base, token }
    }

    /// All its monitors, by id; with a tag only those that have it.
    pub async fn monitors(&self, tag: Option<&str>) -> Result<Vec<RemoteMonitor>, RemoteError> {
        let mut monitors = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut url = self.url("api/v1/monitors")?;
            url.query_pairs_mut().append_pair("limit", "500");
            if let Some(tag) = tag {
                url.query_pairs_mut().append_pair("tag", tag);
            }
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let page = self.ask(Request::get(url)).await?;
            let items =
                page.get("items").and_then(Value::as_array).ok_or_else(|| self.strange("no list of monitors"))?;
            for item in items {
                monitors.push(self.monitor(item)?);
            }
            match page.get("next") {
                Some(Value::String(next)) => after = Some(next.clone()),
                Some(Value::Number(next)) => after = Some(next.to_string()),
                _ => return Ok(monitors),
            }
        }
    }

    /// What whoever asks may do there; `None` where an older server does not say. The second is whether nobody may change
    /// anything.
    pub async fn rights(&self) -> Result<Option<(Rights, bool)>, RemoteError> {
        let answer = match self.ask(Request::get(self.url("api/v1/rights")?)).await {
            Err(RemoteError::Refused { status: 404, .. }) => return Ok(None),
            answer => answer?,
        };
        let role = answer.get("role").and_then(Value::as_str).unwrap_or_default();
        let role = role.parse().map_err(|_| self.strange("it names no role"))?;
        let tags = answer.get("tags").and_then(Value::as_array);
        let tags = tags.into_iter().flatten().filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
        let only_looks = answer.get("only_looks").and_then(Value::as_bool).unwrap_or_default();
        Ok(Some((Rights { role, tags, scope: None, token: true }, only_looks)))
    }

    /// The keys of its alerts.
    pub async fn alerts(&self) -> Result<Vec<String>, RemoteError> {
        let page = self.ask(Request::get(self.url("api/v1/alerts")?)).await?;
        let items = page.get("items").and_then(Value::as_array).ok_or_else(|| self.strange("no list of alerts"))?;
        Ok(items.iter().filter_map(|item| item.get("key")?.as_str().map(str::to_owned)).collect())
    }

    /// What Python says of a script, by line; nothing if it compiles.
    pub async fn check(&self, script: &str) -> Result<Vec<(Option<u32>, String)>, RemoteError> {
        let body = serde_json::json!({ "script": script });
        let answer = self.ask(Request::post_json(self.url("api/v1/check")?, &body)).await?;
        Ok(faults_of(&answer).into_iter().map(|(_, line, message)| (line, message)).collect())
    }

    /// Makes a monitor.
    pub async fn create(&self, fields: &Map<String, Value>, note: &str) -> Result<RemoteMonitor, RemoteError> {
        let request = Request::post_json(self.url("api/v1/monitors")?, &noted(fields, note));
        self.monitor(&self.ask(request).await?)
    }

    /// Changes a monitor, if it is still what was read.
    pub async fn change(
        &self,
        monitor: &RemoteMonitor,
        fields: &Map<String, Value>,
        note: &str,
    ) -> Result<RemoteMonitor, RemoteError> {
        let url = self.url(&format!("api/v1/monitors/{}", monitor.id))?;
        let body = noted(fields, note).to_string();
        let request = Request::new(Method::PATCH, url).body("application/json", body);
        self.monitor(&self.ask(request.header("if-match", &format!("\"{}\"", monitor.version))?).await?)
    }

    /// Deletes a monitor, if it is still what was read.
    pub async fn delete(&self, monitor: &RemoteMonitor) -> Result<(), RemoteError> {
        let url = self.url(&format!("api/v1/monitors/{}", monitor.id))?;
        let request = Request::new(Method::DELETE, url).header("if-match", &format!("\"{}\"", monitor.version))?;
        self.ask(request).await.map(drop)
    }

    fn url(&self, path: &str) -> Result<Url, RemoteError> {
        self.base.join(path).map_err(|error| self.strange(&error.to_string()))
    }

    fn strange(&self, why: &str) -> RemoteError {
        RemoteError::Strange(shown_url(&self.base), why.to_owned())
    }

    fn monitor(&self, item: &Value) -> Result<RemoteMonitor, RemoteError> {
        let number = |name: &str| item.get(name).and_then(Value::as_i64);
        match (number("id"), number("version"), item.as_object()) {
            (Some(id), Some(version), Some(fields)) => Ok(RemoteMonitor { id, version, fields: fields.clone() }),
            _ => Err(self.strange("a monitor without id and version")),
        }
    }

    async fn ask(&self, mut request: Request) -> Result<Value, RemoteError> {
        if let Some(token) = &self.token {
            request = request.bearer(token)?;
        }
        let reply = self.outbound.send(request, Limits::within(PATIENCE, MOST_BYTES)).await?;
        let body = reply.json().ok();
        if reply.status.is_success() {
            return match body {
                Some(body) => Ok(body),
                None if reply.status.as_u16() == 204 => Ok(Value::Null),
                None => Err(self.strange("its answer is no JSON")),
            };
        }
        let Some(detail) = body.as_ref().and_then(|body| body.get("detail")?.as_str().map(str::to_owned)) else {
            return Err(self.strange(&reply.status_line()));
        };
        if reply.status.as_u16() == 401 {
            return Err(RemoteError::WhoAsks(detail.trim_end_matches('.').to_owned(), shown_url(&self.base)));
        }
        Err(RemoteError::Refused {
            status: reply.status.as_u16(),
            detail,
            faults: body.as_ref().map(faults_of).unwrap_or_default(),
        })
    }
}

/// The faults that an answer lists, by field.
fn faults_of(answer: &Value) -> Vec<(String, Option<u32>, String)> {
    let text = |fault: &Value, name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let line = |fault: &Value| fault.get("line").and_then(Value::as_u64).and_then(|line| u32::try_from(line).ok());
    let faults = answer.get("errors").and_then(Value::as_array);
    faults.into_iter().flatten().map(|fault| (text(fault, "field"), line(fault), text(fault, "message"))).collect()
}

fn noted(fields: &Map<String, Value>, note: &str) -> Value {
    let mut body = fields.clone();
    if !note.is_empty() {
        body.insert("note".to_owned(), note.into());
    }
    Value::Object(body)
}
