//! Crontab text to a schedule, or what is wrong with it and what to write instead.

use super::{
    Crontab,
    days::Days,
    field::{Bits, Field},
};
use crate::calendar::MONTHS;

/// What is wrong with the text of a schedule. Names the field, the fault and what may be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ScheduleFault {
    /// The field at fault, as people call it (`minute`, `day of week`); `None` if it is the text as a whole.
    pub field: Option<&'static str>,
    /// The whole message, the field's name included: `minute: 99 is outside 0-59`.
    pub message: String,
}

/// The longest text that is read, in bytes: six fields that each list every number take about 600.
const MAX_LENGTH: usize = 1000;

/// What stands for five fields, from crontab(5).
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Crontab {
    /// Reads crontab syntax; the module's front page says what may be written.
    ///
    /// # Errors
    ///
    /// The first fault found, from left to right; also that the schedule never comes ("February has no 30th day").
    pub(super) fn parse(text: &str) -> Result<Crontab, ScheduleFault> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(whole(format!("the schedule is longer than {MAX_LENGTH} characters: write ranges and steps")));
        }
        if text.starts_with('@') {
            return Crontab::parse(nickname(text)?);
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        if let Some(word) = words.iter().find(|word| word.contains('=')) {
            return Err(whole(format!("{word:?} is no field: the time zone has a setting of its own")));
        }
        let (second, [minute, hour, day_of_month, month, day_of_week]) = match *words.as_slice() {
            [minute, hour, day, month, weekday] => ("0", [minute, hour, day, month, weekday]),
            [second, minute, hour, day, month, weekday] => (second, [minute, hour, day, month, weekday]),
            _ => return Err(count_fault(words.len())),
        };
        let seconds = plain(Field::Second, second)?;
        let minutes = plain(Field::Minute, minute)?;
        let hours = plain(Field::Hour, hour)?;
        let mut days = Days::default();
        days_of_month(day_of_month, &mut days)?;
        let months = plain(Field::Month, month)?;
        days_of_week(day_of_week, &mut days)?;
        let schedule = Crontab { seconds, minutes, hours, months, days };
        schedule.must_come()?;
        Ok(schedule)
    }

    /// Refuses a schedule that fits no date of any year. There are fourteen kinds of year.
    fn must_come(&self) -> Result<(), ScheduleFault> {
        let comes = self.months.iter().any(|month| {
            lengths(month).iter().any(|length| (0..7).any(|day| !self.days.of_any_month(*length, day).is_empty()))
        });
        if comes {
            return Ok(());
        }
        let months: Vec<&str> = self.months.iter().map(|month| MONTHS[month as usize - 1]).collect();
        let by_number_only = self.days.from_end.is_empty() && self.days.nearest_weekday.is_empty();
        let why = match self.days.numbers.first() {
            Some(day) if by_number_only && !lengths(self.months.first().unwrap_or(1)).contains(&day) && day > 28 => {
                let (last, others) = months.split_last().map_or(("that month", &[][..]), |(last, rest)| (*last, rest));
                let (names, verb) = match others {
                    [] => (last.to_owned(), "has"),
                    _ => (format!("{} and {last}", others.join(", ")), "have"),
                };
                format!("{names} {verb} no {}; L is the last day of a month", ordinal_day(day))
            }
            _ => "no date fits both day fields and the month".to_owned(),
        };
        Err(whole(format!("never comes: {why}")))
    }
}

/// The lengths a month can have, in days.
fn lengths(month: u32) -> &'static [u32] {
    match month {
        2 => &[28, 29],
        4 | 6 | 9 | 11 => &[30],
        _ => &[31],
    }
}

fn ordinal_day(day: u32) -> String {
    format!("{day}{} day", if day == 31 { "st" } else { "th" })
}

fn nickname(text: &str) -> Result<&'static str, ScheduleFault> {
    let lower = text.to_ascii_lowercase();
    if let Some((_, fields)) = NICKNAMES.iter().find(|(name, _)| *name == lower) {
        return Ok(fields);
    }
    let hint = match lower.split_whitespace().next().unwrap_or_default() {
        "@every" => "write a step, such as */5 * * * * for every five minutes".to_owned(),
        "@reboot" => "a monitor runs by the clock; write when, such as */5 * * * *".to_owned(),
        _ => {
            let known: Vec<&str> = NICKNAMES.iter().map(|(name, _)| *name).collect();
            format!("write five fields, or one of {}", known.join(" "))
        }
    };
    Err(whole(format!("{} is not known here: {hint}", shown(text))))
}

