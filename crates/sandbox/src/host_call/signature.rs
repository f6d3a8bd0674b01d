//! Whether a call fits a method's parameters, judged as Python would, before anything is asked.
//!
//! Parameters are read from [`MethodDescription::signature`]: names, `/`, `*`, `*args`, `**kwargs`, annotations and
//! defaults. Only whether there is a default matters here; the source fills it in.

use crate::{MethodDescription, Value};

/// Python's own words for what does not fit.
pub(super) fn check(method: &MethodDescription, args: &[Value], kwargs: &[(String, Value)]) -> Result<(), String> {
    let signature = Signature::parse(&method.signature);
    let name = &method.name;
    let positional: Vec<&Parameter<'_>> = signature.parameters.iter().filter(|p| p.kind != Kind::Keyword).collect();
    if args.len() > positional.len() && !signature.any_positional {
        let least = positional.iter().filter(|p| p.required).count();
        let most = positional.len();
        let takes = if least == most { format!("{most}") } else { format!("from {least} to {most}") };
        let noun = if most == 1 { "argument" } else { "arguments" };
        let given = if args.len() == 1 { "1 was given".to_owned() } else { format!("{} were given", args.len()) };
        return Err(format!("{name}() takes {takes} positional {noun} but {given}"));
    }
    let mut filled: Vec<&str> = positional.iter().take(args.len()).map(|p| p.name).collect();
    for (key, _) in kwargs {
        let parameter = signature.parameters.iter().find(|p| p.name == key && p.kind != Kind::Positional);
        match parameter {
            Some(parameter) if filled.contains(&parameter.name) => {
                return Err(format!("{name}() got multiple values for argument '{key}'"));
            }
            Some(parameter) => filled.push(parameter.name),
            None if signature.any_keyword => {}
            None => {
                let known: Vec<_> =
                    signature.parameters.iter().filter(|p| p.kind != Kind::Positional).map(|p| p.name).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(format!("{name}() got an unexpected keyword argument '{key}'; it knows: {known}"));
            }
        }
    }
    let missing: Vec<String> = signature
        .parameters
        .iter()
        .filter(|p| p.required && !filled.contains(&p.name))
        .map(|p| format!("'{}'", p.name))
        .collect();
    match missing.as_slice() {
        [] => Ok(()),
        [one] => Err(format!("{name}() missing 1 required argument: {one}; its parameters are {}", method.signature)),
        several => Err(format!(
            "{name}() missing {} required arguments: {}; its parameters are {}",
            several.len(),
            several.join(", "),
            method.signature
        )),
    }
}

#[derive(Default)]
struct Signature<'a> {
    parameters: Vec<Parameter<'a>>,
    any_positional: bool,
    any_keyword: bool,
}

struct Parameter<'a> {
    name: &'a str,
    kind: Kind,
    required: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Positional,
    Either,
    Keyword,
}

impl Signature<'_> {
    fn parse(text: &str) -> Signature<'_> {
        let inner = text.trim();
        let inner = inner.strip_prefix('(').unwrap_or(inner);
        // A return annotation, if any, stands behind the last closing parenthesis.
        let inner = inner.rfind(')').map_or(inner, |end| &inner[..end]);
        let mut signature = Signature::default();
        let mut kind = Kind::Either;
        for part in split(inner) {
            let part = part.trim();
            let name = part.split([':', '=']).next().unwrap_or(part).trim();
            match part {
                "" => {}
                "/" => signature.parameters.iter_mut().for_each(|p| p.kind = Kind::Positional),
                "*" => kind = Kind::Keyword,
                _ if part.starts_with("**") => signature.any_keyword = true,
                _ if part.starts_with('*') => {
                    signature.any_positional = true;
                    kind = Kind::Keyword;
                }
                _ => signature.parameters.push(Parameter { name, kind, required: !part.contains('=') }),
            }
        }
        signature
    }
}

/// Splits at commas that stand in no bracket and no text.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0i32, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(signature: &str, args: usize, kwargs: &[&str]) -> Result<(), String> {
        let method = MethodDescription { name: "m".into(), signature: signature.into(), doc: String::new() };
        let kwargs: Vec<_> = kwargs.iter().map(|name| (name.to_string(), Value::Null)).collect();
        check(&method, &vec![Value::Null; args], &kwargs)
    }

    #[test]
    fn calls_that_fit_pass() {
        let signature = "(path: str, from_date: str | None = None, to_date='a, b') -> list[tuple[float, int]]";
        for (args, kwargs) in [(1, &[][..]), (3, &[]), (1, &["to_date"]), (0, &["from_date", "path"])] {
            assert_eq!(outcome(signature, args, kwargs), Ok(()), "{args} {kwargs:?}");
        }
        assert_eq!(outcome("()", 0, &[]), Ok(()));
        assert_eq!(outcome("(a, *rest, key=1, **more)", 9, &["key", "anything"]), Ok(()));
        assert_eq!(outcome("(a=(1, 2), b={'x': [1, 2]})", 2, &[]), Ok(()));
    }

    #[test]
    fn calls_that_do_not_fit_say_why() {
        let signature = "(path, from_date=None)";
        assert_eq!(
            outcome(signature, 3, &[]).unwrap_err(),
            "m() takes from 1 to 2 positional arguments but 3 were given"
        );
        assert_eq!(
            outcome(signature, 0, &[]).unwrap_err(),
            "m() missing 1 required argument: 'path'; its parameters are (path, from_date=None)"
        );
        assert_eq!(outcome(signature, 1, &["path"]).unwrap_err(), "m() got multiple values for argument 'path'");
        assert_eq!(
            outcome(signature, 1, &["form_date"]).unwrap_err(),
            "m() got an unexpected keyword argument 'form_date'; it knows: path, from_date"
        );
        assert_eq!(outcome("()", 1, &[]).unwrap_err(), "m() takes 0 positional arguments but 1 was given");
        assert!(outcome("(a, *, b)", 2, &[]).is_err());
        assert!(outcome("(a, /)", 0, &["a"]).is_err());
    }
}
