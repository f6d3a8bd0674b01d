//! Errors and panics in words.

use std::{any::Any, error::Error, io};

/// An error and what caused it, in one text. What an error has pasted into its own text is not said twice.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        let more = current.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = current.source();
    }
    text
}

/// The error and its causes, outermost first. An [`io::Error`] may wrap another error, which its own `source` skips.
pub fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

/// What a panic said.
pub fn of_panic(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<dyn Error + Send + Sync>>,
    }

    fn layer(text: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Layer {
        Layer { text, source: Some(source.into()) }
    }

    #[test]
    fn every_cause_is_said_once() {
        let refused = || Layer { text: "refused", source: None };
        let pasted = layer("cannot save: no connection: refused", layer("no connection: refused", refused()));
        assert_eq!(with_causes(&pasted), "cannot save: no connection: refused");
        assert_eq!(
            with_causes(&layer("cannot save", layer("no connection", refused()))),
            "cannot save: no connection: refused"
        );
        let wrapped = layer("outer", io::Error::other(io::Error::other(refused())));
        let found: Vec<String> = causes(&wrapped).map(ToString::to_string).collect();
        assert_eq!(found, ["outer", "refused", "refused", "refused"]);
    }

    #[test]
    fn a_panic_says_what_it_was_given() {
        assert_eq!(of_panic(&"a constant"), "a constant");
        assert_eq!(of_panic(&format!("number {}", 7)), "number 7");
        assert_eq!(of_panic(&7), "without words");
    }
}
