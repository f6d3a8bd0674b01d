//! The chart of a monitor as a picture that does not move: what is there before the browser's chart is, and where no
//! script runs. It shows the same: values, texts, states, changes of state, ticks without a run.

use std::fmt::{self, Display, Formatter};

use askama::filters::HtmlSafe;
use jiff::Timestamp;
use revere_model::ReturnValue;

use super::display::{Escaped, class, short_value};
use crate::operations::series::{Series, TextBand};

/// Points of the picture.
pub(super) const POINTS: usize = 400;

/// The picture. Across, everything is in hundredths of the width, so that text keeps its shape whatever the width is.
#[derive(Clone, Debug)]
pub(super) struct ChartSvg(pub(super) Series);

/// What the lines are drawn in; it is stretched.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 240.0;
/// Where the strip of states begins, in hundredths of the height.
const STRIP: f64 = 97.0;
/// So many texts have a lane of their own; the others share one.
const LANES: usize = 6;

impl Display for ChartSvg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.runs == 0 && self.0.gaps.is_empty() && self.0.has_no_values() {
            return f.write_str(r#"<p class="nothing">No run in this time.</p>"#);
        }
        f.write_str(r#"<svg class="still" aria-hidden="true">"#)?;
        self.states(f)?;
        self.gaps(f)?;
        self.texts(f)?;
        self.line(f)?;
        self.flips(f)?;
        f.write_str("</svg>")
    }
}

impl HtmlSafe for ChartSvg {}

impl ChartSvg {
    /// From 0 to 100.
    fn x(&self, at: Timestamp) -> f64 {
        let since_begin = |at: Timestamp| (at.as_millisecond() - self.0.from.as_millisecond()) as f64;
        (100.0 * since_begin(at) / since_begin(self.0.to).max(1.0)).clamp(0.0, 100.0)
    }

