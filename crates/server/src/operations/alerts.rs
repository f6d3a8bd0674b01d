//! Alerts: what people choose about them, and trying one out.

use std::{
    fmt::Display,
    str::FromStr,
    time::{Duration, Instant},
};

use revere_model::{Act, Asked, Operation, Severity, State, Target, TargetKind, tags_fault};

use super::{Context, Failure, FieldFault, Refusal, Services, failure::of};
use crate::{
    building::ConfiguredEntry,
    engine::TestAlertError,
    store::{AlertChange, AlertRow, AlertSeen, AuditEntry, Delivery, DeliveryFilter, Store, StoreError},
};

/// An alert: what people chose, and how it does.
#[derive(Clone, Debug)]
pub struct AlertReport {
    /// What is stored.
    pub row: AlertRow,
    /// What the configuration says; `None` for one that is not there (any more).
    pub entry: Option<ConfiguredEntry>,
    /// Deliveries not taken yet.
    pub owed: u64,
    /// The newest delivery.
    pub last_delivery: Option<Delivery>,
}

/// What someone wants an alert to be: `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct AlertInput {
    /// Whether it is switched on.
    pub enabled: Option<bool>,
    /// The states it tells, as words.
    pub states: Option<Vec<String>>,
    /// The severities of problems it is for, as words.
    pub severities: Option<Vec<String>>,
    /// It is for monitors with one of these tags; for all, where there are none.
    pub tags: Option<Vec<String>>,
    /// What they had before their eyes, if that is known: only what differs from it is changed.
    pub seen: Option<AlertSeen>,
    /// What reading the input already found wrong.
    pub faults: Vec<FieldFault>,
}

/// What the receiver of a test said.
#[derive(Clone, PartialEq, Debug)]
pub struct TestResult {
    /// Its words, or why it took nothing.
    pub reply: Result<String, String>,
    /// How long it took.
    pub took: Duration,
}

/// All alerts that are configured, or were and keep their settings.
pub async fn list(context: &Context) -> Result<Vec<AlertReport>, Failure> {
    let services = context.may(Operation::SeeAlerts)?;
    let rows = services.store.alerts().await.map_err(Failure::Store)?;
    let owed = services.store.owed().await.map_err(Failure::Store)?;
    let mut reports = Vec::with_capacity(rows.len());
    for row in rows {
        reports.push(report(services, row, &owed).await?);
    }
    Ok(reports)
}

/// What people chose about each alert, in short: what it tells, and whether it is on.
pub async fn settings(context: &Context) -> Result<Vec<AlertRow>, Failure> {
    context.may(Operation::SeeAlerts)?.store.alerts().await.map_err(Failure::Store)
}

/// The alerts that are on and of which nothing arrives any more.
pub async fn failing(context: &Context) -> Result<Vec<String>, Failure> {
    // Whoever may not see the alerts asks for nothing here, and is refused nothing.
    if context.might(Operation::SeeAlerts).is_err() {
        return Ok(Vec::new());
    }
    let services = context.may(Operation::SeeAlerts)?;
    let failing = services.store.failing_alerts().await.map_err(Failure::Store)?;
    if failing.is_empty() {
        return Ok(failing);
    }
    let rows = services.store.alerts().await.map_err(Failure::Store)?;
    Ok(rows.into_iter().filter(|row| row.is_on() && failing.contains(&row.key)).map(|row| row.key).collect())
}

/// One alert.
pub async fn get(context: &Context, key: &str) -> Result<AlertReport, Failure> {
    let services = context.may(Operation::SeeAlerts)?;
    let row = find(services, key).await?;
    let owed = services.store.owed().await.map_err(Failure::Store)?;
    report(services, row, &owed).await
}

