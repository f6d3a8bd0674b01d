//! Translates the eight schedule fields of the original program into crontab syntax.
//!
//! The original handed them to a scheduler library with a grammar of its own: `*`, `*/n`, `a`, `a-b`, `a-b/n`, lists of
//! those, and in the day field `2nd mon`, `last fri` and `last`. There, day-of-week 0 is Monday, and a tick must match
//! *all* fields, where crontab joins day-of-month and day-of-week by *or* unless one begins with a star. What has no
//! exact equal here is refused with the reason: a schedule that is nearly right is worse than one that waits for a person.

use std::fmt;

use revere_model::calendar::month_of_letters;

/// The fields in the original's order, which is also their significance.
const NAMES: [&str; 8] = ["year", "month", "day", "week", "day_of_week", "hour", "minute", "second"];
const MONTH: usize = 1;
const DAY: usize = 2;
const DAY_OF_WEEK: usize = 4;
const HOUR: usize = 5;
const MINUTE: usize = 6;
const SECOND: usize = 7;
/// What a field without a value means where everything more significant than it was given.
const DEFAULTS: [&str; 8] = ["*", "1", "1", "*", "*", "0", "0", "0"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const POSITIONS: [&str; 6] = ["1st", "2nd", "3rd", "4th", "5th", "last"];

/// The eight fields as they are stored; `None` is SQL's null.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OldSchedule(pub [Option<String>; 8]);

impl fmt::Display for OldSchedule {
    /// `year=* month=* day=last ...`, as the description of a paused monitor keeps it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, text)) in NAMES.iter().zip(&self.0).enumerate() {
            let gap = if index == 0 { "" } else { " " };
            match text {
                Some(text) => write!(f, "{gap}{name}={text}")?,
                None => write!(f, "{gap}{name}=(none)")?,
            }
        }
        Ok(())
    }
}

impl OldSchedule {
    /// The same ticks in crontab syntax, of five fields where the second is 0, otherwise of six.
    /// The error says in words what crontab cannot express, or what the original could not have run either.
    pub fn to_crontab(&self) -> Result<String, String> {
        let fields = self.with_defaults();
        for (index, text) in fields.iter().enumerate() {
            if text.is_empty() {
                return Err(format!(
                    "its {} field is blank, which the original program could not schedule",
                    NAMES[index]
                ));
            }
        }
        for (name, text) in [("year", &fields[0]), ("week", &fields[3])] {
            let (low, high) = if name == "week" { (1, 53) } else { (1970, i64::MAX) };
            if numbers(name, text, low, high)?.iter().all(|item| !item.is_all(low, high)) {
                return Err(format!("it runs only in certain {name}s ({name}={text}), which crontab cannot say"));
            }
        }
        let month = field(&fields[MONTH], MONTH, 1, 12)?;
        let hour = field(&fields[HOUR], HOUR, 0, 23)?;
        let minute = field(&fields[MINUTE], MINUTE, 0, 59)?;
        let second = field(&fields[SECOND], SECOND, 0, 59)?;
        let (day, day_of_week) = days(&fields[DAY], &fields[DAY_OF_WEEK])?;
        Ok(match second.as_str() {
            "0" => format!("{minute} {hour} {day} {month} {day_of_week}"),
            _ => format!("{second} {minute} {hour} {day} {month} {day_of_week}"),
        })
    }

    /// A field without a value is `*` above the least significant given one, and its minimum below it.
    fn with_defaults(&self) -> [String; 8] {
        let last_given = self.0.iter().rposition(Option::is_some);
        std::array::from_fn(|index| match &self.0[index] {
            Some(text) => text.trim().to_owned(),
            None if last_given.is_some_and(|last| index > last) => DEFAULTS[index].to_owned(),
            None => "*".to_owned(),
        })
    }
}

/// `first`, `first + step`, ... up to `last`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Steps {
    first: i64,
    last: i64,
    step: i64,
}

impl Steps {
    fn is_all(self, low: i64, high: i64) -> bool {
        self.first <= low && self.last >= high && self.step == 1
    }

    fn values(self) -> impl Iterator<Item = i64> {
        (self.first..=self.last).step_by(usize::try_from(self.step).unwrap_or(usize::MAX))
    }

