//! What differs between two texts, line by line, within a bounded number of steps.
//!
//! A short way from one to the other is looked for first (E. W. Myers, "An O(ND) Difference Algorithm", 1986). Where the two
//! are too far apart for that, lines that each of them has once hold them together, and only what lies between those is
//! compared. What even that does not bring near is told as taken out and put in whole.

use std::collections::HashMap;

/// The most lines that may be taken out or put in on a short way.
const FARTHEST: usize = 600;

/// Steps that all comparing may take together.
const STEPS: usize = 4_000_000;

/// How often what lies between held lines is taken apart anew.
const DEEPEST: usize = 8;

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineChange {
    /// Both have it.
    Kept,
    /// Only the first has it.
    Removed,
    /// Only the second has it.
    Added,
}

/// A line of either text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// What became of it.
    pub change: LineChange,
    /// Its number in the first text, from 1.
    pub old: Option<usize>,
    /// Its number in the second text, from 1.
    pub new: Option<usize>,
    /// What it says, with its end, which the last one may lack.
    pub text: &'a str,
}

/// All lines of both texts, each once, in their order.
pub fn line_difference<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let mut numbers = HashMap::new();
    let mut number = |line: &'a str| {
        let next = numbers.len() as u32;
        *numbers.entry(line).or_insert(next)
    };
    let a: Vec<u32> = old.iter().map(|line| number(line)).collect();
    let b: Vec<u32> = new.iter().map(|line| number(line)).collect();
    let mut search = Search { steps: STEPS, same: Vec::new() };
    search.compare(&a, &b, (0, 0), 0);
    let (mut x, mut y) = (0, 0);
    let mut lines = Vec::with_capacity(old.len().max(new.len()));
    for (same_x, same_y) in search.same.into_iter().chain([(old.len(), new.len())]) {
        let removed =
            (x..same_x).map(|at| Line { change: LineChange::Removed, old: Some(at + 1), new: None, text: old[at] });
        lines.extend(removed);
        let added =
            (y..same_y).map(|at| Line { change: LineChange::Added, old: None, new: Some(at + 1), text: new[at] });
        lines.extend(added);
        if let Some(text) = old.get(same_x) {
            lines.push(Line { change: LineChange::Kept, old: Some(same_x + 1), new: Some(same_y + 1), text });
        }
        (x, y) = (same_x + 1, same_y + 1);
    }
    lines
}

/// Lines that are the same, looked for.
struct Search {
    /// Steps that are left.
    steps: usize,
    /// Places of the same line in both, in order.
    same: Vec<(usize, usize)>,
}

impl Search {
    /// Finds what is the same in two pieces that begin at `at`.
    fn compare(&mut self, a: &[u32], b: &[u32], at: (usize, usize), depth: usize) {
        let (x, y) = at;
        let before = a.iter().zip(b).take_while(|(one, other)| one == other).count();
        self.same.extend((0..before).map(|n| (x + n, y + n)));
        let (a, b) = (&a[before..], &b[before..]);
        let after = a.iter().rev().zip(b.iter().rev()).take_while(|(one, other)| one == other).count();
        let (a, b) = (&a[..a.len() - after], &b[..b.len() - after]);
        let (x, y) = (x + before, y + before);
        if !a.is_empty() && !b.is_empty() {
            match shortest(a, b, &mut self.steps) {
                Some(same) => self.same.extend(same.into_iter().map(|(n, m)| (x + n, y + m))),
                None if depth < DEEPEST => self.between(a, b, (x, y), depth),
                None => {}
            }
        }
        self.same.extend((0..after).map(|n| (x + a.len() + n, y + b.len() + n)));
    }

    /// Compares what lies between the lines that each of the two has once.
    fn between(&mut self, a: &[u32], b: &[u32], (x, y): (usize, usize), depth: usize) {
        let held = held_lines(a, b);
        if held.is_empty() {
            return;
        }
        let mut from = (0, 0);
        for to in held.into_iter().chain([(a.len(), b.len())]) {
            self.compare(&a[from.0..to.0], &b[from.1..to.1], (x + from.0, y + from.1), depth + 1);
            if to.0 < a.len() {
                self.same.push((x + to.0, y + to.1));
            }
            from = ((to.0 + 1).min(a.len()), (to.1 + 1).min(b.len()));
        }
    }
}

