//! How fast the pages are when there is much to show: 10,000 monitors, 30 days and 20 million runs, while 100 more runs
//! are made each second. `cargo bench -p revere --bench pages`; `-- quick` for a short look at a small database.
//!
//! The optimised binary serves a database of `scripts/make-history`, which is made under `target/` the first time (some
//! minutes, 5 GB) and used again. With `-- postgresql` it is one of PostgreSQL: on the server of `REVERE_BENCH_POSTGRES_URL` (an
//! address of a database in which others may be made) it is left under the name `revere_bench` and used again; where that is
//! not set, Debian's PostgreSQL is started with its data in the temporary folder (8 GB), and filled each time.
//!
//! Times are those of one client on one connection, from the request to the last byte of the compressed answer; client, server,
//! database and runs share the machine. Each page is asked with other monitors, words and places each time. The first paint is
//! Chromium's own measure, where Chromium and `tests/browser`'s packages are there.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark talks to its reader and stops at a fault")]

#[path = "support/databases.rs"]
#[expect(dead_code, reason = "another benchmark uses the rest")]
mod databases;
mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use databases::Postgres;
use support::{Client, Server, at, quick};
use tokio::runtime::Runtime;

/// The most that a page may take at p95.
const TARGET: Duration = Duration::from_millis(100);
/// The most that the list may, which is looked at by night.
const LIST_TARGET: Duration = Duration::from_millis(50);
const WORDS: [&str; 12] = [
    "checkout",
    "mail queue",
    "berlin",
    "lag",
    "disk used",
    "Zürich",
    "search",
    "tokyo 1",
    "primary",
    "nothing fits",
    "e",
    "oregon",
];
const TAGS: [&str; 6] = ["checkout", "critical", "berlin", "images", "usual", "tokyo"];

fn main() {
    let (monitors, rows, per_second, times) =
        if quick() { (1000, 500_000, 10, 20) } else { (10_000, 20_000_000, 100, 200) };
    println!("{}", support::machine());
    let what =
        ["--monitors", &monitors.to_string(), "--rows", &rows.to_string(), "--per-second", &per_second.to_string()];
    let what = what.map(str::to_owned);
    println!("{monitors} monitors, about {rows} runs over 30 days");
    let history = match std::env::args().any(|arg| arg == "postgresql") {
        true => History::on_postgresql(&what),
        false => History::in_a_file(&what),
    };
    println!("in {}", history.words);
    let folder = history.folder;
    let mut server = Server::start(&folder);
    caught_up(&server, per_second);
    let before = Counts::read(&server);
    let mut pages = Pages { client: Client::connect(server.port), times, monitors, slow: 0 };
    pages.measure();
    let after = Counts::read(&server);
    println!("{}", after.since(&before));
    println!("server's memory afterwards {}", server.process.settled());
    println!("{} over the target of {TARGET:?} at p95 (lists: {LIST_TARGET:?})", pages.slow);
    paint(&mut server);
}

/// What is shown.
struct History {
    /// Of a server that uses it.
    folder: PathBuf,
    words: String,
    /// It goes with this value where it was started for it.
    _postgres: Option<(Postgres, Runtime)>,
}

impl History {
    fn in_a_file(what: &[String]) -> History {
        let folder = kept_in(if quick() { "quick" } else { "full" });
        support::history(&folder, None, what);
        let size = folder.join("revere.db").metadata().unwrap().len();
        History { folder, words: format!("SQLite, {:.1} GB", size as f64 / 1e9), _postgres: None }
    }

    fn on_postgresql(what: &[String]) -> History {
        let runtime = Runtime::new().unwrap();
        let postgres = runtime.block_on(Postgres::find()).expect("there is a PostgreSQL");
        let folder = kept_in(if quick() { "quick-postgresql" } else { "full-postgresql" });
        let name = if quick() { "revere_bench_quick" } else { "revere_bench" };
        let url = postgres.address_of(name);
        if postgres.is_started_here() || !support::has_history(&folder, Some(&url), &what.join(" ")) {
            // What was known of another one of this name does not hold.
            let _ = std::fs::remove_dir_all(&folder);
            runtime.block_on(postgres.made(name));
        }
        let began = Instant::now();
        support::history(&folder, Some(&url), what);
        let took = began.elapsed();
        let words = runtime.block_on(async {
            let size = postgres.size(name).await;
            format!("{}, {:.1} GB, there after {took:.0?}", postgres.words().await, size as f64 / 1e9)
        });
        History { folder, words, _postgres: Some((postgres, runtime)) }
    }
}

