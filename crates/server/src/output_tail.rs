//! The end of what a program writes, for messages: as much as they need, and no word of it in half. Half a word may be half a
//! secret, which nobody would know for one.

/// The last bytes that came.
#[derive(Debug)]
pub struct OutputTail {
    most: usize,
    bytes: Vec<u8>,
    /// Whether something stood before them.
    cut: bool,
}

impl OutputTail {
    /// One that keeps `most` bytes.
    pub const fn of(most: usize) -> OutputTail {
        OutputTail { most, bytes: Vec::new(), cut: false }
    }

    /// Takes what came, and lets go of what is too long ago.
    pub fn keep(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let surplus = self.bytes.len().saturating_sub(self.most);
        self.bytes.drain(..surplus);
        self.cut |= surplus > 0;
    }

    /// What is kept, from the first whole word on.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        match self.cut {
            true => text.split_once(char::is_whitespace).map_or_else(String::new, |(_, rest)| rest.to_owned()),
            false => text.into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_words_are_kept() {
        let mut tail = OutputTail::of(10);
        tail.keep(b"a secret ");
        assert_eq!(tail.text(), "a secret ");
        tail.keep(b"word");
        assert_eq!(tail.text(), "word", "of the secret 5 letters are left");
        tail.keep(b"s-without-an-end");
        assert_eq!(tail.text(), "");
        tail.keep("\n\u{fc}\n".as_bytes());
        assert_eq!(tail.text(), "\u{fc}\n");
    }
}
