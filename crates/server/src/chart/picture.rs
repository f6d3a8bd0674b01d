//! The chart of a monitor as a picture in a message: what mail and chats show, without a page and without a browser.
//!
//! It is always of one size and of one look, light, and as readable at half its width as on a desk: a telephone shows it so.

use jiff::{Timestamp, tz::TimeZone};
use revere_model::{ReturnValue, State};

use super::{
    axes::{Scale, times},
    canvas::{Canvas, Colour},
    png::png,
    series::Series,
};
use crate::notification::Picture;

/// The moment a message is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// When it was.
    pub at: Timestamp,
    /// The state since then.
    pub state: State,
}

const PAPER: Colour = [255, 255, 255];
const FAINT: Colour = [72, 79, 86];
const GRID: Colour = [226, 230, 234];
const LINE: Colour = [11, 98, 196];
const THRESHOLD: Colour = [178, 84, 0];

/// The height of letters.
const LETTERS: f64 = 22.0;
/// Above, for the words.
const HEAD: f64 = 46.0;
/// Below, for the times and the states.
const FOOT: f64 = 44.0;
/// The strip of states.
const STRIP: f64 = 6.0;
/// On the right, for half a time.
const MARGIN: f64 = 30.0;
/// Labels on the left are cut to so many letters.
const LABEL: usize = 16;

/// The chart, with times in `zone` and the moment it is about; `None` if there is no number in it.
pub fn draw(series: &Series, zone: &TimeZone, mark: Option<Mark>) -> Option<Vec<u8>> {
    let (least, most) = series.range()?;
    let scale = Scale::over(least, most);
    let ticks = labels(series, &scale);
    let widest = ticks.iter().map(|(_, label)| Canvas::text_width(LETTERS, label)).fold(0.0, f64::max);
    let (width, height) = (Picture::WIDTH as usize, Picture::HEIGHT as usize);
    let plot = Plot {
        left: widest + 18.0,
        right: width as f64 - MARGIN,
        top: HEAD,
        bottom: height as f64 - FOOT,
        from: series.from,
        to: series.to,
        scale,
    };
    let mark = mark.filter(|mark| (series.from..=series.to).contains(&mark.at));
    let mut canvas = Canvas::new(width, height, PAPER);
    plot.states(&mut canvas, series);
    plot.grid(&mut canvas, &ticks);
    plot.times(&mut canvas, zone);
    plot.flips(&mut canvas, series, mark);
    plot.thresholds(&mut canvas, series);
    plot.values(&mut canvas, series);
    if let Some(mark) = mark {
        plot.mark(&mut canvas, series, mark);
    }
    head(&mut canvas, series, zone, mark);
    Some(png(width, height, &canvas.pixels))
}

/// What the picture is of, above it: the change on the left, the zone on the right.
fn head(canvas: &mut Canvas, series: &Series, zone: &TimeZone, mark: Option<Mark>) {
    let top = 6.0;
    let right = |text: &str| f64::from(Picture::WIDTH) - 12.0 - Canvas::text_width(LETTERS, text);
    let until = series.to.to_zoned(zone.clone());
    let offset = revere_model::offset_of(&until);
    let named = zone.iana_name().filter(|name| name.contains('/') && name.chars().count() <= 32);
    let zone_words = named.map_or(offset.clone(), |name| format!("{name}, {offset}"));
    canvas.text((right(&zone_words), top), LETTERS, &zone_words, FAINT);
    if let Some(Mark { at, state }) = mark {
        let at = at.to_zoned(zone.clone());
        let day = if at.date() == until.date() { String::new() } else { format!("{} ", revere_model::date_of(&at)) };
        let words = format!("{state} {day}{}", revere_model::minute_of(&at));
        canvas.text((12.0, top), LETTERS, &words, colour(state));
    }
}

/// What stands at the values' axis: each number in the monitor's own way, where it is not written as the one below.
fn labels(series: &Series, scale: &Scale) -> Vec<(f64, String)> {
    let mut labels: Vec<(f64, String)> = Vec::new();
    for value in &scale.ticks {
        let label: String = number(series, *value).chars().take(LABEL).collect();
        if labels.last().is_none_or(|(_, last)| *last != label) {
            labels.push((*value, label));
        }
    }
    labels
}

fn number(series: &Series, value: f64) -> String {
    let value = ReturnValue::Float(value);
    series.numbers.short(&value).unwrap_or_else(|| value.to_string())
}

/// The place where the values are.
struct Plot {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    from: Timestamp,
    to: Timestamp,
    scale: Scale,
}

impl Plot {
    fn x(&self, at: Timestamp) -> f64 {
        let since = |at: Timestamp| at.as_millisecond().saturating_sub(self.from.as_millisecond()) as f64;
        self.left + (self.right - self.left) * (since(at) / since(self.to).max(1.0)).clamp(0.0, 1.0)
    }

    fn y(&self, value: f64) -> f64 {
        let Scale { low, high, .. } = self.scale;
        // Halves, since the whole way from one end of the numbers to the other is none.
        let part = if high > low { (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) } else { 0.5 };
        self.bottom - (self.bottom - self.top) * part.clamp(0.0, 1.0)
    }

