//! Times in a calendar: on the clock of a zone, of UTC, of none, or whole days.

use std::collections::BTreeMap;

use jiff::{
    Span, Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use super::{lines::Line, shortened, windows_zones};
use crate::{calendar::instant, zone};

/// The zones that times of a calendar may be in.
pub(super) struct Zones<'a> {
    /// That of times that name none.
    pub(super) own: &'a TimeZone,
    /// Those that the calendar describes, by the names it gives them.
    pub(super) named: &'a BTreeMap<String, TimeZone>,
}

/// A time on a clock.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Moment {
    pub(super) civil: DateTime,
    zone: TimeZone,
    /// Whether it is a day.
    whole_day: bool,
}

impl Moment {
    pub(super) fn instant(&self) -> Timestamp {
        instant(self.civil, &self.zone)
    }

    /// Another time on the same clock.
    pub(super) fn at(&self, civil: DateTime) -> Moment {
        Moment { civil, ..self.clone() }
    }

    /// The same; a day is the time of that day at which `other` begins.
    pub(super) fn like(&self, other: &Moment) -> Moment {
        match self.whole_day && !other.whole_day {
            true => Moment { civil: self.civil.date().to_datetime(other.civil.time()), ..other.clone() },
            false => self.clone(),
        }
    }

    /// The clock's own time at an instant.
    pub(super) fn civil_at(&self, at: Timestamp) -> DateTime {
        self.zone.to_datetime(at)
    }
}

/// How long an event takes.
#[derive(Clone, Debug)]
pub(super) struct Length(Span);

impl Length {
    /// From a beginning to an end, on the clock of the beginning: what lasts from nine to nine does so when the clocks change.
    pub(super) fn until(starts: &Moment, ends: &Moment) -> Result<Length, String> {
        let end = if starts.zone == ends.zone { ends.civil } else { starts.civil_at(ends.instant()) };
        let wrong = || "its beginning and its end are too far apart".to_owned();
        let span = starts.civil.until((jiff::Unit::Day, end)).map_err(|_| wrong())?;
        if span.is_negative() {
            return Err("it ends before it begins".to_owned());
        }
        Ok(Length(span))
    }

    /// `PT8H`, `P1D`, `P1W`.
    pub(super) fn read(text: &str) -> Result<Length, String> {
        let wrong = || format!("{:?} is no duration", shortened(text));
        let span: Span = text.trim().trim_start_matches('+').parse().map_err(|_| wrong())?;
        if span.is_negative() || span.get_years() != 0 || span.get_months() != 0 {
            Err(wrong())
        } else {
            Ok(Length(span))
        }
    }

    /// Of an event that does not say: a day for a day, and else no time at all.
    pub(super) fn usual(starts: &Moment) -> Length {
        Length(if starts.whole_day { Span::new().days(1) } else { Span::new() })
    }

    pub(super) fn after(&self, starts: &Moment) -> Timestamp {
        let end = starts.civil.checked_add(self.0).unwrap_or(DateTime::MAX);
        instant(end, &starts.zone)
    }
}

/// Reads the value of a line as a time.
pub(super) fn moment(line: &Line, value: &str, zones: &Zones<'_>) -> Result<Moment, String> {
    let value = value.trim();
    let wrong = || format!("{:?} is no time", shortened(value));
    let (text, utc) = value.strip_suffix(['Z', 'z']).map_or((value, false), |text| (text, true));
    let (day, time) = text.split_once(['T', 't']).map_or((text, None), |(day, time)| (day, Some(time)));
    let date = date(day).ok_or_else(wrong)?;
    let Some(time) = time else {
        return Ok(Moment { civil: date.to_datetime(Time::midnight()), zone: zones.own.clone(), whole_day: true });
    };
    let civil = date.to_datetime(clock(time).ok_or_else(wrong)?);
    let zone = match (utc, line.parameter("TZID")) {
        (true, _) => TimeZone::UTC,
        (false, None) => zones.own.clone(),
        (false, Some(name)) => named(name, zones)?,
    };
    Ok(Moment { civil, zone, whole_day: false })
}

fn named(name: &str, zones: &Zones<'_>) -> Result<TimeZone, String> {
    if let Some(zone) = zones.named.get(name) {
        return Ok(zone.clone());
    }
    windows_zones::zone_of(name)
        .or_else(|| {
            // Some write a path before the name: /freeassociation.sourceforge.net/Europe/Berlin.
            let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
            (0..parts.len()).find_map(|first| zone(&parts[first..].join("/")).ok())
        })
        .ok_or_else(|| format!("its time zone {:?} is not known", shortened(name)))
}

/// `20261130`
pub(super) fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Date::new(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?).ok()
}

/// `090000`, or `0900`.
pub(super) fn clock(text: &str) -> Option<Time> {
    if !matches!(text.len(), 4 | 6) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let second: i8 = text.get(4..6).map_or(Some(0), |second| second.parse().ok())?;
    Time::new(text[..2].parse().ok()?, text[2..4].parse().ok()?, second.min(59), 0).ok()
}
