//! Days as databases count them, as Python has them.
//!
//! Python's calendar begins with the year 1 and ends with 9999. Every day of it is a date here, the first and the last one
//! too; any other is a text that a person can read, as the database would write it.

use super::Value;

/// Whether Python has this day.
pub(super) fn is_real(year: i64, month: u8, day: u8) -> bool {
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return false,
    };
    (1..=9999).contains(&year) && (1..=days).contains(&day)
}

/// Year, month and day, so many days after the first of January 1970. The year 0 is 1 BC.
pub(super) fn civil(days: i64) -> (i64, u8, u8) {
    // Years begin with March here, so that the odd day is the last one; 400 of them are 146,097 days.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + 400 * era + i64::from(month <= 2);
    // In range by the arithmetic above.
    (year, month as u8, day as u8)
}

/// A day so many days after 1970.
pub(super) fn date(days: i64) -> Value {
    let (year, month, day) = civil(days);
    match year {
        1..=9999 => {
            let mut text = String::with_capacity(10);
            push_day(&mut text, year, month, day);
            Value::Date(text)
        }
        _ => Value::Text(beyond(year, month, day, "")),
    }
}

/// A moment so many microseconds after 1970, in the zone that `offset` (empty, or `+00:00`) names.
pub(super) fn date_time(micros: i64, offset: &str) -> Value {
    const DAY: i64 = 86_400_000_000;
    let (year, month, day) = civil(micros.div_euclid(DAY));
    let of_day = micros.rem_euclid(DAY).unsigned_abs();
    let mut text = String::with_capacity(32);
    match year {
        1..=9999 => {
            push_day(&mut text, year, month, day);
            text.push('T');
            push_clock(&mut text, of_day);
            text.push_str(offset);
            Value::DateTime(text)
        }
        _ => {
            text.push(' ');
            push_clock(&mut text, of_day);
            if !of_day.is_multiple_of(1_000_000) {
                text.truncate(text.trim_end_matches('0').len());
            }
            text.push_str(offset);
            Value::Text(beyond(year, month, day, &text))
        }
    }
}

/// Writes a day of a year from 0 to 9999 as `2024-02-29`.
pub(super) fn push_day(out: &mut String, year: i64, month: u8, day: u8) {
    push_digits(out, year.unsigned_abs(), 4);
    out.push('-');
    push_digits(out, month.into(), 2);
    out.push('-');
    push_digits(out, day.into(), 2);
}

/// Writes a time of day, in microseconds, as `04:05:06`, or `04:05:06.700000` where it has a fraction.
pub(super) fn push_clock(out: &mut String, micros: u64) {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    push_digits(out, seconds / 3600, 2);
    out.push(':');
    push_digits(out, seconds / 60 % 60, 2);
    out.push(':');
    push_digits(out, seconds % 60, 2);
    if fraction > 0 {
        out.push('.');
        push_digits(out, fraction, 6);
    }
}

/// Writes a number with at least so many digits. By hand, since an answer has thousands of dates and numbers.
pub(super) fn push_digits(out: &mut String, mut number: u64, least: usize) {
    let mut digits = [b'0'; 20];
    let mut begins = digits.len();
    while number > 0 {
        begins -= 1;
        digits[begins] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let begins = begins.min(digits.len().saturating_sub(least));
    out.push_str(std::str::from_utf8(&digits[begins..]).expect("digits are ASCII"));
}

/// `10000-01-01`, `0044-03-15 BC`.
fn beyond(year: i64, month: u8, day: u8, clock: &str) -> String {
    match year {
        1.. => format!("{year:04}-{month:02}-{day:02}{clock}"),
        _ => format!("{:04}-{month:02}-{day:02}{clock} BC", 1 - year),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_whole_of_pythons_calendar_is_dates_and_nothing_else_is() {
        for (days, text) in
            [(0, "1970-01-01"), (-719_162, "0001-01-01"), (2_932_896, "9999-12-31"), (11_016, "2000-02-29")]
        {
            assert_eq!(date(days), Value::Date(text.into()));
        }
        for (days, text) in [
            (2_932_897, "10000-01-01"),
            (-719_163, "0001-12-31 BC"),
            (-735_160, "0044-03-15 BC"),
            (2_147_483_647, "5881580-07-11"),
        ] {
            assert_eq!(date(days), Value::Text(text.into()));
        }
        let day = 86_400_000_000;
        assert_eq!(date_time(2_932_897 * day - 1, ""), Value::DateTime("9999-12-31T23:59:59.999999".into()));
        assert_eq!(date_time(2_932_897 * day, "+00:00"), Value::Text("10000-01-01 00:00:00+00:00".into()));
        assert_eq!(date_time(-719_162 * day, "+00:00"), Value::DateTime("0001-01-01T00:00:00+00:00".into()));
        assert_eq!(date_time(-719_162 * day - 500_000, ""), Value::Text("0001-12-31 23:59:59.5 BC".into()));
    }

    #[test]
    fn days_that_are_in_no_calendar_are_known() {
        assert!(is_real(2024, 2, 29) && is_real(2000, 2, 29) && is_real(9999, 12, 31) && is_real(1, 1, 1));
        for (year, month, day) in
            [(2023, 2, 29), (1900, 2, 29), (0, 1, 1), (10_000, 1, 1), (2024, 0, 1), (2024, 1, 0), (2024, 4, 31)]
        {
            assert!(!is_real(year, month, day), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn fractions_have_six_digits_or_none() {
        let hours = 3_600_000_000;
        assert_eq!(date_time(23 * hours, "+00:00"), Value::DateTime("1970-01-01T23:00:00+00:00".into()));
        assert_eq!(date_time(42, ""), Value::DateTime("1970-01-01T00:00:00.000042".into()));
        assert_eq!(date_time(-1, ""), Value::DateTime("1969-12-31T23:59:59.999999".into()));
        let early = -719_163 * 24 * hours;
        assert_eq!(
            date_time(early, ""),
            Value::Text("0001-12-31 00:00:00 BC".into()),
            "zeros that are no fraction stay"
        );
        assert_eq!(date_time(early + 10 * hours + 20, ""), Value::Text("0001-12-31 10:00:00.00002 BC".into()));
    }

    proptest! {
        #[test]
        fn digits_are_those_of_the_formatter(number in any::<u64>(), shift in 0..64_u32, least in 0..9_usize) {
            let (number, mut out) = (number >> shift, String::from("-"));
            push_digits(&mut out, number, least);
            if number > 0 || least > 0 {
                prop_assert_eq!(out, format!("-{number:0least$}"));
            }
        }

        #[test]
        fn days_are_those_of_the_calendar_library(days in -719_162_i32..2_932_896) {
            let (year, month, day) = civil(days.into());
            let known = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(days);
            prop_assert_eq!((year, month, day), (known.year().into(), known.month() as u8, known.day() as u8));
            prop_assert!(is_real(year, month, day));
        }
    }
}