    /// Problems as a shade behind the values, and below them all states as a strip.
    fn states(&self, canvas: &mut Canvas, series: &Series) {
        for band in &series.bands {
            let left = self.x(band.from);
            let (right, colour) = (self.x(band.to).max(left + 1.0), colour(band.state));
            if band.state.is_problem() {
                canvas.area((left, self.top), (right, self.bottom), colour, 0.1);
            }
            canvas.area((left, self.bottom + 3.0), (right, self.bottom + 3.0 + STRIP), colour, 1.0);
        }
    }

    fn grid(&self, canvas: &mut Canvas, ticks: &[(f64, String)]) {
        for (value, label) in ticks {
            let y = self.y(*value).round();
            canvas.area((self.left, y), (self.right, y + 1.0), GRID, 1.0);
            let left = self.left - 8.0 - Canvas::text_width(LETTERS, label);
            canvas.text((left, y - LETTERS / 2.0), LETTERS, label, FAINT);
        }
    }

    fn times(&self, canvas: &mut Canvas, zone: &TimeZone) {
        let most = ((self.right - self.left) / 96.0) as i64;
        let mut free = 0.0;
        for (at, words) in times(self.from, self.to, zone, most) {
            let (x, width) = (self.x(at).round(), Canvas::text_width(LETTERS, &words));
            let left = (x - width / 2.0).min(canvas.width as f64 - width - 2.0);
            if left < free {
                continue;
            }
            free = left + width + 10.0;
            canvas.area((x, self.top), (x + 1.0, self.bottom), GRID, 1.0);
            canvas.text((left, self.bottom + STRIP + 8.0), LETTERS, &words, FAINT);
        }
    }

    /// Every change of state as a thin line; the one that it is about has one of its own.
    fn flips(&self, canvas: &mut Canvas, series: &Series, mark: Option<Mark>) {
        let marked = mark.map(|mark| self.x(mark.at));
        for flip in &series.flips {
            let x = self.x(flip.at);
            if marked.is_some_and(|marked| (marked - x).abs() < 3.0) {
                continue;
            }
            canvas.area((x - 0.5, self.top), (x + 0.5, self.bottom), colour(flip.new_state), 0.6);
        }
    }

    /// Dashed lines, the last with its number.
    fn thresholds(&self, canvas: &mut Canvas, series: &Series) {
        const DASH: f64 = 8.0;
        let Scale { low, high, .. } = self.scale;
        for band in series.thresholds.iter().filter(|band| (low..=high).contains(&band.value)) {
            let (y, end) = (self.y(band.value), self.x(band.to));
            let mut x = self.x(band.from);
            while x < end {
                canvas.area((x, y - 1.0), ((x + DASH).min(end), y + 1.0), THRESHOLD, 1.0);
                x += DASH * 1.75;
            }
        }
        let Some(last) = series.thresholds.last().filter(|band| (low..=high).contains(&band.value)) else { return };
        let words = format!("threshold {}", number(series, last.value));
        let y = self.y(last.value);
        // Above the line, where there is room.
        let top = if y - LETTERS - 3.0 >= self.top { y - LETTERS - 3.0 } else { y + 3.0 };
        let left = (self.x(last.from) + 8.0).min(self.right - Canvas::text_width(LETTERS, &words) - 8.0);
        canvas.area((left - 2.0, top), (left + 2.0 + Canvas::text_width(LETTERS, &words), top + LETTERS), PAPER, 0.75);
        canvas.text((left, top), LETTERS, &words, THRESHOLD);
    }

    /// One line for each stretch of numbers; a number alone is a dot.
    fn values(&self, canvas: &mut Canvas, series: &Series) {
        let stretches = series.points.split(|(_, value)| value.is_none());
        let stretches = stretches.map(|stretch| {
            let points = stretch.iter().filter_map(|(at, value)| Some((self.x(*at), self.y((*value)?))));
            points.collect::<Vec<_>>()
        });
        let stretches: Vec<_> = stretches.filter(|points| !points.is_empty()).collect();
        canvas.lines(&stretches, 2.5, LINE);
    }

    fn mark(&self, canvas: &mut Canvas, series: &Series, mark: Mark) {
        let (x, colour) = (self.x(mark.at), colour(mark.state));
        canvas.area((x - 1.0, self.top - 6.0), (x + 1.0, self.bottom), colour, 1.0);
        // The value of the run that found it: the first that began then.
        let found =
            series.points.iter().filter(|(at, _)| *at >= mark.at).find_map(|(at, value)| Some((*at, (*value)?)));
        let near = found.filter(|(at, _)| self.x(*at) - x < 6.0);
        if let Some((at, value)) = near {
            let place = (self.x(at), self.y(value));
            canvas.lines(&[vec![place]], 7.0, PAPER);
            canvas.lines(&[vec![place]], 5.0, colour);
        }
    }
}

