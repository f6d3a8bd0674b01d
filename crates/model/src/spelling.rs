//! Which known word a misspelled one was most likely meant to be. The only edit distance there is: its work is bounded,
//! whatever somebody sends.

/// No known word is longer than this; what is longer is no misspelling of one.
const LONGEST: usize = 200;

/// The known word that `given` is most likely a misspelling of, in either case: one slip in three letters at most.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = length(given)?;
    let given = given.to_lowercase();
    let candidate = |word: &'a str| {
        let most = (length(word)?.max(letters) / 3).max(1);
        Some((slips(&given, &word.to_lowercase(), most)?, word))
    };
    known.into_iter().filter_map(candidate).min().map(|(_, word)| word)
}

/// Letters to add, drop, change or swap with their neighbour to get from one text to the other; `None` if that is more
/// than `most`, or if one of them is longer than any word.
pub(crate) fn slips(one: &str, other: &str, most: usize) -> Option<usize> {
    if length(one)?.abs_diff(length(other)?) > most {
        return None;
    }
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut this = vec![row + 1];
        for (column, wanted) in other.iter().enumerate() {
            let changed = last[column] + usize::from(letter != wanted);
            let mut least = changed.min(last[column + 1] + 1).min(this[column] + 1);
            if row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *wanted {
                least = least.min(before_last[column - 1] + 1);
            }
            this.push(least);
        }
        // A swap reaches back over one row, so two in a row must be too far.
        if this.iter().chain(&last).all(|slips| *slips > most) {
            return None;
        }
        before_last = std::mem::replace(&mut last, this);
    }
    last.pop().filter(|slips| *slips <= most)
}

/// How many characters the text has, unless it is too long for a word. Looks at no more of it than that.
fn length(text: &str) -> Option<usize> {
    let length = text.chars().take(LONGEST + 1).count();
    (length <= LONGEST).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_word_is_found_through_one_slip() {
        let known = ["email", "webhook", "command"];
        for slip in ["emial", "emal", "eemail", "Email", "enail"] {
            assert_eq!(nearest(slip, known), Some("email"), "{slip}");
        }
        assert_eq!(nearest("pager", known), None);
    }

    #[test]
    fn slips_are_counted_up_to_the_most() {
        for (one, other, expected) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abcd", "badc", 2),
            ("kitten", "sitting", 3),
            ("", "ab", 2),
        ] {
            assert_eq!(slips(one, other, 9), Some(expected), "{one} {other}");
            assert_eq!(slips(one, other, expected), Some(expected), "{one} {other}");
            assert_eq!(expected.checked_sub(1).and_then(|less| slips(one, other, less)), None, "{one} {other}");
        }
    }

    /// A million characters against a million would be a million million steps.
    #[test]
    fn a_text_that_is_no_word_is_near_to_none() {
        let long = "x".repeat(1_000_000);
        assert_eq!(nearest(&long, ["x", long.as_str()]), None);
        assert_eq!(nearest("x", [long.as_str()]), None);
        assert_eq!(slips(&long, &long, usize::MAX), None);
        assert_eq!(nearest(&"x".repeat(200), [&*"x".repeat(199)]).map(str::len), Some(199));
    }
}