/// The same lines on a shortest way from `a` to `b`, in order; `None` if it is too far.
fn shortest(a: &[u32], b: &[u32], steps: &mut usize) -> Option<Vec<(usize, usize)>> {
    let (n, m) = (a.len() as i32, b.len() as i32);
    let most = FARTHEST.min(a.len() + b.len()) as i32;
    let middle = most + 1;
    // On each diagonal `x - y`, how far in `a` one has come with so many changes; -1 where one cannot be.
    let mut reached = vec![-1_i32; 2 * most as usize + 3];
    let mut rounds: Vec<Vec<i32>> = Vec::new();
    for changes in 0..=most {
        rounds.push(reached[(middle - changes) as usize..=(middle + changes) as usize].to_vec());
        for diagonal in (-changes..=changes).step_by(2) {
            let begin = if changes == 0 { Some((0, false)) } else { step(&reached, middle, diagonal, n, m) };
            let Some((mut x, _)) = begin else {
                reached[(middle + diagonal) as usize] = -1;
                continue;
            };
            let begun = x;
            while x < n && x - diagonal < m && a[x as usize] == b[(x - diagonal) as usize] {
                x += 1;
            }
            *steps = steps.checked_sub((x - begun) as usize + 1)?;
            reached[(middle + diagonal) as usize] = x;
            if x == n && x - diagonal == m {
                return Some(way_back(&rounds, n, m));
            }
        }
    }
    None
}

/// Where the next change leads on a diagonal, and whether it takes a line out of `a`.
fn step(reached: &[i32], middle: i32, diagonal: i32, n: i32, m: i32) -> Option<(i32, bool)> {
    let at = |diagonal: i32| reached.get((middle + diagonal) as usize).copied().filter(|x| *x >= 0);
    let removes = at(diagonal - 1).filter(|x| *x < n).map(|x| x + 1);
    let adds = at(diagonal + 1).filter(|x| x - diagonal <= m);
    match (removes, adds) {
        (Some(removes), adds) if adds.is_none_or(|adds| removes > adds) => Some((removes, true)),
        (_, adds) => adds.map(|adds| (adds, false)),
    }
}

/// Goes back from the end, round by round, and gathers what is the same on the way.
fn way_back(rounds: &[Vec<i32>], n: i32, m: i32) -> Vec<(usize, usize)> {
    let mut same = Vec::new();
    let (mut x, mut y) = (n, m);
    for (changes, reached) in (0..rounds.len() as i32).zip(rounds).rev() {
        let diagonal = x - y;
        let (begin, removes) = if changes == 0 {
            (0, false)
        } else {
            step(reached, changes, diagonal, n, m).expect("one came from there")
        };
        while x > begin {
            (x, y) = (x - 1, y - 1);
            same.push((x as usize, y as usize));
        }
        if changes > 0 {
            (x, y) = if removes { (x - 1, y) } else { (x, y - 1) };
        }
    }
    same.reverse();
    same
}

