//! A form makes one monitor, however often it is sent: a second click, a reload, a retry on a slow line.

use std::{
    collections::VecDeque,
    sync::{Arc, LazyLock, Mutex},
};

use revere_model::MonitorId;
use tokio::sync::OnceCell;

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

/// Makes a monitor, or answers the one that the same showing of the form has made, or is making right now.
pub(in super::super) async fn create_once(
    context: &Context,
    once: &str,
    input: MonitorInput,
) -> Result<MonitorId, Failure> {
    type Made = VecDeque<(String, Arc<OnceCell<MonitorId>>)>;
    /// As many forms as could be sent twice at about the same time.
    const REMEMBERED: usize = 10_000;
    static MADE: LazyLock<Mutex<Made>> = LazyLock::new(Mutex::default);

    if !is_once(once) {
        return create(context, input).await;
    }
    let cell = {
        let mut made = MADE.lock().expect("no code panics while it holds this lock");
        match made.iter().find(|(known, _)| known == once) {
            Some((_, cell)) => cell.clone(),
            None => {
                let cell = Arc::new(OnceCell::new());
                made.push_back((once.to_owned(), cell.clone()));
                if made.len() > REMEMBERED {
                    made.pop_front();
                }
                cell
            }
        }
    };
    cell.get_or_try_init(|| create(context, input)).await.copied()
}

/// Makes a monitor and runs it once at once: whoever wrote it sees what it does, and not in a week.
async fn create(context: &Context, input: MonitorInput) -> Result<MonitorId, Failure> {
    let monitor = monitors::create(context, input).await?;
    if monitor.spec.active {
        let (context, id) = (context.clone(), monitor.id);
        tokio::spawn(async move {
            if let Err(failure) = runs::run_first(&context, id).await {
                tracing::debug!(monitor = %id, ?failure, "a new monitor was not run at once; its schedule runs it");
            }
        });
    }
    Ok(monitor.id)
}
