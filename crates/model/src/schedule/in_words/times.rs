//! The time of day in words.

use super::{
    super::{
        Crontab,
        field::{Bits, Field},
    },
    even_step, list, runs, stretch,
};

/// What the time fields amount to.
pub(super) enum Times {
    /// Single times of day: `09:00 and 17:00`.
    At(String),
    /// Something that goes on: `every 5 minutes from 09:00 to 17:55`.
    Pace(String),
}

/// Up to so many times of day are listed even where a pace could be named.
const FEW: u32 = 2;
/// Up to so many times of day are listed where no pace can be named.
const MANY: u32 = 12;

impl Crontab {
    pub(super) fn times(&self) -> Times {
        let per_day = self.seconds.count() * self.minutes.count() * self.hours.count();
        if per_day <= FEW {
            return Times::At(self.listed());
        }
        match self.pace() {
            Some(pace) => Times::Pace(pace),
            None if per_day <= MANY => Times::At(self.listed()),
            None => Times::Pace(self.by_field()),
        }
    }

    fn listed(&self) -> String {
        let hours = self.hours.iter();
        list(hours.flat_map(|hour| {
            let minutes = self.minutes.iter();
            minutes.flat_map(move |minute| self.seconds.iter().map(move |second| self.clock(hour, minute, second)))
        }))
    }

    /// The shapes that have a pace. The finest field with more than one number gives the unit.
    fn pace(&self) -> Option<String> {
        if self.seconds.count() > 1 {
            let pace = every(even_step(Field::Second, self.seconds)?, "second");
            if self.minutes == Field::Minute.all() {
                return Some(pace + &self.window());
            }
            return Some(match (stretch(Field::Minute, self.minutes), self.hours.count()) {
                (Some((first, last)), 1) if first <= last => pace + &self.window(),
                _ => format!("{pace} in {} of {}", self.of_minutes(), self.of_hours()),
            });
        }
        if self.minutes.count() > 1 {
            let one_stretch = stretch(Field::Minute, self.minutes).is_some_and(|(first, last)| first + 1 < last);
            let step = even_step(Field::Minute, self.minutes);
            let step = step.or((one_stretch && self.hours.count() == 1).then_some(1))?;
            let at = match self.seconds.first()? {
                0 => String::new(),
                second => format!(" at second {second}"),
            };
            return Some(every(step, "minute") + &at + &self.window());
        }
        let minute = self.minutes.first()?;
        let on_the_hour = minute == 0 && self.seconds.first()? == 0;
        if let Some((first, last)) = stretch(Field::Hour, self.hours) {
            let (first, last) = (self.edge(first, Bits::first), self.edge(last, Bits::last));
            return Some(format!("every hour from {first} to {last}"));
        }
        match even_step(Field::Hour, self.hours) {
            Some(1) if !on_the_hour => None,
            Some(step) if on_the_hour => Some(every(step, "hour")),
            Some(step) => Some(format!("{} from {}", every(step, "hour"), self.edge(0, Bits::first))),
            None => {
                let (first, step, last) = self.hours_apart()?;
                let (first, last) = (self.edge(first, Bits::first), self.edge(last, Bits::last));
                Some(format!("{} from {first} to {last}", every(step, "hour")))
            }
        }
    }

    /// First, step and last of hours that are evenly apart, four of them or more.
    fn hours_apart(&self) -> Option<(u32, u32, u32)> {
        let (first, last) = (self.hours.first()?, self.hours.last()?);
        let step = self.hours.first_from(first + 1)? - first;
        let even: Bits = (first..=last).step_by(step as usize).collect();
        (even == self.hours && even.count() > 3).then_some((first, step, last))
    }

    /// The hours a pace is kept in: nothing if all, else ` from 09:00 to 17:55` or ` in the hours 08, 12 and 18`.
    fn window(&self) -> String {
        if self.hours == Field::Hour.all() {
            return String::new();
        }
        match stretch(Field::Hour, self.hours) {
            Some((first, last)) => {
                format!(" from {} to {}", self.edge(first, Bits::first), self.edge(last, Bits::last))
            }
            None => match even_step(Field::Hour, self.hours) {
                Some(step) => format!(" in every {} hour from 00", ordinal(step)),
                None => format!(" in the hours {}", runs(self.hours, two_digits)),
            },
        }
    }

    /// The first or last tick of an hour.
    fn edge(&self, hour: u32, end: impl Fn(Bits) -> Option<u32>) -> String {
        self.clock(hour, end(self.minutes).unwrap_or_default(), end(self.seconds).unwrap_or_default())
    }

    /// A time of day, with seconds where this schedule has any.
    fn clock(&self, hour: u32, minute: u32, second: u32) -> String {
        if self.seconds == Bits::range(0, 0) {
            format!("{hour:02}:{minute:02}")
        } else {
            format!("{hour:02}:{minute:02}:{second:02}")
        }
    }

    /// What always works.
    fn by_field(&self) -> String {
        if self.seconds.count() > 1 {
            let seconds = runs(self.seconds, |second| second.to_string());
            return match even_step(Field::Minute, self.minutes) {
                Some(1) => format!("at seconds {seconds} of every minute{}", self.window()),
                Some(step) => format!("at seconds {seconds} of every {} minute{}", ordinal(step), self.window()),
                None => format!("at seconds {seconds} of {} of {}", self.of_minutes(), self.of_hours()),
            };
        }
        let minutes = runs(self.minutes, |minute| minute.to_string());
        let unit = if self.minutes == Bits::range(1, 1) { "minute" } else { "minutes" };
        let seconds = match self.seconds.first() {
            None | Some(0) => String::new(),
            Some(1) => " 1 second".to_owned(),
            Some(second) => format!(" {second} seconds"),
        };
        format!("at {minutes} {unit}{seconds} past {}", self.of_hours())
    }

    fn of_minutes(&self) -> String {
        let minutes = runs(self.minutes, |minute| minute.to_string());
        if self.minutes.count() == 1 { format!("minute {minutes}") } else { format!("minutes {minutes}") }
    }

    fn of_hours(&self) -> String {
        if self.hours == Field::Hour.all() {
            return "every hour".to_owned();
        }
        let hours = runs(self.hours, two_digits);
        if self.hours.count() == 1 { format!("the hour {hours}") } else { format!("the hours {hours}") }
    }
}

fn every(step: u32, unit: &str) -> String {
    if step == 1 { format!("every {unit}") } else { format!("every {step} {unit}s") }
}

fn two_digits(number: u32) -> String {
    format!("{number:02}")
}

/// `2nd`, `3rd`, `4th`.
pub(super) fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