/// Changes what people chose. Switching an alert off cancels what it owes; once it is on again it tells what became of
/// what it had told, and nothing else of the past.
pub async fn set(context: &Context, key: &str, input: AlertInput) -> Result<AlertReport, Failure> {
    let services = context.may(Operation::ChangeAlerts)?;
    find(services, key).await?;
    let mut faults = input.faults;
    let states = input.states.map(|words| each_once::<State>("states", &words, &mut faults).into_iter().collect());
    let severities = input.severities.map(|words| each_once::<Severity>("severities", &words, &mut faults));
    let severities = severities.map(|severities| severities.into_iter().collect());
    faults.extend(input.tags.as_deref().and_then(tags_fault).map(|message| FieldFault::new("tags", message)));
    let change = AlertChange { enabled: input.enabled, states, severities, tags: input.tags, seen: input.seen };
    let change = Refusal::unless_clean(faults, change)?;
    let row = services.store.set_alert(key, change, &context.asked()).await.map_err(of("alert", key))?;
    services.engine.wake();
    let owed = services.store.owed().await.map_err(Failure::Store)?;
    report(services, row, &owed).await
}

/// Sends a notification that says it is a test, once, and answers what the receiver said. Nothing is recorded.
pub async fn test(context: &Context, key: &str) -> Result<TestResult, Failure> {
    let services = context.may(Operation::ChangeAlerts)?;
    let row = find(services, key).await?;
    if row.in_config && row.enabled_in_config {
        // Before anything is sent: what cannot be written down is not done.
        note_test(&services.store, key, &context.asked()).await.map_err(Failure::Store)?;
    }
    let began = Instant::now();
    let reply = match services.engine.test_alert(key).await {
        Ok(receipt) => Ok(receipt.reply),
        Err(TestAlertError::Send(error)) => Err(error.message),
        Err(TestAlertError::Unknown(_)) if row.in_config => {
            let detail = format!(
                "the alert '{key}' is switched off in the configuration; switch it on there, then 'revere reload'"
            );
            return Err(Failure::NotPossible(detail));
        }
        Err(TestAlertError::Unknown(_)) => {
            let detail =
                format!("the alert '{key}' is no longer in the configuration, so there is nothing to send with");
            return Err(Failure::NotPossible(detail));
        }
    };
    Ok(TestResult { reply, took: began.elapsed() })
}

/// Writes down that an alert is tested, also for the command line, which sends without an engine.
pub async fn note_test(store: &Store, key: &str, asked: &Asked) -> Result<(), StoreError> {
    store.note(AuditEntry::new(Act::AlertTested, asked).about(Target::new(TargetKind::Alert, key, ""))).await
}

/// Words of a kind, each once; a fault at the place of each that is none, or is there already.
fn each_once<T: FromStr<Err: Display> + Display + PartialEq + Copy>(
    field: &str,
    words: &[String],
    faults: &mut Vec<FieldFault>,
) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        match word.parse::<T>() {
            Ok(one) if found.contains(&one) => {
                faults.push(FieldFault::new(format!("{field}[{index}]"), format!("{one} is there twice")));
            }
            Ok(one) => found.push(one),
            Err(error) => faults.push(FieldFault::new(format!("{field}[{index}]"), error.to_string())),
        }
    }
    found
}

async fn find(services: &Services, key: &str) -> Result<AlertRow, Failure> {
    let rows = services.store.alerts().await.map_err(Failure::Store)?;
    let found = rows.into_iter().find(|row| row.key == key);
    found.ok_or_else(|| Failure::NotFound { what: "alert", key: format!("'{}'", shortened(key)) })
}

async fn report(
    services: &Services,
    row: AlertRow,
    owed: &[(String, u64, Option<jiff::Timestamp>)],
) -> Result<AlertReport, Failure> {
    let filter = DeliveryFilter { alert: Some(row.key.clone()), limit: 1, ..DeliveryFilter::default() };
    let last_delivery = services.store.deliveries(&filter).await.map_err(Failure::Store)?.pop();
    Ok(AlertReport {
        entry: services.alert_entries.iter().find(|entry| entry.name == row.key).cloned(),
        owed: owed.iter().find(|(key, _, _)| *key == row.key).map_or(0, |(_, count, _)| *count),
        last_delivery,
        row,
    })
}

fn shortened(key: &str) -> String {
    key.chars().take(100).collect()
}
