//! What a phone needs to keep the pages on its home screen, as a program of their own: a manifest, and the icon as
//! pictures, since home screens take no SVG. Their shapes are those of `/icon.svg`, on a ground that may be cut to a
//! circle.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use crate::chart;

const MANIFEST: &str = r##"{
  "name": "Revere",
  "short_name": "Revere",
  "description": "Monitors, and whom they alert",
  "id": "/",
  "start_url": "/",
  "scope": "/",
  "display": "standalone",
  "background_color": "#ffffff",
  "theme_color": "#0a58b5",
  "icons": [
    {"src": "/icon.svg", "sizes": "any", "type": "image/svg+xml"},
    {"src": "/icon-192.png", "sizes": "192x192", "type": "image/png", "purpose": "any"},
    {"src": "/icon-512.png", "sizes": "512x512", "type": "image/png", "purpose": "any"},
    {"src": "/icon-512.png", "sizes": "512x512", "type": "image/png", "purpose": "maskable"}
  ]
}
"##;

/// In the colours of `/icon.svg`.
const GROUND: [u8; 3] = [0xff, 0xff, 0xff];
const LANTERN: [u8; 3] = [0x0a, 0x58, 0xb5];
const FLAME: [u8; 3] = [0xff, 0xd2, 0x4a];

/// So many times across and down, a pixel is looked at.
const SAMPLES: usize = 4;

/// So much of the picture's side the drawing takes: what is cut to a circle keeps all of it.
const SHARE: f64 = 0.72;

/// `/manifest.webmanifest`
pub(super) async fn manifest() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/manifest+json"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, MANIFEST).into_response()
}

/// `/apple-touch-icon.png`, where an iPhone looks for it.
pub(super) async fn icon_180() -> Response {
    static ICON: LazyLock<Vec<u8>> = LazyLock::new(|| drawn(180));
    picture(&ICON)
}

/// `/icon-192.png`
pub(super) async fn icon_192() -> Response {
    static ICON: LazyLock<Vec<u8>> = LazyLock::new(|| drawn(192));
    picture(&ICON)
}

/// `/icon-512.png`
pub(super) async fn icon_512() -> Response {
    static ICON: LazyLock<Vec<u8>> = LazyLock::new(|| drawn(512));
    picture(&ICON)
}

fn picture(file: &'static [u8]) -> Response {
    let headers = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, file).into_response()
}

/// The icon as a file, `size` pixels wide and high.
fn drawn(size: usize) -> Vec<u8> {
    let side = (size * SAMPLES) as f64;
    // The drawing has 32 units a side, and its middle is a little above the middle of those.
    let unit = |sample: usize, middle: f64| ((sample as f64 + 0.5) / side - 0.5) * 32.0 / SHARE + middle;
    let mut pixels = Vec::with_capacity(size * size * 3);
    for y in 0..size {
        let rows: Vec<(f64, f64)> = (0..SAMPLES).map(|sample| halves(unit(y * SAMPLES + sample, 15.5))).collect();
        for x in 0..size {
            let mut sum = [0_usize; 3];
            for (half_of_lantern, half_of_flame) in &rows {
                for sample in 0..SAMPLES {
                    let from_middle = unit(x * SAMPLES + sample, 0.0).abs();
                    let colour = if from_middle <= *half_of_flame {
                        FLAME
                    } else if from_middle <= *half_of_lantern {
                        LANTERN
                    } else {
                        GROUND
                    };
                    sum.iter_mut().zip(colour).for_each(|(sum, colour)| *sum += usize::from(colour));
                }
            }
            pixels.extend(sum.map(|sum| u8::try_from(sum / (SAMPLES * SAMPLES)).unwrap_or(u8::MAX)));
        }
    }
    chart::png(size, size, &pixels)
}

/// How far lantern and flame reach to both sides of the middle at the height `y`; below zero where they are not.
fn halves(y: f64) -> (f64, f64) {
    let lantern = match y {
        3.0..=6.0 => 3.0,
        7.0..11.0 => 6.0 + (y - 7.0) / 2.0,
        11.0..24.0 => 8.0,
        24.0..=28.0 => 8.0 - (y - 24.0) / 2.0,
        _ => -1.0,
    };
    let flame = match y {
        12.0..19.0 => flame_above_its_circle(y),
        19.0..=23.0 => (16.0 - (y - 19.0).powi(2)).sqrt(),
        _ => -1.0,
    };
    (lantern, flame)
}

/// The curve of the flame from its tip at 12 to its circle at 19.
fn flame_above_its_circle(y: f64) -> f64 {
    let at = |along: f64, [a, b, c, d]: [f64; 4]| {
        let left = 1.0 - along;
        a * left.powi(3) + 3.0 * b * along * left.powi(2) + 3.0 * c * along.powi(2) * left + d * along.powi(3)
    };
    let (mut above, mut below) = (0.0, 1.0);
    for _ in 0..24 {
        let middle = f64::midpoint(above, below);
        if at(middle, [12.0, 15.0, 17.0, 19.0]) < y { above = middle } else { below = middle }
    }
    at(above, [0.0, 3.0, 4.0, 4.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_icon_is_a_lantern_with_a_flame_on_a_ground() {
        let file = drawn(64);
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((frame.width, frame.height), (64, 64));
        let at = |x: usize, y: usize| [0, 1, 2].map(|part| pixels[(y * 64 + x) * 3 + part]);
        assert_eq!((at(0, 0), at(63, 63), at(32, 2)), (GROUND, GROUND, GROUND));
        // In the middle of the flame, beside it in the lantern, and within the circle that may be cut out.
        assert_eq!((at(32, 37), at(22, 37)), (FLAME, LANTERN));
        let outside = (0..64).flat_map(|y| (0..64).map(move |x| (x, y))).filter(|(x, y)| {
            let from_middle = (*x as f64 - 31.5).hypot(*y as f64 - 31.5);
            from_middle > 0.4 * 64.0 + 1.0 && at(*x, *y) != GROUND
        });
        assert_eq!(outside.count(), 0);
    }

    #[test]
    fn the_manifest_names_what_there_is() {
        let manifest: serde_json::Value = serde_json::from_str(MANIFEST).unwrap();
        assert_eq!((&manifest["start_url"], &manifest["display"]), (&"/".into(), &"standalone".into()));
        for icon in manifest["icons"].as_array().unwrap() {
            let src = icon["src"].as_str().unwrap();
            assert!(["/icon.svg", "/icon-192.png", "/icon-512.png"].contains(&src), "{src}");
        }
    }
}
