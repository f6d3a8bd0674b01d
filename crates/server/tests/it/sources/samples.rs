//! Every type of source by its samples, for the tests that hold for all of them.

use std::time::Instant;

use revere::sources::{Call, KINDS, PLUGIN, SourceFault, SourceKind, SourceSample, Value};

use super::{Asked, text};

/// A type, one of its samples, and the sample's config for a server at `url`.
pub(super) type Case = (&'static SourceKind, &'static SourceSample, serde_json::Value);

pub(super) fn all(url: &str) -> Vec<Case> {
    let config = |sample: &SourceSample| serde_json::from_str(&sample.config.replace("{url}", url)).unwrap();
    let all = KINDS.iter().copied().chain([PLUGIN]);
    all.flat_map(|kind| kind.samples.iter().map(move |sample| (kind, sample)))
        .map(|(kind, sample)| (kind, sample, config(sample)))
        .collect()
}

/// Those of types that ask over HTTP.
pub(super) fn over_http(url: &str) -> Vec<Case> {
    all(url).into_iter().filter(|(_, sample, _)| sample.config.contains("{url}")).collect()
}

/// Makes the sample's call.
pub(super) async fn call(asked: &Asked, sample: &SourceSample) -> Result<Value, SourceFault> {
    let (method, arguments) = sample.call;
    let call = Call {
        method: method.to_owned(),
        args: arguments.iter().map(|argument| text(argument)).collect(),
        kwargs: Vec::new(),
        deadline: Instant::now() + asked.deadline,
        answer_bytes: asked.answer_bytes,
        now: asked.now,
    };
    asked.source.call(call).await
}
