//! Which names say that what they name is secret: the one list, for settings, addresses, environment variables and the
//! configs of plug-ins.

/// Words that mark a name, also where they are the end of a longer one: `apikey`, `oauth`, `accesstoken`.
const MARKS: [&str; 12] = [
    "auth",
    "authorization",
    "credential",
    "key",
    "passphrase",
    "passwd",
    "password",
    "passwort",
    "pwd",
    "secret",
    "signature",
    "token",
];

/// Words that mark a name only as they are: inside of others they mean nothing (`spin`, `compass`, `design`).
const WHOLE_MARKS: [&str; 4] = ["dsn", "pass", "pin", "sig"];

/// Whether what is called `name` is likely to be a secret. Words are told apart by case and by whatever is no letter;
/// several (`tokens`) and numbered ones (`password2`) count too.
pub fn names_a_secret(name: &str) -> bool {
    let mut spaced = String::with_capacity(name.len() + 8);
    let mut after_small = false;
    for c in name.chars() {
        if after_small && c.is_ascii_uppercase() {
            spaced.push(' ');
        }
        after_small = c.is_ascii_lowercase();
        spaced.push(c.to_ascii_lowercase());
    }
    spaced.split(|c: char| !c.is_ascii_alphabetic()).any(|word| {
        let one = word.strip_suffix('s').unwrap_or(word);
        MARKS.iter().any(|mark| one.ends_with(mark)) || WHOLE_MARKS.iter().any(|mark| *mark == word || *mark == one)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_so_and_names_that_do_not() {
        for name in [
            "password",
            "SMTP_PASSWORD",
            "db-password2",
            "passwords",
            "api_key",
            "apikey",
            "apiKey",
            "AWS_SECRET_ACCESS_KEY",
            "accessToken",
            "tokenValue",
            "token_url",
            "auth",
            "oauth",
            "Authorization",
            "X-Auth-Token",
            "credentials",
            "pwd",
            "passphrase",
            "sig",
            "signature",
            "SENTRY_DSN",
            "PIN",
            "pins",
            "SMTP_PASS",
            "client.secret",
        ] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in [
            "",
            "url",
            "host",
            "user",
            "username",
            "spin",
            "spins",
            "compass",
            "bypass",
            "design",
            "author",
            "keyboard",
            "tokenizer",
            "PATH",
            "ping",
            "authors",
            "passenger",
            "secretary",
        ] {
            assert!(!names_a_secret(name), "{name}");
        }
    }
}
