//! A form makes one monitor, however often it is sent: a second click, a reload, a retry on a slow line, to this server or to
//! another one with the same database.

use revere_model::{Monitor, MonitorId};

use crate::operations::{
    Context, Failure,
    monitors::{self, MonitorInput},
    runs,
};

/// Marks one showing of a form, so that sending it twice makes one monitor.
pub(in super::super) fn once() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

pub(super) fn is_once(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Makes a monitor, or answers the one that the same showing of the form has made.
pub(in super::super) async fn create_once(
    context: &Context,
    once: &str,
    input: MonitorInput,
) -> Result<MonitorId, Failure> {
    if !is_once(once) {
        let monitor = monitors::create(context, input).await?;
        let id = monitor.id;
        run_first(context, monitor);
        return Ok(id);
    }
    let (id, made) = monitors::create_once(context, once, input).await?;
    if let Some(monitor) = made {
        run_first(context, monitor);
    }
    Ok(id)
}

/// Runs a new monitor once at once: whoever wrote it sees what it does, and not in a week.
fn run_first(context: &Context, monitor: Monitor) {
    if !monitor.spec.active {
        return;
    }
    let context = context.clone();
    tokio::spawn(async move {
        if let Err(failure) = runs::run_first(&context, &monitor).await {
            tracing::debug!(monitor = %monitor.id, ?failure, "a new monitor was not run at once; its schedule runs it");
        }
    });
}
