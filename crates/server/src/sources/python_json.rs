//! JSON as Python writes and reads it: `NaN`, `Infinity` and `-Infinity` are numbers, so is `1e9999`, and half of a pair of
//! surrogates may stand in a text. Graphite is written in Python, and so are many plug-ins.

/// `json` as strict readers take it: each of those numbers is what `write` makes of it, half a pair is U+FFFD. `None` where
/// nothing of the kind is in it, and where it is not UTF-8.
pub(super) fn strict(json: &[u8], write: impl Fn(f64) -> &'static str) -> Option<String> {
    let text = std::str::from_utf8(json).ok()?;
    let bytes = text.as_bytes();
    let mut strict = String::with_capacity(text.len() + 64);
    let (mut at, mut copied) = (0, 0);
    let mut in_text = false;
    while at < bytes.len() {
        let start = at;
        let replacement = match bytes[at] {
            b'"' => {
                in_text = !in_text;
                at += 1;
                None
            }
            b'\\' if in_text => match surrogate(bytes, at) {
                None => {
                    at += 2;
                    None
                }
                Some(first) => {
                    let second = surrogate(bytes, at + 6).filter(|second| (0xdc00..0xe000).contains(second));
                    let whole = (0xd800..0xdc00).contains(&first) && second.is_some();
                    at += if whole { 12 } else { 6 };
                    (!whole).then_some("\\ufffd")
                }
            },
            b'N' | b'I' | b'-' | b'0'..=b'9' if !in_text => {
                let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                at += bytes[at..].iter().take_while(|byte| is_token(byte)).count();
                beyond(&text[start..at]).map(&write)
            }
            _ => {
                at += 1;
                None
            }
        };
        if let Some(replacement) = replacement {
            strict.push_str(&text[copied..start]);
            strict.push_str(replacement);
            copied = at;
        }
    }
    if copied == 0 {
        return None;
    }
    strict.push_str(&text[copied..]);
    Some(strict)
}

/// The value of a number that strict JSON has not.
fn beyond(token: &str) -> Option<f64> {
    match token {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // Rust reads `inf` and `nan` too, which nobody writes in JSON.
        number if number.ends_with(|c: char| c.is_ascii_digit()) && number.contains(['.', 'e', 'E']) => {
            number.parse().ok().filter(|value: &f64| value.is_infinite())
        }
        _ => None,
    }
}

/// The surrogate that is written `\ud83d` at this place.
fn surrogate(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (0xd800..0xe000).contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(value: f64) -> &'static str {
        match value {
            value if value.is_nan() => "\"nan\"",
            value if value > 0.0 => "\"inf\"",
            _ => "\"-inf\"",
        }
    }

    #[test]
    fn what_strict_json_lacks_is_rewritten_and_nothing_else() {
        for (json, expected) in [
            ("[NaN,-Infinity, Infinity]", Some(r#"["nan","-inf", "inf"]"#)),
            ("[1e9999, -1e9999, 1e5]", Some(r#"["inf", "-inf", 1e5]"#)),
            (r#"{"NaN": "Infinity \" NaN", "x": NaN}"#, Some(r#"{"NaN": "Infinity \" NaN", "x": "nan"}"#)),
            (
                r#"["\ud83d\ude00", "\ud83d", "\\ud83d", "\udc80x"]"#,
                Some(r#"["\ud83d\ude00", "\ufffd", "\\ud83d", "\ufffdx"]"#),
            ),
            (r#"[1, -2.5, "NaN", null, true]"#, None),
            ("[inf, nan, NaNa, -]", None),
        ] {
            assert_eq!(strict(json.as_bytes(), quoted).as_deref(), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn proper_json_needs_nothing(text in any::<String>(), number in any::<f64>()) {
            let json = serde_json::json!({"text": text, "number": number, "list": [1, null]}).to_string();
            prop_assert_eq!(strict(json.as_bytes(), quoted), None);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "[\"\\\\uNIda8-]{0,40}") {
            let _ = (strict(&bytes, quoted), strict(text.as_bytes(), quoted));
        }
    }
}