fn count_fault(count: usize) -> ScheduleFault {
    const WORDS: [&str; 5] = ["one field", "two fields", "three fields", "four fields", "five fields"];
    whole(match count {
        0 => "the schedule is empty: write five fields, such as */5 * * * *, or @hourly".to_owned(),
        1..=4 => format!("{}: write five, or six with seconds first", WORDS[count - 1]),
        7 => "seven fields: write five, or six with seconds first (there is no field for the year)".to_owned(),
        _ => format!("{count} fields: write five, or six with seconds first"),
    })
}

/// A field of plain numbers.
fn plain(field: Field, text: &str) -> Result<Bits, ScheduleFault> {
    let mut bits = Bits::EMPTY;
    for item in items(field, text)? {
        bits = bits.union(numbers(field, item)?);
    }
    Ok(bits)
}

fn days_of_month(text: &str, days: &mut Days) -> Result<(), ScheduleFault> {
    let field = Field::DayOfMonth;
    days.numbers_star = text.starts_with(['*', '?']);
    for item in items(field, text)? {
        let upper = item.to_ascii_uppercase();
        if upper == "LW" || upper == "WL" {
            days.last_weekday = true;
        } else if upper == "L" {
            days.from_end.insert(0);
        } else if let Some(back) = upper.strip_prefix("L-") {
            match back.parse() {
                Ok(back @ 0..=30) => days.from_end.insert(back),
                _ => return Err(fault(field, format!("{} is not L-0 to L-30, days before the last", shown(item)))),
            }
        } else if let Some(day) = upper.strip_suffix('W') {
            match day.parse() {
                Ok(day @ 1..=31) => days.nearest_weekday.insert(day),
                _ => return Err(fault(field, format!("{} is not 1W to 31W or LW, the nearest weekday", shown(item)))),
            }
        } else {
            days.numbers = days.numbers.union(numbers(field, item)?);
        }
    }
    if days.numbers == field.all() {
        // Every day is there already; what else was listed adds nothing.
        (days.from_end, days.nearest_weekday, days.last_weekday) = (Bits::EMPTY, Bits::EMPTY, false);
    }
    Ok(())
}

fn days_of_week(text: &str, days: &mut Days) -> Result<(), ScheduleFault> {
    let field = Field::DayOfWeek;
    days.week_star = text.starts_with(['*', '?']);
    for item in items(field, text)? {
        if let Some((weekday, nth)) = item.split_once('#') {
            one_by_one(weekday, &format!("#{nth}"), item)?;
            let weekday = number(field, weekday)? % 7;
            match nth.parse() {
                Ok(nth @ 1..=5_usize) => days.nth[nth - 1].insert(weekday),
                _ => return Err(fault(field, format!("{} does not end in #1 to #5", shown(item)))),
            }
        } else if item.eq_ignore_ascii_case("L") {
            return Err(fault(field, "L needs a day: write 5L for the last Friday of the month".to_owned()));
        } else if let Some(weekday) = item.strip_suffix(['L', 'l']) {
            one_by_one(weekday, "L", item)?;
            days.last.insert(number(field, weekday)? % 7);
        } else {
            days.week = days.week.union(numbers(field, item)?);
        }
    }
    if days.week == field.all() {
        (days.nth, days.last) = ([Bits::EMPTY; 5], Bits::EMPTY);
    }
    Ok(())
}

/// Refuses `MON-FRI#1` with what to write: which days it means is clear, and that each has a first is not.
fn one_by_one(weekdays: &str, mark: &str, item: &str) -> Result<(), ScheduleFault> {
    let field = Field::DayOfWeek;
    if weekdays != "*" && !weekdays.contains(['-', '/']) {
        return Ok(());
    }
    let name = |day: u32| format!("{}{mark}", field.names()[day as usize][..3].to_uppercase());
    let days: Vec<String> = numbers(field, weekdays)?.iter().map(name).collect();
    Err(fault(field, format!("{} counts several days at once: write {}", shown(item), days.join(","))))
}

fn items(field: Field, text: &str) -> Result<impl Iterator<Item = &str>, ScheduleFault> {
    if text.split(',').any(str::is_empty) {
        return Err(fault(field, format!("{} has an empty place in its list: take a comma out", shown(text))));
    }
    Ok(text.split(','))
}

/// `*`, `?`, a number, a range, each of them with a step or not.
fn numbers(field: Field, item: &str) -> Result<Bits, ScheduleFault> {
    let (base, step) = match item.split_once('/') {
        Some((base, step)) => (base, Some(step_size(field, step)?)),
        None => (item, None),
    };
    let size = field.all().count();
    let (low, length) = if base == "*" {
        (field.min(), size)
    } else if base == "?" {
        if !matches!(field, Field::DayOfMonth | Field::DayOfWeek) || step.is_some() {
            return Err(fault(field, "? stands alone, in a day field only: write *".to_owned()));
        }
        (field.min(), size)
    } else if let Some((low, high)) = base.split_once('-') {
        let (low, high) = (number(field, low)?, number(field, high)?);
        // 0-7 is a whole week, 5-7 ends on Sunday, 7-2 begins on it.
        let whole_week = field == Field::DayOfWeek && (low, high) == (0, 7);
        (low % sunday(field), if whole_week { 7 } else { (high + size - low) % size + 1 })
    } else {
        let low = number(field, base)? % sunday(field);
        (low, if step.is_some() { field.max() - low + 1 } else { 1 })
    };
    let places = (0..length).step_by(step.unwrap_or(1) as usize);
    Ok(places.map(|place| (low - field.min() + place) % size + field.min()).collect())
}