fn kept_in(name: &str) -> PathBuf {
    support::root().join("target/bench-history").join(name)
}

struct Pages {
    client: Client,
    times: usize,
    monitors: usize,
    slow: usize,
}

impl Pages {
    fn measure(&mut self) {
        println!("{:<44} {:>9} {:>9} {:>9} {:>9}", "", "p50", "p95", "max", "bytes");
        self.page("list", |_| "/".to_owned());
        self.page("list, searched", |n| format!("/?q={}", encoded(WORDS[n % WORDS.len()])));
        self.page("list, searched as one types", |n| format!("/?part=list&q={}", encoded(WORDS[n % WORDS.len()])));
        self.page("list, by state", |n| format!("/?state={}", ["ALARM", "ERROR", "OK", "INACTIVE"][n % 4]));
        self.page("list, by tag", |n| format!("/?tag={}", TAGS[n % TAGS.len()]));
        self.page("list, by state and tag", |n| {
            format!("/?state={}&tag={}", ["ALARM", "OK"][n % 2], TAGS[n % TAGS.len()])
        });
        let monitors = self.monitors;
        let any = move |n: usize| 1 + (n * 7919 + 13) % monitors;
        self.page("list, next pages", |n| format!("/?after=OK.{}", any(n)));
        self.page("monitor", |n| format!("/monitor/{}", any(n)));
        self.page("history, first page", |n| format!("/monitor/{}/history", any(n)));
        // The ids of runs grow with time over all monitors, so any is a place in any monitor's history.
        let runs = 20 * monitors;
        self.page("history, deep", |n| format!("/monitor/{}/history?before={}", any(n), runs + n * 997 % runs * 90));
        self.page("history, flips only", |n| format!("/monitor/{}/history?flips=true", any(n)));
        self.page("history, by state", |n| {
            format!("/monitor/{}/history?state={}", any(n), ["ALARM", "ERROR", "OK"][n % 3])
        });
        for range in ["1h", "24h", "7d", "30d", "all"] {
            self.page(&format!("chart, {range}"), |n| format!("/monitor/{}/chart?range={range}", any(n)));
        }
        let busiest = self.busiest();
        self.page("the busiest monitor (43,200 runs)", |_| format!("/monitor/{busiest}"));
        self.page("its history, deep", |n| format!("/monitor/{busiest}/history?before={}", runs + n * 997 % runs * 90));
        for range in ["1h", "24h", "7d", "30d", "all"] {
            self.page(&format!("its chart, {range}"), |_| format!("/monitor/{busiest}/chart?range={range}"));
        }
        self.page("its page with the chart of all", |_| format!("/monitor/{busiest}?range=all"));
    }

    /// The first monitor that ran every minute.
    fn busiest(&mut self) -> usize {
        let found = (1..=self.monitors).find(|id| {
            let chart = self.client.text(&format!("/monitor/{id}/chart?range=7d&points=8"));
            let runs = chart.split_once("\"runs\":").and_then(|(_, rest)| rest.split_once(',')).unwrap().0;
            runs.parse::<u64>().unwrap() > 7 * 1000
        });
        found.expect("some monitor ran every minute")
    }

