//! Who would be told: the question that the engine asks at every change of state, asked beforehand.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use revere_model::{
    Monitor, MonitorId, Mute, MuteSubject, Operation, Severity, Silence, State, Subject, Told, Verdict, held_by,
    on_call::{Changes, NextStep, Rota},
    tell,
};

pub use super::on_call::Rotas;
use super::{Context, Failure, monitors, on_call};
use crate::store::{AlertRow, Store, StoreError, Usable, unseen};

/// A change that has not happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Supposed {
    /// When; `None` is now. What was told before is what was told until now.
    pub at: Option<Timestamp>,
    /// The state the monitor would be in.
    pub state: State,
    /// How severe that would be; `None` is what the monitor says.
    pub severity: Option<Severity>,
}

/// What would become of it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The state that was asked about.
    pub state: State,
    /// How severe it is taken to be; `None` where that is no problem.
    pub severity: Option<Severity>,
    /// Each alert of the configuration, those that would tell it first.
    pub alerts: Vec<AlertAnswer>,
}

/// What one alert would do.
#[derive(Clone, Debug)]
pub struct AlertAnswer {
    /// The alert.
    pub row: AlertRow,
    /// Whether it would tell, or why not.
    pub verdict: Verdict,
    /// Whom a rota would tell first, if it would tell.
    pub on_call: Option<WhoIsOnCall>,
    /// How its messages arrive, where that is not as it should be.
    pub trouble: Option<Trouble>,
}

/// Why what an alert tells may arrive late, or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// The last attempt failed.
    pub failing: bool,
    /// How many deliveries wait.
    pub owed: u64,
}

impl Trouble {
    /// As a sentence without its full stop: `it is failing, 3 queued`.
    pub fn words(self) -> String {
        match (self.failing, self.owed) {
            (true, 0) => "it is failing".to_owned(),
            (true, owed) => format!("it is failing, {owed} queued"),
            (false, owed) => format!("{owed} queued"),
        }
    }
}

/// How the messages of all alerts arrive.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    owed: BTreeMap<String, u64>,
    failing: BTreeSet<String>,
}

impl Arrivals {
    /// As they are now.
    pub async fn read(store: &Store) -> Result<Arrivals, StoreError> {
        let owed = store.owed().await?.into_iter().map(|(alert, owed, _)| (alert, owed)).collect();
        Ok(Arrivals { owed, failing: store.failing_alerts().await?.into_iter().collect() })
    }

    /// What is wrong with an alert that is on.
    fn trouble(&self, row: &AlertRow) -> Option<Trouble> {
        let owed = self.owed.get(&row.key).copied().unwrap_or(0);
        let trouble = Trouble { failing: self.failing.contains(&row.key), owed };
        (row.is_on() && (trouble.failing || trouble.owed > 0)).then_some(trouble)
    }
}

/// Whom a rota would tell.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WhoIsOnCall {
    /// Those on call who can be reached, each with the alerts that do.
    pub people: Vec<(String, Vec<String>)>,
    /// Who is notified next, if nobody acknowledges or nobody on call can be reached; the last step is everybody.
    pub then: Vec<String>,
    /// Whether anybody is on call.
    pub is_anybody: bool,
    /// Who cannot be reached, and why: sentences without full stops.
    pub beyond_reach: Vec<String>,
    /// Which of the alerts that reach them are failing or have a queue: sentences without full stops.
    pub troubles: Vec<String>,
}

/// Who would be told if a monitor now were as supposed.
pub async fn would_be_told(context: &Context, id: MonitorId, supposed: Supposed) -> Result<Answer, Failure> {
    let monitor = monitors::get(context, id).await?;
    let services = context.may(Operation::SeeAlerts)?;
    let rows = services.store.alerts().await.map_err(Failure::Store)?;
    let told = services.store.told(id).await.map_err(Failure::Store)?;
    let now = context.now();
    let mutes = services.store.mutes_not_over(now).await.map_err(Failure::Store)?;
    let rotas = on_call::with_changes(services, supposed.at.unwrap_or(now)).await?;
    let arrivals = Arrivals::read(&services.store).await.map_err(Failure::Store)?;
    let flaps = would_flap(&services.store, &monitor, supposed, now).await.map_err(Failure::Store)?;
    let surroundings = Surroundings { mutes: &mutes, rotas: &rotas, arrivals: &arrivals, flaps, now };
    Ok(answer(&monitor, rows, told, surroundings, supposed))
}

/// What else decides whether people are told.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The mutes that are not over.
    pub mutes: &'a [Mute],
    /// The rotas, with what changes them then.
    pub rotas: &'a Rotas,
    /// How messages arrive.
    pub arrivals: &'a Arrivals,
    /// Whether the monitor flaps then.
    pub flaps: bool,
    /// The present.
    pub now: Timestamp,
}

/// Whether a monitor would flap if it were as supposed: if that is another state than it has, that is one more change.
pub async fn would_flap(
    store: &Store,
    monitor: &Monitor,
    supposed: Supposed,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changes = monitor.state != supposed.state && monitor.state != State::Inactive;
    store.would_flap(monitor.id, supposed.at.unwrap_or(now), changes && supposed.state != State::Inactive).await
}

