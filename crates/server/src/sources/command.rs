//! Sources in any language: a program that answers JSON-RPC 2.0, one message a line, on its standard input and output.
//!
//! Two methods: `describe` (its parameter is the configured `settings`) answers `{"methods": [{"name", "signature",
//! "doc"}]}`; `call` has `{"method", "args", "kwargs"}` and answers the value. docs/SOURCES.md has the whole protocol.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;

use super::{
    Built, Call, MethodDescription, Source, SourceFault, SourceKind, SourceSample, Value,
    child::{Child, Program},
};
use crate::{
    building::BuildInput,
    settings::{Field, FieldKind},
};

pub(super) const KIND: SourceKind = SourceKind {
    names: &["command"],
    doc: "A program of your own, in any language, that answers JSON-RPC 2.0 on its standard input and output.",
    fields: &[
        Field::required(
            "command",
            FieldKind::Texts,
            "The program and its arguments, as a list; one text alone is given to the shell. A path counts from the configuration's folder.",
        ),
        Field::optional("settings", FieldKind::Any, "Passed to the program's `describe`.").or_words("`{}`"),
        Field::optional(
            "environment",
            FieldKind::Environment,
            "Environment variables for it; those whose names say so (PASSWORD, TOKEN, KEY, ...) are kept secret.",
        ),
        Field::optional("inherit_environment", FieldKind::Texts, "Names of this process's variables that it gets too."),
        Field::optional("working_directory", FieldKind::Text, "Where it starts.")
            .or_words("the folder of the configuration"),
        Field::optional("timeout", FieldKind::Seconds, "Longest wait for one answer, in seconds.").or_number(20),
    ],
    groups: &[],
    build,
    samples: &[SourceSample {
        config: r#"{"command": ["./source"], "environment": {"API_TOKEN": "variable-s3cret"}}"#,
        call: ("fetch", &[]),
        answer: "",
        judges_status: false,
    }],
};

/// What every program needs to find its way; all else is configured.
const BASIC_ENVIRONMENT: &[&str] = &["PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"];

struct Command {
    child: Child,
}

fn build(setup: &BuildInput) -> Built {
    let BuildInput { settings, context, .. } = *setup;
    let mut argv = settings.texts("command");
    if let [line] = argv.as_slice()
        && line.contains(char::is_whitespace)
        && !context.folder.join(line).exists()
    {
        argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()];
    }
    // A program beside the configuration is named as it is there.
    if let Some(first) = argv.first_mut()
        && first.contains('/')
    {
        *first = context.folder.join(&*first).to_string_lossy().into_owned();
    }
    if let Some(own) = settings.any("settings") {
        context.secrets.learn_setting("settings", own);
    }
    let inherited = settings.texts("inherit_environment");
    let names = BASIC_ENVIRONMENT.iter().copied().chain(inherited.iter().map(String::as_str));
    let mut environment: Vec<(String, String)> =
        names.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))).collect();
    environment.extend(settings.map("environment"));
    let greeting = settings.any("settings").map_or(Value::Dict(Vec::new()), super::from_json);
    let folder =
        settings.text("working_directory").map_or(context.folder.clone(), |folder| context.folder.join(folder));
    let child = Child::new(Program {
        argv,
        folder,
        environment: Some(environment),
        preamble: Vec::new(),
        greeting,
        timeout: settings.required_seconds("timeout"),
    });
    Ok(Arc::new(Command { child }))
}

#[async_trait]
impl Source for Command {
    fn methods(&self) -> Vec<MethodDescription> {
        self.child.methods()
    }

    /// Its arguments may hold what nobody is to see.
    fn place(&self) -> Option<String> {
        self.child.program_name()
    }

    async fn call(&self, call: Call) -> Result<Value, SourceFault> {
        self.child.call(call).await
    }

    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault> {
        self.child.describe(deadline).await
    }
}
