//! What happens to the servers and their database.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use revere_model::{Clock as _, SystemClock};

use super::{SERVERS, World};

/// Longer than a claim holds: its run may take two seconds, and its result five more.
const ASLEEP: Duration = Duration::from_millis(7500);

/// Something that happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in super::super) enum Mischief {
    /// A server is killed.
    Kills,
    /// A server is stopped for longer than its claims hold, and goes on.
    Stops,
    /// A server is ended as an operator does.
    Ends,
    /// The database ends without a word (`pg_ctl stop -m immediate`), and is started again.
    Crashes,
    /// Nothing comes through between a server and the database for a while.
    Cuts,
    /// A server is started whose machine's clock is an hour ahead, or behind.
    SetsClock,
    /// Somebody looks at the database as it was, until the database ends or somebody else does.
    HoldsSnapshot,
    /// Nothing but people at work, who are there beside everything else as well.
    Works,
}

impl Mischief {
    /// Everything that is done to servers and their database.
    pub(in super::super) const ALL: [Mischief; 7] = [
        Mischief::Kills,
        Mischief::Stops,
        Mischief::Ends,
        Mischief::Crashes,
        Mischief::Cuts,
        Mischief::SetsClock,
        Mischief::HoldsSnapshot,
    ];

    /// What is drawn from: what matters most is there twice.
    const DRAWN: [Mischief; 12] = [
        Mischief::Kills,
        Mischief::Kills,
        Mischief::Stops,
        Mischief::Stops,
        Mischief::Ends,
        Mischief::Crashes,
        Mischief::Cuts,
        Mischief::Cuts,
        Mischief::SetsClock,
        Mischief::HoldsSnapshot,
        Mischief::Works,
        Mischief::Works,
    ];

    /// What happens by this seed before anything is drawn, so that everything happens by a few seeds, however slow a machine is.
    pub(in super::super) fn certain(seed: u64) -> [Mischief; 2] {
        let first = (seed % Mischief::ALL.len() as u64) as usize;
        [Mischief::ALL[first], Mischief::ALL[(first + 2) % Mischief::ALL.len()]]
    }
}

impl World {
    /// Something happens.
    pub(in super::super) async fn mischief(&mut self) {
        let which = self.draw(Mischief::DRAWN.len());
        self.happens(Mischief::DRAWN[which]).await;
    }

    /// This happens.
    pub(in super::super) async fn happens(&mut self, what: Mischief) {
        let place = self.draw(SERVERS);
        match what {
            Mischief::Kills => {
                self.tells("killed", format!("killed {place}"));
                self.take(place).await.kill();
                self.start(place, &[]);
            }
            Mischief::Stops => {
                self.tells("stopped in the middle", format!("stopped {place} in the middle"));
                self.servers[place].as_ref().expect("it was started").signal("STOP");
                self.people_elsewhere(place, ASLEEP).await;
                self.servers[place].as_ref().expect("it was started").signal("CONT");
            }
            Mischief::Ends => {
                self.tells("ended in order", format!("ended {place} in order"));
                self.take(place).await.terminate();
                self.start(place, &[]);
            }
            Mischief::Crashes => {
                self.tells("database crashed", "crashed the database".to_owned());
                self.postgres.crash();
                self.snapshot = None;
                self.people(place).await;
                self.postgres.start_again().await;
            }
            Mischief::Cuts => {
                let forgets = self.draw(2) == 0;
                self.tells("cut off", format!("cut {place} off{}", if forgets { ", for good" } else { "" }));
                self.ways[place].cut();
                self.people(place).await;
                let time = ASLEEP / [1, 10][self.draw(2)];
                self.people_elsewhere(place, time).await;
                self.ways[place].mend(forgets);
            }
            Mischief::SetsClock => {
                let clock = ["+3600s", "-3600s"][self.draw(2)];
                self.tells("started with a wrong clock", format!("started {place} with its clock at {clock}"));
                self.take(place).await.terminate();
                let library = faketime();
                let library = library.to_str().expect("Debian's names are plain");
                let wrong = [("LD_PRELOAD", library), ("FAKETIME", clock), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
                self.start(place, &wrong);
                self.has_a_wrong_clock(place);
            }
            Mischief::HoldsSnapshot => {
                self.tells("snapshot held", "held a snapshot".to_owned());
                let mut connection = self.postgres.connect().await;
                let sql = "begin isolation level repeatable read; select count(*) from runs";
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                self.snapshot = Some(connection);
            }
            Mischief::Works => {
                self.tells("people at work", format!("worked at {place}"));
                for _ in 0..5 {
                    self.people(place).await;
                }
            }
        }
    }

    /// Everybody is at work for a while, at all servers but this one.
    async fn people_elsewhere(&mut self, place: usize, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            let other = (place + 1 + self.draw(SERVERS - 1)) % SERVERS;
            self.people(other).await;
        }
    }

    /// Its log is written by its own clock: one that shows the time shows nothing of what is proved.
    fn has_a_wrong_clock(&self, place: usize) {
        let said = self.servers[place].as_ref().expect("it was started").server.stderr.wait_for("listening on");
        let at = said.split_whitespace().next().and_then(|at| at.parse::<Timestamp>().ok());
        let at = at.unwrap_or_else(|| panic!("a line of the log begins with its time: {said}"));
        let wrong_by = at.duration_since(SystemClock.now()).abs();
        assert!(wrong_by > SignedDuration::from_mins(50), "its clock is right: {said}");
    }

    fn tells(&mut self, act: &'static str, story: String) {
        *self.acts.entry(act).or_default() += 1;
        self.story.push(story);
    }
}

/// What makes a clock wrong; Debian has it in the package `libfaketime`, in a folder that is named for the machine's kind.
fn faketime() -> PathBuf {
    let kinds = std::fs::read_dir("/usr/lib").unwrap().map(|folder| folder.unwrap().path());
    let found = kinds.map(|kind| kind.join("faketime/libfaketime.so.1")).find(|library: &PathBuf| library.exists());
    found.expect("libfaketime.so.1 is not here: install the Debian package libfaketime")
}
