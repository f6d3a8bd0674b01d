//! Servers that are ended while they are sending.

use std::collections::BTreeMap;

use revere_model::State;
use tokio::sync::OwnedRwLockWriteGuard;

use super::{MONITORS, World};
use crate::support::until;

/// As long as it is kept, no receiver answers what it has taken.
pub(super) struct Unanswered {
    /// How often each alert had tried to tell something before.
    attempts: BTreeMap<String, usize>,
    _held: Vec<OwnedRwLockWriteGuard<()>>,
}

impl World {
    /// Something changes, and receivers take what they are told of it and do not answer: whoever is ended now does not hear what came
    /// of it.
    pub(super) async fn is_being_sent(&mut self) -> (String, Unanswered) {
        let mut held = Vec::new();
        for channel in self.test().alerts.values() {
            held.push(channel.answers.clone().write_owned().await);
        }
        let monitor = self.ids[self.event % MONITORS];
        let had_problem = self.store().monitor(monitor).await.unwrap().state.is_problem();
        let state = if had_problem { State::Ok } else { State::Alarm };
        let what = match self.source {
            true => self.asks(monitor, Some((state, None))).await,
            false => {
                self.test().scratch.manual_as(monitor, state, None).await;
                format!("{monitor} is {state}")
            }
        };
        let (test, beside, sql) = (self.test.as_ref().expect("it is there"), &self.beside, &mut self.sql);
        let before = test.alerts.iter().map(|(key, one)| (key.clone(), one.attempts())).collect();
        let attempts =
            || test.alerts.values().filter(|one| one.window.is_zero()).map(|one| one.attempts()).sum::<usize>();
        let (at_first, now) = (attempts(), test.now().as_microsecond());
        let at_once: Vec<String> =
            test.alerts.iter().filter(|(_, one)| one.window.is_zero()).map(|(key, _)| format!("'{key}'")).collect();
        let at_once = at_once.join(", ");
        // Those that gather may wait for the end of their window.
        let (due, claimed) = (
            format!(
                "select count(*) from deliveries where alert_key in ({at_once}) and status = 'owed' and claimed_by is null
                     and next_attempt_at <= {now}"
            ),
            format!(
                "select count(*) from deliveries
                 where alert_key in ({at_once}) and status = 'owed' and claimed_by is not null"
            ),
        );
        until("all that is due is being sent", async || {
            test.engine.wake();
            if let Some((_, engine)) = beside {
                engine.wake();
            }
            sql.number(due.as_str()).await == 0
                && sql.number(claimed.as_str()).await <= i64::try_from(attempts() - at_first).unwrap()
        })
        .await;
        (what, Unanswered { attempts: before, _held: held })
    }

    /// Notes which alerts were telling something when the server was ended, or had claimed it.
    pub(super) async fn were_cut_off(&mut self, unanswered: &Unanswered) {
        let claimed = "select distinct alert_key from deliveries where status = 'owed' and attempts > refusals";
        self.cut_off = self.sql.texts(claimed).await;
        let alerts = &self.test.as_ref().expect("it is there again").alerts;
        let tried = alerts.iter().filter(|(key, one)| one.attempts() > unanswered.attempts[*key]);
        self.cut_off.extend(tried.map(|(key, _)| key.clone()));
    }
}