    fn page(&mut self, name: &str, path: impl Fn(usize) -> String) {
        self.client.page(&path(self.times));
        let mut bytes = 0;
        let mut took: Vec<Duration> = (0..self.times)
            .map(|n| {
                let path = path(n);
                let began = Instant::now();
                bytes += self.client.page(&path);
                began.elapsed()
            })
            .collect();
        took.sort_unstable();
        let p95 = at(&took, 0.95);
        let target = if name.starts_with("list") { LIST_TARGET } else { TARGET };
        let over = if p95 > target { "  OVER" } else { "" };
        self.slow += usize::from(p95 > target);
        let (p50, max) = (at(&took, 0.5), at(&took, 1.0));
        println!("{name:<44} {p50:>9.1?} {p95:>9.1?} {max:>9.1?} {:>9}{over}", bytes / self.times);
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Waits until what was missed while nobody ran the server is made up for, and the runs come as they are due.
fn caught_up(server: &Server, per_second: u64) {
    let began = Instant::now();
    let mut calm = 0;
    while calm < 3 {
        let before = Counts::read(server);
        support::pause(Duration::from_secs(2));
        let rate = Counts::read(server).runs_since(&before);
        calm = if rate < 1.3 * per_second as f64 && rate > 0.7 * per_second as f64 { calm + 1 } else { 0 };
        assert!(began.elapsed() < Duration::from_secs(300), "{rate:.0} runs/s instead of {per_second}");
    }
    println!("caught up after {:.0?}", began.elapsed());
}

/// What the server counts, at an instant.
struct Counts {
    at: Instant,
    runs: f64,
    /// Runs that began at most so late.
    late: Vec<(String, f64)>,
    missed: f64,
    overlapped: f64,
}

impl Counts {
    fn read(server: &Server) -> Counts {
        let text = Client::connect(server.port).text("/metrics");
        let sum = |name: &str| {
            let lines = text.lines().filter(|line| line.starts_with(name));
            lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
        };
        let bucket = "revere_run_lateness_seconds_bucket{le=\"";
        let late = text.lines().filter_map(|line| {
            let (le, count) = line.strip_prefix(bucket)?.split_once("\"} ")?;
            Some((le.to_owned(), count.parse().unwrap()))
        });
        Counts {
            at: Instant::now(),
            runs: sum("revere_runs_total"),
            late: late.collect(),
            missed: sum("revere_ticks_missed_total"),
            overlapped: sum("revere_ticks_overlapped_total"),
        }
    }

    fn runs_since(&self, before: &Counts) -> f64 {
        (self.runs - before.runs) / (self.at - before.at).as_secs_f64()
    }

    fn since(&self, before: &Counts) -> String {
        let grown: Vec<(&str, f64)> =
            self.late.iter().zip(&before.late).map(|((le, now), (_, then))| (le.as_str(), now - then)).collect();
        let all = grown.last().map_or(0.0, |(_, count)| *count);
        let within = |part: f64| grown.iter().find(|(_, count)| *count >= part * all).map_or("?", |(le, _)| *le);
        format!(
            "meanwhile {:.0} runs/s over {:.0?}; begun within {} s at p50, {} s at p99, {} s all; {} ticks missed, {} overlapped",
            self.runs_since(before),
            self.at - before.at,
            within(0.5),
            within(0.99),
            within(1.0),
            self.missed - before.missed,
            self.overlapped - before.overlapped
        )
    }
}

/// First paint of the list in Chromium, in a profile of its own each time.
fn paint(server: &mut Server) {
    let tests = support::root().join("tests/browser");
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    if !Path::new(&chromium).exists() || !tests.join("node_modules/playwright-core").exists() {
        println!("first paint skipped: it takes Chromium and the packages of tests/browser");
        return;
    }
    let program = format!(
        r#"
        import {{ chromium }} from "playwright-core";
        const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
        const browser = await chromium.launch({{ executablePath: "{chromium}", args }});
        const all = [];
        for (let round = 0; round < 9; round += 1) {{
          const context = await browser.newContext({{ viewport: {{ width: 1280, height: 860 }} }});
          const page = await context.newPage();
          await page.goto("http://127.0.0.1:{}/", {{ waitUntil: "load" }});
          await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length);
          all.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
          await context.close();
        }}
        await browser.close();
        const first = all[0];
        all.sort((a, b) => a - b);
        const ms = (value) => value.toFixed(0) + " ms";
        console.log(`first paint of the list in Chromium: median ${{ms(all[4])}}, slowest ${{ms(all[8])}}, the very first ${{ms(first)}} (target 1000 ms)`);
        "#,
        server.port
    );
    let status = Command::new("node").args(["--input-type=module", "-e", &program]).current_dir(tests).status();
    assert!(status.is_ok_and(|status| status.success()), "Chromium could not show the list");
}
