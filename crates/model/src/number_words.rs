//! Numbers for people: one way to write them, for the list, the header, the chart and messages.
//!
//! A number is never cut, and never rounded into another one unseen. One that is shortened has a prefix (`123.5 G`), an
//! exponent (`4.612e18`) or all the digits of its column (`0.333333`, `100.000` for 99.9999999), and [`whole`] stands
//! beside it. The browser's code writes them alike: `tests/display_cases.json` holds the cases that both are tested with.
//!
//! [`whole`]: NumberFormat::whole

use serde::{Deserialize, Serialize};

use crate::ReturnValue;

/// Between groups of three digits: narrow, and no line breaks there.
const GROUP: char = '\u{202f}';
/// Between a number and its unit.
const SPACE: char = '\u{a0}';
/// Digits of a float in a column.
const DIGITS: usize = 6;
/// Digits beside a prefix or an exponent.
const SHORT_DIGITS: usize = 4;
/// Of a float so many digits are meant; what follows is how machines count.
const MEANT: usize = 13;
/// Units that a prefix is written together with.
const JOINED: [&str; 12] = ["B", "B/s", "b", "b/s", "bit", "bit/s", "Hz", "W", "Wh", "J", "V", "A"];

/// What a monitor's numbers count, and with how many decimals they are shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NumberFormat {
    /// `ms`, `%`, `bytes`, `EUR`; empty for none.
    #[serde(default)]
    pub unit: String,
    /// Decimals; `None` for as many as there are.
    #[serde(default)]
    pub decimals: Option<u32>,
}

impl NumberFormat {
    /// In the width of a column: `1 234 567`, `0.333333`, `123.5 G`, `1e-9`. `None` for a text.
    pub fn short(&self, value: &ReturnValue) -> Option<String> {
        Some(self.shortened(&Decimal::of(value)?))
    }

    /// The same of a whole number that is kept as a text because 64 bits have no room for it, however long it is:
    /// `1.181e21`. `None` for any other text.
    pub fn short_of_text(&self, text: &str) -> Option<String> {
        Some(self.shortened(&Decimal::beyond_64_bits(text)?))
    }

    fn shortened(&self, number: &Decimal) -> String {
        if number.is_zero() {
            return self.counted(&number.fixed(self.decimals.unwrap_or(0)), "");
        }
        let rounded = number.seen(match number.exponent {
            -4..7 => DIGITS.max((number.exponent + 2).unsigned_abs() as usize),
            _ => SHORT_DIGITS,
        });
        match rounded.exponent {
            7..15 => {
                let (prefix, power) = match rounded.exponent {
                    7..9 => ("M", 6),
                    9..12 => ("G", 9),
                    _ => ("T", 12),
                };
                let short = number.seen(SHORT_DIGITS);
                self.counted(&Decimal { exponent: short.exponent - power, ..short }.positional(), prefix)
            }
            -4..7 => match self.decimals.and_then(|decimals| number.at_most(decimals)) {
                Some(text) => self.counted(&text, ""),
                None if number.is_whole() => self.counted(&number.positional(), ""),
                None => self.counted(&rounded.positional(), ""),
            },
            _ => self.counted(&rounded.scientific(), ""),
        }
    }

    /// With every digit, in groups: `123 506 019 586`. `None` for a text.
    pub fn whole(&self, value: &ReturnValue) -> Option<String> {
        Some(self.counted(&self.every_digit(value, true)?, ""))
    }

    /// With every digit, as one copies it: `123506019586 ms`, in messages. A text is itself.
    pub fn plain(&self, value: &ReturnValue) -> String {
        match self.every_digit(value, false) {
            Some(digits) if self.unit == "%" => digits + "%",
            Some(digits) if self.unit.is_empty() => digits,
            Some(digits) => format!("{digits} {}", self.unit),
            None => value.to_string(),
        }
    }

    fn every_digit(&self, value: &ReturnValue, groups: bool) -> Option<String> {
        let number = Decimal::of(value)?;
        let positional = matches!(value, ReturnValue::Int(_)) || (-4..16).contains(&number.exponent);
        if !positional {
            return Some(number.scientific());
        }
        let text = match self.decimals {
            Some(decimals) if number.decimals() < decimals as usize => number.fixed(decimals),
            _ => number.positional(),
        };
        Some(if groups { text } else { text.replace(GROUP, "") })
    }

