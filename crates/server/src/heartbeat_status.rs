//! How the heartbeat does: whether whoever watches this server hears of it.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

/// Without one that arrived for so long, whoever watches raises the alarm soon.
const OVERDUE: SignedDuration = SignedDuration::from_secs(150);

/// How the heartbeat does. One per process; share it in an `Arc`.
#[derive(Debug)]
pub struct HeartbeatStatus(Mutex<Last>);

#[derive(Debug)]
struct Last {
    /// When one arrived; at first when the server began.
    arrived_at: Timestamp,
    /// Why the last one did not, or was not sent.
    fault: Option<String>,
}

impl HeartbeatStatus {
    /// Of a server that begins at `now`.
    pub fn new(now: Timestamp) -> HeartbeatStatus {
        HeartbeatStatus(Mutex::new(Last { arrived_at: now, fault: None }))
    }

    /// One arrived.
    pub fn arrived(&self, now: Timestamp) {
        *self.lock() = Last { arrived_at: now, fault: None };
    }

    /// One did not arrive, or was not sent, for this reason. Answers whether that is news.
    pub fn failed(&self, fault: String) -> bool {
        self.lock().fault.replace(fault).is_none()
    }

    /// Whether it is heard; else why not.
    pub fn look(&self, now: Timestamp) -> Result<(), String> {
        let last = self.lock();
        match &last.fault {
            Some(fault) => Err(format!("not heard since {}: {fault}", last.arrived_at)),
            None if now.duration_since(last.arrived_at) > OVERDUE => {
                Err(format!("not heard since {}", last.arrived_at))
            }
            None => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Last> {
        self.0.lock().expect("no code panics while it holds this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_since_when_nobody_hears_it() {
        let at = |second| Timestamp::new(second, 0).unwrap();
        let status = HeartbeatStatus::new(at(0));
        assert_eq!(status.look(at(100)), Ok(()));
        assert_eq!(status.look(at(200)).unwrap_err(), "not heard since 1970-01-01T00:00:00Z");
        status.arrived(at(60));
        assert!(status.failed("503 Service Unavailable".to_owned()) && !status.failed("503 again".to_owned()));
        assert_eq!(status.look(at(61)).unwrap_err(), "not heard since 1970-01-01T00:01:00Z: 503 again");
        status.arrived(at(120));
        assert_eq!(status.look(at(121)), Ok(()));
    }
}