/// What 7 is divided by to be Sunday in the day of the week, and any number to stay itself elsewhere.
fn sunday(field: Field) -> u32 {
    if field == Field::DayOfWeek { 7 } else { 64 }
}

fn step_size(field: Field, text: &str) -> Result<u32, ScheduleFault> {
    let size = field.all().count();
    match text.parse() {
        Ok(step) if (1..=size).contains(&step) => Ok(step),
        _ => Err(fault(field, format!("a step of {} is outside 1-{size}", shown(text)))),
    }
}

/// One number or name; Sunday may come back as 7.
fn number(field: Field, text: &str) -> Result<u32, ScheduleFault> {
    let max = if field == Field::DayOfWeek { 7 } else { field.max() };
    let (min, is_number) = (field.min(), !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    if is_number {
        return match text.parse() {
            Ok(number) if (min..=max).contains(&number) => Ok(number),
            _ => Err(fault(field, format!("{} is outside {min}-{max}", shown(text)))),
        };
    }
    // A name, or its beginning: three letters or more tell months and weekdays apart.
    let is_start = |name: &str| name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    if text.len() >= 3
        && let Some(index) = field.names().iter().position(|name| is_start(name))
    {
        return Ok(index as u32 + min);
    }
    let names = match field.names() {
        [first, ..] => format!(" or a name such as {}", first[..3].to_uppercase()),
        [] => String::new(),
    };
    Err(fault(field, format!("{} is not a number {min}-{max}{names}", shown(text))))
}

/// A piece of the author's text, quoted unless it is a plain number, cut if it is long.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(20).collect();
    let mark = if cut.len() < text.len() { "…" } else { "" };
    if !cut.is_empty() && cut.bytes().all(|byte| byte.is_ascii_graphic()) && mark.is_empty() {
        cut
    } else {
        format!("{:?}", cut + mark)
    }
}

fn fault(field: Field, what: String) -> ScheduleFault {
    ScheduleFault { field: Some(field.name()), message: format!("{}: {what}", field.name()) }
}

fn whole(message: String) -> ScheduleFault {
    ScheduleFault { field: None, message }
}

#[cfg(test)]
mod tests {
    use crate::Schedule;

