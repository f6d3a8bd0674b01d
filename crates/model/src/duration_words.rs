//! How long something took, in words that people read at a glance; and how long something is to last, as they type it.

use jiff::SignedDuration;

/// `45 s`, `12 min`, `3 h`, `2 d`: one unit while that is exact enough, two where the next matters.
pub fn lasted(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let two = |large: i64, unit: &str, small: i64, sub: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {sub}"),
    };
    match seconds {
        0..=89 => format!("{seconds} s"),
        90..=5_399 => format!("{} min", (seconds + 30) / 60),
        5_400..=35_999 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        36_000..=172_799 => format!("{} h", (seconds + 1800) / 3600),
        172_800..=863_999 => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

/// Reads how long something is to last, as people type it: `90s`, `30 min`, `2h`, `1.5 h`, `3d`, `1w`.
///
/// # Errors
///
/// The text is none; the message says what is expected.
pub fn read_duration(text: &str) -> Result<SignedDuration, String> {
    let wrong = || {
        let shown: String = text.chars().take(40).collect();
        format!("{shown:?} is no duration: write a number and a unit, such as 90s, 30min, 2h, 3d or 1w")
    };
    let text = text.trim();
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text[number.len()..].to_ascii_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => 1.0,
        "m" | "min" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        _ => return Err(wrong()),
    };
    let number = number.trim();
    let plain = !number.is_empty() && number.len() <= 12 && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let number: f64 = number.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
    SignedDuration::try_from_secs_f64((number * seconds).round()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_type_them() {
        let read = |text| read_duration(text).map(|duration| duration.as_secs());
        let read = ["90s", "30 min", "2h", " 1.5 H", "3d", "1 week", "0s"].map(read);
        assert_eq!(read, [Ok(90), Ok(1800), Ok(7200), Ok(5400), Ok(259_200), Ok(604_800), Ok(0)]);
        for text in ["", "2", "h", "-2h", "1e3s", "2h30m", "two h", "inf s", "9999999999999h", "\u{e9}h"] {
            assert!(read_duration(text).unwrap_err().contains("such as 90s"), "{text}");
        }
    }

    #[test]
    fn one_unit_where_that_is_exact_enough() {
        let words = [-3, 0, 89, 90, 5_399, 5_400, 7_200, 36_000, 172_799, 180_000, 900_000].map(lasted);
        assert_eq!(
            words,
            ["0 s", "0 s", "89 s", "2 min", "90 min", "1 h 30 min", "2 h", "10 h", "48 h", "2 d 2 h", "10 d"]
        );
    }
}