    /// In crontab syntax. A `*` at the start has a meaning of its own in crontab's two day fields, so they pass `star`
    /// false where they do not mean it.
    fn write(self, low: i64, high: i64, star: bool) -> String {
        let Steps { first, last, step } = self;
        if first.saturating_add(step) > last {
            return first.to_string();
        }
        match (step, first == low && last == high && star) {
            (1, true) => "*".to_owned(),
            (_, true) => format!("*/{step}"),
            (1, false) => format!("{first}-{last}"),
            (_, false) => format!("{first}-{last}/{step}"),
        }
    }
}

/// One of the plain fields.
fn field(text: &str, index: usize, low: i64, high: i64) -> Result<String, String> {
    let items = numbers(NAMES[index], text, low, high)?;
    Ok(list(&items, low, high, true))
}

/// The number of a month by its name, in the field that is for them.
fn month_number(name: &str, text: &str) -> Option<i64> {
    month_of_letters(text.trim()).filter(|_| name == NAMES[MONTH]).map(i64::from)
}

fn list(items: &[Steps], low: i64, high: i64, star: bool) -> String {
    if items.iter().any(|item| item.is_all(low, high)) && star {
        return "*".to_owned();
    }
    // Inside a list a star is legal in some crontabs and not in others; a range always is.
    let star = star && items.len() == 1;
    items.iter().map(|item| item.write(low, high, star)).collect::<Vec<_>>().join(",")
}

/// Reads a list of numeric expressions; what lies wholly outside the field never matched and is left out.
fn numbers(name: &str, text: &str, low: i64, high: i64) -> Result<Vec<Steps>, String> {
    let mut items = Vec::new();
    for part in text.split(',').map(str::trim) {
        items.extend(number(name, part, low, high)?);
    }
    if items.is_empty() {
        return Err(format!("{name}={text} never comes"));
    }
    Ok(items)
}

/// `*`, `*/n`, `a`, `a-b`, `a/n` or `a-b/n`, where months may have names for `a` and `b`.
fn number(name: &str, part: &str, low: i64, high: i64) -> Result<Option<Steps>, String> {
    let unknown = || format!("{name}={part} is not understood");
    let digits =
        |text: &str| text.parse::<i64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit())).ok_or_else(unknown);
    let value = |text: &str| month_number(name, text).map_or_else(|| digits(text), Ok);
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(digits(step)?)),
        None => (part, None),
    };
    if step == Some(0) {
        return Err(format!("{name}={part} has a step of 0"));
    }
    let (first, last) = match (range, range.split_once('-')) {
        ("*", _) => (low, high),
        (_, Some((first, last))) => (value(first)?, value(last)?),
        // `5/10` is from 5 to the end; `5` alone is 5.
        (single, None) => {
            let first = value(single)?;
            (first, if step.is_some() { high } else { first })
        }
    };
    if first > last {
        return Err(format!("{name}={part} runs backwards"));
    }
    let steps = Steps { first: first.max(low), last: last.min(high), step: step.unwrap_or(1) };
    Ok((steps.first <= steps.last).then_some(steps))
}

/// An expression of the day field.
enum Day {
    Numbers(Steps),
    /// The `n`th such weekday of the month; the sixth is the last.
    Position(usize, usize),
    Last,
}

