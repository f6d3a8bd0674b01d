//! Source classes as they were written for the original program.

use serde_json::json;
use tempfile::TempDir;

use super::*;

const CLASSES: &str = r#"
from datetime import datetime, timezone
from decimal import Decimal

from revere.sources.base import BaseRevereSource


class Stock(BaseRevereSource):
    name = 'Stock'

    def __init__(self, description=None, config={}):
        super(Stock, self).__init__(description, config)
        if not config.get('shelf'):
            raise Exception('Stock Improperly Configured: missing parameter: shelf')
        self.asked = 0
        print('a class may print')

    def level(self, item, since=None):
        """How much of an item is there."""
        self.asked += 1
        return {'item': item, 'since': since, 'asked': self.asked, 'shelf': self.config['shelf'], 'description': self.description}

    def rows(self):
        return [(1, Decimal('1.50'), datetime(2026, 1, 2, tzinfo=timezone.utc)), (2, None, b'\x00')]

    def lazy(self):
        return (n * n for n in range(4))

    def broken(self):
        return {}['no such key']

    def leaves(self):
        raise SystemExit(7)

    def unknown(self):
        return object()

    def _private(self):
        return 'not for scripts'


class OnlyConfig:
    def __init__(self, config):
        self.config = config

    def get(self):
        return self.config['a']


class Keywords:
    def __init__(self, host, port=1):
        self.where = (host, port)

    def get(self):
        return self.where


class Careless(BaseRevereSource):
    def get(self):
        raise ValueError('cannot connect with ' + self.config['api_token'])


class Demanding:
    def __init__(self, one, two, three):
        pass
"#;

fn plugin(class: &str, config: serde_json::Value) -> (TempDir, Asked) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("shop")).unwrap();
    std::fs::write(folder.path().join("shop/__init__.py"), "").unwrap();
    std::fs::write(folder.path().join("shop/sources.py"), CLASSES).unwrap();
    let asked = source_in(&format!("shop.sources.{class}"), config, folder.path());
    (folder, asked)
}

#[tokio::test]
async fn a_class_of_the_original_works_as_it_is() {
    let (_folder, asked) = plugin("Stock", json!({"shelf": "A"}));
    let answer = asked.call_with("level", [text("tea")], [("since", Value::Date("2026-01-02".into()))]).await.unwrap();
    assert_eq!(
        answer.repr(300),
        "{'item': 'tea', 'since': 2026-01-02, 'asked': 1, 'shelf': 'A', 'description': 'under test'}"
    );
    says(&asked.shown("level", [text("tea")]).await, &["'asked': 2"]);
    assert_eq!(asked.shown("rows", []).await, "[(1, Decimal('1.50'), 2026-01-02T00:00:00+00:00), (2, None, b'\\x00')]");
    assert_eq!(asked.shown("lazy", []).await, "[0, 1, 4, 9]");
    let methods = asked.source.methods();
    let level = methods.iter().find(|method| method.name == "level").unwrap();
    assert_eq!((level.signature.as_str(), level.doc.as_str()), ("(item, since=None)", "How much of an item is there."));
    assert!(!methods.iter().any(|method| method.name.starts_with('_')), "{methods:?}");
}

#[tokio::test]
async fn its_exceptions_are_faults_with_type_text_and_place() {
    let (_folder, asked) = plugin("Stock", json!({"shelf": "A"}));
    says(
        &asked.fails("broken", []).await,
        &["KeyError: 'no such key' (", "sources.py, line ", "; source 'src': broken()"],
    );
    says(&asked.fails("unknown", []).await, &["TypeError: a object cannot be sent to a script"]);
    says(&asked.fails("_private", []).await, &["has no method '_private'"]);
    says(&asked.fails("leaves", []).await, &["the program ended (exit status: 7)"]);
    says(&asked.shown("level", [text("tea")]).await, &["'asked': 1"]);
}

#[tokio::test]
async fn a_class_that_cannot_be_made_says_why() {
    let (_folder, asked) = plugin("Stock", json!({}));
    says(
        &asked.fails("level", [text("x")]).await,
        &["Exception: Stock Improperly Configured: missing parameter: shelf", "sources.py"],
    );
    let (_folder, asked) = plugin("Demanding", json!({"one": 1}));
    says(
        &asked.fails("x", []).await,
        &["no known way to make a Demanding(one, two, three); tried: Demanding(description=..., config=...), "],
    );
    let (_folder, asked) = plugin("Missing", json!({}));
    says(&asked.fails("x", []).await, &["AttributeError: module 'shop.sources' has no attribute 'Missing'"]);
    let nowhere = source("no.such.package.Class", json!({}));
    says(&nowhere.fails("x", []).await, &["ModuleNotFoundError: No module named 'no'"]);
    let no_python = source("shop.sources.Stock", json!({"revere_python": "/no/python"}));
    says(&no_python.fails("x", []).await, &["'/no/python' cannot be started"]);
}

#[tokio::test]
async fn constructors_of_other_forms_are_served() {
    let (_folder, asked) = plugin("OnlyConfig", json!({"a": [1, {"b": null}]}));
    assert_eq!(asked.shown("get", []).await, "[1, {'b': None}]");
    let (_folder, asked) = plugin("Keywords", json!({"host": "h", "port": 7}));
    assert_eq!(asked.shown("get", []).await, "('h', 7)");
}

/// Its settings have names only it knows; what is named like a secret is treated as one.
#[tokio::test]
async fn secrets_in_its_settings_are_never_said() {
    let (_folder, asked) = plugin("Careless", json!({"host": "h", "api_token": "t0ken-value"}));
    says(&asked.fails("get", []).await, &["cannot connect with [redacted]"]);
}
