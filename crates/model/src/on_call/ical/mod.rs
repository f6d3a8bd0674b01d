//! Calendars as other programs export them (iCalendar, RFC 5545): the part of it by which events come again and again.
//!
//! Read are events with their beginning, end and summary, on the clock of a named zone, of UTC or of none, or of whole days; what
//! makes them recur (`RRULE`, `RDATE`, `EXDATE`), and what was moved or taken out (`RECURRENCE-ID`,
//! `STATUS:CANCELLED`). An event that says something else about its times is refused with its name, and the others are
//! read.

mod lines;
mod recurrence;
mod times;
mod windows_zones;

use std::{
    cell::Cell,
    collections::{BTreeMap, HashSet},
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use lines::Line;
use recurrence::Recurrence;
use times::{Length, Moment};

/// No calendar has more events.
const MOST_EVENTS: usize = 20_000;
/// All rules of a calendar together are looked at for so many turns.
const MOST_WORK: usize = 1_000_000;
/// No more takes place in the time that is asked about.
const MOST_OCCURRENCES: usize = 20_000;

/// A calendar that was read.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    events: Vec<Event>,
    /// Which ones of a series an event of their own stands for, by the series.
    moved: BTreeMap<String, HashSet<Timestamp>>,
    /// What is wrong with some of its events, a sentence each.
    pub faults: Vec<String>,
}

/// One time at which an event takes place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Occurrence {
    /// From when on.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// What it is called.
    pub summary: String,
}

#[derive(Clone, Debug)]
struct Event {
    uid: String,
    summary: String,
    starts: Moment,
    length: Length,
    rules: Vec<Recurrence>,
    also: Vec<Moment>,
    /// Beginnings that do not take place.
    without: HashSet<Timestamp>,
    /// Which one of an event that recurs it stands for.
    instead_of: Option<Timestamp>,
    cancelled: bool,
}

