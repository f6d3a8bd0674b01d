//! What of the engine another configuration exchanges while it runs. Runs and deliveries that are under way go on with what
//! they began with.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use revere_model::{Reminders, on_call::Rota};

use super::{
    EngineHandle, RunScripts, Shared,
    driver::{Driver, Wake},
    tasks::{deliver::Deliver, on_call::TellOnCall, push_again::PushAgain, remind::Remind},
};
use crate::alerts::Channel;

/// What a configuration gives the engine.
pub struct EngineConfigured {
    /// Runs scripts.
    pub runner: Arc<dyn RunScripts>,
    /// The alerts that can be sent through, by key; the store has been told of them.
    pub channels: BTreeMap<String, Arc<dyn Channel>>,
    /// The alerts that remind of problems that go on, by key.
    pub reminders: BTreeMap<String, Reminders>,
    /// The alerts that are rotas, by key.
    pub rotas: BTreeMap<String, Rota>,
    /// How long a run may take where its monitor does not say.
    pub run_limit: Duration,
    /// Whether a source that is down is told of once, in the place of the monitors that need it.
    pub source_outages: bool,
}

/// What is in force.
pub(super) struct InForce {
    pub(super) configured: EngineConfigured,
    /// Wakes the task of each alert and rota, also of one that is gone: it finds no channel then, and sends nothing.
    pub(super) deliver: BTreeMap<String, Wake>,
}

impl InForce {
    pub(super) fn new(configured: EngineConfigured, mut deliver: BTreeMap<String, Wake>) -> InForce {
        for key in configured.channels.keys().chain(configured.rotas.keys()) {
            deliver.entry(key.clone()).or_default();
        }
        InForce { configured, deliver }
    }
}

impl Shared {
    /// What is in force now.
    pub(super) fn in_force(&self) -> Arc<InForce> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Starts a task for each alert, for each rota, and for reminders, of those that have none yet.
pub(super) fn start_tasks(shared: &Arc<Shared>, driver: &mut Driver, in_force: &InForce) {
    let InForce { configured, deliver } = in_force;
    for key in configured.channels.keys() {
        if !driver.drives(&Deliver::name_of(key)) {
            let wake = deliver[key].clone();
            driver.start(Arc::new(Deliver::new(shared.clone(), key.clone(), wake.clone())), wake);
        }
    }
    for key in configured.rotas.keys() {
        if !driver.drives(&TellOnCall::name_of(key)) {
            driver.start(Arc::new(TellOnCall::new(shared.clone(), key.clone())), deliver[key].clone());
        }
    }
    if !configured.reminders.is_empty() && !driver.drives(Remind::NAME) {
        driver.start(Arc::new(Remind::new(shared.clone())), shared.remind.clone());
    }
    let tells_browsers = configured.channels.values().any(|channel| channel.web_push().is_some());
    if tells_browsers && !driver.drives(PushAgain::NAME) {
        driver.start(Arc::new(PushAgain::new(shared.clone())), shared.push_again.clone());
    }
}

impl EngineHandle {
    /// Goes on with another configuration.
    pub fn exchange(&self, configured: EngineConfigured) {
        let shared = &self.shared;
        let before = shared.in_force();
        configured.channels.keys().chain(configured.rotas.keys()).for_each(|alert| shared.metrics.alert(alert));
        let after = Arc::new(InForce::new(configured, before.deliver.clone()));
        *shared.in_force.write().unwrap_or_else(PoisonError::into_inner) = after.clone();
        if shared.settings.only_looks {
            return;
        }
        start_tasks(shared, &mut self.driver.lock().unwrap_or_else(PoisonError::into_inner), &after);
        self.wake();
    }
}
