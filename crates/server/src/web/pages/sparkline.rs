//! A monitor's last values as a line the size of a word, and its last states as a strip below. Drawn by the server.

use std::fmt::{self, Display, Formatter, Write as _};

use askama::filters::HtmlSafe;
use revere_model::{NumberFormat, ReturnValue, State};

use super::display::{Escaped, class, short_value};

/// The last runs of a monitor, oldest first.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Sparkline {
    /// What each run left: its outcome, and its value where that is a number.
    pub(super) points: Vec<(State, Option<f64>)>,
    /// How its numbers are shown.
    pub(super) numbers: NumberFormat,
}

const WIDTH: f64 = 132.0;
const HEIGHT: f64 = 24.0;
/// The strip of states stands at the bottom, the line above it.
const STRIP: f64 = 3.0;
const ROOM: f64 = HEIGHT - STRIP - 4.0;

impl Display for Sparkline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.points.is_empty() {
            return Ok(());
        }
        write!(
            f,
            r#"<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#,
            Escaped(&self.in_words())
        )?;
        self.line(f)?;
        self.strip(f)?;
        f.write_str("</svg>")
    }
}

impl HtmlSafe for Sparkline {}

impl Sparkline {
    fn numbers(&self) -> impl Iterator<Item = f64> {
        self.points.iter().filter_map(|(_, value)| *value).filter(|value| value.is_finite())
    }

    fn in_words(&self) -> String {
        let failing = self.points.iter().filter(|(state, _)| state.is_problem()).count();
        let runs = self.points.len();
        let mut words = format!("last {runs} runs, {failing} failing");
        let (least, most) = self.numbers().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if least.is_finite() {
            let number = |value| short_value(&ReturnValue::Float(value), &self.numbers);
            _ = write!(words, "; values from {} to {}", number(least), number(most));
        }
        words
    }

    fn x(&self, index: usize) -> f64 {
        let last = self.points.len().saturating_sub(1).max(1);
        1.0 + (WIDTH - 3.0) * index as f64 / last as f64
    }

    /// One stretch of line for each stretch of numbers.
    fn line(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (least, most) = self.numbers().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if !least.is_finite() {
            return Ok(());
        }
        // Halves, since the whole way from one end of the numbers to the other is none.
        let height = most / 2.0 - least / 2.0;
        let y = |value: f64| {
            let part = if height > 0.0 { (value / 2.0 - least / 2.0) / height } else { 0.5 };
            1.5 + ROOM * (1.0 - part)
        };
        let mut last = None;
        let stretches = self.points.split(|(_, value)| !value.is_some_and(f64::is_finite));
        let mut index = 0;
        for stretch in stretches {
            if stretch.len() > 1 {
                f.write_str(r#"<polyline points=""#)?;
                for (offset, (_, value)) in stretch.iter().enumerate() {
                    let value = value.unwrap_or_default();
                    write!(f, "{:.1},{:.1} ", self.x(index + offset), y(value))?;
                }
                f.write_str(r#""/>"#)?;
            }
            if let Some((_, Some(value))) = stretch.last() {
                last = Some((self.x(index + stretch.len() - 1), y(*value)));
            }
            index += stretch.len() + 1;
        }
        match last {
            Some((x, y)) => write!(f, r#"<circle class="at" cx="{x:.1}" cy="{y:.1}" r="1.8"/>"#),
            None => Ok(()),
        }
    }

    /// One bar for each stretch of equal states.
    fn strip(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let each = WIDTH / self.points.len() as f64;
        let mut from = 0;
        for stretch in self.points.chunk_by(|a, b| a.0 == b.0) {
            write!(
                f,
                r#"<rect class="is-{}" x="{:.1}" y="{:.1}" width="{:.1}" height="{STRIP}"/>"#,
                class(stretch[0].0),
                each * from as f64,
                HEIGHT - STRIP,
                (each * stretch.len() as f64 - 0.5).max(0.5),
            )?;
            from += stretch.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_numbers_and_states_are_drawn() {
        let points = vec![
            (State::Ok, Some(1.0)),
            (State::Ok, Some(2.0)),
            (State::Error, None),
            (State::Alarm, Some(5.0)),
            (State::Alarm, Some(f64::NAN)),
        ];
        let drawn = Sparkline { points, ..Sparkline::default() }.to_string();
        assert_eq!(drawn.matches("<polyline").count(), 1, "a single number is no line: {drawn}");
        assert_eq!(drawn.matches("<rect").count(), 3);
        assert!(drawn.contains("last 5 runs, 3 failing; values from 1 to 5"), "{drawn}");
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        assert!(!drawn.contains("style="), "the policy allows none");
    }

    #[test]
    fn nothing_run_is_nothing_drawn() {
        assert_eq!(Sparkline::default().to_string(), "");
        let flat = Sparkline { points: vec![(State::Ok, Some(7.0)); 3], ..Sparkline::default() }.to_string();
        assert!(flat.contains("<polyline") && !flat.contains("NaN"), "{flat}");
    }
}