/// The day-of-month and day-of-week fields of crontab, from the original's two, which both had to match.
fn days(day: &str, day_of_week: &str) -> Result<(String, String), String> {
    let weekdays = weekdays(day_of_week)?;
    let every_weekday = weekdays.iter().all(|on| *on);
    let mut in_month = Vec::new();
    for part in day.split(',').map(str::trim) {
        in_month.extend(day_expression(part)?);
    }
    if in_month.is_empty() {
        return Err(format!("day={day} never comes"));
    }
    let numbers: Vec<Steps> =
        in_month.iter().filter_map(|d| if let Day::Numbers(steps) = d { Some(*steps) } else { None }).collect();
    let every_day = numbers.iter().any(|item| item.is_all(1, 31));
    if every_day {
        return Ok(("*".to_owned(), weekday_list(&weekdays)));
    }
    // Positions name weekdays themselves, so the weekday field can only thin them out.
    let positions: Vec<String> =
        in_month
            .iter()
            .filter_map(|d| if let Day::Position(nth, weekday) = d { Some((*nth, *weekday)) } else { None })
            .filter(|(_, weekday)| weekdays[*weekday])
            .map(|(nth, weekday)| {
                if nth == 5 { format!("{}L", WEEKDAYS[weekday]) } else { format!("{}#{}", WEEKDAYS[weekday], nth + 1) }
            })
            .collect();
    let last = in_month.iter().any(|d| matches!(d, Day::Last));

    if every_weekday {
        let mut in_crontab = Vec::new();
        if !numbers.is_empty() {
            // Beside positions crontab joins the two fields by or, unless one begins with a star.
            in_crontab.push(list(&numbers, 1, 31, positions.is_empty() && !last));
        }
        if last {
            in_crontab.push("L".to_owned());
        }
        let day = if in_crontab.is_empty() { "*".to_owned() } else { in_crontab.join(",") };
        let day_of_week = if positions.is_empty() { "*".to_owned() } else { positions.join(",") };
        return Ok((day, day_of_week));
    }
    if last || !numbers.is_empty() {
        let whole_week = match (&numbers[..], last, positions.is_empty()) {
            // A star makes crontab, too, ask that both fit.
            ([only], false, true) if (only.first, only.last) == (1, 31) => {
                Some((only.write(1, 31, true), weekday_list(&weekdays)))
            }
            ([only], false, true) => whole_week(*only, &weekdays),
            _ => None,
        };
        // So does a star in the other field, for the weekdays that can be written with one.
        let starred = star_week(&weekdays).filter(|_| positions.is_empty()).map(|week| {
            let numbers = (!numbers.is_empty()).then(|| list(&numbers, 1, 31, false));
            (numbers.into_iter().chain(last.then(|| "L".to_owned())).collect::<Vec<_>>().join(","), week)
        });
        return whole_week.or(starred).ok_or_else(|| both(day, day_of_week));
    }
    if positions.is_empty() {
        return Err(format!("day={day} and day_of_week={day_of_week} never meet"));
    }
    Ok(("*".to_owned(), positions.join(",")))
}

fn both(day: &str, day_of_week: &str) -> String {
    format!("it runs only where day={day} and day_of_week={day_of_week} meet, and crontab would run it on either")
}

/// Days 8 to 14 hold each weekday once, its second: `tue` in them is `tue#2`.
fn whole_week(days: Steps, weekdays: &[bool; 7]) -> Option<(String, String)> {
    let nth = (days.first - 1) / 7 + 1;
    if days.step != 1 || (days.first - 1) % 7 != 0 || days.last != days.first + 6 || nth > 4 {
        return None;
    }
    let names = WEEKDAYS.iter().zip(weekdays).filter(|(_, on)| **on).map(|(name, _)| format!("{name}#{nth}"));
    Some(("*".to_owned(), names.collect::<Vec<_>>().join(",")))
}

/// `*/7` is Sunday, `*/3` Sunday, Wednesday and Saturday: counted from Sunday, and beginning with a star.
fn star_week(weekdays: &[bool; 7]) -> Option<String> {
    let fits = |step: &usize| (0..7).all(|sunday_first| weekdays[(sunday_first + 6) % 7] == (sunday_first % step == 0));
    (2..=7).find(fits).map(|step| format!("*/{step}"))
}

fn day_expression(part: &str) -> Result<Option<Day>, String> {
    let lower = part.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    match words.as_slice() {
        ["last"] => Ok(Some(Day::Last)),
        [position, weekday] => {
            let nth = POSITIONS.iter().position(|known| known == position);
            let weekday = WEEKDAYS.iter().position(|known| known == weekday);
            match (nth, weekday) {
                (Some(nth), Some(weekday)) => Ok(Some(Day::Position(nth, weekday))),
                _ => Err(format!("day={part} is not understood")),
            }
        }
        _ => Ok(number("day", part, 1, 31)?.map(Day::Numbers)),
    }
}

/// Which weekdays, Monday first.
fn weekdays(text: &str) -> Result<[bool; 7], String> {
    let mut on = [false; 7];
    for part in text.split(',').map(str::trim) {
        let named = |name: &str| WEEKDAYS.iter().position(|known| name.eq_ignore_ascii_case(known));
        let steps = if part.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let unknown = || format!("day_of_week={part} is not understood");
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (named(first).ok_or_else(unknown)?, named(last).ok_or_else(unknown)?);
            if first > last {
                return Err(format!("day_of_week={part} runs backwards"));
            }
            Some(Steps { first: first as i64, last: last as i64, step: 1 })
        } else {
            number("day_of_week", part, 0, 6)?
        };
        for day in steps.into_iter().flat_map(Steps::values) {
            on[day as usize] = true;
        }
    }
    if !on.contains(&true) {
        return Err(format!("day_of_week={text} never comes"));
    }
    Ok(on)
}

