//! Where in the script an `ERROR` happened, in the message that lists, pages and messages show.

use revere_model::State;
use revere_sandbox::Outcome;

/// What the sandbox ends a cut text with.
const CUT: &str = "\u{2026} [cut]";

/// Adds the line to the message of an `ERROR`: the last one that was executed in the monitor's own script, behind the first
/// line of the text, which is what lists show. The message stays within `most` bytes. A failure that the author raised
/// says what it says, and a run without a line is left as it is.
pub(crate) fn say_line(outcome: &mut Outcome, most: usize) {
    if outcome.state == State::Error
        && let Some(line) = outcome.error.as_ref().and_then(|error| error.line)
    {
        outcome.message = with_line(&outcome.message, line, most);
    }
}

fn with_line(message: &str, line: u32, most: usize) -> String {
    let place = format!(" (line {line})");
    let (first, rest) = message.split_at(message.find('\n').unwrap_or(message.len()));
    if first.ends_with(&place) {
        return message.to_owned();
    }
    if message.len() + place.len() <= most {
        return format!("{first}{place}{rest}");
    }
    let room = most.saturating_sub(place.len() + CUT.len());
    let first = shortened(first, room);
    let rest = shortened(rest, room.saturating_sub(first.len()));
    format!("{first}{place}{}{CUT}", rest.trim_end_matches(CUT))
}

fn shortened(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_stands_behind_the_first_line() {
        assert_eq!(
            with_line("ZeroDivisionError: division by zero", 12, 100),
            "ZeroDivisionError: division by zero (line 12)"
        );
        assert_eq!(with_line("ValueError: a\nb", 3, 100), "ValueError: a (line 3)\nb");
        assert_eq!(with_line("KeyError", 1, 100), "KeyError (line 1)");
        assert_eq!(with_line("RuntimeError: bad row (line 7)", 7, 100), "RuntimeError: bad row (line 7)");
    }

    #[test]
    fn a_message_that_is_full_gives_way_to_it() {
        for message in
            ["x".repeat(100), format!("{}{CUT}", "x".repeat(100 - CUT.len())), format!("a\n{}", "\u{e4}".repeat(49))]
        {
            let said = with_line(&message, 12, 100);
            assert!(said.len() <= 100 && said.contains(" (line 12)") && said.ends_with(CUT), "{said}");
            assert_eq!(said.matches(CUT).count(), 1, "{said}");
        }
    }
}
