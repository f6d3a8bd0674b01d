//! A picture being painted: areas, lines and letters, with soft edges. What lies outside of it is left out.

use spleen_font::{FONT_32X64, PSF2Font};

/// Red, green and blue.
pub(super) type Colour = [u8; 3];

/// The height of the letters that there are; they are made smaller.
const LETTER: f64 = 64.0;

/// Their strokes are thin for their height, and so much darker.
const WEIGHT: f64 = 1.35;

/// So many times across and down, a pixel of a letter is looked at.
const SAMPLES: usize = 4;

/// The picture.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Row by row.
    pub(super) pixels: Vec<u8>,
    font: PSF2Font<'static>,
}

impl Canvas {
    /// One in one colour.
    pub(super) fn new(width: usize, height: usize, colour: Colour) -> Canvas {
        let font = PSF2Font::new(FONT_32X64).expect("the font comes with its crate, and a test reads it");
        Canvas { width, height, pixels: colour.repeat(width * height), font }
    }

    /// Puts `colour` over a pixel, which shows through by what is left of `cover`, from 0 to 1.
    fn blend(&mut self, x: usize, y: usize, colour: Colour, cover: f64) {
        if x >= self.width || y >= self.height {
            return;
        }
        let place = (y * self.width + x) * 3;
        for (there, new) in self.pixels[place..place + 3].iter_mut().zip(colour) {
            let mixed = f64::from(*there) + (f64::from(new) - f64::from(*there)) * cover.clamp(0.0, 1.0);
            *there = mixed.round() as u8;
        }
    }

    /// The whole pixels from `from` until `to`, within `0..end`.
    fn pixels_between(from: f64, to: f64, end: usize) -> std::ops::Range<usize> {
        // A cast takes what is below zero, above all numbers or none to the nearest there is.
        (from.floor() as usize).min(end)..(to.ceil() as usize).min(end)
    }

    /// An area, from its upper left to its lower right corner.
    pub(super) fn area(&mut self, (left, top): (f64, f64), (right, bottom): (f64, f64), colour: Colour, cover: f64) {
        let part = |pixel: usize, from: f64, to: f64| {
            let pixel = pixel as f64;
            (to.min(pixel + 1.0) - from.max(pixel)).clamp(0.0, 1.0)
        };
        for y in Self::pixels_between(top, bottom, self.height) {
            for x in Self::pixels_between(left, right, self.width) {
                self.blend(x, y, colour, cover * part(x, left, right) * part(y, top, bottom));
            }
        }
    }

    /// Lines through points, all of one thickness and colour; a single point is a dot. Where they cross, they are no darker.
    pub(super) fn lines(&mut self, lines: &[Vec<(f64, f64)>], thickness: f64, colour: Colour) {
        let mut covers = vec![0.0_f64; self.width * self.height];
        for line in lines {
            if let [point] = line[..] {
                self.cover(&mut covers, point, point, thickness * 2.0);
            }
            for ends in line.windows(2) {
                self.cover(&mut covers, ends[0], ends[1], thickness);
            }
        }
        for (place, cover) in covers.iter().enumerate().filter(|(_, cover)| **cover > 0.0) {
            self.blend(place % self.width, place / self.width, colour, *cover);
        }
    }

    /// How far a line with round ends covers each pixel, where that is more than it was.
    fn cover(&self, covers: &mut [f64], from: (f64, f64), to: (f64, f64), thickness: f64) {
        let reach = thickness / 2.0 + 0.5;
        let (across, down) = (to.0 - from.0, to.1 - from.1);
        let length = across * across + down * down;
        for y in Self::pixels_between(from.1.min(to.1) - reach, from.1.max(to.1) + reach, self.height) {
            for x in Self::pixels_between(from.0.min(to.0) - reach, from.0.max(to.0) + reach, self.width) {
                let (px, py) = (x as f64 + 0.5 - from.0, y as f64 + 0.5 - from.1);
                // The nearest place on the line, from 0 at its begin to 1 at its end.
                let nearest = if length > 0.0 { ((px * across + py * down) / length).clamp(0.0, 1.0) } else { 0.0 };
                let (dx, dy) = (px - across * nearest, py - down * nearest);
                let cover = (reach - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0);
                let there = &mut covers[y * self.width + x];
                *there = there.max(cover);
            }
        }
    }