    fn states(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for band in &self.0.bands {
            let (x, class) = (self.x(band.from), class(band.state));
            let width = (self.x(band.to) - x).max(0.1);
            if band.state.is_problem() {
                write!(f, r#"<rect class="bad-{class}" x="{x:.2}%" width="{width:.2}%" height="{STRIP}%"/>"#)?;
            }
            let height = 100.0 - STRIP;
            write!(f, r#"<rect class="is-{class}" x="{x:.2}%" y="{STRIP}%" width="{width:.2}%" height="{height}%"/>"#)?;
        }
        Ok(())
    }

    fn gaps(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for gap in &self.0.gaps {
            let x = self.x(gap.first_tick_at).min(99.6);
            let width = (self.x(gap.last_tick_at) - x).max(0.4);
            let (count, why) = (gap.count, super::chart::why(gap.reason));
            write!(f, r#"<rect class="gap" x="{x:.2}%" width="{width:.2}%" height="{STRIP}%">"#)?;
            write!(f, "<title>{count} {why}</title></rect>")?;
            write!(f, r#"<rect class="gap-edge" x="{x:.2}%" width="{width:.2}%" height="1.5%"/>"#)?;
        }
        Ok(())
    }

    /// Bars, one lane for each text; in its longest bar each lane says which.
    fn texts(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let lanes = lanes(&self.0.texts);
        let numbers = self.0.drawn().next().is_some();
        // Beside a line they stand at the bottom.
        let room = if numbers { 10.0 } else { ((STRIP - 2.0) / lanes.len().max(1) as f64).min(14.0) };
        for (index, lane) in lanes.iter().enumerate() {
            let y = STRIP - 1.0 - room * (index + 1) as f64;
            for band in &lane.bands {
                let x = self.x(band.from);
                let width = (self.x(band.to) - x).max(0.15);
                write!(
                    f,
                    r#"<rect class="lane" x="{x:.2}%" y="{y:.2}%" width="{width:.2}%" height="{:.2}%"/>"#,
                    room - 1.5
                )?;
            }
            let longest = lane.bands.iter().max_by_key(|band| band.to.as_millisecond() - band.from.as_millisecond());
            if let Some(longest) = longest {
                let x = self.x(longest.from);
                let (at, anchor) = if x > 70.0 { (self.x(longest.to), "end") } else { (x, "start") };
                write!(
                    f,
                    r#"<text class="lane-text {anchor}" x="{at:.2}%" y="{:.2}%">{}</text>"#,
                    y + (room - 1.5) / 2.0,
                    Escaped(&short_value(&ReturnValue::Text(lane.name.to_owned()), &self.0.numbers))
                )?;
            }
        }
        Ok(())
    }

    /// One stretch of line for each stretch of numbers; a number alone is a dot.
    fn line(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some((least, most)) = self.0.range() else { return Ok(()) };
        let y = |value: f64| {
            // Halves, since the whole way from one end of the numbers to the other is none.
            let part = if most > least { (value / 2.0 - least / 2.0) / (most / 2.0 - least / 2.0) } else { 0.5 };
            4.0 + (HEIGHT - 10.0) * (1.0 - part)
        };
        write!(f, r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" width="100%" height="{STRIP}%">"#)?;
        // What was lies behind what is.
        for (class, points) in [(" class=\"ghost\"", self.0.week_before.as_ref()), ("", Some(&self.0.points))] {
            for stretch in points.into_iter().flat_map(|points| points.split(|(_, value)| value.is_none())) {
                let Some((last_at, last)) = stretch.last() else { continue };
                write!(f, r#"<polyline{class} points=""#)?;
                for (at, value) in stretch.iter().chain((stretch.len() == 1).then_some(&(*last_at, *last))) {
                    write!(f, "{:.1},{:.1} ", self.x(*at) * WIDTH / 100.0, y(value.unwrap_or_default()))?;
                }
                f.write_str(r#""/>"#)?;
            }
        }
        for band in &self.0.thresholds {
            if (least..=most).contains(&band.value) {
                let (from, to, y) = (self.x(band.from) * WIDTH / 100.0, self.x(band.to) * WIDTH / 100.0, y(band.value));
                write!(f, r#"<line class="threshold" x1="{from:.1}" x2="{to:.1}" y1="{y:.1}" y2="{y:.1}"/>"#)?;
            }
        }
        f.write_str("</svg>")?;
        let number = |value| short_value(&ReturnValue::Float(value), &self.0.numbers);
        write!(f, r#"<text class="most" x="0" y="0">{}</text>"#, Escaped(&number(most)))?;
        if most > least {
            write!(f, r#"<text class="least" x="0" y="{}%">{}</text>"#, STRIP - 1.0, Escaped(&number(least)))?;
        }
        Ok(())
    }

    fn flips(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for flip in &self.0.flips {
            let (x, class) = (self.x(flip.at), class(flip.new_state));
            write!(f, r#"<line class="flip flip-{class}" x1="{x:.2}%" x2="{x:.2}%" y1="0" y2="{STRIP}%"/>"#)?;
        }
        Ok(())
    }
}

/// Texts that are drawn at one height.
struct Lane<'a> {
    name: &'a str,
    bands: Vec<&'a TextBand>,
}

/// The newest text has a lane of its own, then what stood longest, of equals the newer; the others share the last one,
/// where they can: no two stand at one time.
fn lanes(texts: &[TextBand]) -> Vec<Lane<'_>> {
    let mut lanes: Vec<Lane<'_>> = Vec::new();
    for band in texts {
        let name = band.text.as_deref().unwrap_or("changing");
        match lanes.iter_mut().find(|lane| lane.name == name) {
            Some(lane) => lane.bands.push(band),
            None => lanes.push(Lane { name, bands: vec![band] }),
        }
    }
    let length = |lane: &Lane<'_>| -> i64 {
        lane.bands.iter().map(|band| band.to.as_millisecond() - band.from.as_millisecond()).sum()
    };
    let last = |lane: &Lane<'_>| lane.bands.last().map(|band| band.from);
    let newest = lanes.iter().filter_map(last).max();
    lanes.sort_by_key(|lane| std::cmp::Reverse((last(lane) == newest, length(lane), last(lane))));
    if lanes.len() > LANES {
        let rest = lanes.split_off(LANES);
        lanes.push(Lane { name: "others", bands: rest.into_iter().flat_map(|lane| lane.bands).collect() });
    }
    lanes
}

#[cfg(test)]
mod tests {
    use revere_model::{FlipId, Gap, GapReason, MonitorId, State};

    use super::*;
    use crate::{operations::series::Band, store::RecordedFlip};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn numbers_are_a_line_with_its_range_and_lone_ones_are_dots() {
        let points = vec![
            (at(10), Some(1.0)),
            (at(20), Some(3.0)),
            (at(30), None),
            (at(40), Some(2.5)),
            (at(50), None),
            (at(60), None),
        ];
        let drawn = ChartSvg(Series { from: at(0), to: at(100), points, runs: 6, ..Series::default() }).to_string();
        assert_eq!(drawn.matches("<polyline").count(), 2, "{drawn}");
        assert!(drawn.contains(r#"points="400.0,61.5 400.0,61.5 ""#), "{drawn}");
        assert!(drawn.contains(">3</text>") && drawn.contains(">1</text>"), "{drawn}");
        assert!(!drawn.contains("NaN") && !drawn.contains("style="), "{drawn}");
    }

    #[test]
    fn the_week_before_is_drawn_behind_and_within_the_same_range() {
        let week_before = Some(vec![(at(10), Some(9.0)), (at(20), Some(5.0))]);
        let points = vec![(at(10), Some(1.0)), (at(20), Some(5.0))];
        let series = Series { from: at(0), to: at(100), points, week_before, runs: 2, ..Series::default() };
        let drawn = ChartSvg(series.clone()).to_string();
        let both = r#"<polyline class="ghost" points="100.0,4.0 200.0,119.0 "/><polyline points="100.0,234.0 "#;
        assert!(drawn.contains(both), "{drawn}");
        assert!(drawn.contains(">9</text>") && drawn.contains(">1</text>"), "{drawn}");
        let gone = ChartSvg(Series { points: vec![], runs: 0, ..series }).to_string();
        assert!(gone.contains("ghost") && !gone.contains("No run"), "{gone}");
    }

    #[test]
    fn states_flips_and_ticks_without_a_run_are_seen() {
        let flip = RecordedFlip {
            id: FlipId(1),
            monitor_id: MonitorId(1),
            at: at(50),
            old_state: State::Ok,
            old_severity: None,
            new_state: State::Alarm,
            severity: None,
            message: String::new(),
            return_value: None,
            run_id: None,
        };
        let gap = Gap {
            monitor_id: MonitorId(1),
            reason: GapReason::Missed,
            first_tick_at: at(20),
            last_tick_at: at(40),
            count: 3,
        };
        let bands = vec![
            Band { from: at(10), to: at(50), state: State::Ok },
            Band { from: at(50), to: at(100), state: State::Alarm },
        ];
        let series = Series {
            from: at(0),
            to: at(100),
            bands,
            flips: vec![flip],
            gaps: vec![gap],
            runs: 4,
            ..Series::default()
        };
        let drawn = ChartSvg(series.clone()).to_string();
        for part in [
            r#"<rect class="is-ok" x="10.00%" y="97%" width="40.00%""#,
            r#"<rect class="bad-alarm" x="50.00%" width="50.00%""#,
            r#"<line class="flip flip-alarm" x1="50.00%""#,
            r#"<rect class="gap" x="20.00%" width="20.00%" height="97%"><title>3 missed</title>"#,
        ] {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
        let nothing_ran = ChartSvg(Series { runs: 0, bands: vec![], ..series }).to_string();
        assert!(nothing_ran.contains("3 missed"), "{nothing_ran}");
        assert!(ChartSvg(Series::default()).to_string().contains("No run"));
    }

    #[test]
    fn texts_are_bars_with_labels_that_stay_text() {
        let band = |from, to, text: &str| TextBand { from: at(from), to: at(to), text: Some(text.to_owned()) };
        let texts = vec![band(0, 10, "up"), band(10, 15, "<b>down"), band(15, 90, "up")];
        let drawn = ChartSvg(Series { from: at(0), to: at(100), texts, runs: 9, ..Series::default() }).to_string();
        assert_eq!(drawn.matches(r#"class="lane""#).count(), 3, "{drawn}");
        assert!(drawn.contains(r#"x="15.00%""#) && drawn.contains(">up</text>"), "{drawn}");
        assert!(drawn.contains("&#60;b&#62;down</text>") && !drawn.contains("<b>"), "{drawn}");
        let many = (0..30).map(|number| band(number, number + 1, &format!("v{number}"))).collect();
        let drawn =
            ChartSvg(Series { from: at(0), to: at(30), texts: many, runs: 30, ..Series::default() }).to_string();
        assert_eq!(drawn.matches("<text").count(), LANES + 1, "{drawn}");
        assert!(drawn.contains(">others</text>"), "{drawn}");
    }

    #[test]
    fn the_newest_text_has_a_lane_then_the_longest_of_equals_the_newer() {
        let band = |from, to, text: &str| TextBand { from: at(from), to: at(to), text: Some(text.to_owned()) };
        let mut texts = vec![band(0, 50, "long")];
        texts.extend((0..10).map(|number| band(50 + number * 2, 52 + number * 2, &format!("v{number}"))));
        texts.push(band(70, 71, "now"));
        let names: Vec<&str> = lanes(&texts).iter().map(|lane| lane.name).collect();
        assert_eq!(names, ["now", "long", "v9", "v8", "v7", "v6", "others"]);
    }
}
