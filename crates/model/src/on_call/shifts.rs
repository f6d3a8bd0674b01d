//! From the events of a calendar to the people of a rota.

use jiff::Timestamp;

use super::{CalendarShift, CalendarTurns, Occurrence, Rota, Turns};

impl Rota {
    /// Who is on call by what takes place in a calendar, between two instants, and what events are called that are about nobody
    /// of the rota.
    pub fn shifts(
        &self,
        calendar: &[Occurrence],
        from: Timestamp,
        until: Timestamp,
    ) -> (Vec<CalendarShift>, Vec<String>) {
        let Turns::Calendar(turns) = &self.turns else { return (Vec::new(), Vec::new()) };
        let (mut shifts, mut unknown) = (Vec::new(), Vec::new());
        let asked = |event: &&Occurrence| event.starts_at <= until && event.ends_at > from;
        for event in calendar.iter().filter(asked) {
            let people = self.people_of(turns, &event.summary);
            if people.is_empty() && !unknown.contains(&event.summary) {
                unknown.push(event.summary.clone());
            }
            shifts.extend(people.into_iter().map(|person| CalendarShift {
                starts_at: event.starts_at,
                ends_at: event.ends_at,
                person,
            }));
        }
        (shifts, unknown)
    }

    /// Whom an event of that name is about: whoever is called so, or else all whose names stand in it as whole words.
    fn people_of(&self, turns: &CalendarTurns, summary: &str) -> Vec<String> {
        let people = self.people.iter().map(|person| (person.name.as_str(), person.name.as_str()));
        let names = people.chain(turns.names.iter().map(|(name, person)| (name.as_str(), person.as_str())));
        let names: Vec<(Vec<String>, &str)> = names.map(|(name, person)| (words(name), person)).collect();
        let summary = words(summary);
        if let Some((_, person)) = names.iter().find(|(name, _)| *name == summary) {
            return vec![(*person).to_owned()];
        }
        let mut found: Vec<String> = Vec::new();
        for (name, person) in names {
            let stands = !name.is_empty() && summary.windows(name.len()).any(|part| part == name);
            if stands && !found.iter().any(|one| one == person) {
                found.push(person.to_owned());
            }
        }
        found
    }
}

/// The words of a name, in small letters.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::on_call::Person;

    #[test]
    fn events_name_people_in_many_ways() {
        let person = |name: &str| Person { name: name.to_owned(), alerts: Vec::new() };
        let names = vec![("Alice Smith".to_owned(), "alice".to_owned()), ("as".to_owned(), "alice".to_owned())];
        let turns = CalendarTurns { zone: jiff::tz::TimeZone::UTC, names };
        let rota = Rota {
            people: vec![person("alice"), person("bob"), person("Jörg")],
            turns: Turns::Calendar(turns.clone()),
            escalate_after: None,
            escalation: Vec::new(),
        };
        for (summary, people) in [
            ("Alice", vec!["alice"]),
            ("On Call - Alice Smith - Ops", vec!["alice"]),
            ("AS", vec!["alice"]),
            ("alice & BOB", vec!["alice", "bob"]),
            ("Bereitschaft: jörg", vec!["Jörg"]),
            ("Bobby", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(rota.people_of(&turns, summary), people, "{summary}");
        }
    }
}
