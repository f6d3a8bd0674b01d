//! Who would be told: the question that the engine asks at every change of state, asked beforehand.

use std::collections::HashMap;

use jiff::Timestamp;
use revere_model::{
    Monitor, MonitorId, Mute, MuteSubject, Operation, Severity, Silence, State, Subject, Told, Verdict, held_by, tell,
};

use super::{Context, Failure, monitors};
use crate::store::{AlertRow, unseen};

/// A change that has not happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Supposed {
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
}

/// Who would be told if a monitor now were as supposed.
pub async fn would_be_told(context: &Context, id: MonitorId, supposed: Supposed) -> Result<Answer, Failure> {
    let monitor = monitors::get(context, id).await?;
    let services = context.may(Operation::SeeAlerts)?;
    let rows = services.store.alerts().await.map_err(Failure::Store)?;
    let told = services.store.told(id).await.map_err(Failure::Store)?;
    let now = context.now();
    let mutes = services.store.mutes_not_over(now).await.map_err(Failure::Store)?;
    Ok(answer(&monitor, rows, told, (&mutes, now), supposed))
}

/// What the alerts `rows`, which told `told` of it, would do if `monitor` were as supposed, under these mutes at that moment.
pub fn answer(
    monitor: &Monitor,
    rows: Vec<AlertRow>,
    mut told: HashMap<String, Told>,
    (mutes, now): (&[Mute], Timestamp),
    supposed: Supposed,
) -> Answer {
    let severity = supposed.severity.unwrap_or(monitor.spec.default_severity);
    let severity = Some(severity).filter(|_| supposed.state.is_problem());
    let subject = Subject {
        tags: &monitor.spec.tags,
        alerts: monitor.spec.alerts.as_deref(),
        state: supposed.state,
        // An end is for whom the problem was for.
        severity: severity.or(monitor.severity),
    };
    let mut alerts = Vec::new();
    for row in rows.into_iter().filter(|row| row.in_config) {
        let before = told.remove(&row.key).unwrap_or_else(|| unseen(monitor.state, monitor.severity));
        let about =
            MuteSubject { monitor: monitor.id, tags: subject.tags, alert: &row.key, severity: subject.severity };
        let held = held_by(mutes, &about, now).map(|_| Silence::Muted);
        let verdict = tell(&before, &row.rules(), &subject, held).verdict;
        alerts.push(AlertAnswer { row, verdict });
    }
    alerts.sort_by_key(|alert| alert.verdict != Verdict::Owed);
    Answer { state: supposed.state, severity, alerts }
}
