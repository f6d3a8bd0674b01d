//! Sources: where a monitor's data comes from. One file is one type; [`KINDS`] registers it.
//!
//! A script holds a capability, never a credential: it names a configured source and one of its methods, and this side
//! adds the address and the password. A source that is down never stops the server from starting; it shows as down.

mod command;
mod database;
pub mod demo;
mod graphite;
mod http;
mod plugin;
mod prometheus;

pub mod source_health;

mod arguments;
mod child;
mod guarded;
mod http_server;
pub mod names;
mod python_json;
pub(crate) mod time_arguments;

pub(crate) use guarded::reason;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use names::{Names, NamesOf, NamesQuestion};
pub use revere_sandbox::{MethodDescription, SourceFault, Value};

use crate::{
    building::{BuildContext, BuildInput, ConfiguredEntry},
    settings::{self, ConfigFault, Field, FieldGroup, Settings, shortened},
};

/// Every type of source, in the order of the documentation. Plug-in classes come beside them: see [`PLUGIN`].
pub const KINDS: &[&SourceKind] =
    &[&graphite::KIND, &database::KIND, &prometheus::KIND, &http::KIND, &command::KIND, &demo::KIND];

/// What a `type` such as `mypackage.mymodule.MySource`, which is none of [`KINDS`], is read as.
pub const PLUGIN: &SourceKind = &plugin::KIND;

/// A configured source.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its methods, as scripts and the editor see them. Known without contacting anything, but for plug-ins: one that
    /// has not described itself yet has the single method `*`, which stands for any.
    fn methods(&self) -> Vec<MethodDescription>;

    /// Answers one call, within `call.deadline` and the source's own time limit. Faults say what came back, and hold no
    /// secret; which source was asked what is added around this.
    async fn call(&self, call: Call) -> Result<Value, SourceFault>;

    /// The cheapest question that shows whether the source can answer.
    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault>;

    /// Where it is, for people: a host, a file, a program. Holds nothing secret; `None` where there is nothing to say.
    fn place(&self) -> Option<String> {
        None
    }

    /// A whole address to begin with, for a source that wants one of scripts. Holds nothing secret.
    fn example_address(&self) -> Option<String> {
        None
    }

    /// What it can name to whoever writes a script; `None` for one that cannot.
    fn names_of(&self) -> Option<NamesOf> {
        None
    }

    /// The names that begin with what is asked. What it does not know begins with nothing.
    async fn names(&self, _: NamesQuestion) -> Result<Names, SourceFault> {
        Ok(Names::default())
    }
}

/// One call of one method.
#[derive(Clone, Debug)]
pub struct Call {
    /// One of the described methods.
    pub method: String,
    /// Positional arguments, as many as the signature allows.
    pub args: Vec<Value>,
    /// Keyword arguments, of names the signature has.
    pub kwargs: Vec<(String, Value)>,
    /// When the run's time is over.
    pub deadline: Instant,
    /// The largest answer the caller takes, in bytes; more is [`SourceFault::TooLarge`].
    pub answer_bytes: usize,
    /// The run's clock at the call: what relative times such as `-10min` count from.
    pub now: Timestamp,
}

/// A type of source.
pub struct SourceKind {
    /// Its names in the configuration; the first is the one to show.
    pub names: &'static [&'static str],
    /// What it is, for the documentation, in a sentence.
    pub doc: &'static str,
    /// What it alone needs.
    pub fields: &'static [Field],
    /// What it needs as other kinds do.
    pub groups: &'static [&'static FieldGroup],
    /// Makes one. Contacts nothing.
    pub build: fn(&BuildInput) -> Built,
    /// Configurations that tests try it with.
    pub samples: &'static [SourceSample],
}

impl SourceKind {
    /// Everything it needs.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().chain(self.groups.iter().flat_map(|group| group.fields))
    }
}

