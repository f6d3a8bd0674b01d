//! Why the host ended a run that did not end by itself.

use std::time::Duration;

use crate::LimitKind;

/// Travels through the guest as a trap, so no script can catch it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("time limit reached: the run took longer than {}", seconds(.0))]
    WallTime(Duration),
    #[error("processor time limit reached: the run computed for longer than {}", seconds(.0))]
    CpuTime(Duration),
    #[error("source call limit reached: the run made more than {0} calls")]
    SourceCalls(u32),
    #[error("answer limit reached: {what} answered more than {}", bytes(*.most))]
    Answer { what: String, most: usize },
    #[error("the script exited (os._exit or the like); let it end, or raise an exception")]
    Exited,
    /// What an honest interpreter never does; it was forged, or corrupted.
    #[error("the interpreter was stopped: {0}")]
    Refused(&'static str),
    /// Not the script's doing at all: the run counts as not made.
    #[error("{0}")]
    Ours(String),
}

impl Stop {
    pub(crate) fn limit(&self) -> Option<LimitKind> {
        Some(match self {
            Stop::WallTime(_) => LimitKind::WallTime,
            Stop::CpuTime(_) => LimitKind::CpuTime,
            Stop::SourceCalls(_) => LimitKind::SourceCalls,
            Stop::Answer { .. } => LimitKind::Answer,
            Stop::Exited | Stop::Refused(_) | Stop::Ours(_) => return None,
        })
    }
}

/// `30 s`, `0.5 s`: limits as people set them.
pub(crate) fn seconds(duration: &Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// `64 KiB`, `256 MiB`, `1000 bytes`: the largest unit that divides it.
pub(crate) fn bytes(count: usize) -> String {
    match count {
        _ if count >= 1 << 20 && count.is_multiple_of(1 << 20) => format!("{} MiB", count >> 20),
        _ if count >= 1 << 10 && count.is_multiple_of(1 << 10) => format!("{} KiB", count >> 10),
        _ => format!("{count} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_set_them() {
        assert_eq!(seconds(&Duration::from_secs(30)), "30 s");
        assert_eq!(seconds(&Duration::from_millis(500)), "0.5 s");
        assert_eq!(
            (bytes(65_536), bytes(256 << 20), bytes(1000)),
            ("64 KiB".into(), "256 MiB".into(), "1000 bytes".into())
        );
    }
}
