//! A browser in a few words, for the list of sessions: what it says of itself is long, and mostly about others.

use axum::http::{HeaderMap, header};

/// The first that is found is it: many name the ones before them, too.
const BROWSERS: [(&str, &str); 6] = [
    ("Firefox/", "Firefox"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("HeadlessChrome/", "Chrome without a window"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];
const SYSTEMS: [(&str, &str); 6] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];

/// The longest name of a browser that is none of the usual ones.
const NAME_CHARS: usize = 80;

/// What a browser that asks for something is called.
pub(in crate::web) fn name_of(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    of(agent).chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect()
}

/// Firefox 142 on Linux; what is none of the usual ones is shown as it is.
pub(super) fn of(user_agent: &str) -> String {
    if user_agent.is_empty() {
        return "a program".to_owned();
    }
    let known = BROWSERS.iter().find_map(|(mark, name)| {
        let (_, after) = user_agent.split_once(mark)?;
        let version = after.split(|c: char| !c.is_ascii_digit()).next().filter(|version| !version.is_empty())?;
        let (_, system) = SYSTEMS.iter().find(|(mark, _)| user_agent.contains(mark))?;
        Some(format!("{name} {version} on {system}"))
    });
    known.unwrap_or_else(|| user_agent.to_owned())
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn usual_browsers_are_named_and_others_are_shown_as_they_are() {
        for (user_agent, words) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0", "Firefox 142 on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 \
                 Safari/537.36 Edg/156.0.0.0",
                "Edge 156 on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile \
                 Safari/537.36",
                "Chrome 156 on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari 26 on iPhone",
            ),
            ("curl/8.14.1", "curl/8.14.1"),
            ("Firefox/ on nothing", "Firefox/ on nothing"),
            ("", "a program"),
        ] {
            assert_eq!(of(user_agent), words);
        }
    }
}
