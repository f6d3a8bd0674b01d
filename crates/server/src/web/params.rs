//! Reads what stands in an address: the id in the path, and the parameters behind the question mark.
//!
//! As with bodies, a parameter that nobody knows is refused with the nearest known one: a misspelt filter that is
//! silently dropped would show everything and look like an answer.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
};

use super::error::Problem;
use crate::{
    operations::{FieldFault, Refusal},
    settings,
};

/// The parameters behind the question mark, being read.
#[derive(Default)]
pub struct Params {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
    faults: Vec<FieldFault>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        let given = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Params { given, ..Params::default() })
    }
}

/// So many unknown parameters are named.
const MOST_UNKNOWN: usize = 20;

impl Params {
    /// The text of `name`; an empty one counts as left out, as forms send it.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let mut found = None;
        let mut times = 0;
        self.given.retain_mut(|(given, value)| {
            if given == name {
                times += 1;
                found = Some(std::mem::take(value));
            }
            given != name
        });
        if times > 1 {
            self.fault(name, format!("given {times} times; give it once"));
        }
        found.filter(|text| !text.is_empty())
    }

    /// What `name` says, read as `T`; `expected` completes "expected ...".
    pub fn parsed<T: FromStr>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.wrong(name, expected, &text);
        }
        value
    }

    /// Several of `T`, separated by commas. The error of `T` is shown as it is.
    pub fn several<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<Vec<T>> {
        let text = self.text(name)?;
        let mut values = Vec::new();
        for word in text.split(',').map(str::trim) {
            match word.parse() {
                Ok(value) => values.push(value),
                Err(error) => self.fault(name, T::Err::to_string(&error)),
            }
        }
        Some(values)
    }

    /// A whole number within `bounds`.
    pub fn whole(&mut self, name: &'static str, bounds: RangeInclusive<i64>) -> Option<i64> {
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        if number.is_none() {
            self.wrong(name, &format!("a whole number from {} to {}", bounds.start(), bounds.end()), &text);
        }
        number
    }

    /// `true` or `false`, also as 1 and 0; the name alone means `true`.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        if self.given.iter().any(|(given, value)| given == name && value.is_empty()) {
            self.text(name);
            return Some(true);
        }
        let text = self.text(name)?;
        match text.as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => {
                self.wrong(name, "true or false", &text);
                None
            }
        }
    }

    /// Notes one more fault.
    pub fn fault(&mut self, name: &str, message: impl Into<String>) {
        self.faults.push(FieldFault::new(name, message));
    }

    /// `value`, unless there were faults or parameters that nobody asked for.
    pub fn finish<T>(mut self, value: T) -> Result<T, Refusal> {
        for (name, _) in self.given.iter().take(MOST_UNKNOWN) {
            let shown: String = name.chars().take(100).collect();
            let message = settings::unknown("parameter", &shown, self.known.iter().copied());
            self.faults.push(FieldFault::new(shown, message));
        }
        Refusal::unless_clean(self.faults, value)
    }

    fn wrong(&mut self, name: &'static str, expected: &str, found: &str) {
        let short: String = found.chars().take(40).collect();
        self.fault(name, format!("expected {expected}, not {short:?}"));
    }
}

/// The one segment of the path that names a thing, read as `T`. What does not read as one names nothing: 404.
pub struct Key<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Key<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(Path(text)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "the address is not UTF-8 once its %-signs are decoded"));
        };
        let short: String = text.chars().take(100).collect();
        text.parse().map(Key).map_err(|_| Problem::not_found("thing with the id", format!("{short:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        let given = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Params { given, ..Params::default() }
    }

    #[test]
    fn every_bad_parameter_is_named() {
        let mut params = params("limit=0&stat=OK&before=&flips=maybe&q=a&q=b");
        assert_eq!(params.whole("limit", 1..=500), None);
        assert_eq!(params.several::<revere_model::State>("state"), None);
        assert_eq!(params.text("before"), None);
        assert_eq!(params.flag("flips"), None);
        params.text("q");
        let faults = params.finish(()).unwrap_err().faults;
        let faults: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect();
        assert_eq!(
            faults,
            [
                "limit: expected a whole number from 1 to 500, not \"0\"",
                "flips: expected true or false, not \"maybe\"",
                "q: given 2 times; give it once",
                "stat: unknown parameter 'stat'; did you mean 'state'?",
            ]
        );
    }

    #[test]
    fn flags_and_lists_read_as_people_write_them() {
        let mut params = params("flips&state=alarm,ERROR&probe=1");
        assert_eq!(params.flag("flips"), Some(true));
        assert_eq!(params.flag("probe"), Some(true));
        let states = params.several::<revere_model::State>("state");
        assert_eq!(states, Some(vec![revere_model::State::Alarm, revere_model::State::Error]));
        assert!(params.finish(()).is_ok());
    }
}
