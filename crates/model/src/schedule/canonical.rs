//! The canonical text of a schedule: numbers, sorted, five fields where the second is 0.

use std::fmt;

use super::{
    Crontab,
    field::{Bits, Field},
};

impl fmt::Display for Crontab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds != Bits::range(0, 0) {
            write!(f, "{} ", plain(Field::Second, self.seconds))?;
        }
        let minutes = plain(Field::Minute, self.minutes);
        let hours = plain(Field::Hour, self.hours);
        let months = plain(Field::Month, self.months);
        write!(f, "{minutes} {hours} {} {months} {}", self.month_days(), self.week_days())
    }
}

impl Crontab {
    fn month_days(&self) -> String {
        let days = &self.days;
        let mut items = numbers(Field::DayOfMonth, days.numbers, days.numbers_star);
        items.extend(days.from_end.iter().map(|back| if back == 0 { "L".into() } else { format!("L-{back}") }));
        items.extend(days.nearest_weekday.iter().map(|day| format!("{day}W")));
        items.extend(days.last_weekday.then(|| "LW".into()));
        items.join(",")
    }

    fn week_days(&self) -> String {
        let days = &self.days;
        let mut items = numbers(Field::DayOfWeek, days.week, days.week_star);
        for (index, weekdays) in days.nth.iter().enumerate() {
            items.extend(weekdays.iter().map(|weekday| format!("{weekday}#{}", index + 1)));
        }
        items.extend(days.last.iter().map(|weekday| format!("{weekday}L")));
        items.join(",")
    }
}

/// A field in which a leading `*` means nothing but itself.
fn plain(field: Field, bits: Bits) -> String {
    let star = step_of(field, bits).is_some_and(|step| stepped(field, step) == bits && (step == 1 || bits.count() > 2));
    numbers(field, bits, star).join(",")
}

/// The items of a field's numbers, of which the first begins with `*` if and only if `star`.
fn numbers(field: Field, bits: Bits, star: bool) -> Vec<String> {
    let mut items = Vec::new();
    let mut rest = bits;
    if star && let Some(step) = step_of(field, bits) {
        items.push(if step == 1 { "*".into() } else { format!("*/{step}") });
        rest = bits.minus(stepped(field, step));
    }
    while let Some(low) = rest.first() {
        let mut high = low;
        while rest.contains(high + 1) {
            high += 1;
        }
        match high - low {
            0 => items.push(low.to_string()),
            1 => items.extend([low.to_string(), high.to_string()]),
            _ => items.push(format!("{low}-{high}")),
        }
        rest = rest.minus(Bits::range(low, high));
    }
    items
}

/// The smallest step whose numbers are all in the set.
fn step_of(field: Field, bits: Bits) -> Option<u32> {
    (1..=field.all().count()).find(|step| stepped(field, *step).minus(bits).is_empty())
}

/// What `*/step` means.
fn stepped(field: Field, step: u32) -> Bits {
    (field.min()..=field.max()).step_by(step as usize).collect()
}
