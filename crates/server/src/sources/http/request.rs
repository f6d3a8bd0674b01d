//! What a script asks, as a request: where it may go, and what it carries.

use super::Http;
use crate::{
    outbound::{HostPattern, Method, Request, Url, shown_url},
    sources::{
        SourceFault, Value,
        arguments::{Arguments, wrong},
    },
};

/// Headers that would contradict what is really sent, or ask another host than the one that was checked.
const RESERVED: &[&str] =
    &["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"];

impl Http {
    /// The request, and whether it may carry the configured credentials.
    pub(super) fn request(&self, method: &str, arguments: &mut Arguments) -> Result<(Request, bool), SourceFault> {
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes())
            .expect("the methods of this source are those of HTTP");
        let place = arguments.text("path_or_url")?.unwrap_or_default();
        let (mut url, trusted) = self.place(place.trim())?;
        for (name, value) in pairs("params", arguments.take("params"))? {
            url.query_pairs_mut().append_pair(&name, &value);
        }
        let follow = arguments.flag("allow_redirects", true)?;
        let mut request = Request { redirects: if follow { 10 } else { 0 }, ..Request::new(method, url) };
        request = with_body(request, arguments.take("data"), arguments.take("json"))?;
        for (name, value) in pairs("headers", arguments.take("headers"))? {
            if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(SourceFault::BadArguments(format!("the header '{name}' cannot be set by a script")));
            }
            request = request.header(&name, &value).map_err(|error| SourceFault::BadArguments(error.what))?;
        }
        Ok((request, trusted))
    }

    fn place(&self, text: &str) -> Result<(Url, bool), SourceFault> {
        let refuse = |what: String| Err(SourceFault::BadArguments(what));
        if !text.contains("://") {
            let Some(base) = &self.base else {
                return refuse(
                    "a whole address is needed, such as https://example.org/path: no 'base_url' is configured"
                        .to_owned(),
                );
            };
            let url = below(base, text).map_err(SourceFault::BadArguments)?;
            return Ok((url, true));
        }
        let mut url = match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
            _ => return refuse(format!("'{text}' is no http:// or https:// address")),
        };
        url.set_fragment(None);
        if let Some(base) = &self.base
            && is_below(base, &url)
        {
            return Ok((url, true));
        }
        if self.allowed.iter().any(|pattern| pattern.matches(&url)) {
            return Ok((url, self.base.is_none()));
        }
        let mut allowed: Vec<String> = self.base.iter().map(shown_url).collect();
        allowed.extend(self.allowed.iter().map(HostPattern::to_string));
        refuse(format!("'{}' is not among what this source may ask: {}", shown_url(&url), allowed.join(", ")))
    }
}

/// `path` below `base`; it cannot climb out of it.
fn below(base: &Url, path: &str) -> Result<Url, String> {
    let mut folder = base.clone();
    folder.set_fragment(None);
    if path.is_empty() {
        return Ok(folder);
    }
    folder.set_query(None);
    if !folder.path().ends_with('/') {
        folder.set_path(&format!("{}/", base.path()));
    }
    let relative = path.trim_start_matches('/');
    let joined = match relative.starts_with(['?', '#']) {
        // A query alone belongs to the base itself, not to a folder of its name.
        true => base.join(relative),
        false => folder.join(&format!("./{relative}")),
    };
    let mut url = joined.map_err(|error| format!("'{path}' is no path: {error}"))?;
    url.set_fragment(None);
    match is_below(base, &url) {
        true => Ok(url),
        false => Err(format!("'{path}' leads out of the configured address {}", shown_url(base))),
    }
}

fn is_below(base: &Url, url: &Url) -> bool {
    let folder = base.path().trim_end_matches('/');
    let inside = url.path().strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    base.origin() == url.origin() && inside && !climbs(url.path())
}

/// Whether some server would climb along this path. Some decode before they resolve dots, once or twice, and to some a
/// semicolon ends the name of a folder.
fn climbs(path: &str) -> bool {
    let mut path = path.to_ascii_lowercase().replace("%25", "%");
    for (code, plain) in [("%2e", "."), ("%2f", "/"), ("%5c", "/"), ("%3b", ";")] {
        path = path.replace(code, plain);
    }
    path.split(['/', '\\']).any(|part| part.split(';').next() == Some(".."))
}

fn with_body(request: Request, data: Option<Value>, json: Option<Value>) -> Result<Request, SourceFault> {
    match (data, json) {
        (None, None) => Ok(request),
        (Some(_), Some(_)) => Err(SourceFault::BadArguments("give 'data' or 'json', not both".to_owned())),
        (None, Some(json)) => Ok(request.body("application/json", plain_json(&json)?.to_string())),
        (Some(Value::Text(text)), None) => Ok(request.body("text/plain; charset=utf-8", text)),
        (Some(Value::Bytes(bytes)), None) => Ok(request.body("application/octet-stream", bytes)),
        (Some(form), None) => {
            let pairs = pairs("data", Some(form))?;
            let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            Ok(request.body("application/x-www-form-urlencoded", form))
        }
    }
}