/// A configuration of a kind, with what tests of all kinds need to know to try it.
pub struct SourceSample {
    /// The config in JSON. `{url}` stands for the address of the test's server; every secret holds `s3cret`.
    pub config: &'static str,
    /// A call: a method and its positional arguments, which are texts.
    pub call: (&'static str, &'static [&'static str]),
    /// What the server answers to it when all is well; empty for kinds that ask no HTTP server.
    pub answer: &'static str,
    /// Whether an error status is a fault; else it is an answer like any other, for the script to judge.
    pub judges_status: bool,
}

/// A source, or everything that is wrong with its settings.
pub type Built = Result<Arc<dyn Source>, Vec<ConfigFault>>;

/// Makes the sources that are enabled, and says everything that is wrong with the others. Contacts nothing.
pub fn build_all(
    entries: &[ConfiguredEntry],
    context: &BuildContext,
) -> (BTreeMap<String, Arc<dyn Source>>, Vec<ConfigFault>) {
    let mut sources = BTreeMap::new();
    let mut faults = Vec::new();
    for entry in entries.iter().filter(|entry| entry.enabled) {
        match build(entry, context) {
            Ok(source) => {
                sources.insert(entry.name.clone(), source);
            }
            Err(found) => faults.extend(found),
        }
    }
    (sources, faults)
}

fn build(entry: &ConfiguredEntry, context: &BuildContext) -> Built {
    let kind = find(entry)?;
    let place = format!("{}['config']", entry.place);
    // A class of one's own has settings that only it knows.
    let (settings, faults) = match std::ptr::eq(kind, PLUGIN) {
        true => (Settings::default(), Vec::new()),
        false => Settings::read_what_fits(kind.all_fields(), &entry.config, &place, &context.secrets),
    };
    // What is wrong with one setting must not hide what is wrong with another.
    let setup = BuildInput { entry, settings: &settings, context };
    let built = settings.has_required(kind.all_fields()).then(|| (kind.build)(&setup));
    let source = settings::unless_faulty(faults, built)?;
    Ok(Arc::new(guarded::Guarded::new(entry, source, context.secrets.clone())))
}

fn find(entry: &ConfiguredEntry) -> Result<&'static SourceKind, Vec<ConfigFault>> {
    let known = || KINDS.iter().flat_map(|kind| kind.names.iter().copied());
    if let Some(kind) = KINDS.iter().find(|kind| kind.names.contains(&entry.kind.as_str())) {
        return Ok(kind);
    }
    let near = revere_model::nearest(&entry.kind, known());
    // A misspelled name of ours is taken for one, dotted or not, before it is taken for someone's class.
    if near.is_none() && plugin::is_class_path(&entry.kind) {
        return Ok(PLUGIN);
    }
    let hint = match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!(
            "known: {}; a Python class of your own is written 'package.module.Class'",
            KINDS.iter().map(|kind| kind.names[0]).collect::<Vec<_>>().join(", ")
        ),
    };
    Err(vec![ConfigFault::new(
        format!("{}['type']", entry.place),
        format!("unknown source type '{}'; {hint}", shortened(&entry.kind)),
    )])
}

/// A dict of these names, in their order.
fn dict<const N: usize>(items: [(&str, Value); N]) -> Value {
    Value::Dict(items.map(|(name, value)| (Value::Text(name.to_owned()), value)).into())
}

/// JSON as Python has it.
fn from_json(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Value::Int(int),
            (None, Some(int)) => Value::BigInt(int.to_string()),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect()),
        Json::Object(items) => {
            Value::Dict(items.iter().map(|(key, item)| (Value::Text(key.clone()), from_json(item))).collect())
        }
    }
}

/// About what a value takes on its way, in bytes.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Duration(_) => 8,
        Value::BigInt(text)
        | Value::Text(text)
        | Value::Decimal(text)
        | Value::Date(text)
        | Value::Time(text)
        | Value::DateTime(text)
        | Value::Uuid(text) => text.len() + 8,
        Value::Bytes(bytes) => bytes.len() + 8,
        Value::List(items) | Value::Tuple(items) => items.iter().map(size).sum::<usize>() + 8,
        Value::Dict(items) => items.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>() + 8,
    }
}

#[cfg(test)]
mod tests;
