//! What differs between two versions of a monitor, for people: fields as what they were and are, texts line by line.

use revere_model::{Line, LineChange, MonitorField, MonitorSpec, line_difference};

use super::monitor_form;
use crate::{operations::versions::Difference, store::Author};

/// Lines around a change that show where it is.
const CONTEXT: usize = 3;

/// So many lines of a difference are shown; nobody reads more.
const MOST: usize = 2_000;

/// What differs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Changes {
    pub(super) fields: Vec<ChangedField>,
    pub(super) script: Option<TextChange>,
}

/// A field that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ChangedField {
    pub(super) label: &'static str,
    pub(super) old: String,
    pub(super) new: String,
    /// How, where it is a text of several lines.
    pub(super) text: Option<TextChange>,
}

/// How a text differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TextChange {
    pub(super) rows: Vec<DifferenceRow>,
    /// Lines that are not shown, because there are too many.
    pub(super) left_out: usize,
}

/// A row of a difference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum DifferenceRow {
    /// A line of one of the texts or both.
    Line {
        class: &'static str,
        sign: &'static str,
        /// What becomes of it, for who does not see the sign.
        words: &'static str,
        old: String,
        new: String,
        text: String,
        /// Whether its end is missing.
        unended: bool,
    },
    /// So many lines that are the same in both.
    Same(usize),
}

impl Changes {
    pub(super) fn of(difference: &Difference) -> Changes {
        let (from, to) = (&difference.from.spec, &difference.to.spec);
        let fields = difference.changes.iter().map(|change| change.field).filter(|field| field.name != "script");
        Changes {
            fields: fields.map(|field| ChangedField::of(field, from, to)).collect(),
            script: (from.script != to.script).then(|| TextChange::of(&from.script, &to.script)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.script.is_none()
    }
}

impl ChangedField {
    fn of(field: &'static MonitorField, from: &MonitorSpec, to: &MonitorSpec) -> ChangedField {
        let (old, new) = (monitor_form::in_words_of(from, field), monitor_form::in_words_of(to, field));
        let several = old.contains('\n') || new.contains('\n');
        let text = several.then(|| TextChange::of(&old, &new));
        ChangedField { label: field.words.label, old, new, text }
    }
}

impl TextChange {
    fn of(old: &str, new: &str) -> TextChange {
        let lines = line_difference(old, new);
        let near: Vec<bool> = near_a_change(&lines);
        // Where only one of the texts lacks its last end, the lines differ in that alone.
        let unended = |line: &Line<'_>| !line.text.ends_with('\n') && line.change != LineChange::Kept;
        let ends_differ = lines.iter().any(unended) && old.ends_with('\n') != new.ends_with('\n');
        let mut rows = Vec::new();
        let mut same = 0;
        let mut left_out = 0;
        for (line, near) in lines.iter().zip(near) {
            if rows.len() >= MOST {
                left_out += 1;
            } else if near {
                if same > 0 {
                    rows.push(DifferenceRow::Same(std::mem::take(&mut same)));
                }
                rows.push(row(line, ends_differ && unended(line)));
            } else {
                same += 1;
            }
        }
        if same > 0 {
            rows.push(DifferenceRow::Same(same));
        }
        TextChange { rows, left_out }
    }
}

fn row(line: &Line<'_>, unended: bool) -> DifferenceRow {
    let (class, sign, words) = match line.change {
        LineChange::Kept => ("", "", ""),
        LineChange::Removed => ("removed", "−", "removed"),
        LineChange::Added => ("added", "+", "added"),
    };
    let number = |at: Option<usize>| at.map(|at| at.to_string()).unwrap_or_default();
    let text = line.text.strip_suffix('\n').unwrap_or(line.text).to_owned();
    DifferenceRow::Line { class, sign, words, old: number(line.old), new: number(line.new), text, unended }
}

/// Whether each line changes, or lies near one that does.
fn near_a_change(lines: &[Line<'_>]) -> Vec<bool> {
    let mut near = vec![false; lines.len()];
    for (at, line) in lines.iter().enumerate() {
        if line.change != LineChange::Kept {
            let end = (at + CONTEXT + 1).min(lines.len());
            near[at.saturating_sub(CONTEXT)..end].fill(true);
        }
    }
    near
}

/// Who did something, in words; `None` where that tells nothing: nobody has to log in, or it was not kept.
pub(super) fn author_in_words(author: Option<&Author>) -> Option<String> {
    let author = author?;
    author.name.clone().or(match author.kind.as_str() {
        "command_line" => Some("somebody at a shell".to_owned()),
        "server" => Some("Revere itself".to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> Vec<String> {
        let rows = TextChange::of(old, new).rows;
        rows.iter()
            .map(|row| match row {
                DifferenceRow::Same(lines) => format!("{lines} the same"),
                DifferenceRow::Line { sign, old, new, text, unended, .. } => {
                    format!("{old},{new}{sign} {text}{}", if *unended { " (unended)" } else { "" })
                }
            })
            .collect()
    }

    #[test]
    fn changes_are_shown_with_what_is_around_them() {
        let old: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let new = old.replace("line 10\n", "line ten\n");
        let rows = shown(&old, &new);
        assert_eq!(rows.first().unwrap(), "6 the same");
        assert_eq!(rows[1], "7,7 line 7");
        assert_eq!(rows[4..6], ["10,− line 10", ",10+ line ten"]);
        assert_eq!(rows.last().unwrap(), "7 the same");
        assert_eq!(shown("a\nb", "a\nb\n"), ["1,1 a", "2,− b (unended)", ",2+ b"]);
        assert_eq!(shown("a", "b"), ["1,− a", ",1+ b"], "both lack it");
    }

    #[test]
    fn more_than_anybody_reads_is_counted() {
        let new: String = (0..5_000).map(|n| format!("{n}\n")).collect();
        let change = TextChange::of("", &new);
        assert_eq!((change.rows.len(), change.left_out), (MOST, 5_000 - MOST));
    }
}