/// What the alerts `rows`, which told `told` of it, would do if `monitor` were as supposed.
pub fn answer(
    monitor: &Monitor,
    rows: Vec<AlertRow>,
    mut told: HashMap<String, Told>,
    Surroundings { mutes, rotas, arrivals, flaps, now }: Surroundings<'_>,
    supposed: Supposed,
) -> Answer {
    let at = supposed.at.unwrap_or(now);
    let severity = supposed.severity.unwrap_or(monitor.spec.default_severity);
    let severity = Some(severity).filter(|_| supposed.state.is_problem());
    let subject = Subject {
        tags: &monitor.spec.tags,
        alerts: monitor.spec.alerts.as_deref(),
        state: supposed.state,
        // An end is for whom the problem was for.
        severity: severity.or(monitor.severity),
    };
    let flaps = flaps.then_some(Silence::Flapping);
    // Any other state would come of the first run that finds the source well.
    let waits = monitor.waits_for.as_ref().is_some_and(|waits| waits.held) && supposed.state == State::Error;
    let waits = waits.then_some(Silence::WaitsForSource);
    let mut alerts = Vec::new();
    for row in rows.iter().filter(|row| row.in_config) {
        let before = told.remove(&row.key).unwrap_or_else(|| unseen(monitor.state, monitor.severity));
        let about =
            MuteSubject { monitor: monitor.id, tags: subject.tags, alert: &row.key, severity: subject.severity };
        let quiet = row.quiet(subject.severity, at).map(|_| Silence::QuietHours);
        let held = waits.or(held_by(mutes, &about, at).map(|_| Silence::Muted)).or(quiet).or(flaps);
        let verdict = tell(&before, &row.rules(), &subject, held).verdict;
        let rota = rotas.get(&row.key).filter(|_| verdict == Verdict::Owed);
        let on_call = rota.map(|(rota, changes)| {
            let usable = |alert: &str| Usable::of(&rows, mutes, &MuteSubject { alert, ..about }, at);
            let mut who = who_is_on_call(rota, changes, at, usable);
            let reached_by: BTreeSet<&String> = who.people.iter().flat_map(|(_, alerts)| alerts).collect();
            let rows = rows.iter().filter(|row| reached_by.contains(&row.key));
            let troubles = rows.filter_map(|row| Some((row, arrivals.trouble(row)?)));
            who.troubles = troubles.map(|(row, trouble)| format!("{}: {}", row.key, trouble.words())).collect();
            who
        });
        alerts.push(AlertAnswer { row: row.clone(), verdict, on_call, trouble: arrivals.trouble(row) });
    }
    alerts.sort_by_key(|alert| alert.verdict != Verdict::Owed);
    Answer { state: supposed.state, severity, alerts }
}

/// Whom it would tell, by those of their alerts that can be used.
fn who_is_on_call(rota: &Rota, changes: &Changes, at: Timestamp, usable: impl Fn(&str) -> Usable) -> WhoIsOnCall {
    let mut asked: Vec<String> = rota.on_call(at, changes).into_iter().map(|one| one.person).collect();
    let mut who = WhoIsOnCall { is_anybody: !asked.is_empty(), ..WhoIsOnCall::default() };
    for name in &asked {
        if let Some(alerts) = who.reached(rota, name, &usable) {
            who.people.push((name.clone(), alerts));
        }
    }
    // Nobody on call, or none who can be reached, is the same as nobody who acknowledges.
    let goes_on = rota.escalate_after.is_some() || who.people.is_empty();
    while let Some(next) = rota.next_step(&asked).filter(|_| goes_on) {
        let step = match next {
            NextStep::Person(person) => {
                let reached = who.reached(rota, &person, &usable).map(|_| person.clone());
                asked.push(person);
                reached
            }
            NextStep::Everybody(rest) => {
                let reached = rest.iter().filter(|name| who.reached(rota, name, &usable).is_some()).count();
                asked.extend(rest);
                (reached > 0).then(|| "everybody".to_owned())
            }
        };
        who.then.extend(step);
        if rota.escalate_after.is_none() && !who.then.is_empty() {
            break;
        }
    }
    who
}

impl WhoIsOnCall {
    /// By which alerts a person can be reached; `None`, and noted, if by none.
    fn reached(&mut self, rota: &Rota, name: &str, usable: &impl Fn(&str) -> Usable) -> Option<Vec<String>> {
        let alerts = rota.person(name).map(|person| person.alerts.clone()).unwrap_or_default();
        let (by, not): (Vec<String>, Vec<String>) = alerts.into_iter().partition(|alert| usable(alert) == Usable::Yes);
        if by.is_empty() {
            let faults: Vec<String> =
                not.into_iter().map(|alert| format!("{alert} {}", usable(&alert).words())).collect();
            self.beyond_reach.push(format!("{name} cannot be reached: {}", faults.join(", ")));
        }
        (!by.is_empty()).then_some(by)
    }

    /// As a sentence without its full stop: `alice by alice_sms; then bob, then everybody`.
    pub fn words(&self) -> String {
        let people = self.people.iter().map(|(person, alerts)| format!("{person} by {}", alerts.join(", ")));
        let people: Vec<String> = people.collect();
        let mut said = match (people.is_empty(), self.is_anybody) {
            (false, _) => vec![people.join("; ")],
            (true, true) => vec!["whoever is on call cannot be reached".to_owned()],
            (true, false) => vec!["nobody is on call".to_owned()],
        };
        if !self.then.is_empty() {
            said.push(format!("then {}", self.then.join(", then ")));
        }
        said.extend(self.beyond_reach.iter().chain(&self.troubles).cloned());
        said.join("; ")
    }
}
