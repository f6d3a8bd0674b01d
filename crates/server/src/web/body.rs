//! Reads the body of a request: the right type, not too large, UTF-8, JSON; or says exactly what it is not.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt as _;
use serde_json::Value;

use super::{error::Problem, fields::Fields, unique_json::UniqueJson};

/// No body is larger. A script, the largest thing anyone sends, may have a quarter of it.
pub const BODY_BYTES: usize = 1 << 20;

/// A client that sends this slowly is broken, or means harm.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The answer to what made something: what it is, and where.
pub fn created(location: String, shown: impl IntoResponse) -> Response {
    (StatusCode::CREATED, [(header::LOCATION, location)], shown).into_response()
}

/// A body that is one JSON object, to be read field by field.
pub struct JsonBody(pub Fields);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        let bytes = read(&parts.headers, body).await?;
        Ok(JsonBody(Fields::of(parse(&bytes)?)?))
    }
}

/// For requests that need no body: nothing, or a JSON object whose fields the handler reads.
pub struct OptionalBody(pub Fields);

impl<S: Send + Sync> FromRequest<S> for OptionalBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        // A form on a foreign page always names a content type of its own; a request without any is no form.
        if parts.headers.contains_key(header::CONTENT_TYPE) {
            require_json(&parts.headers)?;
        }
        let bytes = read(&parts.headers, body).await?;
        if bytes.is_empty() {
            return Ok(OptionalBody(Fields::of(Value::Object(serde_json::Map::new()))?));
        }
        require_json(&parts.headers)?;
        Ok(OptionalBody(Fields::of(parse(&bytes)?)?))
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("unreadable"));
    let essence = given.and_then(|given| given.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    if matches!(essence.as_str(), "application/json" | "application/merge-patch+json") {
        return Ok(());
    }
    let found = given.map_or("there is none".to_owned(), |given| format!("it says {given:?}"));
    let detail = format!("the Content-Type header must be application/json; {found}");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        let detail = format!("the body is larger than {BODY_BYTES} bytes, the most this server reads");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_BYTES as u64) {
        return Err(too_large());
    }
    let mut chunks = body.into_data_stream();
    let all = async {
        let mut bytes = Vec::with_capacity(announced.unwrap_or_default() as usize);
        while let Some(chunk) = chunks.next().await {
            let chunk =
                chunk.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body broke off before its end"))?;
            if bytes.len() + chunk.len() > BODY_BYTES {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    tokio::time::timeout(BODY_TIME, all).await.unwrap_or_else(|_| {
        let detail = format!("the body did not arrive within {} seconds", BODY_TIME.as_secs());
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail))
    })
}

fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let bad = |detail: String, place| Problem { place, ..Problem::new(StatusCode::BAD_REQUEST, detail) };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let place = place_of(&bytes[..error.valid_up_to()]);
        let detail = format!(
            "the body is not UTF-8: byte {} (line {}, column {}) cannot stand there",
            error.valid_up_to(),
            place.0,
            place.1
        );
        bad(detail, Some(place))
    })?;
    if text.trim().is_empty() {
        return Err(bad("the body is empty; expected a JSON object".to_owned(), None));
    }
    let read: Result<UniqueJson, _> = serde_json::from_str(text);
    read.map(|json| json.0).map_err(|error| {
        let (line, column) = (error.line() as u32, error.column().max(1) as u32);
        let full = error.to_string();
        let words = full.rsplit_once(" at line ").map_or(full.as_str(), |(words, _)| words);
        let what = if error.is_data() { "cannot be read" } else { "is not JSON" };
        bad(format!("the body {what}: line {line}, column {column}: {words}"), Some((line, column)))
    })
}

/// Line and column, from 1, of what follows `before`.
fn place_of(before: &[u8]) -> (u32, u32) {
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    (line as u32, (before.len() - line_start + 1) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_json_is_placed() {
        let problem = parse(b"{\"a\": 1,\n  b: 2}").unwrap_err();
        assert_eq!(problem.place, Some((2, 3)));
        assert_eq!(problem.detail, "the body is not JSON: line 2, column 3: key must be a string");
        assert_eq!(parse(b"{\"a\": \"\xff\"}").unwrap_err().place, Some((1, 8)));
        assert!(parse(b" \n").unwrap_err().detail.contains("empty"));
        let problem = parse(br#"{"a": 1, "b": {"c at line 7": 1, "c at line 7": 2}}"#).unwrap_err();
        let twice = "the body cannot be read: line 1, column 46: the key \"c at line 7\" stands twice in one object";
        assert_eq!((problem.detail.as_str(), problem.place), (twice, Some((1, 46))));
        assert!(parse(br#"{"a": "\ud800"}"#).is_err(), "half a surrogate pair is no character");
    }
}
