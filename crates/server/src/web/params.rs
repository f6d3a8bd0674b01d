//! Reads what stands in an address: the id in the path, and the parameters behind the question mark.
//!
//! As with bodies, a parameter that nobody knows is refused with the nearest known one: a misspelt filter that is
//! silently dropped would show everything and look like an answer.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
};
use jiff::Timestamp;
use revere_model::calendar::instant_of_text;

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
        self.one(name).filter(|text| !text.is_empty())
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

    /// What `name` says, read as `T`, whose error is shown as it is.
    pub fn read<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        text.parse().map_err(|error: T::Err| self.fault(name, error.to_string())).ok()
    }

    /// Several of `T`, separated by commas or each under the name anew: clients write lists either way. The error of `T`
    /// is shown as it is.
    pub fn several<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<Vec<T>> {
        let texts: Vec<String> = self.take(name).into_iter().filter(|text| !text.is_empty()).collect();
        if texts.is_empty() {
            return None;
        }
        let mut values = Vec::new();
        for word in texts.iter().flat_map(|text| text.split(',')).map(str::trim) {
            match word.parse() {
                Ok(value) => values.push(value),
                Err(error) => self.fault(name, T::Err::to_string(&error)),
            }
        }
        Some(values)
    }

    /// As [`Params::parsed`], for programs: nothing is not taken for something left out.
    pub fn exactly<T: FromStr>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        let text = self.one(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.wrong(name, expected, &text);
        }
        value
    }

    /// An instant as RFC 3339 has it; `expected` completes "expected ...".
    pub fn instant(&mut self, name: &'static str, expected: &str) -> Option<Timestamp> {
        let text = self.one(name)?;
        let at = instant_of_text(&text);
        if at.is_none() {
            self.wrong(name, expected, &text);
        }
        at
    }

    /// As [`Params::exactly`], for what must be given.
    pub fn required<T: FromStr>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        if !self.given.iter().any(|(given, _)| given == name) {
            self.known.push(name);
            self.fault(name, format!("missing; expected {expected}"));
            return None;
        }
        self.exactly(name, expected)
    }

    /// The `next` of an earlier page, or nothing for the first page.
    pub fn cursor<T: FromStr>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok().filter(|_| is_number(&text));
        if value.is_none() {
            self.wrong(name, "the `next` of the page before", &text);
        }
        value
    }

    /// A whole number within `bounds`.
    pub fn whole(&mut self, name: &'static str, bounds: RangeInclusive<i64>) -> Option<i64> {
        let text = self.one(name)?;
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

    fn one(&mut self, name: &'static str) -> Option<String> {
        let mut found = self.take(name);
        if found.len() > 1 {
            self.fault(name, format!("given {} times; give it once", found.len()));
        }
        found.pop()
    }

    fn take(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let given = std::mem::take(&mut self.given);
        let (found, others) = given.into_iter().partition::<Vec<_>, _>(|(given, _)| given == name);
        self.given = others;
        found.into_iter().map(|(_, value)| value).collect()
    }

    /// Notes one more fault.
    pub fn fault(&mut self, name: &str, message: impl Into<String>) {
        self.faults.push(FieldFault::new(name, message));
    }

    /// `value`, unless there were faults or parameters that nobody asked for.
    pub fn finish<T>(mut self, value: T) -> Result<T, Refusal> {
        for (name, _) in self.given.iter().take(MOST_UNKNOWN) {
            let shown: String = name.chars().take(100).collect();
            let message = settings::unknown_name("parameter", &shown, self.known.iter().copied());
            self.faults.push(FieldFault::new(shown, message));
        }
        Refusal::unless_clean(self.faults, value)
    }

    fn wrong(&mut self, name: &'static str, expected: &str, found: &str) {
        let short: String = found.chars().take(40).collect();
        self.fault(name, format!("expected {expected}, not {short:?}"));
    }
}

/// Whether `text` is what the API's description calls a cursor or a version: digits, and not too many for a number.
pub(super) fn is_number(text: &str) -> bool {
    (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The one segment of the path that names a thing, read as `T`. What does not read as one names nothing: 404.
pub struct Key<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Key<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(Path(text)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, NOT_UTF_8));
        };
        read_key(&text).map(Key)
    }
}

/// Two segments of the path that name a thing and a part of it, read as `A` and `B`.
pub struct Keys<A, B>(pub A, pub B);

impl<S: Send + Sync, A: FromStr, B: FromStr> FromRequestParts<S> for Keys<A, B> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(Path((one, other))) = Path::<(String, String)>::from_request_parts(parts, state).await else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, NOT_UTF_8));
        };
        Ok(Keys(read_key(&one)?, read_key(&other)?))
    }
}

const NOT_UTF_8: &str = "the address is not UTF-8 once its %-signs are decoded";

fn read_key<T: FromStr>(text: &str) -> Result<T, Problem> {
    let short: String = text.chars().take(100).collect();
    text.parse().map_err(|_| Problem::not_found("thing with the id", format!("{short:?}")))
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
        let mut params = params("flips&state=alarm,ERROR&probe=1&tag=&state=OK&state=");
        assert_eq!(params.flag("flips"), Some(true));
        assert_eq!(params.flag("probe"), Some(true));
        let states = params.several::<revere_model::State>("state");
        use revere_model::State::{Alarm, Error, Ok};
        assert_eq!(states, Some(vec![Alarm, Error, Ok]));
        assert_eq!(params.text("tag"), None);
        assert!(params.finish(()).is_ok());
    }

    #[test]
    fn programs_are_taken_at_their_word() {
        let mut params = params("probe=&flips=1&limit=&after=+7&before=&monitor=007");
        assert_eq!(params.exactly::<bool>("probe", "true or false"), None);
        assert_eq!(params.exactly::<bool>("flips", "true or false"), None);
        assert_eq!(params.whole("limit", 1..=500), None);
        assert_eq!(params.cursor::<i64>("after"), None);
        assert_eq!(params.cursor::<i64>("before"), None);
        assert_eq!(params.whole("monitor", 1..=i64::MAX), Some(7));
        let faults = params.finish(()).unwrap_err().faults;
        let faults: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect();
        assert_eq!(
            faults,
            [
                "probe: expected true or false, not \"\"",
                "flips: expected true or false, not \"1\"",
                "limit: expected a whole number from 1 to 500, not \"\"",
                "after: expected the `next` of the page before, not \" 7\"",
            ]
        );
    }
}
