//! Passwords that whoever guesses tries first. Only those of twelve characters and more matter: shorter ones are refused
//! anyway.

/// What such passwords are made of: words and rows of keys, in small letters.
const PIECES: &[&str] = &[
    "password",
    "passwort",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "letmein",
    "welcome",
    "willkommen",
    "changeme",
    "secret",
    "geheim",
    "default",
    "administrator",
    "admin",
    "root",
    "login",
    "master",
    "monitor",
    "server",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "dragon",
    "monkey",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "qwerty",
    "qwertz",
    "azerty",
    "asdfghjkl",
    "asdfgh",
    "asdf",
    "yxcvbnm",
    "zxcvbnm",
    "1q2w3e4r5t6y",
    "1q2w3e4r5t",
    "1q2w3e4r",
    "q1w2e3r4t5y6",
    "q1w2e3r4",
    "1qaz2wsx3edc",
    "1qaz2wsx",
    "abcdefghijklmnopqrstuvwxyz",
    "abcdefgh",
    "abcdef",
    "abcd",
    "abc",
    "summer",
    "winter",
    "spring",
    "autumn",
    "hello",
    "trustno1",
    "test",
    "demo",
    "guest",
    "user",
    "the",
    "my",
    "is",
    "new",
    "old",
];

/// Whether a password, in small letters, is made of such pieces and of digits that count or repeat.
pub(super) fn is_common(password: &str) -> bool {
    let mut rest = password;
    while !rest.is_empty() {
        let piece = PIECES.iter().filter(|piece| rest.starts_with(**piece)).map(|piece| piece.len()).max();
        let length = match piece {
            Some(length) => length,
            None => match rest.chars().next() {
                Some(c) if c.is_ascii_digit() || c.is_ascii_punctuation() || c == ' ' => c.len_utf8(),
                _ => return false,
            },
        };
        rest = &rest[length..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_common;

    #[test]
    fn words_rows_of_keys_and_digits_are_common_and_sentences_are_not() {
        for common in
            ["password1234", "123456789012", "qwertyuiop!!", "adminadmin2026", "welcome-2-the-test", "p@ssw0rd2026!"]
        {
            assert!(is_common(common), "{common}");
        }
        for fine in ["correct horse battery", "hello quiet mountain", "1q2w3e4r horse"] {
            assert!(!is_common(fine), "{fine}");
        }
    }
}
