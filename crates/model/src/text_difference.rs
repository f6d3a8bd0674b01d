//! What differs between two texts, line by line, in the form that `diff -u` made common. Its work is bounded, whatever
//! somebody compares.

use std::fmt::Write as _;

use crate::{Line, LineChange, line_difference};

/// Lines around a change that show where it is.
const CONTEXT: usize = 3;

/// The difference from `old` to `new`, as `diff -u` writes it, without names of files; empty where they are the same.
pub fn unified_difference(old: &str, new: &str) -> String {
    let lines = line_difference(old, new);
    let mut text = String::new();
    let (mut from, mut to, mut next) = (0, 0, 0);
    while let Some(first) = lines[next..].iter().position(|line| line.change != LineChange::Kept).map(|at| next + at) {
        let begin = first.saturating_sub(CONTEXT).max(next);
        from += begin - next;
        to += begin - next;
        let end = hunk_end(&lines, first);
        hunk(&mut text, &lines[begin..end], &mut from, &mut to);
        next = end;
    }
    text
}

/// Where a hunk ends whose first change is at `first`: changes that lie close together are one.
fn hunk_end(lines: &[Line<'_>], first: usize) -> usize {
    let mut last = first;
    for (at, line) in lines.iter().enumerate().skip(first) {
        if line.change != LineChange::Kept {
            last = at;
        } else if at - last > 2 * CONTEXT {
            break;
        }
    }
    (last + 1 + CONTEXT).min(lines.len())
}

fn hunk(text: &mut String, lines: &[Line<'_>], from: &mut usize, to: &mut usize) {
    let count = |other: LineChange| lines.iter().filter(|line| line.change != other).count();
    let (removed, added) = (count(LineChange::Added), count(LineChange::Removed));
    // Where nothing is, the line before it is named.
    let place = |at: usize, lines: usize| if lines == 0 { at } else { at + 1 };
    // Writing into a String cannot fail.
    let _ = writeln!(text, "@@ -{},{removed} +{},{added} @@", place(*from, removed), place(*to, added));
    *from += removed;
    *to += added;
    for line in lines {
        text.push(match line.change {
            LineChange::Kept => ' ',
            LineChange::Removed => '-',
            LineChange::Added => '+',
        });
        text.push_str(line.text);
        if !line.text.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Applies a difference, as `patch` does.
    fn patched(old: &str, difference: &str) -> String {
        let lines: Vec<&str> = old.split_inclusive('\n').collect();
        let (mut new, mut at) = (String::new(), 0);
        let mut rows = difference.split_inclusive('\n').peekable();
        while let Some(row) = rows.next() {
            if let Some(head) = row.strip_prefix("@@ -") {
                let (from, rest) = head.split_once(',').unwrap();
                let (count, _) = rest.split_once(' ').unwrap();
                let begin = from.parse::<usize>().unwrap() - usize::from(count != "0");
                new.extend(lines[at..begin].iter().copied());
                at = begin;
                continue;
            }
            let (mark, mut line) = row.split_at(1);
            if rows.peek().is_some_and(|next| next.starts_with('\\')) {
                rows.next();
                line = line.strip_suffix('\n').unwrap();
            }
            if mark != "+" {
                assert_eq!(lines[at], line);
                at += 1;
            }
            if mark != "-" {
                new.push_str(line);
            }
        }
        new.extend(lines[at..].iter().copied());
        new
    }

    #[test]
    fn a_change_is_shown_with_three_lines_around_it() {
        let old: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let new = old.replace("line 4\n", "line four\n").replace("line 17\n", "");
        let expected = "@@ -1,7 +1,7 @@\n line 1\n line 2\n line 3\n-line 4\n+line four\n line 5\n line 6\n line 7\n@@ -14,7 \
                        +14,6 @@\n line 14\n line 15\n line 16\n-line 17\n line 18\n line 19\n line 20\n";
        assert_eq!(unified_difference(&old, &new), expected);
        assert_eq!(unified_difference(&old, &old), "");
        assert_eq!(unified_difference("", "a"), "@@ -0,0 +1,1 @@\n+a\n\\ No newline at end of file\n");
        assert_eq!(unified_difference("a", "a\n"), "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
    }

    #[test]
    fn two_long_texts_that_have_nothing_in_common_take_no_time() {
        let (old, new): (String, String) =
            ((0..40_000).map(|n| format!("{n}\n")).collect(), (0..40_000).map(|n| format!("x{n}\n")).collect());
        let difference = unified_difference(&old, &new);
        assert!(difference.starts_with("@@ -1,40000 +1,40000 @@\n-0\n"));
        assert_eq!(patched(&old, &difference), new);
    }

    proptest! {
        #[test]
        fn whoever_applies_the_difference_has_the_new_text(
            old in proptest::collection::vec("[ab]{0,1}", 0..30), new in proptest::collection::vec("[ab]{0,1}", 0..30),
            ends in any::<(bool, bool)>(),
        ) {
            let text = |lines: &[String], ends: bool| {
                let mut text = lines.join("\n");
                if ends && !lines.is_empty() {
                    text.push('\n');
                }
                text
            };
            let (old, new) = (text(&old, ends.0), text(&new, ends.1));
            let difference = unified_difference(&old, &new);
            prop_assert_eq!(difference.is_empty(), old == new);
            prop_assert_eq!(patched(&old, &difference), new);
        }
    }
}
