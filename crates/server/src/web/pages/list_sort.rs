//! An order of the list. It stands in the address (`?sort=-value`).

use std::{fmt, str::FromStr};

use crate::store::{OverviewColumn, OverviewOrder};

/// An order as an address has it: `name`, or `-name` for the other way round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sort(pub(super) OverviewOrder);

/// Each column with its word in addresses, and whether the most of it is looked for first.
pub(super) const COLUMNS: [(OverviewColumn, &str, bool); 5] = [
    (OverviewColumn::Name, "name", false),
    (OverviewColumn::Since, "since", true),
    (OverviewColumn::Value, "value", true),
    (OverviewColumn::LastRun, "last", true),
    (OverviewColumn::NextRun, "next", false),
];

impl Sort {
    pub(super) const EXPECTED: &str = "name, since, value, last or next, with - in front for the most first";
}

impl FromStr for Sort {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (word, descending) = text.strip_prefix('-').map_or((text, false), |word| (word, true));
        let found = COLUMNS.into_iter().find(|(_, name, _)| *name == word);
        found.map(|(by, ..)| Sort(OverviewOrder { by, descending })).ok_or(())
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = COLUMNS.iter().find(|(by, ..)| *by == self.0.by).map_or("name", |(_, word, _)| word);
        write!(f, "{}{word}", if self.0.descending { "-" } else { "" })
    }
}
