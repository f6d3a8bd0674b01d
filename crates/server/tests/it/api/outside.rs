//! The outside world of a test's server: a source that says what it is told, and receivers of alerts.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use revere::{
    alerts::{Channel, Notification, PreviewPart, Receipt, SendError},
    sources::{
        Call, MethodDescription, Source, SourceFault, Value,
        names::{Extent, Name, NameKind, Names, NamesOf, NamesQuestion},
    },
};
use tokio::sync::{Notify, Semaphore};

/// `echo.say(x)` answers x; `echo.fail(why)` fails; `echo.wait()` answers when the test says.
#[derive(Clone)]
pub(crate) struct Echo {
    /// Calls of `wait` that have begun, and leave to go on.
    pub(crate) waiting: Arc<Notify>,
    pub(crate) go_on: Arc<Semaphore>,
    /// Whether a probe panics: a fault of the program.
    pub(crate) broken: Arc<AtomicBool>,
}

impl Default for Echo {
    fn default() -> Self {
        Echo { waiting: Arc::default(), go_on: Arc::new(Semaphore::new(0)), broken: Arc::default() }
    }
}

#[async_trait]
impl Source for Echo {
    fn methods(&self) -> Vec<MethodDescription> {
        let method = |name: &str, signature: &str, doc: &str| MethodDescription {
            name: name.to_owned(),
            signature: signature.to_owned(),
            doc: doc.to_owned(),
        };
        vec![
            method("say", "(what)", "What it is told."),
            method("fail", "(why)", "Fails, for that reason."),
            method("wait", "()", "Takes its time."),
            method("away", "(why)", "Is not there, for that reason."),
        ]
    }

    async fn call(&self, call: Call) -> Result<Value, SourceFault> {
        let first = call.args.into_iter().next().unwrap_or(Value::Null);
        match (call.method.as_str(), first) {
            ("say", what) => Ok(what),
            ("wait", _) => {
                self.waiting.notify_one();
                self.go_on.acquire().await.unwrap().forget();
                Ok(Value::Null)
            }
            ("away", Value::Text(why)) => Err(SourceFault::Unavailable(why)),
            (_, Value::Text(why)) => Err(SourceFault::Failed(why)),
            (_, other) => Err(SourceFault::BadArguments(format!("no reason: {other:?}"))),
        }
    }

    async fn probe(&self, _: Instant) -> Result<(), SourceFault> {
        assert!(!self.broken.load(Ordering::SeqCst), "this source is broken on purpose");
        Ok(())
    }

    fn place(&self) -> Option<String> {
        Some("echo.example:8080".to_owned())
    }

    fn names_of(&self) -> Option<NamesOf> {
        Some(NamesOf::Tables)
    }

    /// `gone` fails; `many` are more than are listed; else one table with a column.
    async fn names(&self, question: NamesQuestion) -> Result<Names, SourceFault> {
        let table = Name::plain(NameKind::Table, "<orders>");
        let column =
            Name { of: table.name.clone(), detail: "numeric".to_owned(), ..Name::plain(NameKind::Column, "total") };
        match question.prefix.as_str() {
            "gone" => Err(SourceFault::Failed("connection refused".to_owned())),
            "many" => Ok(Names {
                items: (0..201).map(|number| Name::plain(NameKind::Table, &format!("many{number}"))).collect(),
                extent: Extent::All,
            }),
            _ => Ok(Names { items: vec![table, column], extent: Extent::All }),
        }
    }
}

/// What an alert was given to tell.
#[derive(Clone, Default)]
pub(crate) struct Mailbox(Arc<Mutex<Vec<Notification>>>);

impl Mailbox {
    pub(crate) fn all(&self) -> Vec<Notification> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Channel for Mailbox {
    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        Ok(vec![PreviewPart::new("text", notification.text())])
    }

    async fn send(&self, notification: &Notification, _: Duration) -> Result<Receipt, SendError> {
        self.0.lock().unwrap().push(notification.clone());
        Ok(Receipt::saying("250 taken"))
    }
}

/// A receiver that takes nothing.
struct Refuses;

#[async_trait]
impl Channel for Refuses {
    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        Ok(vec![PreviewPart::new("text", notification.text())])
    }

    async fn send(&self, _: &Notification, _: Duration) -> Result<Receipt, SendError> {
        Err(SendError::never("404 Not Found: no such room"))
    }
}

/// The alerts `ops`, which keeps, and `broken`, which refuses.
pub(crate) fn channels(mailbox: &Mailbox) -> BTreeMap<String, Arc<dyn Channel>> {
    BTreeMap::from([
        ("ops".to_owned(), Arc::new(mailbox.clone()) as Arc<dyn Channel>),
        ("broken".to_owned(), Arc::new(Refuses) as Arc<dyn Channel>),
    ])
}