    /// With the unit. A prefix stands before it.
    fn counted(&self, number: &str, prefix: &str) -> String {
        let unit = match (self.unit.as_str(), prefix) {
            (unit, "") => unit,
            ("bytes" | "byte", _) => "B",
            ("bytes/s", _) => "B/s",
            (unit, _) => unit,
        };
        match (prefix, unit) {
            ("", "") => number.to_owned(),
            ("", "%") => format!("{number}%"),
            ("", _) => format!("{number}{SPACE}{unit}"),
            (_, "") => format!("{number}{SPACE}{prefix}"),
            _ if unit == "%" || JOINED.contains(&unit) => format!("{number}{SPACE}{prefix}{unit}"),
            _ => format!("{number}{SPACE}{prefix}{SPACE}{unit}"),
        }
    }
}

/// A number by its decimal digits, as people write it: `d.ddd` times ten to the power of `exponent`. The digits are the
/// fewest that are read as the same number again.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i32,
}

impl Decimal {
    fn of(value: &ReturnValue) -> Option<Decimal> {
        let text = match value {
            ReturnValue::Int(int) => format!("{}", int.unsigned_abs()),
            ReturnValue::Float(float) if float.is_finite() => format!("{:e}", float.abs()),
            ReturnValue::Float(_) | ReturnValue::Text(_) => return None,
        };
        let negative = matches!(value, ReturnValue::Int(..0)) || matches!(value, ReturnValue::Float(f) if *f < 0.0);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, ""));
        let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        let exponent = match exponent {
            "" => digits.len() as i32 - 1,
            exponent => exponent.parse().ok()?,
        };
        Some(Decimal { negative, digits, exponent }.trimmed())
    }

    /// A text of nothing but digits, without zeros in front, that no number of 64 bits is.
    fn beyond_64_bits(text: &str) -> Option<Decimal> {
        let written = text.strip_prefix('-').unwrap_or(text);
        let is_number = written.bytes().all(|byte| byte.is_ascii_digit()) && !written.starts_with('0');
        if written.is_empty() || !is_number || text.parse::<i64>().is_ok() {
            return None;
        }
        let digits: Vec<u8> = written.bytes().map(|digit| digit - b'0').collect();
        let exponent = i32::try_from(digits.len()).ok()? - 1;
        Some(Decimal { negative: written.len() < text.len(), digits, exponent }.trimmed())
    }

    fn is_zero(&self) -> bool {
        self.digits == [0]
    }

    fn is_whole(&self) -> bool {
        self.decimals() == 0
    }

    /// Digits behind the point.
    fn decimals(&self) -> usize {
        (self.digits.len() as i32 - 1 - self.exponent).max(0) as usize
    }

    fn trimmed(mut self) -> Decimal {
        while self.digits.len() > 1 && self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        self
    }

    /// With exactly `keep` digits, rounded half up.
    fn rounded(&self, keep: usize) -> Decimal {
        let mut number = self.clone();
        let up = number.digits.get(keep).is_some_and(|digit| *digit >= 5);
        number.digits.resize(keep, 0);
        if up {
            let nines = number.digits.iter().rev().take_while(|digit| **digit == 9).count();
            number.digits[keep - nines..].fill(0);
            match number.digits[..keep - nines].last_mut() {
                Some(digit) => *digit += 1,
                None => {
                    number.digits[0] = 1;
                    number.exponent += 1;
                }
            }
        }
        number
    }

    /// With at most `keep` digits: as it is where it has no more, otherwise with all of them, so that it does not read as
    /// a rounder number.
    fn seen(&self, keep: usize) -> Decimal {
        let meant = if self.digits.len() > MEANT { self.rounded(MEANT).trimmed() } else { self.clone() };
        if meant.digits.len() <= keep { meant } else { self.rounded(keep) }
    }

    /// With so many decimals; `None` where that would leave nothing of it.
    fn at_most(&self, decimals: u32) -> Option<String> {
        let keep = self.exponent + 1 + decimals as i32;
        (keep > 0).then(|| self.rounded(keep as usize).fixed(decimals))
    }

    /// `-1 234.5`
    fn positional(&self) -> String {
        let mut text = String::new();
        if self.negative {
            text.push('-');
        }
        let whole = (self.exponent + 1).max(0) as usize;
        for at in 0..whole {
            if at > 0 && whole > 4 && (whole - at).is_multiple_of(3) {
                text.push(GROUP);
            }
            text.push(char::from(b'0' + self.digits.get(at).copied().unwrap_or(0)));
        }
        if whole == 0 {
            text.push('0');
        }
        if self.digits.len() > whole && !self.is_zero() {
            text.push('.');
            text.extend(std::iter::repeat_n('0', (-1 - self.exponent).max(0) as usize));
            text.extend(self.digits[whole..].iter().map(|digit| char::from(b'0' + digit)));
        }
        text
    }

    /// With so many decimals behind the point, zeros where it has no more.
    fn fixed(&self, decimals: u32) -> String {
        let mut text = self.positional();
        let there = text.split_once('.').map_or(0, |(_, behind)| behind.len());
        if there == 0 && decimals > 0 {
            text.push('.');
        }
        text.extend(std::iter::repeat_n('0', (decimals as usize).saturating_sub(there)));
        text
    }

    /// `-1.573e-10`
    fn scientific(&self) -> String {
        let mantissa = Decimal { exponent: 0, ..self.clone() };
        format!("{}e{}", mantissa.positional(), self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The number that a text of ours stands for.
    fn read(text: &str) -> f64 {
        let (number, power) = match text.split_once(SPACE) {
            Some((number, "M")) => (number, 6),
            Some((number, "G")) => (number, 9),
            Some((number, "T")) => (number, 12),
            _ => (text, 0),
        };
        format!("{}e{power}", number.replace(GROUP, "")).parse().unwrap_or_else(|_| number.parse().unwrap())
    }

    proptest! {
        #[test]
        fn whole_is_the_same_number_and_short_is_near_it(bits in any::<u64>(), decimals in proptest::option::of(0u32..4)) {
            let float = f64::from_bits(bits);
            prop_assume!(float.is_finite());
            let format = NumberFormat { decimals, ..NumberFormat::default() };
            let value = ReturnValue::Float(float);
            prop_assert_eq!(read(&format.whole(&value).unwrap()), float);
            let short = format.short(&value).unwrap();
            let off = (read(&short) - float).abs();
            let most = if decimals.is_some() { float.abs() * 0.5 + 1e-300 } else { float.abs() * 5.1e-4 };
            prop_assert!(off <= most, "{} for {}", short, float);
            prop_assert!(short.chars().count() <= 16, "{}", short);
        }

        #[test]
        fn whole_numbers_are_whole(int in any::<i64>()) {
            let whole = NumberFormat::default().whole(&ReturnValue::Int(int)).unwrap();
            prop_assert_eq!(whole.replace(GROUP, "").parse::<i64>().unwrap(), int);
        }

        #[test]
        fn numbers_of_everyday_size_are_near(thousandths in -9_000_000_000i64..9_000_000_000, decimals in 0u32..4) {
            let value = ReturnValue::Float(thousandths as f64 / 1000.0);
            let format = NumberFormat { decimals: Some(decimals), ..NumberFormat::default() };
            let short = read(&format.short(&value).unwrap());
            let half = 0.5 * 10f64.powi(-(decimals as i32));
            prop_assert!((short - thousandths as f64 / 1000.0).abs() <= half * 1.001, "{}", short);
        }
    }

    #[test]
    fn texts_are_no_numbers() {
        let text = ReturnValue::Text("7".to_owned());
        let format = NumberFormat { unit: "ms".to_owned(), decimals: Some(2) };
        assert_eq!((format.short(&text), format.whole(&text), format.plain(&text)), (None, None, "7".to_owned()));
        assert_eq!(format.plain(&ReturnValue::Int(-123_456)), "-123456.00 ms");
    }

    #[test]
    fn a_whole_number_of_any_length_is_shortened() {
        let short = |text: &str| NumberFormat::default().short_of_text(text);
        let is = |text: &str, words: &str| assert_eq!(short(text).as_deref(), Some(words), "{text}");
        is("9223372036854775808", "9.223e18");
        is("-1180591620717411303424", "-1.181e21");
        is(&format!("1{}", "0".repeat(300)), "1e300");
        is(&format!("1{}", "0".repeat(309)), "1e309");
        is(&format!("-{}", "123456789".repeat(60)), "-1.235e539");
        is(&"9".repeat(4300), "1e4300");
        for text in
            ["", "-", "9223372036854775807", "00000000000000000000012", "1180591620717411303424 rows", "--1e400"]
        {
            assert_eq!(short(text), None, "{text}");
        }
    }
}
