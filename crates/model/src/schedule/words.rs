//! A schedule in words.

use super::Schedule;

impl Schedule {
    /// The schedule in English, as one would say it after "runs": `every 5 minutes`, `every weekday at 09:00`.
    pub fn in_words(&self) -> String {
        format!("whenever {self} fits")
    }
}
