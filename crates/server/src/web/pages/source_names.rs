//! What a source can be asked about, as the page of sources lists it.

use crate::{
    operations::sources::NamesReport,
    sources::names::{Name, NameKind, NamesOf},
};

/// The names that were found.
pub(super) struct FoundNames {
    /// What was typed.
    pub(super) prefix: String,
    /// Tables with their columns, or names with what they count.
    pub(super) lines: Vec<NameLine>,
    /// Why there are none, or not all.
    pub(super) said: Option<String>,
}

/// A table with its columns, or another name with what is said of it.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct NameLine {
    pub(super) name: String,
    pub(super) about: String,
}

/// What stands over the names of a source.
pub(super) const fn heading(of: NamesOf) -> &'static str {
    match of {
        NamesOf::Tables => "Tables and columns",
        NamesOf::Paths => "Paths",
        NamesOf::Metrics => "Metrics",
    }
}

impl FoundNames {
    /// What a source told of what begins with `prefix`.
    pub(super) fn of(report: NamesReport, prefix: &str) -> FoundNames {
        let said = match (&report.fault, report.names.is_empty(), report.complete) {
            (Some(fault), ..) => Some(format!("It names nothing now: {fault}")),
            (None, true, true) => Some("Nothing begins so.".to_owned()),
            (None, true, false) => Some("There are too many to list: type how they begin.".to_owned()),
            (None, false, false) => Some("There are more: type how they begin.".to_owned()),
            (None, false, true) => None,
        };
        let mut lines: Vec<NameLine> = Vec::new();
        for name in report.names {
            match name.kind {
                NameKind::Column => {
                    let column = match name.detail.is_empty() {
                        true => name.name,
                        false => format!("{} {}", name.name, name.detail),
                    };
                    match lines.iter_mut().find(|line| line.name == name.of) {
                        Some(line) if line.about.is_empty() => line.about = column,
                        Some(line) => line.about = format!("{}, {column}", line.about),
                        None => lines.push(NameLine { name: name.of, about: column }),
                    }
                }
                _ => {
                    let Name { name, detail: about, .. } = name;
                    lines.push(NameLine { name, about });
                }
            }
        }
        FoundNames { prefix: prefix.to_owned(), lines, said }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_beside_their_table() {
        let column =
            |of: &str, name: &str| Name { of: of.into(), detail: "int".into(), ..Name::plain(NameKind::Column, name) };
        let names = vec![Name::plain(NameKind::Table, "a"), column("a", "id"), column("a", "x"), column("b", "id")];
        let found = FoundNames::of(NamesReport { names, complete: true, ..NamesReport::default() }, "");
        let line = |name: &str, about: &str| NameLine { name: name.into(), about: about.into() };
        assert_eq!((found.lines, found.said), (vec![line("a", "id int, x int"), line("b", "id int")], None));
    }
}
