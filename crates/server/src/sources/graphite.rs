//! Graphite, by its render API.
//!
//! One call means one series: where a path matches several, the fault names them instead of picking the first, and
//! [`get_series`](METHODS) gives them all. What is relative counts from the run's clock, not from Graphite's, so that the
//! same run asks for the same data; words that only Graphite knows are resolved there, and it is told what time it is.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    Built, Call, MethodDescription, Source, SourceFault, SourceKind, SourceSample, Value,
    arguments::{self, Method},
    http_server::{self, Server},
    names::{self, Extent, Name, NameKind, Names, NamesOf, NamesQuestion},
    python_json,
    time_arguments::{self, Moment},
};
use crate::{
    building::BuildInput,
    http_target,
    outbound::{Limits, Reply},
    settings::{Field, FieldKind},
};

pub(super) const KIND: SourceKind = SourceKind {
    names: &["graphite", "revere.sources.graphite.GraphiteSource"],
    doc: "Graphite, by its render API.",
    fields: &[Field::required("url", FieldKind::Url, "Where graphite-web is; a `/render` at its end is left away.")],
    groups: &[&http_target::LOGIN, &http_target::SOURCE_CONNECTION],
    build,
    samples: &[SourceSample {
        config: r#"{"url": "{url}", "auth_username": "u", "auth_password": "graphite-s3cret"}"#,
        call: ("get_sum", &["a.b", "-10min"]),
        answer: r#"[{"target": "a.b", "datapoints": [[1.5, 1782907200]]}]"#,
        judges_status: true,
    }],
};

const PARAMETERS: &[(&str, Option<&str>)] = &[("path", None), ("from_date", Some("None")), ("to_date", Some("None"))];

const METHODS: &[Method] = &[
    Method {
        name: "get_datapoints",
        parameters: PARAMETERS,
        doc: "The points of one series as a list of (value, timestamp); a value is a float, or None where nothing was recorded.",
    },
    Method {
        name: "get_sum",
        parameters: PARAMETERS,
        doc: "The sum of the values of one series, as a float; None counts as 0.",
    },
    Method {
        name: "get_avg",
        parameters: PARAMETERS,
        doc: "The average of the values of one series, as a float; None counts as 0, so a bucket that is not full yet pulls it down.",
    },
    Method {
        name: "get_series",
        parameters: PARAMETERS,
        doc: "Every series that matches, as a dict of name to list of (value, timestamp); empty if none does.",
    },
];

/// What is asked for unless the script says otherwise, as by Graphite itself: the last day.
const DAY_MICROS: i64 = 86_400_000_000;

/// Ends of addresses that people copy from a browser or from the documentation: what is asked is added to what is before.
const BROWSER_PATHS: &[&str] = &["/render", "/dashboard", "/composer"];

struct Graphite {
    server: Server,
}

fn build(setup: &BuildInput) -> Built {
    Ok(Arc::new(Graphite { server: Server::new(setup, BROWSER_PATHS)? }))
}

#[async_trait]
impl Source for Graphite {
    fn methods(&self) -> Vec<MethodDescription> {
        arguments::describe(METHODS)
    }

    fn place(&self) -> Option<String> {
        self.server.place()
    }

    async fn call(&self, mut call: Call) -> Result<Value, SourceFault> {
        let (method, mut arguments) = arguments::Arguments::of(&mut call, METHODS)?;
        let path = arguments.required_text("path")?;
        let (from, to) = (arguments.take("from_date"), arguments.take("to_date"));
        let parameters = [
            ("target", path.clone()),
            ("format", "json".to_owned()),
            ("from", date("from_date", from.unwrap_or(Value::Duration(DAY_MICROS)), call.now)?),
            ("until", date("to_date", to.unwrap_or(Value::Duration(0)), call.now)?),
            ("now", call.now.as_second().to_string()),
        ];
        let reply = self.server.ask("/render", &parameters, call.limits()).await?;
        let series = self.read(&reply)?;
        if method == "get_series" {
            return self.by_name(&path, series);
        }
        let points = self.only(&path, series)?;
        // From 0.0: the sum of nothing would be -0.0.
        let sum = || points.iter().filter_map(|(value, _)| *value).fold(0.0, |sum, value| sum + value);
        match method {
            "get_sum" => Ok(Value::Float(sum())),
            "get_avg" => Ok(Value::Float(sum() / points.len() as f64)),
            _ => Ok(self::points(points)),
        }
    }

    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault> {
        let parameters =
            [("target", "constantLine(1)".to_owned()), ("format", "json".to_owned()), ("from", "-1min".to_owned())];
        let reply = self.server.ask("/render", &parameters, http_server::probe_limits(deadline)).await?;
        self.read(&reply).map(drop)
    }

    fn names_of(&self) -> Option<NamesOf> {
        Some(NamesOf::Paths)
    }

    async fn names(&self, question: NamesQuestion) -> Result<Names, SourceFault> {
        // Half a pattern is none, and Graphite would fail on it.
        let count = |sign: char| question.prefix.matches(sign).count();
        if count('[') != count(']') || count('{') != count('}') {
            return Ok(Names { items: Vec::new(), extent: Extent::Some });
        }
        let parameters = [("query", format!("{}*", question.prefix)), ("format", "completer".to_owned())];
        let limits = Limits { deadline: question.deadline, max_bytes: names::MOST_BYTES };
        let reply = self.server.ask("/metrics/find", &parameters, limits).await?;
        if !reply.status.is_success() {
            return Err(self.server.refused(&reply));
        }
        let json = reply.json().map_err(|what| self.server.failed(&format!("answered {what}")))?;
        let found = json["metrics"].as_array().ok_or_else(|| {
            self.server.failed(&format!("answered JSON that is no list of metrics: {}", reply.excerpt()))
        })?;
        let level = question.prefix.rfind('.').map_or("", |at| &question.prefix[..=at]);
        let mut names: Vec<Name> = found.iter().filter_map(|found| node(found, level)).collect();
        names.sort_by(|one, other| one.name.cmp(&other.name));
        names.dedup();
        Ok(Names::of(names, Extent::Level))
    }
}

