//! `revere move`: everything that the database holds, to another one, of either engine.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use super::{
    Exit, Global,
    progress::{Progress, counted, grouped},
    startup::Begun,
    terminal,
};
use crate::{
    config, settings,
    store::{DatabasePlace, MoveStep, Moved, PostgresAddress, Store},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere move --to 'postgresql://revere@db/revere?sslmode=verify-full'
  revere move --to FILE:/run/secrets/new-database-url
  revere move -c /etc/revere/config.py --to /var/lib/revere/revere.db

Copies what the database of the configuration holds: monitors and their history, what was delivered, what is queued, people. Stop every \
server first. The new database must be empty, or not there yet. It is filled as a whole or not at all, each row of it is read \
again, and the checksum of every table is compared; a command that was stopped can be given again. Nothing of the old database is \
changed, and no server uses the new one before config.py says so: put DATABASE_URL in the place of DATABASE_PATH (or the other \
way round) and start the servers. An address with a password is best kept in a file or a variable: FILE:PATH, ENV:NAME.

Exit codes:
  0 everything is in the new database, 1 nothing is";

#[derive(clap::Args, Debug)]
pub(super) struct Move {
    /// Where to: an address of PostgreSQL, or a file for SQLite
    #[arg(long, value_name = "URL|FILE")]
    to: String,
}

impl Move {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let begun = Begun::new(global)?;
        let to = self.place(&begun)?;
        let from = begun.configuration(global)?.database;
        if let (DatabasePlace::File(from), DatabasePlace::File(to)) = (&from, &to) {
            anyhow::bail!(
                "{} and {} are both SQLite files; `revere backup {}` copies one, and the server may go on meanwhile",
                from.display(),
                to.display(),
                to.display()
            );
        }
        let began = Instant::now();
        let mut progress = Progress::new();
        let mut say = |step: MoveStep<'_>| match step {
            MoveStep::Copying(table, done, all) => {
                progress.say(format_args!("copying {table}: {} of {}", grouped(done), grouped(all)));
            }
            MoveStep::Indexing => progress.say("making the indexes"),
            MoveStep::Checking(table, done, all) => {
                progress.say(format_args!("checking {table}: {} of {}", grouped(done), grouped(all)));
            }
        };
        let moved = begun.runtime.block_on(Store::move_everything(&from, &to, &mut say));
        drop(progress);
        let moved = moved?;
        terminal::print(&report(&moved, &from, &to, began.elapsed().as_secs_f64()));
        for silent in &moved.silent {
            terminal::warn(format_args!(
                "the server {silent} ended without a word; if it comes back it goes on with {from}, so see that it does not"
            ));
        }
        Ok(Exit::Success)
    }

    fn place(&self, begun: &Begun) -> anyhow::Result<DatabasePlace> {
        let refused = |fault: String| anyhow::anyhow!("--to: {fault}");
        let to = config::address_kept_elsewhere(&self.to, &begun.secrets).map_err(refused)?;
        settings::learn_variable("DATABASE_URL", &to, &begun.secrets);
        if !to.contains("://") && to != self.to {
            // It may be a password: it is not shown.
            return Err(refused("what is kept there is no address such as postgresql://…".to_owned()));
        }
        if !to.contains("://") {
            return Ok(DatabasePlace::File(Path::new(&to).to_owned()));
        }
        let address = PostgresAddress::read(&to, None).map_err(refused)?;
        if address.is_open_to_listeners() {
            terminal::warn("--to: everything goes over the network for everybody to read: add ?sslmode=verify-full");
        } else if address.is_unchecked() {
            terminal::warn("--to: nobody looks at the server's certificate: ?sslmode=verify-full does");
        }
        Ok(DatabasePlace::Server(address))
    }
}

fn report(moved: &Moved, from: &DatabasePlace, to: &DatabasePlace, seconds: f64) -> String {
    let widest = |lengths: Vec<usize>| lengths.into_iter().max().unwrap_or(0);
    let name = widest(moved.tables.iter().map(|table| table.name.len()).collect());
    let rows = widest(moved.tables.iter().map(|table| grouped(table.rows).len()).collect()).max(4);
    let mut said = format!("{:name$}  {:>rows$}  SHA-256 OF ALL ROWS\n", "TABLE", "ROWS");
    for table in &moved.tables {
        said.push_str(&format!("{:name$}  {:>rows$}  {}\n", table.name, grouped(table.rows), table.checksum));
    }
    let all = counted(moved.tables.iter().map(|table| table.rows).sum(), "row", "rows");
    said.push_str(&match moved.was_there {
        true => format!("Everything of {from} is in {to} already ({all}, all compared in {seconds:.1} s).\n"),
        false => format!("Copied {from} to {to}: {all}, each read again and the same, in {seconds:.1} s.\n"),
    });
    if moved.mended > 0 {
        said.push_str(&format!(
            "{} could not be kept as they were: a NUL in a text shows as U+FFFD.\n",
            counted(moved.mended, "value", "values")
        ));
    }
    said.push_str(&match to {
        DatabasePlace::Server(_) => {
            "Next: in config.py of every server, the new DATABASE_URL in the place of what names the old database; then start them.\n"
                .to_owned()
        }
        DatabasePlace::File(path) => {
            let path = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
            format!(
                "Next: in config.py, DATABASE_PATH = '{}' in the place of DATABASE_URL; then start the server.\n",
                path.display()
            )
        }
    });
    said
}
