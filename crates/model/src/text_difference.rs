//! What differs between two texts, line by line, in the form that `diff -u` made common. Its work is bounded, whatever
//! somebody compares.

use std::fmt::Write as _;

/// Lines around a change that show where it is.
const CONTEXT: usize = 3;

/// Beyond so many lines that were added and removed nobody looks for the fewest: the whole of what differs is shown as
/// replaced.
const MOST: usize = 1000;

/// What becomes of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Edit {
    Keep,
    Remove,
    Add,
}

/// The difference from `old` to `new`, as `diff -u` writes it, without names of files; empty where they are the same.
pub fn unified_difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let edits = edits(&old, &new);
    let mut text = String::new();
    let (mut from, mut to, mut next) = (0, 0, 0);
    while let Some(first) = edits[next..].iter().position(|edit| *edit != Edit::Keep).map(|at| next + at) {
        let begin = first.saturating_sub(CONTEXT).max(next);
        from += begin - next;
        to += begin - next;
        let end = hunk_end(&edits, first);
        hunk(&mut text, &edits[begin..end], (&old, &mut from), (&new, &mut to));
        next = end;
    }
    text
}

/// Where a hunk ends whose first change is at `first`: changes that lie close together are one.
fn hunk_end(edits: &[Edit], first: usize) -> usize {
    let mut last = first;
    for (at, edit) in edits.iter().enumerate().skip(first) {
        if *edit != Edit::Keep {
            last = at;
        } else if at - last > 2 * CONTEXT {
            break;
        }
    }
    (last + 1 + CONTEXT).min(edits.len())
}

fn hunk(text: &mut String, edits: &[Edit], old: (&[&str], &mut usize), new: (&[&str], &mut usize)) {
    let ((old, from), (new, to)) = (old, new);
    let count = |other: Edit| edits.iter().filter(|edit| **edit != other).count();
    let (removed, added) = (count(Edit::Add), count(Edit::Remove));
    // Where nothing is, the line before it is named.
    let place = |at: usize, lines: usize| if lines == 0 { at } else { at + 1 };
    // Writing into a String cannot fail.
    let _ = writeln!(text, "@@ -{},{removed} +{},{added} @@", place(*from, removed), place(*to, added));
    for edit in edits {
        let (mark, line) = match edit {
            Edit::Keep => (' ', old[*from]),
            Edit::Remove => ('-', old[*from]),
            Edit::Add => ('+', new[*to]),
        };
        *from += usize::from(*edit != Edit::Add);
        *to += usize::from(*edit != Edit::Remove);
        text.push(mark);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// What becomes of each line of `old`, and where lines of `new` come in.
fn edits(old: &[&str], new: &[&str]) -> Vec<Edit> {
    let same = |(one, other): &(&&str, &&str)| one == other;
    let before = old.iter().zip(new).take_while(same).count();
    let after = old[before..].iter().rev().zip(new[before..].iter().rev()).take_while(same).count();
    let (a, b) = (&old[before..old.len() - after], &new[before..new.len() - after]);
    let mut edits = vec![Edit::Keep; before];
    match fewest(a, b) {
        Some(between) => edits.extend(between),
        None => {
            edits.extend(std::iter::repeat_n(Edit::Remove, a.len()));
            edits.extend(std::iter::repeat_n(Edit::Add, b.len()));
        }
    }
    edits.extend(std::iter::repeat_n(Edit::Keep, after));
    edits
}

/// The fewest lines to remove and to add (E. Myers, "An O(ND) difference algorithm", 1986); `None` where those are more
/// than anybody reads.
fn fewest(old: &[&str], new: &[&str]) -> Option<Vec<Edit>> {
    let lengths = (old.len(), new.len());
    let mut rounds: Vec<Round> = Vec::new();
    for edits in 0..=MOST {
        let mut round = Round(vec![None; 2 * edits + 1]);
        for index in (0..=2 * edits).step_by(2) {
            let diagonal = index as isize - edits as isize;
            let begin = match rounds.last() {
                None => Some(0),
                Some(last) => last.by_an_edit(diagonal, lengths).map(|(_, x)| x),
            };
            let Some(mut x) = begin else { continue };
            let mut y = (x as isize - diagonal) as usize;
            while x < old.len() && y < new.len() && old[x] == new[y] {
                x += 1;
                y += 1;
            }
            round.0[index] = Some(x);
            if (x, y) == lengths {
                rounds.push(round);
                return Some(way_back(&rounds, lengths));
            }
        }
        rounds.push(round);
    }
    None
}

/// How far one gets into the old text with so many edits, on each diagonal: where one is in the old text less where one is
/// in the new.
struct Round(Vec<Option<usize>>);

impl Round {
    fn reached(&self, diagonal: isize) -> Option<usize> {
        let edits = self.0.len() as isize / 2;
        self.0.get(usize::try_from(diagonal + edits).ok()?).copied().flatten()
    }

    /// The edit by which one gets farthest on a diagonal with one more, and how far.
    fn by_an_edit(&self, diagonal: isize, (old, new): (usize, usize)) -> Option<(Edit, usize)> {
        let added = self.reached(diagonal + 1).filter(|x| *x as isize - diagonal <= new as isize);
        let removed = self.reached(diagonal - 1).map(|x| x + 1).filter(|x| *x <= old);
        if added >= removed { Some((Edit::Add, added?)) } else { Some((Edit::Remove, removed?)) }
    }
}

fn way_back(rounds: &[Round], lengths: (usize, usize)) -> Vec<Edit> {
    let (mut x, mut y) = lengths;
    let mut edits = Vec::new();
    for last in rounds.iter().rev().skip(1) {
        let diagonal = x as isize - y as isize;
        let (edit, begin) = last.by_an_edit(diagonal, lengths).expect("the way there came by an edit");
        edits.extend(std::iter::repeat_n(Edit::Keep, x - begin));
        edits.push(edit);
        (x, y) = (begin, (begin as isize - diagonal) as usize);
        match edit {
            Edit::Add => y -= 1,
            _ => x -= 1,
        }
    }
    edits.extend(std::iter::repeat_n(Edit::Keep, x));
    edits.reverse();
    edits
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
