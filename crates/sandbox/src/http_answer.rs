//! An answer over HTTP as its author reads it: `200 OK · 1.6 ms · 49 B`, its body, its headers, its certificate. The source
//! marks its answers (`__revere__`), as it does for the script's side.

use crate::Value;

/// How much of a body is kept to be shown.
const BODY_BYTES: usize = 2 << 10;
/// How many headers are kept, and how much of each.
const HEADERS: usize = 40;
const HEADER_BYTES: usize = 300;

/// An answer over HTTP, shortened for people.
#[derive(Clone, PartialEq, Debug)]
pub struct HttpAnswer {
    /// Its status.
    pub status: u16,
    /// The words of it.
    pub reason: String,
    /// Where it came from in the end.
    pub url: String,
    /// How long it took, in milliseconds.
    pub elapsed_ms: f64,
    /// How many bytes its body has.
    pub bytes: u64,
    /// The beginning of the body, as text.
    pub body: String,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Until when the certificate holds that was shown, in ISO 8601, and for how many days.
    pub certificate: Option<(String, f64)>,
}

impl HttpAnswer {
    /// The answer, if it is one over HTTP.
    pub(crate) fn of(answer: &Value) -> Option<HttpAnswer> {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_text).unwrap_or_default().to_owned();
        let float = |value: &Value, key: &str| match value.get(key) {
            Some(Value::Float(number)) => *number,
            Some(Value::Int(number)) => *number as f64,
            _ => 0.0,
        };
        if text(answer, "__revere__") != "http_response" {
            return None;
        }
        let Some(Value::Int(status)) = answer.get("status") else { return None };
        let body = answer.get("text").and_then(Value::as_text).unwrap_or_default();
        let bytes = match answer.get("content") {
            Some(Value::Bytes(content)) => content.len(),
            _ => body.len(),
        };
        let headers = match answer.get("headers") {
            Some(Value::Dict(headers)) => headers.as_slice(),
            _ => &[],
        };
        let named =
            |(name, value): &(Value, Value)| Some((name.as_text()?.to_owned(), cut(value.as_text()?, HEADER_BYTES)));
        let certificate = answer.get("tls").filter(|tls| **tls != Value::Null).map(|tls| {
            let until = match tls.get("not_after") {
                Some(Value::DateTime(until)) => until.clone(),
                _ => String::new(),
            };
            (until, float(tls, "days_left"))
        });
        Some(HttpAnswer {
            status: u16::try_from(*status).ok()?,
            reason: text(answer, "reason"),
            url: text(answer, "url"),
            elapsed_ms: float(answer, "elapsed") * 1e3,
            bytes: bytes as u64,
            body: cut(body, BODY_BYTES),
            headers: headers.iter().take(HEADERS).filter_map(named).collect(),
            certificate,
        })
    }

    /// Whether it came from a host that is not the source's own.
    pub(crate) fn is_of_another(answer: &Value) -> bool {
        let marked = answer.get("__revere__").and_then(Value::as_text) == Some("http_response");
        marked && answer.get("of_another") == Some(&Value::Bool(true))
    }

    /// `200 OK · 1.6 ms · 49 B`
    pub fn in_short(&self) -> String {
        let status = format!("{} {}", self.status, self.reason);
        format!("{} · {} · {}", status.trim_end(), took(self.elapsed_ms), size(self.bytes))
    }

    /// Every text of it.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let headers = self.headers.iter_mut().flat_map(|(name, value)| [name, value]);
        [&mut self.reason, &mut self.url, &mut self.body].into_iter().chain(headers)
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

fn took(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

fn size(bytes: u64) -> String {
    match bytes as f64 {
        _ if bytes < 1000 => format!("{bytes} B"),
        bytes if bytes < 1e6 => format!("{:.1} kB", bytes / 1e3),
        bytes => format!("{:.1} MB", bytes / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn an_answer_over_http_is_shortened_for_people() {
        let answer = |status, elapsed, body: &str, tls| {
            let headers = Value::Dict(vec![(text("server"), text(&"x".repeat(1000)))]);
            Value::Dict(vec![
                (text("__revere__"), text("http_response")),
                (text("status"), Value::Int(status)),
                (text("reason"), text(if status == 200 { "OK" } else { "" })),
                (text("headers"), headers),
                (text("text"), text(body)),
                (text("content"), Value::Null),
                (text("elapsed"), Value::Float(elapsed)),
                (text("url"), text("http://shop/")),
                (text("tls"), tls),
            ])
        };
        let short = HttpAnswer::of(&answer(200, 0.0016, &"a".repeat(49), Value::Null)).unwrap();
        assert_eq!(short.in_short(), "200 OK · 1.6 ms · 49 B");
        assert_eq!((short.headers[0].1.len(), short.certificate.clone()), (303, None));
        let tls = Value::Dict(vec![
            (text("not_after"), Value::DateTime("2026-12-01T00:00:00+00:00".into())),
            (text("days_left"), Value::Float(2.5)),
        ]);
        let long = HttpAnswer::of(&answer(599, 12.0, &"é".repeat(4000), tls)).unwrap();
        assert_eq!(long.in_short(), "599 · 12.0 s · 8.0 kB");
        assert!(long.body.len() <= BODY_BYTES + 3 && long.body.ends_with('…'));
        assert_eq!(long.certificate, Some(("2026-12-01T00:00:00+00:00".to_owned(), 2.5)));
        assert_eq!(HttpAnswer::of(&Value::Dict(vec![(text("status"), Value::Int(200))])), None);
        let Value::Dict(mut fields) = answer(200, 0.0, "", Value::Null) else { unreachable!("it is a dict") };
        assert!(!HttpAnswer::is_of_another(&Value::Dict(fields.clone())));
        fields.push((text("of_another"), Value::Bool(true)));
        assert!(HttpAnswer::is_of_another(&Value::Dict(fields)));
    }
}