/// As in mails.
fn colour(state: State) -> Colour {
    match state {
        State::Ok => [26, 127, 55],
        State::Alarm => [198, 40, 40],
        State::Error => [154, 77, 0],
        State::Inactive => [96, 103, 110],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chart::{Band, ThresholdBand};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Its pixels, as another program reads them.
    fn pixels(file: &[u8]) -> Vec<Colour> {
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(
            (frame.width, frame.height, frame.color_type),
            (Picture::WIDTH, Picture::HEIGHT, ::png::ColorType::Rgb)
        );
        pixels.as_chunks::<3>().0.to_vec()
    }

    /// The columns in which `colour` stands from the upper end of the values to their lower one.
    fn columns_of(file: &[u8], colour: Colour) -> Vec<usize> {
        let (pixels, width) = (pixels(file), Picture::WIDTH as usize);
        let rows = HEAD as usize..(f64::from(Picture::HEIGHT) - FOOT) as usize;
        (0..width).filter(|x| rows.clone().filter(|y| pixels[y * width + x] == colour).count() > 180).collect()
    }

    fn day(values: impl Fn(i64) -> Option<f64>) -> Series {
        let points = (0..96).map(|quarter| (at(quarter * 900), values(quarter))).collect();
        Series { from: at(0), to: at(86_400), points, runs: 96, ..Series::default() }
    }

    #[test]
    fn the_change_stands_where_it_was() {
        let series = day(|quarter| Some(quarter as f64));
        let mut before = 0;
        for (hour, state) in [(1, State::Ok), (6, State::Error), (12, State::Alarm), (23, State::Alarm)] {
            let file = draw(&series, &TimeZone::UTC, Some(Mark { at: at(hour * 3600), state })).unwrap();
            let columns = columns_of(&file, colour(state));
            assert!((1..=3).contains(&columns.len()), "{columns:?}");
            // Labels of two digits leave the same place on the left in all of them.
            let left = Canvas::text_width(LETTERS, "100") + 18.0;
            let expected = left + (f64::from(Picture::WIDTH) - MARGIN - left) * hour as f64 / 24.0;
            assert!(columns.iter().all(|x| (*x as f64 - expected).abs() <= 2.0), "{columns:?}, not {expected}");
            assert!(columns[0] > before);
            before = columns[0];
        }
        let outside = Mark { at: at(-1), state: State::Alarm };
        assert!(columns_of(&draw(&series, &TimeZone::UTC, Some(outside)).unwrap(), colour(State::Alarm)).is_empty());
    }

    #[test]
    fn values_threshold_and_problem_are_seen() {
        let count = |file: &[u8], colour: Colour| pixels(file).iter().filter(|pixel| **pixel == colour).count();
        let plain = day(|_| Some(1.0));
        let file = draw(&plain, &TimeZone::UTC, None).unwrap();
        assert!(count(&file, LINE) > 1000 && count(&file, THRESHOLD) == 0);
        let threshold = ThresholdBand { from: at(0), to: at(86_400), value: 2.0 };
        let file = draw(&Series { thresholds: vec![threshold], ..plain.clone() }, &TimeZone::UTC, None).unwrap();
        assert!(count(&file, THRESHOLD) > 500);
        let band = Band { from: at(43_200), to: at(86_400), state: State::Alarm };
        let file = draw(&Series { bands: vec![band], ..plain }, &TimeZone::UTC, None).unwrap();
        assert!(count(&file, colour(State::Alarm)) > 300 * STRIP as usize, "the strip");
        assert_eq!(file, draw(&Series { bands: vec![band], ..day(|_| Some(1.0)) }, &TimeZone::UTC, None).unwrap());
    }

    #[test]
    fn without_numbers_there_is_no_picture() {
        assert_eq!(draw(&day(|_| None), &TimeZone::UTC, None), None);
        assert_eq!(draw(&Series::default(), &TimeZone::UTC, None), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
        #[test]
        fn whatever_the_values_are_there_is_a_small_picture(
            values in prop::collection::vec((any::<i32>(), prop::option::of(any::<f64>())), 1..60),
            (from, length) in (any::<i32>(), 0_i64..100_000_000),
            threshold in any::<f64>(),
            (unit, decimals) in (".{0,20}", prop::option::of(0_u32..20)),
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]),
        ) {
            let (from, to) = (at(i64::from(from)), at(i64::from(from) + length));
            // As a chart is given them: in order, and of no numbers that are none.
            let value = |value: Option<f64>| value.filter(|value| value.is_finite());
            let mut points: Vec<_> = values.into_iter().map(|(second, of)| (at(i64::from(second)), value(of))).collect();
            points.sort_by_key(|(at, _)| *at);
            let numbers = revere_model::NumberFormat { unit, decimals };
            let thresholds = vec![ThresholdBand { from, to, value: threshold }];
            let series = Series { from, to, points, thresholds, numbers, ..Series::default() };
            let zone = revere_model::zone(zone).unwrap();
            let drawn = draw(&series, &zone, Some(Mark { at: to, state: State::Alarm }));
            prop_assert_eq!(drawn.is_some(), series.values().next().is_some());
            if let Some(file) = drawn {
                prop_assert!(file.len() < 60 << 10, "{} bytes", file.len());
                prop_assert_eq!(pixels(&file).len(), (Picture::WIDTH * Picture::HEIGHT) as usize);
            }
        }
    }
}
