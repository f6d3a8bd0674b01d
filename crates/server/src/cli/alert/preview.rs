//! `revere alert preview`: what an alert would say.

use revere_model::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::{
    super::{
        startup::Project,
        terminal::{Paint, inert, inert_line},
    },
    found, no_channel, opened,
};
use crate::{
    alerts::{self, MessagePreview, Notification},
    engine::linked,
    on_call,
    operations::preview::{self, Draft, Told},
    store::StoreError,
    wording::OwnText,
};

/// What the alert would say of a monitor, whatever `told` says of that: what is told, whether it is made up, and the message.
pub(super) async fn preview(
    project: &Project,
    key: &str,
    monitor: &str,
    told: Told,
    draft: Draft,
) -> anyhow::Result<(Notification, bool, MessagePreview)> {
    if on_call::rotas(&project.config.alerts).contains_key(key) {
        anyhow::bail!("'{key}' is a rota, and notifies by the alerts of its people: look at those");
    }
    let entry = project.config.alerts.iter().find(|entry| entry.name == key);
    let (Some(channel), Some(entry)) = (project.channels.get(key), entry) else {
        return Err(no_channel(project, key));
    };
    let words = preview::words(entry, Some(&draft)).map_err(|refusal| {
        let faults = refusal.faults.into_iter().map(|fault| format!("{}: {}", fault.field, fault.message));
        anyhow::anyhow!("{}", faults.collect::<Vec<_>>().join("\n"))
    })?;
    let words = words.unwrap_or_default();
    let faults = alerts::template_faults(&words).into_iter();
    let faults: Vec<String> = faults.map(|(one, error)| format!("{}: {error}", one.as_str())).collect();
    if !faults.is_empty() {
        anyhow::bail!("the template fails: {}", faults.join("\n"));
    }
    let store = opened(&project.config, &project.secrets).await?;
    let made = async {
        let monitor = found(&store, monitor).await?;
        let told = Told { monitor: monitor.id, ..told };
        match preview::notification(&store, &monitor, told, key, SystemClock.now()).await {
            Err(StoreError::NotFound) => anyhow::bail!("monitor {} has no such run", monitor.id),
            made => Ok(made?),
        }
    }
    .await;
    store.close().await;
    let (mut notification, is_example) = made?;
    let address = project.config.base_url.as_deref();
    linked(&mut notification, address.unwrap_or_default(), address.is_some());
    let said = alerts::preview(&**channel, &notification, &words, &project.secrets);
    let said = said.map_err(|why| anyhow::anyhow!("it could not be sent: {why}"))?;
    Ok((notification, is_example, said))
}

/// As the API answers it.
pub(super) fn as_json(notification: &Notification, is_example: bool, said: &MessagePreview) -> Value {
    let words = |made_of: &[OwnText]| made_of.iter().map(|one| one.as_str()).collect::<Vec<_>>();
    let parts = said.parts.iter();
    let parts = parts.map(|part| json!({"name": part.name, "text": part.text, "made_of": words(&part.made_of)}));
    let cuts = said.cuts.iter().map(|cut| json!({"what": cut.what, "kept": cut.kept, "of": cut.of}));
    let failed = said.failed.iter();
    let failed =
        failed.map(|(one, error)| json!({"template": one.as_str(), "line": error.line, "message": error.what}));
    json!({
        "monitor_id": notification.monitor.id,
        "run_id": notification.run_id,
        "old_state": notification.old_state,
        "new_state": notification.new_state,
        "severity": notification.severity(),
        "is_example": is_example,
        "parts": parts.collect::<Vec<_>>(),
        "cuts": cuts.collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
    })
}

/// The words alone, with what was cut.
pub(super) fn for_a_person(
    notification: &Notification,
    is_example: bool,
    said: &MessagePreview,
    paint: Paint,
) -> String {
    let (old, new) = (paint.state(notification.old_state), paint.state(notification.new_state));
    let severity = notification.severity().map(|severity| format!(" ({severity})")).unwrap_or_default();
    let run = notification.run_id.map(|run| format!(", by run {run}")).unwrap_or_default();
    let example = if is_example { ", an example: no run like this is kept" } else { "" };
    let name = inert_line(&notification.monitor.name);
    let mut text = format!("{old} -> {new}{severity} of {name}{run}{example}\n");
    let is_said = said.parts.iter().any(|part| !part.made_of.is_empty());
    for part in said.parts.iter().filter(|part| !is_said || !part.made_of.is_empty()) {
        let made_of: Vec<&str> = part.made_of.iter().map(|one| one.as_str()).collect();
        let made_of =
            if made_of.is_empty() { String::new() } else { paint.dim(format!("  made of {}", made_of.join(", "))) };
        text.push_str(&format!("\n{}{made_of}\n", inert_line(&part.name)));
        for line in inert(part.text.clone()).lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    for cut in &said.cuts {
        text.push_str(&format!("\n{} is cut to {} of {} characters\n", cut.what, cut.kept, cut.of));
    }
    for (one, error) in &said.failed {
        text.push_str(&format!("\nThe template {} fails, and the default is sent: {error}\n", one.as_str()));
    }
    text
}