/// The lines that both have once, as many as stand in the same order in both.
fn held_lines(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    let once = |lines: &[u32]| {
        let mut places: HashMap<u32, Option<usize>> = HashMap::new();
        for (at, line) in lines.iter().enumerate() {
            places.entry(*line).and_modify(|place| *place = None).or_insert(Some(at));
        }
        places
    };
    let (in_a, in_b) = (once(a), once(b));
    let mut pairs: Vec<(usize, usize)> =
        in_a.iter().filter_map(|(line, at)| Some(((*at)?, (*in_b.get(line)?)?))).collect();
    pairs.sort_unstable();
    // The longest rising row of places in `b`: for each length the pair that ends lowest, and for each pair the one before.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, (_, y)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *y);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(index);
        } else {
            ends[length] = index;
        }
    }
    let mut held = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(index) = at {
        held.push(pairs[index]);
        at = before[index];
    }
    held.reverse();
    held
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(old: &str, new: &str) -> String {
        let lines = line_difference(old, new);
        let signs = lines.iter().map(|line| match line.change {
            LineChange::Kept => format!(" {}", line.text.escape_debug()),
            LineChange::Removed => format!("-{}", line.text.escape_debug()),
            LineChange::Added => format!("+{}", line.text.escape_debug()),
        });
        signs.collect::<Vec<_>>().join("|")
    }

    /// Each text is there whole, in its order, with its numbers.
    fn assert_whole(old: &str, new: &str) -> Vec<LineChange> {
        let lines = line_difference(old, new);
        for (text, gone, number) in [
            (old, LineChange::Added, (|line: &Line<'_>| line.old) as fn(&Line<'_>) -> Option<usize>),
            (new, LineChange::Removed, |line: &Line<'_>| line.new),
        ] {
            let (numbers, texts): (Vec<_>, Vec<_>) =
                lines.iter().filter(|line| line.change != gone).map(|line| (number(line), line.text)).unzip();
            assert_eq!(texts.concat(), text);
            assert!(numbers.iter().copied().eq((1..=texts.len()).map(Some)));
        }
        lines.iter().map(|line| line.change).collect()
    }

    /// How many lines two have in common at most, reckoned the slow way.
    fn most_in_common(a: &[&str], b: &[&str]) -> usize {
        let mut row = vec![0; b.len() + 1];
        for one in a {
            let mut left_above = 0;
            for (at, other) in b.iter().enumerate() {
                let above = row[at + 1];
                row[at + 1] = if one == other { left_above + 1 } else { above.max(row[at]) };
                left_above = above;
            }
        }
        row[b.len()]
    }

    #[test]
    fn what_changed_is_told_line_by_line() {
        assert_eq!(told("a\nb\nc", "a\nx\nc"), r" a\n|-b\n|+x\n| c");
        assert_eq!(told("a", "a"), " a");
        assert_eq!((told("", "a"), told("a", ""), told("", "")), ("+a".to_owned(), "-a".to_owned(), String::new()));
        assert_eq!(told("a", "a\n"), r"-a|+a\n");
        assert_eq!(told("if x:\n    a\n", "if x:\n    b\n    a\n"), r" if x:\n|+    b\n|     a\n");
    }

    #[test]
    fn large_texts_take_a_bounded_number_of_steps() {
        let numbered = |from: usize, to: usize| (from..to).map(|n| format!("{n}\n")).collect::<String>();
        let large = numbered(0, 150_000);
        let backwards: String = (0..100_000).rev().map(|n| format!("{n}\n")).collect();
        let two_words = |seed: u32| {
            let mut state = seed;
            (0..400_000)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    if state >> 31 == 0 { "a\n" } else { "b\n" }
                })
                .collect::<String>()
        };
        for (old, new) in [
            ("\n".repeat(1 << 20), "a\n".repeat(1 << 19)),
            (large.clone(), numbered(150_000, 300_000)),
            (large.clone(), backwards),
            (two_words(1), two_words(2)),
            ("a\nb\n".repeat(200_000), "b\na\n".repeat(200_000)),
            (String::new(), "x".repeat(1 << 20)),
        ] {
            assert_whole(&old, &new);
        }
        // A line here and there is found in the largest text, however many there are.
        let edited: String = (0..150_000).map(|n| format!("{}{n}\n", if n % 100 == 0 { "x" } else { "" })).collect();
        let changes = assert_whole(&large, &edited);
        assert_eq!(changes.iter().filter(|change| **change == LineChange::Added).count(), 1500);
    }

    proptest! {
        #[test]
        fn no_line_is_lost_and_a_short_way_is_a_shortest(old in "[abc\n]{0,60}", new in "[abc\n]{0,60}") {
            let changes = assert_whole(&old, &new);
            let kept = changes.iter().filter(|change| **change == LineChange::Kept).count();
            let (a, b): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
            prop_assert_eq!(kept, most_in_common(&a, &b));
        }
    }
}
