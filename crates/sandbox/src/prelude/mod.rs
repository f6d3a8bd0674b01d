//! Revere's own Python: sources here, loaded into the interpreter once, when the pristine image is made; and the requests
//! that it answers.
//!
//! It lives in this crate and not in the artefact, so that changing it costs a commit of text and not of megabytes.

use std::collections::BTreeMap;

use revere_model::ReturnValue;

use crate::{
    ConfigRequest, MethodDescription, Previous, SourceDescription,
    codec::marshal::{EncodeError, Writer},
};

/// The modules in the order in which they are loaded; each may import those before it.
pub(crate) const MODULES: [(&str, &str); 13] = [
    ("revere_codec", include_str!("codec.py")),
    ("revere_standard_library", include_str!("standard_library.py")),
    ("revere_previous", include_str!("previous.py")),
    ("revere_response", include_str!("response.py")),
    ("revere_sources", include_str!("sources.py")),
    ("revere_history", include_str!("history.py")),
    ("revere_helpers", include_str!("helpers.py")),
    ("revere_hints", include_str!("hints.py")),
    ("revere_lints", include_str!("lints.py")),
    ("revere_configuration", include_str!("configuration.py")),
    ("revere_tracebacks", include_str!("tracebacks.py")),
    ("revere_failures", include_str!("failures.py")),
    ("revere_prelude", include_str!("prelude.py")),
];

/// Rounds of warm-up: CPython specialises a piece of bytecode after a few dozen executions.
const WARM_ROUNDS: usize = 20;
/// Scripts with the state that each ends in: in a bad hour every monitor fails, so failing is warm, too.
const WARM_UP: [(&str, &str); 6] = [
    (include_str!("warm_up.py"), "OK"),
    ("return_value = 1", "OK"),
    ("load = 3\nif load > 2:\n    raise MonitorFailure('load is %d' % load)\n", "ALARM"),
    ("raise MonitorFailure('load is %d' % 3, severity='warning')\n", "ALARM"),
    ("def check(load):\n    if load > 2:\n        raise MonitorFailure('load is %d' % load)\n\ncheck(3)\n", "ALARM"),
    (
        "def share(part, whole):\n    return part / whole\n\nrows = {'a': [0]}\nreturn_value = share(1, rows['a'][0])\n",
        "ERROR",
    ),
];

/// All of it, the warm-up included: what the pristine image depends on beside the artefact.
fn sources() -> impl Iterator<Item = &'static str> {
    MODULES.into_iter().chain(WARM_UP).flat_map(|(first, second)| [first, second])
}

/// Names all of it.
pub(crate) fn checksum() -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for source in sources() {
        hasher.update(blake3::hash(source.as_bytes()).as_bytes());
    }
    hasher.finalize()
}

/// Ordinary monitors, run before the image is taken: CPython specialises its bytecode and fills its caches once, and not
/// in every run. They must not print, draw randomness or ask anybody but a source that always answers the same: what they
/// hold would be in every run. Each request comes with the state that must be answered.
pub(crate) fn warm_up() -> Result<Vec<(Vec<u8>, &'static str)>, EncodeError> {
    let mut requests = Vec::new();
    for _ in 0..WARM_ROUNDS {
        for (script, state) in WARM_UP {
            let previous = Previous {
                state: revere_model::State::Ok,
                return_value: Some(ReturnValue::Int(1)),
                message: "Monitor Passed".to_owned(),
                at: jiff::Timestamp::UNIX_EPOCH,
            };
            let request = monitor(script, None, 0, &warm_up_sources(), Some(&previous), false, 8192)?;
            requests.push((request, state));
        }
    }
    requests.push((written(|w| mode(w, "freeze"))?, "OK"));
    Ok(requests)
}

/// The one source that the warm-up asks.
pub(crate) fn warm_up_sources() -> BTreeMap<String, SourceDescription> {
    let method = MethodDescription {
        name: "value".to_owned(),
        signature: "(path, from_date=None, to_date=None)".to_owned(),
        doc: String::new(),
    };
    let source = SourceDescription { kind: "warm_up".to_owned(), description: String::new(), methods: vec![method] };
    BTreeMap::from([("warm_up".to_owned(), source)])
}

/// Asks for the addresses of all objects, once everything is loaded and warm.
pub(crate) fn objects() -> Result<Vec<u8>, EncodeError> {
    written(|w| mode(w, "objects"))
}

/// Asks for a run of `script`, which was compiled to `code` before.
pub(crate) fn monitor(
    script: &str,
    code: Option<&[u8]>,
    seed: u64,
    sources: &BTreeMap<String, SourceDescription>,
    previous: Option<&Previous>,
    helpers: bool,
    value_bytes: usize,
) -> Result<Vec<u8>, EncodeError> {
    written(|w| {
        mode(w, "monitor");
        w.key("script");
        w.text(without_mark(script));
        w.key("code");
        match code {
            Some(code) => w.bytes(code),
            None => w.null(),
        }
        w.key("seed");
        // `random.seed` takes the absolute value, so only seeds without a sign stay apart.
        w.int((seed >> 1) as i64);
        w.key("sources");
        w.dict();
        for (name, source) in sources {
            w.key(name);
            w.tuple(2);
            w.text(&source.kind);
            w.list(source.methods.len());
            source.methods.iter().for_each(|method| w.text(&method.name));
        }
        w.end();
        w.key("previous");
        match previous {
            Some(previous) => write_previous(w, previous),
            None => w.null(),
        }
        w.key("helpers");
        w.bool(helpers);
        w.key("value_chars");
        w.int(value_bytes as i64 + 1);
    })
}

/// Asks for the bytecode of `script`, and for warnings.
pub(crate) fn compile(script: &str, lint: bool) -> Result<Vec<u8>, EncodeError> {
    written(|w| {
        mode(w, "compile");
        w.key("script");
        w.text(without_mark(script));
        w.key("lint");
        w.bool(lint);
    })
}

/// Asks for the names of a configuration file.
pub(crate) fn config(request: &ConfigRequest) -> Result<Vec<u8>, EncodeError> {
    written(|w| {
        mode(w, "config");
        w.key("script");
        w.text(without_mark(&request.source));
        w.key("filename");
        w.text(&request.filename);
        w.key("seed");
        w.bytes(&request.seed);
        w.key("environment");
        w.dict();
        for (name, value) in &request.environment {
            w.key(name);
            w.text(value);
        }
        w.end();
    })
}

/// A request: a dict of what `fields` writes.
fn written<'a>(fields: impl FnOnce(&mut Writer<'a>)) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::within(i32::MAX as usize);
    writer.dict();
    fields(&mut writer);
    writer.end();
    writer.finish()
}

fn mode(w: &mut Writer<'_>, mode: &str) {
    w.key("mode");
    w.text(mode);
}

/// A byte order mark at the beginning is no part of a text, as for Python's own files.
fn without_mark(script: &str) -> &str {
    script.strip_prefix('\u{feff}').unwrap_or(script)
}

fn write_previous(w: &mut Writer<'_>, previous: &Previous) {
    w.tuple(4);
    w.text(previous.state.as_str());
    match &previous.return_value {
        None => w.null(),
        Some(ReturnValue::Int(int)) => w.int(*int),
        Some(ReturnValue::Float(float)) => w.float(*float),
        Some(ReturnValue::Text(value)) => w.text(value),
    }
    w.text(&previous.message);
    w.text(&previous.at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string());
}
