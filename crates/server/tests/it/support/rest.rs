//! When engines are at rest, so that the clock may go on without anything being under way.

use revere::engine::EngineHandle;

use super::until;

/// The tasks that no signal wakes. What is told does not hang on them.
const BY_THEMSELVES: [&str; 2] = ["prune", "audit_log"];

/// Waits until nothing is due, and nothing that one of these engines read before may still make something due: each of its tasks
/// has looked once more, from the beginning to the end, since `nothing_is_due` said so, and it says so again. To look once is not
/// enough: what was asked first may have come to be due while the last was asked, and a task may be about to claim what it saw before.
pub(crate) async fn at_rest(engines: &[&EngineHandle], mut nothing_is_due: impl AsyncFnMut() -> bool) {
    let mut looks_then: Option<Vec<u64>> = None;
    until("nothing is due", async || {
        engines.iter().for_each(|engine| engine.wake());
        let now = looks(engines);
        // One of the two may have begun before.
        let all_looked =
            looks_then.as_ref().is_some_and(|then| then.iter().zip(&now).all(|(then, now)| *now >= then + 2));
        if !nothing_is_due().await {
            looks_then = None;
            return false;
        }
        if looks_then.is_none() {
            looks_then = Some(looks(engines));
        }
        all_looked
    })
    .await;
}

/// How often each task has looked.
fn looks(engines: &[&EngineHandle]) -> Vec<u64> {
    let tasks = engines.iter().flat_map(|engine| engine.tasks());
    tasks.filter(|task| !BY_THEMSELVES.contains(&task.name.as_str())).map(|task| task.pieces).collect()
}
