//! Takes what the servers tell, and remembers no more of it than the checker asks for: of each notification that was taken its key and
//! what was told with it, in order, and of each run that was told, also to no avail, under which key; so an hour of them fits into
//! memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
};
use serde_json::Value;

use super::world::SERVERS;
use crate::proof::killed::Message;

/// It ends with the test.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) url: String,
    book: Arc<Mutex<Book>>,
}

#[derive(Clone, Default)]
pub(super) struct Book {
    /// Whether every third notification is refused, to be sent again.
    refuses: bool,
    pub(super) asked: u64,
    pub(super) refused: u64,
    pub(super) taken: Vec<Message>,
    /// By what each run was told that changed a state: one key for all attempts.
    pub(super) keys: HashMap<i64, String>,
    /// Attempts that had another key than one before of the same run.
    pub(super) other_keys: Vec<String>,
    /// How much was taken of each server.
    pub(super) of: [u64; SERVERS],
}

impl Receiver {
    /// One that refuses a third of what it gets, until it is told otherwise.
    pub(super) async fn start() -> Receiver {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Receiver { url, book: Arc::new(Mutex::new(Book { refuses: true, ..Book::default() })) };
        let route = axum::routing::post(Receiver::take);
        let router = Router::new().route("/{server}", route).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    /// From now on everything is taken.
    pub(super) fn takes_all(&self) {
        self.book().refuses = false;
    }

    /// What there was so far.
    pub(super) fn read(&self) -> Book {
        self.book().clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    async fn take(
        State(receiver): State<Receiver>,
        Path(server): Path<usize>,
        Json(told): Json<Value>,
    ) -> (StatusCode, &'static str) {
        let mut book = receiver.book();
        let book = &mut *book;
        book.asked += 1;
        let key = told["key"].as_str().unwrap().to_owned();
        if let Some(run) = told["run_id"].as_i64() {
            let known = book.keys.entry(run).or_insert_with(|| key.clone());
            if *known != key {
                book.other_keys.push(format!("run {run}: {known}, and {key}"));
            }
        }
        if book.refuses && book.asked.is_multiple_of(3) {
            book.refused += 1;
            return (StatusCode::SERVICE_UNAVAILABLE, "busy");
        }
        book.of[server] += 1;
        book.taken.push(Message::read(&told));
        (StatusCode::OK, "thanks")
    }
}
