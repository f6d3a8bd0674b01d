//! Prometheus, and what speaks its query API (VictoriaMetrics, Thanos, Mimir).

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use jiff::SignedDuration;
use serde_json::Value as Json;

use super::{
    Built, Call, MethodDescription, Source, SourceFault, SourceKind, SourceSample, Value,
    arguments::{self, Arguments, Method},
    dict,
    http_server::{self, Server},
    names::{self, Extent, Name, NameKind, Names, NamesOf, NamesQuestion},
    time_arguments,
};
use crate::{
    building::BuildInput,
    http_target,
    outbound::Limits,
    settings::{Field, FieldKind},
};

pub(super) const KIND: SourceKind = SourceKind {
    names: &["prometheus"],
    doc: "Prometheus, or what speaks its query API.",
    fields: &[Field::required(
        "url",
        FieldKind::Url,
        "Where Prometheus is; an `/api/v1` or `/graph` at its end is left away.",
    )],
    groups: &[&http_target::LOGIN, &http_target::SOURCE_CONNECTION],
    build,
    samples: &[SourceSample {
        config: r#"{"url": "{url}", "auth_token": "prometheus-s3cret"}"#,
        call: ("value", &["up"]),
        answer: r#"{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1782907200, "1"]}]}}"#,
        judges_status: true,
    }],
};

const METHODS: &[Method] = &[
    Method {
        name: "query",
        parameters: &[("expr", None), ("at", Some("None"))],
        doc: "The value of an expression now, or at a time, per series: a list of {'metric': dict of labels, 'value': float, \
              'timestamp': float}. An expression that selects a range, such as up[5m], has 'values', a list of (value, \
              timestamp), instead.",
    },
    Method {
        name: "query_range",
        parameters: &[("expr", None), ("from_date", None), ("to_date", Some("None")), ("step", Some("60"))],
        doc: "The values of an expression over time, until now or to_date, one each step (seconds, '5min' or a timedelta), per \
              series: a list of {'metric': dict of labels, 'values': list of (value, timestamp)}.",
    },
    Method {
        name: "value",
        parameters: &[("expr", None), ("at", Some("None"))],
        doc: "The one number an expression gives, as a float. None or several are a SourceError that lists them.",
    },
];

/// Ends of addresses that people copy from a browser or from the documentation: what is asked is added to what is before.
const BROWSER_PATHS: &[&str] = &[
    "/api/v1/query_range",
    "/api/v1/query",
    "/api/v1",
    "/api",
    "/classic/graph",
    "/graph",
    "/query",
    "/alerts",
    "/rules",
    "/targets",
    "/status",
    "/metrics",
];

struct Prometheus {
    server: Server,
}

fn build(setup: &BuildInput) -> Built {
    Ok(Arc::new(Prometheus { server: Server::new(setup, BROWSER_PATHS)? }))
}

#[async_trait]
impl Source for Prometheus {
    fn methods(&self) -> Vec<MethodDescription> {
        arguments::describe(METHODS)
    }

    fn place(&self) -> Option<String> {
        self.server.place()
    }

    async fn call(&self, mut call: Call) -> Result<Value, SourceFault> {
        let (method, mut arguments) = Arguments::of(&mut call, METHODS)?;
        let expr = arguments.required_text("expr")?;
        let mut parameters = vec![("query", expr.clone())];
        let path = if method == "query_range" {
            parameters.extend(range(&mut arguments, &call)?);
            "/api/v1/query_range"
        } else {
            // Said even where it is now: the run's clock decides what a run saw, not the other side's.
            let at = arguments.take("at").map_or(Ok(call.now), |at| time_arguments::resolve("at", at, call.now))?;
            parameters.push(("time", at.to_string()));
            "/api/v1/query"
        };
        let data = self.ask(path, &parameters, call.limits()).await?;
        let series = series(&data)
            .ok_or_else(|| self.server.failed("answered data that is neither vector, matrix, scalar nor text"))?;
        if method == "value" { self.only(&expr, series) } else { Ok(Value::List(series)) }
    }

    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault> {
        self.ask("/api/v1/query", &[("query", "vector(1)".to_owned())], http_server::probe_limits(deadline))
            .await
            .map(drop)
    }

    fn names_of(&self) -> Option<NamesOf> {
        Some(NamesOf::Metrics)
    }

    /// Of the last day: what is no longer measured is nothing to ask about.
    async fn names(&self, question: NamesQuestion) -> Result<Names, SourceFault> {
        let (metric, label) = match question.prefix.split_once('{') {
            Some((metric, label)) => (metric, Some(label)),
            None => (question.prefix.as_str(), None),
        };
        let named = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        let is_number = metric.starts_with(|c: char| c.is_ascii_digit());
        if is_number || !named(metric) || !label.is_none_or(named) {
            return Ok(Names { items: Vec::new(), extent: Extent::Some });
        }
        let mut parameters = vec![
            ("start", (question.now.as_second() - 86_400).to_string()),
            ("end", question.now.as_second().to_string()),
            ("limit", names::MOST_NAMES.to_string()),
        ];
        let selector = match label {
            Some(_) => metric.to_owned(),
            None => format!("{{__name__=~\"{metric}.*\"}}"),
        };
        if !metric.is_empty() {
            parameters.push(("match[]", selector));
        }
        let path = if label.is_some() { "/api/v1/labels" } else { "/api/v1/label/__name__/values" };
        let limits = Limits { deadline: question.deadline, max_bytes: names::MOST_BYTES };
        let data = self.ask(path, &parameters, limits).await?;
        let found = data.as_array().ok_or_else(|| self.server.failed("answered data that is no list of names"))?;
        let found = found.iter().filter_map(Json::as_str);
        let names = match label {
            None => found.map(|name| Name::plain(NameKind::Metric, name)).collect(),
            Some(label) => found
                .filter(|name| *name != "__name__" && name.starts_with(label))
                .map(|name| Name { of: metric.to_owned(), ..Name::plain(NameKind::Label, name) })
                .collect(),
        };
        Ok(Names::of(names, Extent::Level))
    }
}

