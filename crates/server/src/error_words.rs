//! Errors and panics in words.

use std::{any::Any, borrow::Cow, error::Error, io};

/// An error and what caused it, in one text. What an error has pasted into its own text is not said twice.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        let more = current.to_string();
        if !text.ends_with(&more) && !plain(&text).contains(&*plain(&more)) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = current.source();
    }
    plain(&text).into_owned()
}

/// A text without what only programmers read: what libraries put around the words of the operating system and of databases.
pub fn plain(text: &str) -> Cow<'_, str> {
    const AROUND: [&str; 5] = [
        "failed to lookup address information: ",
        "error returned from database: ",
        "error communicating with database: ",
        "error occurred while attempting to establish a TLS connection: ",
        "error with configuration: ",
    ];
    const NUMBERED: [(&str, &str); 2] = [(" (os error ", ")"), ("(code: ", ") ")];
    let mut plain = Cow::Borrowed(text);
    for around in AROUND.into_iter().filter(|around| text.contains(around)) {
        plain = Cow::Owned(plain.replace(around, ""));
    }
    for (begins, ends) in NUMBERED {
        let mut from = 0;
        while let Some(at) = plain[from..].find(begins).map(|at| from + at) {
            let behind = at + begins.len();
            let digits = plain[behind..].bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 && plain[behind + digits..].starts_with(ends) {
                plain.to_mut().replace_range(at..behind + digits + ends.len(), "");
                from = at;
            } else {
                from = behind;
            }
        }
    }
    plain
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
    fn what_only_programmers_read_is_left_out() {
        for (text, expected) in [
            ("cannot read a: Is a directory (os error 21); try b", "cannot read a: Is a directory; try b"),
            ("a (os error 2): b (os error 13)", "a: b"),
            ("error returned from database: (code: 26) file is not a database", "file is not a database"),
            ("no such name: failed to lookup address information: Name unknown", "no such name: Name unknown"),
            ("(os error x) (code: 3, of it) 5", "(os error x) (code: 3, of it) 5"),
        ] {
            assert_eq!(plain(text), expected);
        }
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
        let database = layer(
            "db cannot be reached (refused): look there",
            layer("error communicating with database: refused", refused()),
        );
        assert_eq!(with_causes(&database), "db cannot be reached (refused): look there");
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
