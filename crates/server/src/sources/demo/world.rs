//! The little world that the demo watches: a web shop with a mail queue, payments, disks and deployments.
//!
//! Every quantity is a pure function of the instant, so that history can be computed without having been there, and the
//! same question has the same answer twice. Before the demo began, incidents come now and then, as they do; since then
//! they come every minute or two, so that a person who watches sees states change.

use std::f64::consts::TAU;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The world of one demo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct World {
    /// The second since 1970 from which on incidents come thick and fast; `None` for never.
    pub live_since: Option<i64>,
}

/// What can go wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Trouble {
    /// The shop answers with errors.
    Errors = 1,
    /// The shop is slow.
    Slow,
    /// Mail is not going out.
    Mail,
    /// Payments fail, here and there.
    Payments,
    /// Nobody orders.
    Orders,
}

/// In a live demo there is a deployment every so many seconds, beginning at, from the first host to the last.
const DEPLOYMENTS: (i64, i64, i64) = (150, 20, 30);

impl Trouble {
    /// How often a day it comes in ordinary times, and how many minutes it lasts, from and to.
    fn habit(self) -> (f64, i64, i64) {
        match self {
            Trouble::Errors => (0.25, 6, 35),
            Trouble::Slow => (0.4, 10, 60),
            Trouble::Mail => (0.2, 20, 110),
            Trouble::Payments => (0.15, 8, 30),
            Trouble::Orders => (0.1, 10, 25),
        }
    }

    /// In a live demo: every so many seconds, beginning at, lasting.
    fn rhythm(self) -> (i64, i64, i64) {
        match self {
            Trouble::Errors => (90, 12, 26),
            Trouble::Slow => (160, 70, 40),
            Trouble::Mail => (130, 30, 45),
            Trouble::Payments => (240, 100, 40),
            Trouble::Orders => (200, 50, 65),
        }
    }
}

/// The numbers that the demo source knows, with what they are.
pub const NUMBERS: &[(&str, &str)] = &[
    ("shop.requests", "requests a second"),
    ("shop.errors", "answers with status 500 a second"),
    ("shop.latency_p95", "milliseconds within which 95 % of answers came"),
    ("mail.queue", "mails waiting"),
    ("payments.tried", "payments a second"),
    ("payments.failed", "failed payments a second"),
    ("disk.data", "bytes used on the data disk, of 10^12"),
    ("cellar.temperature", "degrees Celsius"),
];

/// The texts that the demo source knows, with what they are.
pub const TEXTS: &[(&str, &str)] = &[
    ("deploy.web1", "version of the shop on host web1"),
    ("deploy.web2", "version of the shop on host web2"),
    ("deploy.web3", "version of the shop on host web3"),
    ("backup.last", "when the last backup ended, ISO 8601"),
];

impl World {
    /// The value of one of [`NUMBERS`] at `at`, in seconds since 1970.
    pub fn number(&self, name: &str, at: i64) -> Option<f64> {
        let value = match name {
            "shop.requests" => self.requests(at),
            "shop.errors" => {
                let share = 0.0006 + 0.0005 * noise(11, at, 20).abs() + 0.02 * self.strength(Trouble::Errors, at);
                self.requests(at) * share
            }
            "shop.latency_p95" => {
                let load = 140.0 + 120.0 * rhythm(at) + 18.0 * noise(12, at, 30);
                load * (1.0 + 1.4 * self.strength(Trouble::Slow, at))
            }
            "mail.queue" => {
                (24.0 + 20.0 * rhythm(at) + 10.0 * noise(13, at, 40) + 520.0 * self.strength(Trouble::Mail, at))
                    .max(0.0)
                    .round()
            }
            "payments.tried" => 2.0 + 5.0 * rhythm(at) + 0.6 * noise(14, at, 30),
            "payments.failed" => {
                let share = 0.012 + 0.006 * noise(15, at, 30) + 0.11 * self.strength(Trouble::Payments, at);
                (2.0 + 5.0 * rhythm(at)) * share.max(0.0)
            }
            "disk.data" => disk(at),
            "cellar.temperature" => {
                15.5 + 1.5 * (TAU * (at - 15 * HOUR) as f64 / DAY as f64).cos() + 0.4 * noise(16, at, 600)
            }
            _ => return None,
        };
        Some(value)
    }

