//! How much the values of an answer may still take.
//!
//! Some values are far larger than what a server sends of them: a number of five bytes with a hundred thousand zeros, an
//! array of nulls. They are counted before they are made.

use crate::sources::SourceFault;

/// About what a value takes beside what is in it.
const VALUE: usize = 32;
/// The same of a list, which has room for a few values from the start.
const LIST: usize = 96;

/// Room for values, in bytes.
pub(super) struct Room {
    left: usize,
    /// What it is a part of.
    most: usize,
    is_full: bool,
}

impl Room {
    /// What is left of the `most` bytes that an answer may have.
    pub(super) fn of(left: usize, most: usize) -> Room {
        Room { left, most, is_full: false }
    }

    /// Makes room for a value with so many bytes in it; `None` if there is none.
    pub(super) fn value(&mut self, bytes: usize) -> Option<()> {
        self.take(bytes.saturating_add(VALUE))
    }

    /// Makes room for a list, whose values are counted one by one.
    pub(super) fn list(&mut self) -> Option<()> {
        self.take(LIST)
    }

    /// Makes room for all that is in a JSON document, as far as that is more than its text.
    pub(super) fn json(&mut self, text: &[u8]) -> Option<()> {
        let (mut parts, mut in_text, mut escaped) = (0_usize, false, false);
        for byte in text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_text => escaped = true,
                b'"' => in_text = !in_text,
                b'[' | b'{' | b',' | b':' if !in_text => parts += 1,
                _ => {}
            }
        }
        self.take(parts.saturating_mul(VALUE))
    }

    /// What to say if something found no room.
    pub(super) fn fault(&self) -> Option<SourceFault> {
        self.is_full.then_some(SourceFault::TooLarge(self.most))
    }

    fn take(&mut self, bytes: usize) -> Option<()> {
        let left = self.left.checked_sub(bytes);
        self.is_full |= left.is_none();
        self.left = left?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_known_afterwards() {
        let mut room = Room::of(VALUE + 5, 99);
        assert_eq!(room.value(6), None);
        assert_eq!(room.fault(), Some(SourceFault::TooLarge(99)));
        let mut room = Room::of(VALUE + 5, 99);
        assert_eq!((room.value(5), room.fault()), (Some(()), None));
        assert_eq!((room.list(), room.fault().is_some()), (None, true));
    }

    #[test]
    fn of_json_the_parts_count_and_not_what_stands_in_texts() {
        let parts = |text: &str| {
            let mut room = Room::of(1000, 1000);
            room.json(text.as_bytes()).unwrap();
            (1000 - room.left) / VALUE
        };
        assert_eq!(parts("1"), 0);
        assert_eq!(parts("[1,2,3]"), 3);
        assert_eq!(parts(r#"{"a,[{": "\",", "b": []}"#), 5);
    }
}
