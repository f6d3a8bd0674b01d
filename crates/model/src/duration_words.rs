//! How long something took, in words that people read at a glance.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_where_that_is_exact_enough() {
        let words = [-3, 0, 89, 90, 5_399, 5_400, 7_200, 36_000, 172_799, 180_000, 900_000].map(lasted);
        assert_eq!(
            words,
            ["0 s", "0 s", "89 s", "2 min", "90 min", "1 h 30 min", "2 h", "10 h", "48 h", "2 d 2 h", "10 d"]
        );
    }
}