/// A dict, or a list of pairs, as texts. A list as a value repeats its name; None leaves it out.
fn pairs(name: &str, value: Option<Value>) -> Result<Vec<(String, String)>, SourceFault> {
    let refuse = |value: &Value| wrong(name, "a dict of texts to texts or numbers", value);
    let items = match value {
        None => return Ok(Vec::new()),
        Some(Value::Dict(items)) => items,
        Some(Value::List(items) | Value::Tuple(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::Tuple(pair) | Value::List(pair) if pair.len() == 2 => {
                    let mut pair = pair.into_iter();
                    Ok((pair.next().unwrap_or(Value::Null), pair.next().unwrap_or(Value::Null)))
                }
                other => Err(refuse(&other)),
            })
            .collect::<Result<_, _>>()?,
        Some(other) => return Err(refuse(&other)),
    };
    let mut pairs = Vec::new();
    for (key, value) in items {
        let key = plain_text(&key).ok_or_else(|| refuse(&key))?;
        let values = match value {
            Value::Null => Vec::new(),
            Value::List(values) | Value::Tuple(values) => values,
            one => vec![one],
        };
        for value in values {
            pairs.push((key.clone(), plain_text(&value).ok_or_else(|| refuse(&value))?));
        }
    }
    Ok(pairs)
}

/// As Python's `str` would write it, for what has an obvious text.
fn plain_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text)
        | Value::BigInt(text)
        | Value::Decimal(text)
        | Value::Date(text)
        | Value::Time(text)
        | Value::DateTime(text)
        | Value::Uuid(text) => text.clone(),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => value.repr(64),
        _ => return None,
    })
}

/// JSON as `json.dumps` would make it, and texts for dates, decimals and the like, which it refuses.
fn plain_json(value: &Value) -> Result<serde_json::Value, SourceFault> {
    use serde_json::Value as Json;
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(int) => Json::from(*int),
        Value::Float(float) => serde_json::Number::from_f64(*float)
            .map(Json::Number)
            .ok_or_else(|| SourceFault::BadArguments(format!("'json' cannot hold {}", value.repr(20))))?,
        Value::BigInt(digits) => match digits.parse::<u64>() {
            Ok(int) => Json::from(int),
            Err(_) => {
                return Err(SourceFault::BadArguments(format!(
                    "'json' cannot hold the number {digits}: it is beyond 64 bits"
                )));
            }
        },
        Value::List(items) | Value::Tuple(items) => items.iter().map(plain_json).collect::<Result<_, _>>()?,
        Value::Dict(items) => {
            let mut object = serde_json::Map::new();
            for (key, item) in items {
                let key = plain_text(key).ok_or_else(|| wrong("json", "a value whose dict keys are texts", key))?;
                object.insert(key, plain_json(item)?);
            }
            Json::Object(object)
        }
        other => Json::String(plain_text(other).ok_or_else(|| wrong("json", "a value that JSON can hold", other))?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_base() {
        let url = |base: &str, path: &str| below(&Url::parse(base).unwrap(), path).map(String::from);
        let ok = |base: &str, path: &str| url(base, path).unwrap();
        assert_eq!(ok("https://h/v1", "users?x=1"), "https://h/v1/users?x=1");
        assert_eq!(ok("https://h/v1/", "/users"), "https://h/v1/users");
        assert_eq!(ok("https://h/v1", ""), "https://h/v1");
        assert_eq!(ok("https://h/v1", "?a=b"), "https://h/v1?a=b");
        assert_eq!(ok("https://h/", "a/../b"), "https://h/b");
        assert_eq!(ok("https://h", "a:b"), "https://h/a:b");
        assert_eq!(ok("https://h", "//evil.example/x"), "https://h/evil.example/x");
        assert_eq!(ok("https://h/v1", "a;b=..;c/x..;y"), "https://h/v1/a;b=..;c/x..;y");
        for path in [
            "../x",
            "a/../../x",
            "%2e%2e/x",
            "a%2f..%2f..%2fx",
            "..%5cx",
            "..;/x",
            "a/..;b=c/x",
            "..%3b/x",
            "%2E%2e;/x",
            "%252e%252e/x",
            "..%252fx",
        ] {
            assert!(url("https://h/v1/", path).is_err(), "{path}");
        }
        let base = Url::parse("https://h/v1").unwrap();
        for outside in ["https://h/v10", "https://h/", "http://h/v1", "https://h:444/v1", "https://other/v1"] {
            assert!(!is_below(&base, &Url::parse(outside).unwrap()), "{outside}");
        }
    }

    #[test]
    fn dicts_and_lists_become_pairs_and_json() {
        let text = |text: &str| Value::Text(text.to_owned());
        let params = Value::Dict(vec![
            (text("a"), Value::List(vec![Value::Int(1), Value::Float(2.5)])),
            (text("b"), Value::Null),
            (text("c"), Value::Bool(true)),
        ]);
        let expected = [("a", "1"), ("a", "2.5"), ("c", "True")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(pairs("params", Some(params.clone())).unwrap(), expected);
        assert_eq!(plain_json(&params).unwrap().to_string(), r#"{"a":[1,2.5],"b":null,"c":true}"#);
        assert!(pairs("params", Some(Value::Int(3))).is_err());
        assert!(plain_json(&Value::Float(f64::NAN)).is_err());
        assert_eq!(plain_json(&Value::Date("2026-01-02".into())).unwrap(), "2026-01-02");
    }
}
