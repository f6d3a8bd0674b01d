//! On call: who is, who will be, where nobody is, and who takes another one's place.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use revere_model::{
    Operation, OverrideId, nearest, note_fault,
    on_call::{Changes, OnCall, Override, Rota, Stretch, Turns},
};

use super::{Context, Failure, FieldFault, Refusal, Services, failure::of};
use crate::{
    on_call::LOOKS_AHEAD,
    store::{OverrideFilter, OverrideRecord},
};

/// No override is longer, or begins later.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);
/// So far away from now somebody may ask about.
const FARTHEST: SignedDuration = SignedDuration::from_hours(24 * 366 * 5);
/// The most that are not over; nobody has more in mind.
const MOST: u32 = 1000;
/// So far ahead somebody else is looked for.
const NEXT_WITHIN: SignedDuration = SignedDuration::from_hours(24 * 92);

/// A rota, and how it stands.
#[derive(Clone, Debug)]
pub struct RotaReport {
    /// Its name.
    pub key: String,
    /// What an operator wrote about it.
    pub description: String,
    /// What it goes by.
    pub rota: Rota,
    /// What changes it from now on.
    pub changes: Changes,
    /// The time that is looked at.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// Who is on call then, without a hole.
    pub plan: Vec<Stretch>,
    /// Who is on call now.
    pub now: Vec<OnCall>,
    /// When others are on call next, and who; `None` if that is far away.
    pub next: Option<Stretch>,
    /// How its calendar does, if it goes by one.
    pub calendar: Option<CalendarReport>,
}

/// How the calendar of a rota does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CalendarReport {
    /// When it could be fetched last; `None` if it never could.
    pub fetched_at: Option<Timestamp>,
    /// Why it cannot be fetched, and since when, if it cannot: the copy counts meanwhile.
    pub fault: Option<(String, Timestamp)>,
    /// What is wrong with some of its events, and which of those of the next time are about nobody of the rota.
    pub faults: Vec<String>,
}

