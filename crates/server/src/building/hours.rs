//! Hours of the day as the configuration has them: quiet hours, and those of a rota's layer.

use revere_model::{
    QuietHours, Severity,
    on_call::{Hours, Weekdays, read_time_of_day},
    zone,
};
use serde_json::Value;

use crate::{
    redact::Secrets,
    settings::{ConfigFault, Field, FieldKind, Settings},
};

/// What the hours of a rota's layer may hold.
pub const HOURS_FIELDS: &[Field] = &[
    Field::required("from", FieldKind::Text, "When they begin, such as `'09:00'`."),
    Field::required("until", FieldKind::Text, "When they end; where that is not after the beginning, on the next day."),
];

/// What the quiet hours of an alert may hold.
pub const QUIET_HOURS_FIELDS: &[Field] = &[
    Field::required("from", FieldKind::Text, "When they begin, such as `'22:00'`."),
    Field::required("until", FieldKind::Text, "When they end; where that is not after the beginning, on the next day."),
    Field::optional("zone", FieldKind::Text, "On whose clock: a time zone such as `'Europe/Berlin'`.").or_text("UTC"),
    Field::optional("weekdays", FieldKind::Texts, "The days they begin on: `'mon'` to `'sun'`.").or_words("every day"),
    Field::optional("severities", FieldKind::Texts, "What is held back: `'warning'`, `'critical'`.")
        .or_words("`['warning']`"),
];

/// Hours of a rota's layer, on these days.
pub fn read_hours(value: &Value, weekdays: Weekdays, place: &str) -> Result<Hours, Vec<ConfigFault>> {
    let settings = Settings::read(HOURS_FIELDS, value, place, &Secrets::default())?;
    let mut faults = Vec::new();
    let hours = hours(&settings, weekdays, place, &mut faults);
    if faults.is_empty() { Ok(hours) } else { Err(faults) }
}

/// The quiet hours of an alert.
pub fn read_quiet_hours(value: &Value, place: &str) -> Result<QuietHours, Vec<ConfigFault>> {
    let settings = Settings::read(QUIET_HOURS_FIELDS, value, place, &Secrets::default())?;
    let mut faults = Vec::new();
    let weekdays = read_weekdays(&settings, place, &mut faults);
    let hours = hours(&settings, weekdays, place, &mut faults);
    if faults.is_empty() && hours.from == hours.until && weekdays == Weekdays::ALL {
        let message = "these hours never end, so what they hold back would never be sent: write another end or weekdays, \
                       or switch warnings off for the alert on the page Alerts";
        faults.push(ConfigFault::new(format!("{place}['until']"), message));
    }
    let zone = zone(settings.required_text("zone"))
        .map_err(|fault| faults.push(ConfigFault::new(format!("{place}['zone']"), fault.to_string())))
        .unwrap_or(jiff::tz::TimeZone::UTC);
    let words = settings.texts("severities");
    let mut severities: Vec<Severity> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        match word.parse() {
            Ok(severity) => severities.push(severity),
            Err(error) => {
                faults.push(ConfigFault::new(format!("{place}['severities'][{index}]"), format!("{error}")));
            }
        }
    }
    if words.is_empty() {
        severities.push(Severity::Warning);
    }
    let quiet = QuietHours { hours, zone, severities: severities.into_iter().collect() };
    if faults.is_empty() { Ok(quiet) } else { Err(faults) }
}

/// The days of the key `weekdays`; all, where it is left out.
pub fn read_weekdays(settings: &Settings, place: &str, faults: &mut Vec<ConfigFault>) -> Weekdays {
    if settings.any("weekdays").is_none() {
        return Weekdays::ALL;
    }
    let names = settings.texts("weekdays");
    Weekdays::read(names.iter().map(String::as_str)).unwrap_or_else(|message| {
        faults.push(ConfigFault::new(format!("{place}['weekdays']"), message));
        Weekdays::ALL
    })
}

fn hours(settings: &Settings, weekdays: Weekdays, place: &str, faults: &mut Vec<ConfigFault>) -> Hours {
    let mut time = |name: &str| {
        read_time_of_day(settings.required_text(name)).unwrap_or_else(|message| {
            faults.push(ConfigFault::new(format!("{place}['{name}']"), message));
            jiff::civil::Time::midnight()
        })
    };
    let (from, until) = (time("from"), time("until"));
    Hours { from, until, weekdays }
}