    fn canonical(text: &str) -> String {
        Schedule::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}")).to_string()
    }

    fn fault(text: &str) -> String {
        Schedule::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn names_lists_ranges_and_steps() {
        for (text, expected) in [
            ("  */5   *  * * * ", "*/5 * * * *"),
            ("0 */5 * * * *", "*/5 * * * *"),
            ("0-59 0-23 * 1-12 *", "* * * * *"),
            ("0,10,20,30,40,50 * * * *", "*/10 * * * *"),
            ("10/20 * * * *", "10,30,50 * * * *"),
            ("1-10/3,59 * * * *", "1,4,7,10,59 * * * *"),
            ("0 0 * jan,March,Sept mon-Friday", "0 0 * 1,3,9 1-5"),
            ("0 0 31,l-3,15w,lw * *", "0 0 31,L-3,15W,LW * *"),
            ("0 0 ? * tue#2,fril,5L", "0 0 * * 2#2,5L"),
            ("*/60 */24 * * *", "0 0 * * *"),
            ("30 0 0 1 1 ?", "30 0 0 1 1 *"),
            ("@Yearly", "0 0 1 1 *"),
            ("@hourly", "0 * * * *"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn sunday_is_0_and_7_and_ranges_wrap_around() {
        for (text, expected) in [
            ("0 0 * * 7", "0 0 * * 0"),
            ("0 0 * * 5-7", "0 0 * * 0,5,6"),
            ("0 0 * * 7-2", "0 0 * * 0-2"),
            ("0 0 * * 1-7", "0 0 * * 0-6"),
            ("0 0 * * 0-7", "0 0 * * 0-6"),
            ("0 0 * * FRI-MON", "0 0 * * 0,1,5,6"),
            ("0 0 * * FRI-MON/2", "0 0 * * 0,5"),
            ("0 0 * * 7#1,7L", "0 0 * * 0#1,0L"),
            ("0 0-7,9-7 * * *", "0 0-7,9-23 * * *"),
            ("0 22-4/2 * * *", "0 0,2,4,22 * * *"),
            ("0 0 30-2 11-2 *", "0 0 1,2,30,31 1,2,11,12 *"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn a_leading_star_is_kept_where_it_means_something() {
        assert_eq!(canonical("0 0 */2,2 * FRI"), "0 0 */2,2 * 5");
        assert_eq!(canonical("0 0 1-31 * FRI"), "0 0 1-31 * 5");
        assert_eq!(canonical("0 0 *,L * */2"), "0 0 * * */2");
        assert_ne!(Schedule::parse("0 0 1-31/2 * FRI"), Schedule::parse("0 0 */2 * FRI"));
    }

    #[test]
    fn faults_name_the_field_and_what_may_be_written() {
        for (text, expected) in [
            ("99 * * * *", "minute: 99 is outside 0-59"),
            ("* 24 * * *", "hour: 24 is outside 0-23"),
            ("* * 0 * *", "day of month: 0 is outside 1-31"),
            ("* * * 13 *", "month: 13 is outside 1-12"),
            ("* * * * 8", "day of week: 8 is outside 0-7"),
            ("61 * * * * *", "second: 61 is outside 0-59"),
            ("99999999999999999999 * * * *", "minute: 99999999999999999999 is outside 0-59"),
            ("x * * * *", "minute: x is not a number 0-59"),
            ("-5 * * * *", "minute: \"\" is not a number 0-59"),
            ("1,,2 * * * *", "minute: 1,,2 has an empty place in its list: take a comma out"),
            ("*/0 * * * *", "minute: a step of 0 is outside 1-60"),
            ("*/90 * * * *", "minute: a step of 90 is outside 1-60"),
            ("? * * * *", "minute: ? stands alone, in a day field only: write *"),
            ("* * * FOO *", "month: FOO is not a number 1-12 or a name such as JAN"),
            ("* * * * M", "day of week: M is not a number 0-7 or a name such as SUN"),
            ("* * L-31 * *", "day of month: L-31 is not L-0 to L-30, days before the last"),
            ("* * 32W * *", "day of month: 32W is not 1W to 31W or LW, the nearest weekday"),
            ("* * * * L", "day of week: L needs a day: write 5L for the last Friday of the month"),
            (
                "* * * * MON-FRI#1",
                "day of week: MON-FRI#1 counts several days at once: write MON#1,TUE#1,WED#1,THU#1,FRI#1",
            ),
            ("* * * * sat-sunL", "day of week: sat-sunL counts several days at once: write SUNL,SATL"),
            ("* * * * 1-5/2#2", "day of week: 1-5/2#2 counts several days at once: write MON#2,WED#2,FRI#2"),
            ("* * * * 1#6", "day of week: 1#6 does not end in #1 to #5"),
            ("", "the schedule is empty: write five fields, such as */5 * * * *, or @hourly"),
            ("* * *", "three fields: write five, or six with seconds first"),
            (
                "0 0 * * * ? 2030",
                "seven fields: write five, or six with seconds first (there is no field for the year)",
            ),
            ("@every 5m", "\"@every 5m\" is not known here: write a step, such as */5 * * * * for every five minutes"),
            ("@reboot", "@reboot is not known here: a monitor runs by the clock; write when, such as */5 * * * *"),
            ("CRON_TZ=UTC * * * * *", "\"CRON_TZ=UTC\" is no field: the time zone has a setting of its own"),
            ("0 0 30 2 *", "never comes: February has no 30th day; L is the last day of a month"),
            ("0 0 31 2,4,6 *", "never comes: February, April and June have no 31st day; L is the last day of a month"),
            ("0 0 31W 4 *", "never comes: no date fits both day fields and the month"),
            ("0 0 30 2 */2", "never comes: February has no 30th day; L is the last day of a month"),
            ("0 0 L-30 2 */2", "never comes: no date fits both day fields and the month"),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
        assert_eq!(Schedule::parse("* 24 * * *").unwrap_err().field, Some("hour"));
        assert!(fault("@nightly").contains("@midnight"));
        assert!(fault(&"1,".repeat(600)).contains("longer than 1000"));
    }

    #[test]
    fn rare_dates_are_not_refused() {
        // 29 February on a Sunday, every 28 years; the 31st in the only month that has one.
        for text in ["0 0 29 2 */7", "0 0 31 2,3 *", "0 0 30 2 MON", "0 0 * 2 SUN#5", "0 0 29W 2 *"] {
            assert!(Schedule::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn no_text_is_too_odd_to_be_refused_in_order() {
        for text in [
            "é * * * *",
            "* * * * Mö",
            "* * éW * *",
            "* * L-é * *",
            "@é",
            "١ * * * *",
            "* * * * #",
            "* * * * L#",
            "/ * * * *",
            "- * * * *",
        ] {
            assert!(!fault(text).is_empty());
        }
    }
}