impl RotaReport {
    /// When nobody is on call in the time that is looked at.
    pub fn gaps(&self) -> impl Iterator<Item = &Stretch> {
        self.plan.iter().filter(|stretch| stretch.is_gap())
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct OverrideInput {
    /// Of which rota.
    pub rota: Option<String>,
    /// Who is to be on call.
    pub person: Option<String>,
    /// In whose place; `None` is whoever would be.
    pub instead_of: Option<String>,
    /// From when on; now if left out.
    pub starts_at: Option<Timestamp>,
    /// Until when.
    pub ends_at: Option<Timestamp>,
    /// Why, in one line.
    pub reason: String,
    /// What reading the input already found wrong.
    pub faults: Vec<FieldFault>,
}

/// The rotas with what changes them, by name.
pub type Rotas = BTreeMap<String, (Rota, Changes)>;

/// The rotas that are switched on, with what changes them from `at` on.
pub(super) async fn with_changes(services: &Services, at: Timestamp) -> Result<Rotas, Failure> {
    let mut found = Rotas::new();
    for (key, rota) in &services.rotas {
        let changes = services.store.on_call_changes(key, rota, at, at).await.map_err(Failure::Store)?;
        found.insert(key.clone(), (rota.clone(), changes));
    }
    Ok(found)
}

/// All rotas that are switched on in the configuration, with the coming two weeks.
pub async fn list(context: &Context) -> Result<Vec<RotaReport>, Failure> {
    let services = context.may(Operation::SeeAlerts)?;
    let mut found = Vec::with_capacity(services.rotas.len());
    for key in services.rotas.keys() {
        found.push(get(context, key, None, None).await?);
    }
    Ok(found)
}

/// One rota, from an instant until another one; if they are left out, from now on for two weeks.
pub async fn get(
    context: &Context,
    key: &str,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<RotaReport, Failure> {
    let services = context.may(Operation::SeeAlerts)?;
    let rota = find(services, key)?.clone();
    let now = context.now();
    let from = from.unwrap_or(now);
    if from.duration_since(now).abs() > FARTHEST {
        return Err(Failure::refused("from", "expected a time within five years from now"));
    }
    let until = until.unwrap_or_else(|| from.saturating_add(LOOKS_AHEAD).unwrap_or(Timestamp::MAX));
    if until <= from || until.duration_since(from) > LONGEST {
        let message = "expected a time after the beginning, and within a year of it";
        return Err(Failure::refused("until", message));
    }
    let far = now.saturating_add(NEXT_WITHIN).unwrap_or(Timestamp::MAX).max(until);
    let changes = services.store.on_call_changes(key, &rota, from.min(now), far).await.map_err(Failure::Store)?;
    let calendar = calendar(services, key, &rota, now).await?;
    let entry = services.alert_entries.iter().find(|entry| entry.name == key);
    Ok(RotaReport {
        key: key.to_owned(),
        description: entry.map(|entry| entry.description.clone()).unwrap_or_default(),
        plan: rota.plan(from, until, &changes),
        now: rota.on_call(now, &changes),
        next: rota.next_hand_over(now, NEXT_WITHIN, &changes),
        calendar,
        rota,
        changes,
        from,
        until,
    })
}

async fn calendar(
    services: &Services,
    key: &str,
    rota: &Rota,
    now: Timestamp,
) -> Result<Option<CalendarReport>, Failure> {
    let Turns::Calendar(_) = &rota.turns else { return Ok(None) };
    let kept = services.store.kept_calendar(key).await.map_err(Failure::Store)?;
    let mut faults = Vec::new();
    if let Some(copy) = kept.copy {
        let until = now.saturating_add(LOOKS_AHEAD).unwrap_or(Timestamp::MAX);
        let (_, unknown) = rota.shifts(&copy.events, now, until);
        faults = copy.faults;
        faults.extend(unknown.into_iter().take(20).map(|summary| {
            let summary: String = summary.chars().take(100).collect();
            format!("{summary:?} is about nobody of the rota: name them in calendar_names")
        }));
    }
    Ok(Some(CalendarReport { fetched_at: kept.fetched_at, fault: kept.fault, faults }))
}

/// Overrides, newest first, filtered.
pub async fn overrides(context: &Context, filter: &OverrideFilter) -> Result<Vec<OverrideRecord>, Failure> {
    let services = context.may(Operation::SeeAlerts)?;
    services.store.overrides(filter, context.now()).await.map_err(Failure::Store)
}

/// The overrides that are not over, newest first.
pub async fn not_over(context: &Context) -> Result<Vec<OverrideRecord>, Failure> {
    overrides(context, &OverrideFilter { over: Some(false), limit: MOST, ..OverrideFilter::default() }).await
}

/// Puts somebody in another one's place for a time. Whoever is told of something from then on is told by it.
pub async fn add(context: &Context, input: OverrideInput) -> Result<OverrideRecord, Failure> {
    let services = context.may(Operation::ChangeOnCall)?;
    let now = context.now();
    let OverrideInput { rota: key, person, instead_of, starts_at, ends_at, reason, mut faults } = input;
    let told: Vec<String> = faults.iter().map(|fault| fault.root().to_owned()).collect();
    let mut fault = |field: &str, message: String| {
        // What could not be read is not missing.
        if !told.iter().any(|one| one == field) {
            faults.push(FieldFault::new(field.to_owned(), message));
        }
    };
    let rota = key.as_deref().and_then(|key| services.rotas.get(key));
    match &key {
        None => fault("rota", "missing: of which rota".to_owned()),
        Some(key) if rota.is_none() => {
            let near = nearest(key, services.rotas.keys().map(String::as_str));
            fault("rota", no_such("there is no rota", key, near));
        }
        Some(_) => {}
    }
    let unknown = |name: &String| rota.and_then(|rota| unknown(rota, name));
    match &person {
        None => fault("person", "missing: who is to be on call".to_owned()),
        Some(name) => unknown(name).into_iter().for_each(|message| fault("person", message)),
    }
    if let Some(name) = &instead_of {
        unknown(name).into_iter().for_each(|message| fault("instead_of", message));
        if person.as_ref() == Some(name) {
            fault("instead_of", "nobody takes their own place".to_owned());
        }
    }
    let starts_at = starts_at.unwrap_or(now).max(now);
    if starts_at.duration_since(now) > LONGEST {
        fault("starts_at", "begins more than a year from now: add it nearer to the time".to_owned());
    }
    match ends_at {
        None => fault("ends_at", "missing: an override has an end".to_owned()),
        Some(end) if end <= starts_at => fault("ends_at", "is not after the beginning, or is over already".to_owned()),
        Some(end) if end.duration_since(starts_at) > LONGEST => fault("ends_at", "a year at most".to_owned()),
        Some(_) => {}
    }
    let reason = reason.trim().to_owned();
    if let Some(message) = note_fault(&reason) {
        fault("reason", message.replacen("the note", "the reason", 1));
    }
    let (Some(key), Some(person), Some(ends_at)) = (key, person, ends_at) else {
        return Err(Failure::Refused(Refusal { faults }));
    };
    let change = Override { id: OverrideId(0), person, instead_of, starts_at, ends_at };
    let change = Refusal::unless_clean(faults, change)?;
    if not_over(context).await?.len() >= MOST as usize {
        return Err(Failure::NotPossible(format!("there are {MOST} overrides that are not over; end some")));
    }
    let asked = context.asked().because(&reason);
    let added = services.store.add_override(&key, &change, &asked).await.map_err(Failure::Store)?;
    services.engine.wake();
    Ok(added)
}

/// One override.
pub async fn get_override(context: &Context, id: OverrideId) -> Result<OverrideRecord, Failure> {
    context.may(Operation::SeeAlerts)?.store.override_record(id).await.map_err(of("override", id))
}

/// Ends an override before its time.
pub async fn end(context: &Context, id: OverrideId) -> Result<OverrideRecord, Failure> {
    let services = context.may(Operation::ChangeOnCall)?;
    let ended = services.store.end_override(id, &context.asked()).await.map_err(of("override", id))?;
    services.engine.wake();
    Ok(ended)
}

fn find<'a>(services: &'a Services, key: &str) -> Result<&'a Rota, Failure> {
    let shown = || key.chars().take(100).collect::<String>();
    services.rotas.get(key).ok_or_else(|| Failure::NotFound { what: "rota", key: format!("'{}'", shown()) })
}

/// What is wrong with a name that is none of the rota's people.
fn unknown(rota: &Rota, name: &str) -> Option<String> {
    if rota.person(name).is_some() {
        return None;
    }
    let near = nearest(name, rota.people.iter().map(|person| person.name.as_str()));
    Some(no_such("the rota has nobody called", name, near))
}

fn no_such(what: &str, name: &str, near: Option<&str>) -> String {
    let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    let shown: String = name.chars().take(100).collect();
    format!("{what} {shown:?}{near}")
}
