//! `revere nodes`: the servers that share a database of PostgreSQL.

use jiff::Timestamp;
use revere_model::{Clock as _, SystemClock};

use super::{Exit, Global, startup::Begun, terminal};
use crate::store::{DatabasePlace, Holding, Node, Store, StoreOptions};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere nodes
  revere nodes -c /etc/revere/config.py

Each server says about every nine seconds that it runs. What one that is gone had in hand is taken over by the others as soon as \
the time of its claims is over (CLAIM_MARGIN); it is listed for a day.

Exit codes:
  0 at least one server runs, 1 none does";

#[derive(clap::Args, Debug)]
pub(super) struct Nodes {}

impl Nodes {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let begun = Begun::new(global)?;
        let config = begun.configuration(global)?;
        if let DatabasePlace::File(path) = &config.database {
            anyhow::bail!(
                "{} is a SQLite file, which one server has for itself; several share a database of PostgreSQL (DATABASE_URL)",
                path.display()
            );
        }
        let (nodes, now) = begun.runtime.block_on(async {
            let mut options = StoreOptions::new(config.database.clone());
            options.beside_a_server = true;
            options.must_exist = true;
            options.secrets = begun.secrets.clone();
            let store = Store::open(options).await?;
            let read = async {
                // By the clock that they go by.
                let now = store.clock().await?.map_or_else(|| SystemClock.now(), |clock| clock.now());
                Ok::<_, anyhow::Error>((store.nodes().await?, now))
            };
            let read = read.await;
            store.close().await;
            read
        })?;
        terminal::print(&table(&nodes, now));
        let runs = nodes.iter().any(|(node, _)| !node.is_silent(now));
        Ok(if runs { Exit::Success } else { Exit::Failure })
    }
}

fn table(nodes: &[(Node, Holding)], now: Timestamp) -> String {
    if nodes.is_empty() {
        return "No server runs. Start one: revere run\n".to_owned();
    }
    let mut rows = vec![
        ["SERVER", "STATE", "VERSION", "ADDRESS", "RUNS SINCE", "LAST SEEN", "RUNS/MIN", "HAS IN HAND"]
            .map(str::to_owned),
    ];
    for (node, holding) in nodes {
        let ago = now.duration_since(node.seen_at).as_secs().max(0);
        rows.push([
            format!("{} ({})", node.host, node.name),
            if node.is_silent(now) { "silent" } else { "runs" }.to_owned(),
            node.version.clone(),
            node.address.clone(),
            format!("{:.0}", node.started_at),
            format!("{ago} s ago"),
            node.runs_a_minute.to_string(),
            format!("{} runs, {} deliveries", holding.runs, holding.deliveries),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &[String; 8]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_server_shows_and_columns_stand_under_each_other() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let node = |name: &str, seen: &str| Node {
            name: name.to_owned(),
            host: "web1".to_owned(),
            version: "0.1.0".to_owned(),
            address: "http://127.0.0.1:5000".to_owned(),
            started_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            seen_at: seen.parse().unwrap(),
            runs_a_minute: 240,
        };
        let nodes = [
            (node("7-a", "2026-01-01T00:00:58Z"), Holding { runs: 3, deliveries: 0 }),
            (node("8-bb", "2026-01-01T00:00:20Z"), Holding::default()),
        ];
        assert_eq!(
            table(&nodes, now),
            "SERVER       STATE   VERSION  ADDRESS                RUNS SINCE            LAST SEEN  RUNS/MIN  HAS IN HAND\n\
             web1 (7-a)   runs    0.1.0    http://127.0.0.1:5000  2026-01-01T00:00:00Z  2 s ago    240       3 runs, 0 deliveries\n\
             web1 (8-bb)  silent  0.1.0    http://127.0.0.1:5000  2026-01-01T00:00:00Z  40 s ago   240       0 runs, 0 deliveries\n"
        );
        assert!(table(&[], now).contains("revere run"));
    }
}
