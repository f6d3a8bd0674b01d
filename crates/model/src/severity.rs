//! How bad a problem is, and sets of it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How bad a problem is. The state is the same; who is told, and how loudly, may differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should look, at a time that suits.
    Warning,
    /// Somebody should look now. What nobody says anything about is this.
    #[default]
    Critical,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Severity; 2] = [Severity::Critical, Severity::Warning];

    /// The one spelling used in scripts, columns, JSON, URLs and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is no severity.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not a severity; the severities are critical and warning")]
pub struct ParseSeverityError(pub String);

impl FromStr for Severity {
    type Err = ParseSeverityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Severity::ALL.into_iter().find(|severity| severity.as_str() == text);
        found.ok_or_else(|| ParseSeverityError(text.to_owned()))
    }
}

/// A set of severities, for instance those an alert is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SeveritySet(u8);

impl SeveritySet {
    /// None of them.
    pub const EMPTY: SeveritySet = SeveritySet(0);
    /// All of them: what an alert is for unless someone chose otherwise.
    pub const ALL: SeveritySet = SeveritySet::EMPTY.with(Severity::Warning).with(Severity::Critical);

    /// Whether `severity` is in the set.
    pub const fn contains(self, severity: Severity) -> bool {
        self.0 & (1 << severity as u8) != 0
    }

    /// The set with `severity` added.
    #[must_use]
    pub const fn with(self, severity: Severity) -> Self {
        SeveritySet(self.0 | 1 << severity as u8)
    }

    /// The severities of the set, the worst first.
    pub fn iter(self) -> impl Iterator<Item = Severity> {
        Severity::ALL.into_iter().filter(move |severity| self.contains(*severity))
    }
}

impl Default for SeveritySet {
    fn default() -> Self {
        SeveritySet::ALL
    }
}

impl FromIterator<Severity> for SeveritySet {
    fn from_iter<I: IntoIterator<Item = Severity>>(severities: I) -> Self {
        severities.into_iter().fold(SeveritySet::EMPTY, SeveritySet::with)
    }
}

impl Serialize for SeveritySet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for SeveritySet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Severity>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_severity_reads_back_and_critical_is_the_worst() {
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse(), Ok(severity));
        }
        assert_eq!(
            "fatal".parse::<Severity>().unwrap_err().to_string(),
            "\"fatal\" is not a severity; the severities are critical and warning"
        );
        assert!(Severity::Critical > Severity::Warning);
        assert_eq!(SeveritySet::ALL.iter().collect::<Vec<_>>(), Severity::ALL);
        assert!(!SeveritySet::EMPTY.with(Severity::Warning).contains(Severity::Critical));
    }
}