impl Calendar {
    /// Reads a calendar. Times on the clock of no zone, and whole days, are of `zone`.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn read(text: &str, zone: &TimeZone) -> Result<Calendar, String> {
        let lines = lines::unfolded(text);
        if !lines.iter().any(|line| line.is("BEGIN", "VCALENDAR")) {
            return Err("this is no calendar: it has no line BEGIN:VCALENDAR".to_owned());
        }
        let zones = windows_zones::named_in(&lines);
        let mut calendar = Calendar::default();
        let mut inside: Vec<String> = Vec::new();
        let mut event: Vec<&Line> = Vec::new();
        for line in &lines {
            match line.name.as_str() {
                "BEGIN" => {
                    inside.push(line.value.trim().to_uppercase());
                    if inside.last().is_some_and(|part| part == "VEVENT") {
                        event.clear();
                    }
                }
                "END" => {
                    let ended = inside.pop();
                    if ended.as_deref() == Some("VEVENT") {
                        calendar.take(&event, zone, &zones);
                        if calendar.events.len() > MOST_EVENTS {
                            return Err(format!("it has more than {MOST_EVENTS} events"));
                        }
                    }
                }
                _ if inside.last().is_some_and(|part| part == "VEVENT") => event.push(line),
                _ => {}
            }
        }
        if !inside.is_empty() {
            return Err("it is cut off: a part that begins does not end".to_owned());
        }
        for event in &calendar.events {
            if let Some(of) = event.instead_of {
                calendar.moved.entry(event.uid.clone()).or_default().insert(of);
            }
        }
        Ok(calendar)
    }

    fn take(&mut self, lines: &[&Line], zone: &TimeZone, zones: &BTreeMap<String, TimeZone>) {
        match Event::read(lines, &times::Zones { own: zone, named: zones }) {
            Ok(event) => self.events.push(event),
            Err(fault) => {
                let summary = lines.iter().find(|line| line.name == "SUMMARY");
                let name =
                    summary.map_or_else(|| "an event".to_owned(), |line| format!("{:?}", shortened(&line.text())));
                if self.faults.len() < 20 {
                    self.faults.push(format!("{name}: {fault}"));
                }
            }
        }
    }

    /// Whether it has no event that could be read, nor one that could not.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.faults.is_empty()
    }

    /// What takes place between two instants, wholly or in part, in order.
    ///
    /// # Errors
    ///
    /// It is more than anybody needs.
    pub fn between(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Occurrence>, String> {
        let work = Cell::new(MOST_WORK);
        let mut found = Vec::new();
        for event in self.events.iter().filter(|event| !event.cancelled) {
            let moved = self.moved.get(&event.uid).filter(|_| event.instead_of.is_none());
            for (starts_at, ends_at) in event.between(from, until, moved, &work) {
                found.push(Occurrence { starts_at, ends_at, summary: event.summary.clone() });
            }
            if work.get() == 0 || found.len() > MOST_OCCURRENCES {
                return Err("too much takes place in it".to_owned());
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

impl Event {
    fn read(lines: &[&Line], zones: &times::Zones<'_>) -> Result<Event, String> {
        let one = |name: &str| lines.iter().find(|line| line.name == name).copied();
        let text = |name: &str| one(name).map(Line::text).unwrap_or_default();
        let begins = one("DTSTART").ok_or("it has no beginning (DTSTART)")?;
        let starts = times::moment(begins, &begins.value, zones)?;
        let length = match (one("DTEND"), one("DURATION")) {
            (Some(end), _) => Length::until(&starts, &times::moment(end, &end.value, zones)?)?,
            (None, Some(duration)) => Length::read(&duration.value)?,
            (None, None) => Length::usual(&starts),
        };
        let mut rules = Vec::new();
        for line in lines.iter().filter(|line| line.name == "RRULE") {
            rules.push(Recurrence::read(&line.value, &starts)?);
        }
        if lines.iter().any(|line| line.name == "EXRULE") {
            return Err("it says by a rule when it does not take place (EXRULE), which is not read".to_owned());
        }
        let mut also = Vec::new();
        let mut without = HashSet::new();
        for line in lines.iter().filter(|line| matches!(line.name.as_str(), "RDATE" | "EXDATE")) {
            for value in line.value.split(',').filter(|value| !value.trim().is_empty()) {
                let moment = times::moment(line, value, zones)?;
                if line.name == "EXDATE" {
                    without.insert(moment.like(&starts).instant());
                } else {
                    also.push(moment);
                }
            }
        }
        let instead_of = match one("RECURRENCE-ID") {
            Some(line) if line.parameter("RANGE").is_some() => {
                return Err(
                    "it changes all that follow at once (RECURRENCE-ID with RANGE), which is not read".to_owned()
                );
            }
            Some(line) => Some(times::moment(line, &line.value, zones)?.instant()),
            None => None,
        };
        Ok(Event {
            uid: text("UID"),
            summary: text("SUMMARY").trim().to_owned(),
            starts,
            length,
            rules,
            also,
            without,
            instead_of,
            cancelled: text("STATUS").eq_ignore_ascii_case("CANCELLED"),
        })
    }

    fn between(
        &self,
        from: Timestamp,
        until: Timestamp,
        moved: Option<&HashSet<Timestamp>>,
        work: &Cell<usize>,
    ) -> Vec<(Timestamp, Timestamp)> {
        let mut found = Vec::new();
        let is_elsewhere = |at: &Timestamp| self.without.contains(at) || moved.is_some_and(|moved| moved.contains(at));
        let mut take = |moment: &Moment| {
            let (starts_at, ends_at) = (moment.instant(), self.length.after(moment));
            let fits = starts_at < until && ends_at > from && starts_at < ends_at && !is_elsewhere(&starts_at);
            if fits && found.len() <= MOST_OCCURRENCES {
                found.push((starts_at, ends_at));
            }
        };
        if self.rules.is_empty() {
            take(&self.starts);
        }
        self.also.iter().for_each(&mut take);
        // A clock may be a day ahead of another.
        let last = self.starts.civil_at(until).date().tomorrow().unwrap_or(jiff::civil::Date::MAX);
        for rule in &self.rules {
            for civil in rule.beginnings(&self.starts, last, work) {
                take(&self.starts.at(civil));
            }
        }
        found
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests;