    /// A line of letters, `size` pixels high, from its upper left corner. Letters that the font lacks are question marks.
    pub(super) fn text(&mut self, (left, top): (f64, f64), size: f64, text: &str, colour: Colour) {
        for (index, letter) in text.chars().enumerate() {
            self.letter((left + index as f64 * size / 2.0, top), size, letter, colour);
        }
    }

    /// How wide a text is.
    pub(super) fn text_width(size: f64, text: &str) -> f64 {
        text.chars().count() as f64 * size / 2.0
    }

    fn letter(&mut self, (left, top): (f64, f64), size: f64, letter: char, colour: Colour) {
        // Narrow and unbreakable ones are spaces, too.
        if letter.is_whitespace() {
            return;
        }
        let mut utf8 = [0; 4];
        // A letter is found by all that its shape stands for.
        let name = match letter {
            '\u{b5}' | '\u{3bc}' => "\u{b5}\u{3bc}",
            '\u{2212}' => "-",
            _ => letter.encode_utf8(&mut utf8),
        };
        let glyph = self.font.glyph_for_utf8(name.as_bytes());
        let Some(glyph) = glyph.or_else(|| self.font.glyph_for_utf8(b"?")) else { return };
        let rows: Vec<Vec<bool>> = glyph.map(Iterator::collect).collect();
        let scale = LETTER / size;
        let inked = |x: f64, y: f64| {
            let (x, y) = ((x - left) * scale, (y - top) * scale);
            x >= 0.0 && y >= 0.0 && rows.get(y as usize).and_then(|row| row.get(x as usize)).is_some_and(|ink| *ink)
        };
        let step = 1.0 / SAMPLES as f64;
        for y in Self::pixels_between(top, top + size, self.height) {
            for x in Self::pixels_between(left, left + size / 2.0, self.width) {
                let places = (0..SAMPLES * SAMPLES).map(|n| ((n % SAMPLES) as f64 + 0.5, (n / SAMPLES) as f64 + 0.5));
                let ink = places.filter(|(dx, dy)| inked(x as f64 + dx * step, y as f64 + dy * step)).count();
                if ink > 0 {
                    self.blend(x, y, colour, ink as f64 * step * step * WEIGHT);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Colour = [255; 3];
    const BLACK: Colour = [0; 3];

    fn ink(canvas: &Canvas) -> usize {
        canvas.pixels.chunks(3).filter(|pixel| *pixel != WHITE).count()
    }

    #[test]
    fn the_font_has_the_letters_of_numbers_times_and_western_names() {
        let mut drawn = std::collections::BTreeSet::new();
        let letters = (0x21_u8..0x7f).map(char::from).chain("°µ²³éü".chars());
        let letters: Vec<char> = letters.collect();
        for letter in &letters {
            let mut canvas = Canvas::new(32, 64, WHITE);
            canvas.text((0.0, 0.0), 64.0, &letter.to_string(), BLACK);
            assert!(ink(&canvas) > 0, "{letter}");
            drawn.insert(canvas.pixels);
        }
        assert_eq!(drawn.len(), letters.len(), "each looks different, and none is a question mark");
        let mut unknown = Canvas::new(32, 64, WHITE);
        unknown.text((0.0, 0.0), 64.0, "\u{1f525}", BLACK);
        assert!(drawn.contains(&unknown.pixels), "what it lacks is a question mark");
    }

    #[test]
    fn what_lies_outside_is_left_out() {
        let mut canvas = Canvas::new(10, 10, WHITE);
        for far in [-1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            canvas.area((far, 0.0), (far, 10.0), BLACK, 1.0);
            canvas.text((far, far), 20.0, "8", BLACK);
        }
        canvas.lines(&[vec![(-50.0, -40.0), (-3.0, 90.0)]], 2.0, BLACK);
        assert_eq!(ink(&canvas), 0);
        canvas.lines(&[vec![(-1e9, 5.0), (1e9, 5.0)]], 2.0, BLACK);
        assert_eq!(ink(&canvas), 20);
    }
}