/// The name of an entry below `level`, which may be a pattern and then stays one. A path that goes on ends with its dot.
fn node(json: &serde_json::Value, level: &str) -> Option<Name> {
    let path = json["path"].as_str()?;
    let whole = path.trim_end_matches('.');
    let last = whole.rsplit('.').next().filter(|last| !last.is_empty())?;
    // A text, by Graphite itself; a number or a truth, by others that speak as it does.
    let is_leaf = matches!(json["is_leaf"].to_string().as_str(), "\"1\"" | "1" | "true");
    Some(match is_leaf {
        true => Name::plain(NameKind::Series, &format!("{level}{last}")),
        false => Name::plain(NameKind::Branch, &format!("{level}{last}.")),
    })
}

/// One series of an answer: its points are never empty of time, but may be of value.
struct Series {
    name: String,
    points: Vec<(Option<f64>, i64)>,
}

impl Graphite {
    fn read(&self, reply: &Reply) -> Result<Vec<Series>, SourceFault> {
        if !reply.status.is_success() {
            return Err(self.server.refused(reply));
        }
        let json = match (reply.json(), python_json::strict(&reply.body, number_text)) {
            (Ok(json), _) => Ok(json),
            (Err(what), None) => Err(what),
            (Err(what), Some(text)) => serde_json::from_str(&text).map_err(|_| what),
        };
        let json = json.map_err(|what| self.server.failed(&format!("answered {what}")))?;
        series(&json)
            .ok_or_else(|| self.server.failed(&format!("answered JSON that is no list of series: {}", reply.excerpt())))
    }

    /// All series by their names, which must differ: a dict has room for one of each.
    fn by_name(&self, path: &str, series: Vec<Series>) -> Result<Value, SourceFault> {
        let mut names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let count = names.iter().filter(|name| **name == twice[0]).count();
            return Err(self.server.failed(&format!(
                "'{path}' gives {count} series that are all called '{}', and get_series answers them by name: let the names \
                 differ, by aliasByNode(..., 1) for instance, or make one series of them with sumSeries({path})",
                twice[0]
            )));
        }
        Ok(Value::Dict(series.into_iter().map(|series| (Value::Text(series.name), points(series.points))).collect()))
    }

    fn only(&self, path: &str, mut series: Vec<Series>) -> Result<Vec<(Option<f64>, i64)>, SourceFault> {
        const SHOWN: usize = 10;
        if series.len() > 1 {
            let names: Vec<&str> = series.iter().take(SHOWN).map(|series| series.name.as_str()).collect();
            let more = if series.len() > SHOWN { ", ..." } else { "" };
            return Err(self.server.failed(&format!(
                "'{path}' matches {} series, and one is needed: {}{more}; name one, or make one of them with sumSeries({path}), \
                 averageSeries({path}) or the like, or use get_series",
                series.len(),
                names.join(", "),
            )));
        }
        let Some(only) = series.pop() else {
            return Err(self.server.failed(&format!("no metric matches '{path}'")));
        };
        if only.points.is_empty() {
            return Err(self.server.failed(&format!("'{}' has no datapoints between these dates", only.name)));
        }
        Ok(only.points)
    }
}

fn date(name: &str, value: Value, now: Timestamp) -> Result<String, SourceFault> {
    Ok(match time_arguments::read(name, value, now)? {
        Moment::At(at) => at.as_second().to_string(),
        Moment::Words(words) => match time_arguments::relative(&words, now) {
            Some(at) => at.as_second().to_string(),
            None => words,
        },
    })
}

/// What no strict JSON holds, as texts that are read as numbers below.
fn number_text(value: f64) -> &'static str {
    match value {
        value if value.is_nan() => "\"nan\"",
        value if value > 0.0 => "\"inf\"",
        _ => "\"-inf\"",
    }
}

fn series(json: &serde_json::Value) -> Option<Vec<Series>> {
    let value = |json: &serde_json::Value| match json {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    };
    let point = |json: &serde_json::Value| {
        let pair = json.as_array().filter(|pair| pair.len() == 2)?;
        let value = if pair[0].is_null() { None } else { Some(value(&pair[0])?) };
        Some((value, pair[1].as_i64().or_else(|| pair[1].as_f64().map(|seconds| seconds as i64))?))
    };
    let one = |json: &serde_json::Value| {
        let points = json.get("datapoints")?.as_array()?.iter().map(point).collect::<Option<_>>()?;
        Some(Series { name: json.get("target")?.as_str()?.to_owned(), points })
    };
    json.as_array()?.iter().map(one).collect()
}

fn points(points: Vec<(Option<f64>, i64)>) -> Value {
    let tuple =
        |(value, at): (Option<f64>, i64)| Value::Tuple(vec![value.map_or(Value::Null, Value::Float), Value::Int(at)]);
    Value::List(points.into_iter().map(tuple).collect())
}