fn range(arguments: &mut Arguments, call: &Call) -> Result<Vec<(&'static str, String)>, SourceFault> {
    let from = arguments.take("from_date").unwrap_or(Value::Null);
    let from = time_arguments::resolve("from_date", from, call.now)?;
    let to = arguments.take("to_date").map_or(Ok(call.now), |to| time_arguments::resolve("to_date", to, call.now))?;
    if to.duration_since(from) < SignedDuration::ZERO {
        return Err(SourceFault::BadArguments(format!("'from_date' ({from}) is after 'to_date' ({to})")));
    }
    let step = time_arguments::span("step", &arguments.take("step").unwrap_or(Value::Int(60)))?;
    Ok(vec![("start", from.to_string()), ("end", to.to_string()), ("step", step.to_string())])
}

impl Prometheus {
    async fn ask(&self, path: &str, parameters: &[(&str, String)], limits: Limits) -> Result<Json, SourceFault> {
        let reply = self.server.ask(path, parameters, limits).await?;
        let json = reply.json().ok().filter(Json::is_object);
        // Prometheus says what is wrong with an expression in JSON, beside a status of 400 or 422.
        if let Some(json) = &json
            && json["status"] == "error"
        {
            let text = |key: &str| json[key].as_str().unwrap_or("unknown").to_owned();
            return Err(self.server.failed(&format!("{}: {}", text("errorType"), text("error"))));
        }
        if !reply.status.is_success() {
            return Err(self.server.refused(&reply));
        }
        match json {
            Some(mut json) if json["status"] == "success" => Ok(json["data"].take()),
            _ => {
                let what =
                    reply.json().err().unwrap_or_else(|| format!("JSON that is not Prometheus': {}", reply.excerpt()));
                Err(self.server.failed(&format!("answered {what}")))
            }
        }
    }

    fn only(&self, expr: &str, series: Vec<Value>) -> Result<Value, SourceFault> {
        match series.as_slice() {
            [] => Err(self.server.failed(&format!("'{expr}' has no value now"))),
            [one] => match one.get("value") {
                Some(Value::Float(value)) => Ok(Value::Float(*value)),
                Some(other) => {
                    Err(self.server.failed(&format!("'{expr}' gives the text {}, and a number is needed", other.repr(100))))
                }
                None if one.get("histogram").is_some() => Err(self.server.failed(&format!(
                    "'{expr}' gives a histogram, and a number is needed: histogram_quantile(...) and histogram_sum(...) make one"
                ))),
                None => Err(self
                    .server
                    .failed(&format!("'{expr}' gives a range of values; query_range and query answer those"))),
            },
            several => {
                const SHOWN: usize = 10;
                let labels = |one: &Value| one.get("metric").map(|metric| metric.repr(200)).unwrap_or_default();
                let shown: Vec<String> = several.iter().take(SHOWN).map(labels).collect();
                let more = if several.len() > SHOWN { ", ..." } else { "" };
                Err(self.server.failed(&format!(
                    "'{expr}' gives {} values, and one is needed: {}{more}; add labels, or make one of them with sum(...), max(...)",
                    several.len(),
                    shown.join(", ")
                )))
            }
        }
    }
}

fn series(data: &Json) -> Option<Vec<Value>> {
    let result = &data["result"];
    match data["resultType"].as_str()? {
        "vector" | "matrix" => result.as_array()?.iter().map(one).collect(),
        // A scalar or a text has no labels; a text stays one, whatever it looks like.
        kind => {
            let [(_, value), at] = sample(result)?;
            let value = if kind == "string" { Value::Text(result[1].as_str()?.to_owned()) } else { value };
            Some(vec![dict([("metric", Value::Dict(Vec::new())), ("value", value), at])])
        }
    }
}

fn one(json: &Json) -> Option<Value> {
    let labels = json["metric"].as_object()?.iter();
    let labels = labels.map(|(name, value)| Some((Value::Text(name.clone()), Value::Text(value.as_str()?.to_owned()))));
    let metric = ("metric", Value::Dict(labels.collect::<Option<_>>()?));
    if let Some(pairs) = json["values"].as_array() {
        let pair = |json: &Json| {
            let [(_, value), (_, at)] = sample(json)?;
            Some(Value::Tuple(vec![value, at]))
        };
        return Some(dict([metric, ("values", Value::List(pairs.iter().map(pair).collect::<Option<_>>()?))]));
    }
    if json["value"].is_null() {
        // A native histogram has no single value; its parts are given as they come.
        let text = json.get("histogram").or_else(|| json.get("histograms"))?.to_string();
        return Some(dict([metric, ("histogram", Value::Text(text))]));
    }
    let [value, at] = sample(&json["value"])?;
    Some(dict([metric, value, at]))
}

/// `[timestamp, "value"]`, with names, value first.
fn sample(json: &Json) -> Option<[(&'static str, Value); 2]> {
    let [at, value] = json.as_array()?.as_slice() else { return None };
    let text = value.as_str()?;
    // Rust and Prometheus write NaN and the infinities alike.
    let value = text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Float);
    Some([("value", value), ("timestamp", Value::Float(at.as_f64()?))])
}
