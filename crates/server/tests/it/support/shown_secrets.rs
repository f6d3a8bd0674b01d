//! The secrets in the samples of a kind of channel or source: every field that may hold one shows one, and it is learned.

use revere::{
    redact::Secrets,
    settings::{Field, FieldGroup, FieldKind},
};
use serde_json::Value;

/// What every secret in a sample has in it.
const MARK: &str = "s3cret";

/// The fields that showed a secret, each with its kind.
#[derive(Default)]
pub(crate) struct ShownSecrets(Vec<(&'static str, String)>);

impl ShownSecrets {
    /// Notes the secrets in a sample's config, and that `secrets` takes each of them out.
    pub(crate) fn assert_learned(&mut self, kind: &'static str, config: &Value, secrets: &Secrets) {
        for (field, value) in config.as_object().unwrap() {
            for text in texts(value).into_iter().filter(|text| text.contains(MARK)) {
                assert!(!secrets.redact(text).contains(MARK), "{kind}: {field} is not learned");
                self.0.push((kind, field.clone()));
            }
        }
    }

    /// Asserts that each field of a kind that may hold a secret showed one.
    pub(crate) fn assert_complete(&self, kind: &'static str, fields: &[Field], groups: &[&FieldGroup]) {
        for field in fields.iter().filter(|field| secret(field)) {
            assert!(
                self.0.contains(&(kind, field.name.to_owned())),
                "no sample of {kind} has a secret in {}",
                field.name
            );
        }
        // What kinds share is shown by one of them.
        for field in groups.iter().flat_map(|group| group.fields).filter(|field| secret(field)) {
            assert!(self.0.iter().any(|(_, name)| name == field.name), "no sample has a secret in {}", field.name);
        }
    }
}

fn secret(field: &Field) -> bool {
    use FieldKind::{Environment, Headers, Secret, SecretTexts, SecretUrl};
    matches!(field.kind, Secret | SecretTexts | SecretUrl | Headers | Environment)
}

/// Every text in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(items) => items.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
