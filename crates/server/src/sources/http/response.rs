//! What came back, as the value that the script's side turns into a response object.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::{
    outbound::{Reply, header},
    sources::{Value, dict},
    tls::not_after,
};

/// The response. The address was configured, and a script may know it but for the credentials in it; what is said of it in
/// headers is held to the same. A dict with `__revere__` names the class that the script's side makes of it. `own` is whether
/// the source itself answered, and not a host that it may ask as well.
pub(super) async fn response(reply: Reply, now: Timestamp, own: bool) -> Value {
    let mut headers: Vec<(Value, Value)> = Vec::new();
    for name in reply.headers.keys() {
        let values: Vec<_> = reply.headers.get_all(name).iter().map(Reply::header_text).collect();
        headers.push((Value::Text(name.as_str().to_owned()), Value::Text(reply.without_secrets(&values.join(", ")))));
    }
    // A text that is UTF-8 anyway is not sent a second time as bytes.
    let plain = std::str::from_utf8(&reply.body).ok().filter(|_| says_utf8(&reply)).map(str::to_owned);
    let (text, content) = match plain {
        Some(text) => (text, Value::Null),
        None => (reply.text().await, Value::Bytes(reply.body.to_vec())),
    };
    let tls = reply.certificate.as_deref().and_then(not_after).map_or(Value::Null, |end| {
        let left = end.duration_since(TimeZone::UTC.to_datetime(now)).as_secs_f64() / 86_400.0;
        dict([("not_after", utc_datetime(end)), ("days_left", Value::Float((left * 1000.0).round() / 1000.0))])
    });
    dict([
        ("__revere__", Value::Text("http_response".to_owned())),
        ("status", Value::Int(reply.status.as_u16().into())),
        ("reason", Value::Text(reply.status.canonical_reason().unwrap_or_default().to_owned())),
        ("headers", Value::Dict(headers)),
        ("text", Value::Text(text)),
        ("content", content),
        ("elapsed", Value::Float(reply.elapsed.as_secs_f64())),
        ("url", Value::Text(reply.without_secrets(reply.url.as_str()))),
        ("tls", tls),
        ("of_another", Value::Bool(!own)),
    ])
}

fn says_utf8(reply: &Reply) -> bool {
    let kind = reply
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    !reply.body.starts_with(b"\xef\xbb\xbf")
        && (!kind.contains("charset") || kind.contains("utf-8") || kind.contains("utf8"))
}

fn utc_datetime(at: DateTime) -> Value {
    Value::DateTime(format!("{}+00:00", at.strftime("%Y-%m-%dT%H:%M:%S%.6f")))
}
