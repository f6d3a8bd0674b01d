//! Values as PostgreSQL takes them.

use std::borrow::Cow;

use sqlx::{Arguments, postgres::PgArguments};

use crate::store::database::Argument;

/// The values of a statement's parameters.
pub(in crate::store) fn bound(arguments: Vec<Argument<'_>>) -> Result<PgArguments, sqlx::Error> {
    let mut bound = PgArguments::default();
    for argument in arguments {
        let added = match argument {
            Argument::Int(value) => bound.add(value),
            Argument::Real(value) => bound.add(value),
            Argument::Flag(value) => bound.add(value),
            Argument::Text(value) => bound.add(value.map(without_nul)),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(bound)
}

/// PostgreSQL keeps no text with a NUL in it. What a script printed is not lost for that: its place shows.
fn without_nul(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_shown_where_it_was() {
        assert_eq!(without_nul(Cow::Borrowed("a\0b\0")), "a\u{fffd}b\u{fffd}");
        assert!(matches!(without_nul(Cow::Borrowed("a")), Cow::Borrowed("a")));
    }
}
