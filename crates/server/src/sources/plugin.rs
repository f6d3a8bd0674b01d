//! Source classes written in Python for the original program: `type: 'mypackage.mymodule.MySource'`.
//!
//! The class runs outside, in a process of the machine's own `python3` that starts in the folder of the configuration, so
//! modules beside `config.py` are found. `config` belongs to the class, but for two keys: `revere_python`, another
//! interpreter, and `revere_timeout`, the longest wait for one answer in seconds.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;

use super::{
    Built, Call, MethodDescription, Source, SourceFault, SourceKind, SourceSample, Value,
    child::{Child, Program},
    from_json,
};
use crate::{
    building::BuildInput,
    settings::{ConfigFault, Field, FieldKind, Settings},
};

/// What the two keys of our own are; all others are the class's, so this list is not what `config` is read by.
pub(super) const KIND: SourceKind = SourceKind {
    names: &["mypackage.mymodule.MySource"],
    doc: "A source class written in Python for the original program.",
    fields: &[
        Field::optional("revere_python", FieldKind::Text, "The Python to run it with.").or_text("python3"),
        Field::optional("revere_timeout", FieldKind::Seconds, "Longest wait for one answer, in seconds.").or_number(20),
    ],
    groups: &[],
    build,
    samples: &[SourceSample {
        config: r#"{"password": "plugin-s3cret"}"#,
        call: ("fetch", &[]),
        answer: "",
        judges_status: false,
    }],
};

/// Reads the host below from its standard input, whose first line says how long it is: so the process list stays readable.
const BOOT: &str =
    "import sys; i = sys.stdin.buffer; exec(compile(i.read(int(i.readline())), 'plugin_host.py', 'exec'))";
const HOST: &str = include_str!("plugin_host.py");

struct Plugin {
    child: Child,
}

/// Whether `kind` can be the dotted path of a class.
pub(super) fn is_class_path(kind: &str) -> bool {
    let name = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    kind.contains('.') && kind.split('.').all(name)
}

/// A process of `python` that runs the host in `mode`.
pub(super) fn host(python: &str, mode: &str, folder: &Path, greeting: Value, timeout: Duration) -> Program {
    let mut preamble = format!("{}\n", HOST.len()).into_bytes();
    preamble.extend_from_slice(HOST.as_bytes());
    // One with a path is found from the configuration's folder, as everything in the configuration.
    let python =
        if python.contains('/') { folder.join(python).to_string_lossy().into_owned() } else { python.to_owned() };
    Program {
        argv: [&python, "-X", "utf8", "-c", BOOT, mode].map(str::to_owned).to_vec(),
        folder: folder.to_owned(),
        environment: None,
        preamble,
        greeting,
        timeout,
    }
}

fn build(setup: &BuildInput) -> Built {
    let BuildInput { entry, context, .. } = *setup;
    let place = format!("{}['config']", entry.place);
    let mut config = match &entry.config {
        serde_json::Value::Null => serde_json::Map::new(),
        serde_json::Value::Object(config) => config.clone(),
        _ => return Err(vec![ConfigFault::new(place, "expected a dict")]),
    };
    context.secrets.learn_setting("config", &entry.config);
    let own: serde_json::Map<_, _> = KIND.fields.iter().filter_map(|field| config.remove_entry(field.name)).collect();
    let own = Settings::read(KIND.fields, &serde_json::Value::Object(own), &place, &context.secrets)?;
    let text = |text: &str| Value::Text(text.to_owned());
    let greeting = Value::Dict(vec![
        (text("class"), text(&entry.kind)),
        (text("description"), text(&entry.description)),
        (text("config"), from_json(&serde_json::Value::Object(config))),
    ]);
    let timeout = own.required_seconds("revere_timeout");
    let program = host(own.required_text("revere_python"), "source", &context.folder, greeting, timeout);
    Ok(Arc::new(Plugin { child: Child::new(program) }))
}

#[async_trait]
impl Source for Plugin {
    fn methods(&self) -> Vec<MethodDescription> {
        self.child.methods()
    }

    async fn call(&self, call: Call) -> Result<Value, SourceFault> {
        self.child.call(call).await
    }

    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault> {
        self.child.describe(deadline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_told_from_a_misspelling() {
        assert!(is_class_path("mypackage.mymodule.MySource"));
        assert!(is_class_path("my_sources.Thing"));
        for wrong in ["database", "a..b", "a.b-c", ".a", "a.1b", "a.b c"] {
            assert!(!is_class_path(wrong), "{wrong}");
        }
    }
}