    /// The value of one of [`TEXTS`] at `at`.
    pub fn text(&self, name: &str, at: i64) -> Option<String> {
        match name {
            "deploy.web1" => Some(self.version(at)),
            "deploy.web2" => Some(self.version(at - self.lag(at))),
            "deploy.web3" => Some(self.version(at - 2 * self.lag(at))),
            "backup.last" => {
                // Every night at half past two or a little later.
                let night = (at - (2 * HOUR + 30 * MINUTE)).div_euclid(DAY);
                let end = night * DAY + 2 * HOUR + 30 * MINUTE + (chance(21, night) * 900.0) as i64;
                let end = if end > at { end - DAY } else { end };
                Some(jiff::Timestamp::from_second(end).ok()?.to_string())
            }
            _ => None,
        }
    }

    /// What was recorded of one of [`NUMBERS`] after `from` and up to `to`: finely for the last hours, coarsely for weeks.
    pub fn points(&self, name: &str, from: i64, to: i64) -> Option<Vec<(f64, i64)>> {
        let step = match to - from {
            ..7_201 => 5,
            7_201..172_801 => MINUTE,
            172_801..2_592_001 => 10 * MINUTE,
            longer => (longer / 5_000 / MINUTE + 1) * MINUTE,
        };
        ((from.div_euclid(step) + 1)..=to.div_euclid(step))
            .map(|slot| Some((self.number(name, slot * step)?, slot * step)))
            .collect()
    }

    /// The orders placed after `from` and up to `to`: when, and for how much.
    pub fn orders(&self, from: i64, to: i64) -> impl Iterator<Item = (i64, f64)> + '_ {
        const SLOT: i64 = 4;
        (from.div_euclid(SLOT)..=to.div_euclid(SLOT)).filter_map(move |slot| {
            let at = slot * SLOT + (chance(31, slot) * SLOT as f64) as i64;
            let placed = at > from
                && at <= to
                && chance(32, slot) < 0.7 + 0.25 * rhythm(at)
                && self.strength(Trouble::Orders, at) == 0.0;
            placed.then(|| (at, (12.0 + (60.0 + 80.0 * rhythm(at)) * chance(33, slot).powi(3)).round()))
        })
    }

    fn requests(&self, at: i64) -> f64 {
        (30.0 + 170.0 * rhythm(at) + 14.0 * noise(10, at, 30)).max(1.0)
    }

    /// Deployments come every day; in a live demo every few minutes.
    fn version(&self, at: i64) -> String {
        let deployments = match self.live_since {
            Some(since) if at >= since => {
                let (every, begin, _) = DEPLOYMENTS;
                (since - 10 * HOUR).div_euclid(DAY) + (at - since - begin).div_euclid(every) + 1
            }
            _ => (at - 10 * HOUR).div_euclid(DAY),
        };
        format!("4.{}.{}", deployments.div_euclid(10).rem_euclid(100), deployments.rem_euclid(10))
    }

    /// How long a deployment takes from one host to the next: moments, unless there is trouble.
    fn lag(&self, at: i64) -> i64 {
        match self.live_since {
            Some(since) if at >= since => DEPLOYMENTS.2 / 2,
            _ => 2 * MINUTE,
        }
    }

    /// From 0, nothing, to 1, at its worst.
    fn strength(&self, trouble: Trouble, at: i64) -> f64 {
        let (begin, end) = match self.live_since {
            Some(since) if at >= since => {
                let (every, begin, length) = trouble.rhythm();
                let begin = since + begin + (at - since - begin).div_euclid(every) * every;
                if begin < since {
                    return 0.0;
                }
                (begin, begin + length)
            }
            _ => match self.incident(trouble, at.div_euclid(DAY)) {
                Some(incident) => incident,
                None => return 0.0,
            },
        };
        if at < begin || at >= end {
            return 0.0;
        }
        // It rises within its first sixth and falls within its last.
        let edge = (end - begin) as f64 / 6.0;
        ((at - begin + 1) as f64 / edge).min((end - at) as f64 / edge).min(1.0)
    }

    /// When on `day` there was this trouble, in ordinary times. Never over midnight, and never in the last minutes before
    /// a live demo, which begins in peace.
    fn incident(&self, trouble: Trouble, day: i64) -> Option<(i64, i64)> {
        let (likely, shortest, longest) = trouble.habit();
        let stream = 100 + trouble as u64;
        if chance(stream, day * 3) >= likely {
            return None;
        }
        let length = shortest * MINUTE + (chance(stream, day * 3 + 1) * ((longest - shortest) * MINUTE) as f64) as i64;
        let begin = day * DAY + (chance(stream, day * 3 + 2) * (DAY - length) as f64) as i64;
        let end = begin + length;
        let peace = self.live_since.is_none_or(|since| end < since - 15 * MINUTE);
        peace.then_some((begin, end))
    }
}

