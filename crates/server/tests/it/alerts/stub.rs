//! An HTTP server that remembers what it was asked and answers as it is told.

use std::sync::{Arc, Mutex};

use axum::{
    body::Bytes,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
};

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    /// As text; what is none is replaced.
    pub(crate) body: String,
    pub(crate) raw: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Whether it asks what came of something that was told before.
    pub(crate) fn is_question(&self) -> bool {
        self.method == Method::GET && self.uri.path().contains("/alerts/requests/")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What decides upon a status and a body to answer with.
type Judge = Arc<dyn Fn(&Asked) -> (u16, String) + Send + Sync>;

/// What to answer next.
#[derive(Clone)]
struct Answer {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    /// `None` says the whole request back, secrets and all.
    body: Option<String>,
}

/// A receiver that never answers as one should; it ends with the test.
pub(crate) struct NoReceiver {
    pub(crate) url: String,
    _listener: Option<std::net::TcpListener>,
}

/// Nothing listens there.
pub(crate) async fn dead() -> NoReceiver {
    NoReceiver { url: format!("http://{}", crate::sources::server::nobody().await), _listener: None }
}

/// It takes connections and says nothing.
pub(crate) fn silent() -> NoReceiver {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    NoReceiver { url: format!("http://{}", listener.local_addr().unwrap()), _listener: Some(listener) }
}

/// It resets each connection as soon as it was asked something.
pub(crate) async fn resetting() -> NoReceiver {
    use tokio::io::AsyncReadExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            _ = socket.read(&mut [0; 1024]).await;
            socket.set_zero_linger().unwrap();
        }
    });
    NoReceiver { url, _listener: None }
}

#[derive(Clone)]
pub(crate) struct Stub {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<Mutex<Answer>>,
    judge: Arc<Mutex<Option<Judge>>>,
}

impl Stub {
    /// On a free port of the loopback interface, answering `200` with the request itself.
    pub(crate) async fn start() -> Stub {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = Answer { status: StatusCode::OK, headers: Vec::new(), body: None };
        let stub = Stub { url, asked: Arc::default(), answer: Arc::new(Mutex::new(answer)), judge: Arc::default() };
        let handler = stub.clone();
        let app = axum::Router::new()
            .fallback(async move |method, uri, headers, body| handler.handle(method, uri, headers, body));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        stub
    }

    pub(crate) fn answer(&self, status: u16, headers: &[(&'static str, &str)], body: Option<&str>) {
        *self.answer.lock().unwrap() = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            body: body.map(str::to_owned),
        };
    }

    /// From now on, answers what `judge` makes of a request.
    pub(crate) fn judges(&self, judge: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) {
        *self.judge.lock().unwrap() = Some(Arc::new(judge));
    }

    /// What it was asked since the last time, oldest first.
    pub(crate) fn taken(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// The one request since the last time that told something.
    pub(crate) fn one(&self) -> Asked {
        let mut taken = self.taken();
        taken.retain(|asked| !asked.is_question());
        assert_eq!(taken.len(), 1, "{taken:#?}");
        taken.remove(0)
    }

    fn handle(&self, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
        let asked = Asked { method, uri, headers, body: String::from_utf8_lossy(&body).into_owned(), raw: body };
        let mut answer = self.answer.lock().unwrap().clone();
        if let Some(judge) = self.judge.lock().unwrap().clone() {
            let (status, body) = judge(&asked);
            answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers: Vec::new(), body: Some(body) };
        }
        let mut response = Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        let echo = format!("{} {:?} {}", asked.uri, asked.headers, asked.body);
        self.asked.lock().unwrap().push(asked);
        response.body(answer.body.unwrap_or(echo).into()).unwrap()
    }
}
