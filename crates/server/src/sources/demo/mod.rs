//! A little made-up world to try monitors on: no server, no set-up. `revere demo` stands on it.
//!
//! Speaks as a Graphite source does, so that what was learned here works there.

pub mod world;

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use world::World;

use super::{
    Built, Call, MethodDescription, Source, SourceFault, SourceKind, SourceSample, Value,
    arguments::{self, Arguments, Method},
    names::{Extent, Name, NameKind, Names, NamesOf, NamesQuestion},
    time_arguments,
};
use crate::{
    building::BuildInput,
    settings::{Field, FieldKind, unknown_name},
};

pub(super) const KIND: SourceKind = SourceKind {
    names: &["demo"],
    doc: "A made-up web shop, for trying things out: numbers with a daily rhythm and incidents, computed from the clock.",
    fields: &[Field::optional(
        "live_since",
        FieldKind::Count,
        "Seconds since 1970 from which on incidents come every minute or two instead of every few days.",
    )
    .or_words("never")],
    groups: &[],
    build,
    samples: &[SourceSample { config: r#"{"live_since": 0}"#, call: ("names", &[]), answer: "", judges_status: false }],
};

const PARAMETERS: &[(&str, Option<&str>)] = &[("path", None), ("from_date", Some("None")), ("to_date", Some("None"))];

const METHODS: &[Method] = &[
    Method {
        name: "get_datapoints",
        parameters: PARAMETERS,
        doc: "The points of one series as a list of (value, timestamp); of the last day unless dates are given.",
    },
    Method { name: "get_sum", parameters: PARAMETERS, doc: "The sum of the values of one series, as a float." },
    Method { name: "get_avg", parameters: PARAMETERS, doc: "The average of the values of one series, as a float." },
    Method {
        name: "get_text",
        parameters: &[("path", None)],
        doc: "A text as it is now, such as the version of a host.",
    },
    Method { name: "names", parameters: &[], doc: "Every path there is, as a dict of path to what it is." },
];

struct Demo(World);

fn build(setup: &BuildInput) -> Built {
    let live_since = setup.settings.count("live_since").and_then(|second| i64::try_from(second).ok());
    Ok(Arc::new(Demo(World { live_since })))
}

#[async_trait]
impl Source for Demo {
    fn methods(&self) -> Vec<MethodDescription> {
        arguments::describe(METHODS)
    }

    async fn call(&self, mut call: Call) -> Result<Value, SourceFault> {
        let (method, mut arguments) = Arguments::of(&mut call, METHODS)?;
        let all = world::NUMBERS.iter().chain(world::TEXTS);
        if method == "names" {
            let pair = |(name, what): &(&str, &str)| (Value::Text((*name).to_owned()), Value::Text((*what).to_owned()));
            return Ok(Value::Dict(all.map(pair).collect()));
        }
        let path = arguments.required_text("path")?;
        let missing = || SourceFault::Failed(unknown_name("path", &path, all.clone().map(|(name, _)| *name)));
        if method == "get_text" {
            return self.0.text(&path, call.now.as_second()).map(Value::Text).ok_or_else(missing);
        }
        let mut date =
            |name: &str| arguments.take(name).map(|value| time_arguments::resolve(name, value, call.now)).transpose();
        let to = date("to_date")?.unwrap_or(call.now).as_second();
        let from = date("from_date")?.map_or(to - 86_400, |from| from.as_second());
        let points = self.0.points(&path, from, to).ok_or_else(missing)?;
        let sum = || points.iter().fold(0.0, |sum, (value, _)| sum + value);
        match method {
            "get_sum" => Ok(Value::Float(sum())),
            _ if points.is_empty() => Err(SourceFault::Failed(format!("there are no points of {path} in that time"))),
            "get_avg" => Ok(Value::Float(sum() / points.len() as f64)),
            _ => Ok(Value::List(
                points.iter().map(|(value, at)| Value::Tuple(vec![Value::Float(*value), Value::Int(*at)])).collect(),
            )),
        }
    }

    async fn probe(&self, _: Instant) -> Result<(), SourceFault> {
        Ok(())
    }

    fn names_of(&self) -> Option<NamesOf> {
        Some(NamesOf::Paths)
    }

    async fn names(&self, question: NamesQuestion) -> Result<Names, SourceFault> {
        let all = world::NUMBERS.iter().chain(world::TEXTS);
        let name =
            |(path, what): &(&str, &str)| Name { detail: (*what).to_owned(), ..Name::plain(NameKind::Series, path) };
        let names = all.map(name).filter(|name| name.begins(&question.prefix)).collect();
        Ok(Names::of(names, Extent::All))
    }
}