/// The data disk fills over nine days, and is cleaned.
fn disk(at: i64) -> f64 {
    let cycle = 9 * DAY;
    let phase = at.rem_euclid(cycle) as f64 / cycle as f64;
    1e12 * (0.42 + 0.56 * phase) + 1e9 * noise(17, at, 900)
}

/// How busy people are: 0 at four in the morning, 1 in the afternoon; weekends are quieter.
fn rhythm(at: i64) -> f64 {
    let hour = at.rem_euclid(DAY) as f64 / HOUR as f64;
    let day = 0.5 - 0.5 * (TAU * (hour - 3.5) / 24.0).cos();
    // 1970 began on a Thursday.
    let weekend = (at.div_euclid(DAY) + 3).rem_euclid(7) >= 5;
    day * if weekend { 0.6 } else { 1.0 }
}

/// Smooth noise from -1 to 1, with a new direction every `step` seconds.
fn noise(stream: u64, at: i64, step: i64) -> f64 {
    let (slot, within) = (at.div_euclid(step), at.rem_euclid(step) as f64 / step as f64);
    let (a, b) = (chance(stream, slot), chance(stream, slot + 1));
    let ease = within * within * (3.0 - 2.0 * within);
    2.0 * (a + (b - a) * ease) - 1.0
}

/// A number from 0 to 1 that belongs to `stream` and `index` for ever.
fn chance(stream: u64, index: i64) -> f64 {
    // SplitMix64's finishing steps: every bit of the input moves every bit of the output.
    let mut z = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_772_000_000;

    #[test]
    fn a_live_demo_has_trouble_of_every_kind_within_minutes_and_peace_between() {
        let world = World { live_since: Some(START) };
        for trouble in [Trouble::Errors, Trouble::Slow, Trouble::Mail, Trouble::Payments, Trouble::Orders] {
            let bad = (0..300).filter(|s| world.strength(trouble, START + s) > 0.5).count();
            assert!((20..200).contains(&bad), "{trouble:?}: {bad} of 300 s");
            assert_eq!(world.strength(trouble, START), 0.0, "{trouble:?}");
            assert_eq!(world.strength(trouble, START - 60), 0.0, "{trouble:?}");
        }
        let first_minute = (0..60).any(|s| world.strength(Trouble::Errors, START + s) == 1.0);
        assert!(first_minute);
        let versions =
            |at: i64| ["deploy.web1", "deploy.web2", "deploy.web3"].map(|host| world.text(host, START + at).unwrap());
        let differ = |at: i64| versions(at).iter().any(|version| *version != versions(at)[0]);
        assert!(!differ(0) && !differ(10) && differ(25) && differ(40) && !differ(55));
    }

    #[test]
    fn weeks_of_history_have_some_trouble_and_much_peace() {
        let world = World { live_since: Some(START) };
        for trouble in [Trouble::Errors, Trouble::Slow, Trouble::Mail, Trouble::Payments, Trouble::Orders] {
            let days = (1..=60).filter(|day| world.incident(trouble, START.div_euclid(DAY) - day).is_some()).count();
            assert!((2..50).contains(&days), "{trouble:?}: on {days} of 60 days");
        }
    }

    #[test]
    fn everything_that_is_listed_has_a_value_at_any_time() {
        for live_since in [None, Some(START)] {
            let world = World { live_since };
            for at in [START - 20 * DAY, START - 1, START, START + 77, START + 3 * DAY] {
                for (name, _) in NUMBERS {
                    let value = world.number(name, at).unwrap();
                    assert!(value.is_finite() && value >= 0.0, "{name} at {at}: {value}");
                }
                for (name, _) in TEXTS {
                    assert!(!world.text(name, at).unwrap().is_empty());
                }
            }
            assert_eq!(world.number("nothing", START), None);
            assert_eq!(world.text("nothing", START), None);
        }
    }

    #[test]
    fn orders_are_the_same_however_they_are_asked_for() {
        let world = World { live_since: Some(START) };
        let whole: Vec<_> = world.orders(START - 3600, START + 600).collect();
        let parts: Vec<_> = world.orders(START - 3600, START).chain(world.orders(START, START + 600)).collect();
        assert_eq!(whole, parts);
        assert!(whole.len() > 300, "{}", whole.len());
        let (_, begin, length) = Trouble::Orders.rhythm();
        assert_eq!(world.orders(START + begin + 1, START + begin + length - 1).count(), 0);
    }
}
