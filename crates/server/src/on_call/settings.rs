//! How a rota is read.

use jiff::{SignedDuration, civil::Date};
use revere_model::{
    on_call::{CalendarTurns, Hours, Layer, Person, Rota, Turns, Weekdays, read_time_of_day},
    read_duration, zone,
};
use serde_json::Value;

use super::{
    calendar_address::{by_https, instead_of_page},
    fields::{FIELDS, LAYER_FIELDS},
};
use crate::{
    building::{ConfiguredEntry, read_hours, read_weekdays},
    redact::Secrets,
    settings::{ConfigFault, Settings, python_type, unknown_name},
};

/// No rota has more of them.
const MOST_PEOPLE: usize = 200;
const MOST_LAYERS: usize = 20;
/// So many turns of a layer go round before anybody comes again.
const MOST_TURNS: usize = 500;
/// The longest turn, in days.
const LONGEST_TURN: u64 = 366;
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The alerts that a rota's entry names, as far as it can be read.
pub(super) fn alerts_of(entry: &ConfiguredEntry) -> impl Iterator<Item = &str> {
    let people = entry.config.get("people").and_then(Value::as_object);
    people.into_iter().flat_map(|people| people.values()).flat_map(named)
}

fn named(value: &Value) -> Vec<&str> {
    match value {
        Value::String(alert) => vec![alert.as_str()],
        Value::Array(alerts) => alerts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Reads a rota; `entries` are all alerts.
pub(super) fn read(
    entry: &ConfiguredEntry,
    entries: &[ConfiguredEntry],
    secrets: &Secrets,
) -> Result<Rota, Vec<ConfigFault>> {
    let place = format!("{}['config']", entry.place);
    let mut config = entry.config.clone();
    if let Some(Value::String(url)) = config.get_mut("ical_url") {
        *url = by_https(url).into_owned();
    }
    let (settings, faults) = Settings::read_what_fits(FIELDS, &config, &place, secrets);
    let mut reader = Reader { place, faults, entries };
    let people = reader.people(settings.any("people"));
    let zone = settings.required_text("zone").to_owned();
    let turns = reader.turns(&settings, &zone, &people);
    let escalate_after = settings.text("escalate_after").and_then(|text| reader.wait(text));
    let escalation = match settings.any("escalation") {
        None => people.iter().map(|person| person.name.clone()).collect(),
        Some(_) => {
            let names = settings.texts("escalation");
            for (index, name) in names.iter().enumerate() {
                reader.known(name, &people, &format!("['escalation'][{index}]"));
            }
            names
        }
    };
    if settings.any("escalation").is_some() && settings.text("escalate_after").is_none() {
        reader.fault("['escalation']", "says who is notified next, and nothing says when: set escalate_after");
    }
    let rota = Rota { people, turns, escalate_after, escalation };
    if reader.faults.is_empty() { Ok(rota) } else { Err(reader.faults) }
}

struct Reader<'a> {
    place: String,
    faults: Vec<ConfigFault>,
    entries: &'a [ConfiguredEntry],
}

impl Reader<'_> {
    fn fault(&mut self, at: &str, message: impl Into<String>) {
        self.faults.push(ConfigFault::new(format!("{}{at}", self.place), message));
    }

    fn people(&mut self, value: Option<&Value>) -> Vec<Person> {
        let people = match value {
            None => return Vec::new(),
            Some(Value::Object(people)) => people,
            Some(other) => {
                let message = format!("expected a dict of names to alerts, not {}", python_type(other));
                self.fault("['people']", message);
                return Vec::new();
            }
        };
        if people.is_empty() || people.len() > MOST_PEOPLE {
            self.fault("['people']", format!("expected 1 to {MOST_PEOPLE} people, not {}", people.len()));
        }
        let mut found = Vec::new();
        for (name, alerts) in people {
            let at = format!("['people']['{}']", name.escape_debug());
            if name.trim() != name || name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
                self.fault(&at, "expected a name of 1 to 100 printable characters, without spaces around it");
            }
            let alerts: Vec<String> = match alerts {
                Value::String(alert) => vec![alert.clone()],
                Value::Array(alerts) if !alerts.is_empty() && alerts.iter().all(Value::is_string) => {
                    alerts.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                other => {
                    self.fault(
                        &at,
                        format!("expected the name of an alert, or a list of them, not {}", python_type(other)),
                    );
                    Vec::new()
                }
            };
            for alert in &alerts {
                self.alert(alert, &at);
            }
            found.push(Person { name: name.clone(), alerts });
        }
        found
    }

    fn alert(&mut self, alert: &str, at: &str) {
        match self.entries.iter().find(|entry| entry.name == alert) {
            Some(entry) if super::is_rota(entry) => {
                self.fault(at, format!("'{alert}' is a rota itself: name alerts that reach this person"));
            }
            Some(entry) if !entry.enabled => {
                self.fault(at, format!("the alert '{alert}' is switched off in the configuration, and reaches nobody"));
            }
            Some(_) => {}
            None => {
                let known = self.entries.iter().filter(|entry| !super::is_rota(entry));
                let message = unknown_name("alert", alert, known.map(|entry| entry.name.as_str()));
                self.fault(at, message);
            }
        }
    }

    fn known(&mut self, name: &str, people: &[Person], at: &str) {
        if !people.is_empty() && !people.iter().any(|person| person.name == name) {
            let message = unknown_name("person", name, people.iter().map(|person| person.name.as_str()));
            self.fault(at, message);
        }
    }

    fn wait(&mut self, text: &str) -> Option<SignedDuration> {
        let message = match read_duration(text) {
            Ok(wait) if (SHORTEST_WAIT..=LONGEST_WAIT).contains(&wait) => return Some(wait),
            Ok(_) => format!("{text:?} is too short or too long: from 1min to 7d"),
            Err(message) => message,
        };
        self.fault("['escalate_after']", message);
        None
    }

    /// By layers or by a calendar, and by one of them alone.
    fn turns(&mut self, settings: &Settings, place: &str, people: &[Person]) -> Turns {
        let given: Vec<&str> =
            ["layers", "ical_url", "ical_file"].into_iter().filter(|name| settings.any(name).is_some()).collect();
        match given.as_slice() {
            ["layers"] => {}
            [_] => return self.calendar(settings, place, people),
            [] => self.fault("['layers']", "missing: what says whose turn it is; or give ical_url or ical_file"),
            [_, second, ..] => {
                let message = format!("'{}' says already whose turn it is: take one of the two out", given[0]);
                self.fault(&format!("['{second}']"), message);
            }
        }
        if settings.any("calendar_names").is_some() {
            self.fault("['calendar_names']", "is for a rota that goes by a calendar");
        }
        Turns::Layers(self.layers(settings.any("layers"), place, people))
    }

    fn calendar(&mut self, settings: &Settings, place: &str, people: &[Person]) -> Turns {
        let url = settings.text("ical_url").and_then(|text| text.parse().ok());
        if let Some(instead) = url.as_ref().and_then(instead_of_page) {
            self.fault("['ical_url']", format!("leads to the pages that people read; expected {instead}"));
        }
        let zone = zone(place).map_err(|fault| self.fault("['zone']", fault.to_string()));
        let mut names = Vec::new();
        match settings.any("calendar_names") {
            None => {}
            Some(Value::Object(given)) => {
                for (name, person) in given {
                    let at = format!("['calendar_names']['{}']", name.escape_debug());
                    match person.as_str() {
                        Some(person) => {
                            self.known(person, people, &at);
                            names.push((name.clone(), person.to_owned()));
                        }
                        None => self.fault(&at, format!("expected a name of the rota, not {}", python_type(person))),
                    }
                }
            }
            Some(other) => {
                self.fault(
                    "['calendar_names']",
                    format!("expected a dict of names to names, not {}", python_type(other)),
                );
            }
        }
        Turns::Calendar(CalendarTurns { zone: zone.unwrap_or(jiff::tz::TimeZone::UTC), names })
    }

    fn layers(&mut self, value: Option<&Value>, zone: &str, people: &[Person]) -> Vec<Layer> {
        let layers = match value {
            None => return Vec::new(),
            Some(Value::Array(layers)) if (1..=MOST_LAYERS).contains(&layers.len()) => layers,
            Some(Value::Array(layers)) => {
                self.fault("['layers']", format!("expected 1 to {MOST_LAYERS} layers, not {}", layers.len()));
                return Vec::new();
            }
            Some(other) => {
                self.fault("['layers']", format!("expected a list of layers, not {}", python_type(other)));
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let at = format!("['layers'][{index}]");
            let (settings, faults) =
                Settings::read_what_fits(LAYER_FIELDS, layer, &format!("{}{at}", self.place), &Secrets::default());
            self.faults.extend(faults);
            if settings.has_required(LAYER_FIELDS) {
                found.extend(self.layer(&settings, &at, zone, people, index));
            }
        }
        found
    }

    fn layer(&mut self, settings: &Settings, at: &str, place: &str, people: &[Person], index: usize) -> Option<Layer> {
        let names = settings.texts("people");
        if names.is_empty() || names.len() > MOST_TURNS {
            self.fault(&format!("{at}['people']"), format!("expected 1 to {MOST_TURNS} names, not {}", names.len()));
        }
        for (index, name) in names.iter().enumerate() {
            self.known(name, people, &format!("{at}['people'][{index}]"));
        }
        let zone = zone(settings.text("zone").unwrap_or(place))
            .map_err(|fault| self.fault(&format!("{at}['zone']"), fault.to_string()));
        let from = settings.required_text("from").trim().parse::<Date>().map_err(|_| {
            let message = format!("{:?} is no day: write it as in 2026-11-30", settings.required_text("from"));
            self.fault(&format!("{at}['from']"), message);
        });
        let hand_over = read_time_of_day(settings.required_text("hand_over"))
            .map_err(|message| self.fault(&format!("{at}['hand_over']"), message));
        let length = if settings.required_text("rotation") == "daily" { 1 } else { 7 };
        let days = settings.count("every").unwrap_or(1).saturating_mul(length);
        if !(1..=LONGEST_TURN).contains(&days) {
            self.fault(&format!("{at}['every']"), "expected a turn of at least a day, and at most a year".to_owned());
        }
        let mut faults = Vec::new();
        let layer_place = format!("{}{at}", self.place);
        let weekdays = read_weekdays(settings, &layer_place, &mut faults);
        let hours = match settings.any("hours") {
            Some(value) => read_hours(value, weekdays, &format!("{layer_place}['hours']"))
                .map_err(|found| faults.extend(found))
                .ok(),
            None if weekdays == Weekdays::ALL => None,
            None => Some(Hours::all_day(weekdays)),
        };
        self.faults.extend(faults);
        Some(Layer {
            name: settings.text("name").map_or_else(|| format!("layer {}", index + 1), str::to_owned),
            people: names,
            first: from.ok()?.to_datetime(hand_over.ok()?),
            days: u16::try_from(days).ok()?,
            zone: zone.ok()?,
            hours,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::building::read_entries;

    fn entries(config: Value) -> Vec<ConfiguredEntry> {
        let alerts = json!({
            "alice_sms": {"type": "log"}, "bob_sms": {"type": "log"}, "off": {"type": "log", "enabled": false},
            "ops": {"type": "on_call", "config": config},
        });
        let (entries, faults) = read_entries("REVERE_ALERTS", &alerts);
        assert_eq!(faults, []);
        entries
    }

    fn faults(config: Value) -> Vec<String> {
        super::super::faults(&entries(config), &Secrets::default()).iter().map(ConfigFault::to_string).collect()
    }

    #[test]
    fn a_rota_is_read() {
        let entries = entries(json!({
            "people": {"bob": "bob_sms", "alice": ["alice_sms", "bob_sms"]}, "zone": "Europe/Berlin",
            "escalate_after": "15min",
            "layers": [
                {"people": ["alice", "bob"], "from": "2026-11-30"},
                {"people": "bob", "from": "2026-11-30", "rotation": "daily", "every": 2, "hand_over": "8:00", "name": "days",
                 "zone": "UTC", "weekdays": ["sat", "sun"], "hours": {"from": "10:00", "until": "02:00"}},
            ],
        }));
        assert_eq!(super::super::faults(&entries, &Secrets::default()), []);
        let rota = super::super::rotas(&entries).remove("ops").unwrap();
        assert_eq!(rota.escalation, ["bob", "alice"], "in the order they are written");
        assert_eq!(rota.escalate_after, Some(SignedDuration::from_mins(15)));
        let Turns::Layers(layers) = &rota.turns else { panic!("layers") };
        assert_eq!((layers[0].name.as_str(), layers[0].days, layers[0].hours.is_none()), ("layer 1", 7, true));
        assert_eq!(layers[0].first.to_string(), "2026-11-30T09:00:00");
        assert_eq!((layers[1].name.as_str(), layers[1].days), ("days", 2));
        assert_eq!(layers[1].hours.as_ref().unwrap().weekdays.names(), ["sat", "sun"]);
        let configured = super::super::configured_alerts(&entries);
        let only: Vec<&str> = configured.iter().filter(|one| one.on_call_only).map(|one| one.key.as_str()).collect();
        assert_eq!(only, ["alice_sms", "bob_sms"]);
    }

    #[test]
    fn each_fault_of_a_rota_has_its_place() {
        let layer = json!({"people": ["alice", "bbo"], "from": "tomorrow", "hand_over": "9", "zone": "Berlin", "every": 0,
            "hours": {"from": "x"}, "weekdays": ["someday"]});
        let found = faults(json!({
            "people": {"alice": "alice_sm", "bob": "off", "carol": 7, "dave": "ops"}, "layers": [layer],
            "escalate_after": "5s", "escalation": ["erin"],
        }));
        let place = "REVERE_ALERTS['ops']['config']";
        for (at, words) in [
            ("['people']['alice']", "did you mean 'alice_sms'?"),
            ("['people']['bob']", "switched off in the configuration"),
            ("['people']['carol']", "expected the name of an alert, or a list of them, not an int"),
            ("['people']['dave']", "is a rota itself"),
            ("['layers'][0]['people'][1]", "did you mean 'bob'?"),
            ("['layers'][0]['from']", "write it as in 2026-11-30"),
            ("['layers'][0]['hand_over']", "such as 09:00"),
            ("['layers'][0]['zone']", "did you mean Europe/Berlin?"),
            ("['layers'][0]['every']", "at least a day"),
            ("['layers'][0]['hours']['until']", "missing"),
            ("['layers'][0]['weekdays']", "no day of the week"),
            ("['escalate_after']", "from 1min to 7d"),
            ("['escalation'][0]", "unknown person 'erin'"),
        ] {
            let fits = |fault: &&String| fault.starts_with(&format!("{place}{at}: ")) && fault.contains(words);
            assert!(found.iter().find(fits).is_some(), "{at}: {words}\n{found:#?}");
        }
        assert_eq!(found.len(), 13, "{found:#?}");
        let missing = faults(json!({}));
        assert!(missing.len() == 2 && missing[0].contains("['people']: missing"), "{missing:#?}");
        assert!(missing[1].contains("['layers']: missing: what says whose turn it is"), "{missing:#?}");
        let people = json!({"alice": "alice_sms"});
        let both = faults(
            json!({"people": people, "ical_file": "a.ics", "ical_url": "https://example.com/a.ics", "calendar_names": {"A": "bob"}}),
        );
        assert!(
            both[0].contains("['ical_file']: 'ical_url' says already")
                && both[1].contains("is for a rota that goes by"),
            "{both:#?}"
        );
        let names = faults(
            json!({"people": people, "ical_file": "a.ics", "calendar_names": {"A": "bob", "B": 7}, "zone": "Berlin"}),
        );
        assert_eq!(names.len(), 3, "{names:#?}");
        let wait = json!({"people": {"alice": "alice_sms"}, "layers": [{"people": "alice", "from": "2026-11-30"}], "escalation": ["alice"]});
        assert!(faults(wait)[0].contains("set escalate_after"));
    }

    #[test]
    fn what_other_alerts_say_of_a_rota_is_looked_at() {
        let rota = json!({"type": "on_call", "config": {"people": {"alice": "sms"}, "layers": [{"people": "alice", "from": "2026-11-30"}]}});
        let quiet = json!({"from": "22:00", "until": "07:00"});
        let (entries, faults) = read_entries(
            "REVERE_ALERTS",
            &json!({
                "sms": {"type": "log", "quiet_hours": quiet}, "room": {"type": "log", "on_call_only": true}, "ops": rota,
            }),
        );
        assert_eq!(faults, []);
        let found: Vec<String> =
            super::super::faults(&entries, &Secrets::default()).iter().map(ConfigFault::to_string).collect();
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].starts_with("REVERE_ALERTS['sms']['quiet_hours']: it reaches somebody of the rota 'ops'"));
        assert!(found[1].starts_with("REVERE_ALERTS['room']['on_call_only']: "));
    }

    #[test]
    fn quiet_hours_that_never_end_are_refused() {
        let read = |hours: Value| {
            let alerts = json!({"chat": {"type": "log", "quiet_hours": hours}});
            let (_, faults) = read_entries("REVERE_ALERTS", &alerts);
            faults.iter().map(ConfigFault::to_string).collect::<Vec<_>>()
        };
        for hours in [
            json!({"from": "09:00", "until": "9:00"}),
            json!({"from": "00:00", "until": "24:00"}),
            json!({"from": "00:00", "until": "00:00", "weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}),
        ] {
            let faults = read(hours);
            assert_eq!(faults.len(), 1, "{faults:#?}");
            assert!(faults[0].starts_with("REVERE_ALERTS['chat']['quiet_hours']['until']: these hours never end"));
        }
        assert_eq!(read(json!({"from": "00:00", "until": "24:00", "weekdays": ["sat", "sun"]})), [""; 0]);
    }
}