/// `*`, `mon-fri`, `mon,wed,fri`: names, because the numbers mean other days in crontab.
fn weekday_list(on: &[bool; 7]) -> String {
    if on.iter().all(|on| *on) {
        return "*".to_owned();
    }
    let mut parts = Vec::new();
    let mut day = 0;
    while day < 7 {
        let run = on[day..].iter().take_while(|on| **on).count();
        match run {
            0 => day += 1,
            1 | 2 => parts.extend(WEEKDAYS[day..day + run].iter().map(|name| (*name).to_owned())),
            _ => parts.push(format!("{}-{}", WEEKDAYS[day], WEEKDAYS[day + run - 1])),
        }
        day += run;
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The eight fields, `-` for none.
    fn old(text: &str) -> OldSchedule {
        let fields: Vec<&str> = text.split('|').map(str::trim).collect();
        OldSchedule(std::array::from_fn(|i| (fields[i] != "-").then(|| fields[i].to_owned())))
    }

    #[test]
    fn every_form_of_the_original_has_its_crontab() {
        for (fields, crontab) in [
            // year | month | day | week | day_of_week | hour | minute | second
            ("* | * | * | * | * | * | * | 0", "* * * * *"),
            ("* | * | * | * | * | * | * | *", "* * * * * *"),
            ("* | * | * | * | * | * | */5 | 0", "*/5 * * * *"),
            ("* | * | * | * | * | * | * | */15", "*/15 * * * * *"),
            ("* | * | * | * | * | 9-17 | 0,30 | 0", "0,30 9-17 * * *"),
            ("* | * | * | * | * | 9-17/2 | 5/10 | 10", "10 5-59/10 9-17/2 * * *"),
            ("* | 1-3,6 | 15 | * | * | 4 | 0 | 0", "0 4 15 1-3,6 *"),
            ("* | * | last | * | * | 4 | 0 | 0", "0 4 L * *"),
            ("* | * | 2nd mon | * | * | 4 | 0 | 0", "0 4 * * mon#2"),
            ("* | * | last fri | * | * | 4 | 0 | 0", "0 4 * * friL"),
            ("* | * | 1,3rd FRI | * | * | 4 | 0 | 0", "0 4 1 * fri#3"),
            ("* | * | */10,1st tue | * | * | 4 | 0 | 0", "0 4 1-31/10 * tue#1"),
            // Their 0 is Monday, and 6 is Sunday.
            ("* | * | * | * | 0 | 4 | 0 | 0", "0 4 * * mon"),
            ("* | * | * | * | 6 | 4 | 0 | 0", "0 4 * * sun"),
            ("* | * | * | * | 0-4 | 4 | 0 | 0", "0 4 * * mon-fri"),
            ("* | * | * | * | sat,sun | 4 | 0 | 0", "0 4 * * sat,sun"),
            ("* | * | * | * | mon-fri,sun | 4 | 0 | 0", "0 4 * * mon-fri,sun"),
            ("* | * | * | * | */2 | 4 | 0 | 0", "0 4 * * mon,wed,fri,sun"),
            ("* | * | * | * | 0-6 | 4 | 0 | 0", "0 4 * * *"),
            // Both day fields had to match there.
            ("* | * | 1-7 | * | mon | 4 | 0 | 0", "0 4 * * mon#1"),
            ("* | * | */2 | * | mon,tue | 4 | 0 | 0", "0 4 */2 * mon,tue"),
            ("* | * | 15-21 | * | 1-2 | 4 | 0 | 0", "0 4 * * tue#3,wed#3"),
            ("* | * | 1st mon,2nd tue | * | 0 | 4 | 0 | 0", "0 4 * * mon#1"),
            ("* | * | 1 | * | sun | 4 | 0 | 0", "0 4 1 * */7"),
            ("* | * | 1,2nd mon | * | sun | 4 | 0 | 0", "0 4 1 * */7"),
            ("* | * | 13,31 | * | 1,3,5,6 | 4 | 0 | 0", "0 4 13,31 * */2"),
            ("* | * | last,1-5 | * | sat,sun | 4 | 0 | 0", "0 4 1-5,L * */6"),
            // Names of months, too, though only later versions of that library knew them.
            ("* | jan-mar | 1 | * | * | 4 | 0 | 0", "0 4 1 1-3 *"),
            ("* | Jan-DEC/2,feb | * | * | * | 4 | 0 | 0", "0 4 * 1-12/2,2 *"),
            // A field without a value: the minimum below the last given one, everything above it.
            ("- | - | - | - | - | 4 | - | -", "0 4 * * *"),
            ("- | - | 5 | - | - | - | - | -", "0 0 5 * *"),
            ("- | 6 | - | - | - | - | - | -", "0 0 1 6 *"),
            ("- | - | - | - | - | - | 7 | -", "7 * * * *"),
            ("- | - | - | - | - | - | - | -", "* * * * * *"),
            // Whole fields written in other ways, and what lay outside never matched.
            ("*/1 | 1-12 | * | 1-53 | * | 0-23 | 0-99 | 0", "* * * * *"),
            ("* | * | * | * | * | * | 50,75 | 0", "50 * * * *"),
            ("* | * | * | * | * | * | */90 | 0", "0 * * * *"),
        ] {
            assert_eq!(old(fields).to_crontab().as_deref(), Ok(crontab), "{fields}");
        }
    }

    #[test]
    fn what_crontab_cannot_say_is_refused_with_the_reason() {
        for (fields, reason) in [
            ("2014 | * | * | * | * | * | * | 0", "certain years (year=2014)"),
            ("2014-2020 | * | * | * | * | * | * | 0", "certain years"),
            ("* | * | * | 10 | * | 4 | 0 | 0", "certain weeks (week=10)"),
            ("* | * | * | */2 | * | 4 | 0 | 0", "certain weeks"),
            ("* | * | 13 | * | fri | 4 | 0 | 0", "where day=13 and day_of_week=fri meet"),
            ("* | * | last | * | fri | 4 | 0 | 0", "where day=last"),
            ("* | jan-mär | * | * | * | 4 | 0 | 0", "month=jan-mär is not understood"),
            ("* | Oct-Feb,3 | * | * | * | 4 | 0 | 0", "month=Oct-Feb runs backwards"),
            ("* | jan/feb | * | * | * | 4 | 0 | 0", "month=jan/feb is not understood"),
            ("* | * | jan | * | * | 4 | 0 | 0", "day=jan is not understood"),
            ("* | * | 2nd mon | * | tue | 4 | 0 | 0", "never meet"),
            ("* | * | * | * | * | 4 | 99 | 0", "minute=99 never comes"),
            ("* | * | * | * | fri-mon | 4 | 0 | 0", "runs backwards"),
            ("* | * | * | * | * | 9-5 | 0 | 0", "hour=9-5 runs backwards"),
            ("* | * | * | * | * | */0 | 0 | 0", "step of 0"),
            ("* | * | * | * | * | noon | 0 | 0", "hour=noon is not understood"),
            ("* | * | 6th mon | * | * | 4 | 0 | 0", "day=6th mon is not understood"),
            ("* | * | * | * | * |  | 0 | 0", "its hour field is blank"),
        ] {
            let refused = old(fields).to_crontab().unwrap_err();
            assert!(refused.contains(reason), "{fields}: {refused}");
        }
    }

    #[test]
    fn the_translated_schedule_ticks_when_the_original_did() {
        let start: jiff::Timestamp = "2026-01-30T12:34:56Z".parse().unwrap();
        let mut seen = 0;
        for line in include_str!("apscheduler_ticks.txt").lines().filter(|line| !line.starts_with('#')) {
            let (fields, fires) = line.split_once(" => ").unwrap();
            let crontab = old(fields).to_crontab().unwrap_or_else(|reason| panic!("{fields}: {reason}"));
            let schedule: revere_model::Schedule = crontab.parse().unwrap_or_else(|fault| panic!("{crontab}: {fault}"));
            let ticks: Vec<String> =
                schedule.ticks(start, &jiff::tz::TimeZone::UTC).take(8).map(|tick| tick.to_string()).collect();
            let fires: Vec<String> = fires.split_whitespace().map(|fire| format!("{fire}Z")).collect();
            assert_eq!(ticks, fires, "{fields} as {crontab}");
            seen += 1;
        }
        assert!(seen > 50);
    }

    #[test]
    fn the_original_text_is_kept_for_the_reader() {
        assert_eq!(
            old("2014 | * | * | * | mon | 4 | - | 0").to_string(),
            "year=2014 month=* day=* week=* day_of_week=mon hour=4 minute=(none) second=0"
        );
    }
}
