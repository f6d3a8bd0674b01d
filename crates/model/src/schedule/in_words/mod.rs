//! A schedule in English, as one says it after "runs": `every 5 minutes`, `every weekday at 09:00`.
//!
//! Promises to be true for every schedule and to read well for the common ones; rare ones are listed number by number.
//! It describes the wall clock; what clock changes do is not said.

mod dates;
mod times;

use self::times::Times;
use super::{
    Crontab,
    field::{Bits, Field},
};

impl Crontab {
    /// The schedule in words, lower case and without a full stop.
    pub(super) fn in_words(&self) -> String {
        let times = self.times();
        let dates = self.dates();
        match (times, dates.every) {
            (Times::At(list), Some(every)) => format!("{every} at {list}"),
            (Times::At(list), None) => format!("at {list}{}", dates.on),
            (Times::Pace(pace), _) => format!("{pace}{}", dates.on),
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let mut items: Vec<T> = items.into_iter().collect();
    let Some(last) = items.pop() else { return String::new() };
    let rest: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    if rest.is_empty() { last.as_ref().to_owned() } else { format!("{} and {}", rest.join(", "), last.as_ref()) }
}

/// The numbers with their runs drawn together, each shown by `show`: `1-5 and 9`.
fn runs(bits: Bits, show: impl Fn(u32) -> String) -> String {
    let mut items = Vec::new();
    let mut rest = bits;
    while let Some(low) = rest.first() {
        let mut high = low;
        while rest.contains(high + 1) {
            high += 1;
        }
        match high - low {
            0 => items.push(show(low)),
            1 => items.extend([show(low), show(high)]),
            _ => items.push(format!("{}-{}", show(low), show(high))),
        }
        rest = rest.minus(Bits::range(low, high));
    }
    list(items)
}

/// First and last of a set that is one stretch of the field, perhaps around its end, and not all of it.
fn stretch(field: Field, bits: Bits) -> Option<(u32, u32)> {
    let before = |number| if number == field.min() { field.max() } else { number - 1 };
    let after = |number| if number == field.max() { field.min() } else { number + 1 };
    let mut starts = bits.iter().filter(|number| !bits.contains(before(*number)));
    let start = starts.next()?;
    if starts.next().is_some() {
        return None;
    }
    Some((start, bits.iter().find(|number| !bits.contains(after(*number)))?))
}

/// The step of a set that divides its field evenly from 0 on: 5 for the minutes 0, 5, 10 ... 55; 1 for all.
fn even_step(field: Field, bits: Bits) -> Option<u32> {
    let (size, count) = (field.max() + 1, bits.count());
    let step = size / count.max(1);
    let even = count > 1 && step * count == size && bits.iter().all(|number| number % step == 0);
    even.then_some(step)
}

#[cfg(test)]
mod tests {
    use crate::Schedule;

    fn words(text: &str) -> String {
        Schedule::parse(text).unwrap().in_words()
    }

    #[test]
    fn common_schedules_read_as_people_say_them() {
        for (text, expected) in [
            ("* * * * *", "every minute"),
            ("*/5 * * * *", "every 5 minutes"),
            ("* * * * * *", "every second"),
            ("*/10 * * * * *", "every 10 seconds"),
            ("@hourly", "every hour"),
            ("15 * * * *", "at 15 minutes past every hour"),
            ("1 * * * *", "at 1 minute past every hour"),
            ("0 */6 * * *", "every 6 hours"),
            ("30 */6 * * *", "every 6 hours from 00:30"),
            ("23 1-21/2 * * *", "every 2 hours from 01:23 to 21:23"),
            ("*/10 */2 * * *", "every 10 minutes in every 2nd hour from 00"),
            ("@daily", "every day at 00:00"),
            ("0 9 * * MON-FRI", "every weekday at 09:00"),
            ("0 9,17 * * *", "every day at 09:00 and 17:00"),
            ("0 10 * * SAT,SUN", "every Saturday and Sunday at 10:00"),
            ("@weekly", "every Sunday at 00:00"),
            ("0 9 * * TUE-SAT", "every day from Tuesday to Saturday at 09:00"),
            ("0 9 * * FRI-MON", "every day from Friday to Monday at 09:00"),
            ("30 2 1 * *", "at 02:30 on day 1 of the month"),
            ("@monthly", "at 00:00 on day 1 of the month"),
            ("@yearly", "at 00:00 on day 1 of January"),
            ("0 0 29 2 *", "at 00:00 on day 29 of February"),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn windows_of_the_day_end_with_the_last_tick() {
        for (text, expected) in [
            ("*/5 9-17 * * MON-FRI", "every 5 minutes from 09:00 to 17:55 on weekdays"),
            ("*/10 9 * * *", "every 10 minutes from 09:00 to 09:50"),
            ("* 22-6 * * *", "every minute from 22:00 to 06:59"),
            ("*/10 * 8-9 * * *", "every 10 seconds from 08:00:00 to 09:59:50"),
            ("*/15 30-34 12 * * *", "every 15 seconds from 12:30:00 to 12:34:45"),
            ("0 9-17 * * *", "every hour from 09:00 to 17:00"),
            ("15 9-17 * * MON", "every hour from 09:15 to 17:15 on Mondays"),
            ("0-10 9 * * *", "every minute from 09:00 to 09:10"),
            ("*/20 8,12,18 * * *", "every 20 minutes in the hours 08, 12 and 18"),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn uneven_times_are_listed() {
        for (text, expected) in [
            ("5,35 * * * *", "at 5 and 35 minutes past every hour"),
            ("*/7 * * * *", "at 0, 7, 14, 21, 28, 35, 42, 49 and 56 minutes past every hour"),
            ("5,35 8-17 * * *", "at 5 and 35 minutes past the hours 08-17"),
            ("0 8,9,10,12,14 * * *", "every day at 08:00, 09:00, 10:00, 12:00 and 14:00"),
            ("30 0 12 * * *", "every day at 12:00:30"),
            ("30 * * * * *", "every minute at second 30"),
            ("30 15 * * * *", "at 15 minutes 30 seconds past every hour"),
            ("1,7,30 */5 * * * *", "at seconds 1, 7 and 30 of every 5th minute"),
            ("*/30 5 * * * *", "every 30 seconds in minute 5 of every hour"),
            ("*/30 1,2,5 * * * *", "every 30 seconds in minutes 1, 2 and 5 of every hour"),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn days_of_every_kind() {
        for (text, expected) in [
            ("0 9 1,15 * *", "at 09:00 on days 1 and 15 of the month"),
            ("0 9 1-7 * *", "at 09:00 on days 1-7 of the month"),
            ("0 9 L * *", "at 09:00 on the last day of the month"),
            ("0 9 L-3 * *", "at 09:00 on the 3rd day before the last of the month"),
            ("0 9 LW * *", "at 09:00 on the last weekday of the month"),
            ("0 9 15W,L * *", "at 09:00 on the weekday nearest to day 15 and the last day of the month"),
            ("0 9 * * MON#2", "at 09:00 on the second Monday of the month"),
            ("0 9 * 3,9 5L", "at 09:00 on the last Friday of March and September"),
            ("0 9 13 * FRI", "at 09:00 on day 13 of the month and every Friday"),
            ("0 9 */2 * FRI", "at 09:00 on every 2nd day from day 1 of the month if it is a Friday"),
            ("0 9 1-31 * FRI", "every day at 09:00"),
            ("0 9 * 7 *", "every day in July at 09:00"),
            ("0 9 * NOV-FEB MON", "every Monday from November to February at 09:00"),
            ("*/5 * * 7 *", "every 5 minutes in July"),
            ("*/5 * 1 4-6 *", "every 5 minutes on day 1 of every month from April to June"),
            ("0 9 13 7 FRI", "at 09:00 on day 13 of July and every Friday in July"),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
