//! The monitors of the demo: what their authors wrote, and what a run of each gave at any instant of the past.
//!
//! The scripts are the real thing and run in the sandbox from the start on. Weeks of runs before that are told by
//! functions of the same meaning, because running tens of thousands of scripts would take too long for a first look; a
//! test runs both at the same instants and compares.

use revere_model::{MonitorSpec, ReturnValue, State};

use crate::sources::demo::world::World;

/// One example.
pub struct Example {
    /// Its name.
    pub name: &'static str,
    /// For the reader of an alert.
    pub description: &'static str,
    /// Words to find it by.
    pub tags: &'static [&'static str],
    /// Crontab syntax.
    pub schedule: &'static str,
    /// IANA time zone.
    pub timezone: &'static str,
    /// So many failing runs in a row make a flip.
    pub alarm_after: u32,
    /// Whether it runs.
    pub active: bool,
    /// Its Python.
    pub script: &'static str,
    /// What a run gave in the past.
    pub past: fn(&World, i64) -> Past,
}

/// What a run gave.
pub struct Past {
    /// The script's outcome.
    pub outcome: State,
    /// The failure's text; `None` for a run that passed.
    pub message: Option<String>,
    /// The value.
    pub value: Option<ReturnValue>,
    /// What it printed.
    pub output: String,
    /// The traceback of an `ERROR`.
    pub traceback: Option<String>,
}

const HALF_MINUTE: i64 = 30;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// All of them. The first ones change state within a minute of the start.
pub const EXAMPLES: &[Example] = &[
    Example {
        name: "Shop: error rate",
        description: "More than half a percent of answers are errors. Look at the shop's log first, then at the last deployment.",
        tags: &["shop", "web"],
        schedule: "*/5 * * * * *",
        script: include_str!("monitors/error_rate.py"),
        past: error_rate,
        ..BASE
    },
    Example {
        name: "Mail queue length",
        description: "Mail is not going out: the relay is down or refuses us.",
        tags: &["mail"],
        schedule: "*/5 * * * * *",
        script: include_str!("monitors/mail_queue.py"),
        past: mail_queue,
        ..BASE
    },
    Example {
        name: "Same version everywhere",
        description: "A deployment is on its way, or stuck half way.",
        tags: &["deploy", "web"],
        schedule: "*/10 * * * * *",
        script: include_str!("monitors/same_version.py"),
        past: same_version,
        ..BASE
    },
    Example {
        name: "Orders come in",
        description: "Nobody buys. Usually it is not them, it is us.",
        tags: &["shop", "money"],
        schedule: "*/10 * * * * *",
        script: include_str!("monitors/orders_come_in.py"),
        past: orders_come_in,
        ..BASE
    },
    Example {
        name: "Shop: slow answers",
        description: "Slower than yesterday at the same time.",
        tags: &["shop", "web"],
        schedule: "*/10 * * * * *",
        script: include_str!("monitors/slow_answers.py"),
        past: slow_answers,
        ..BASE
    },
    Example {
        name: "Payments succeed",
        description: "The payment provider fails. Their status page is the first thing to read.",
        tags: &["shop", "money"],
        schedule: "*/5 * * * * *",
        alarm_after: 3,
        script: include_str!("monitors/payments.py"),
        past: payments,
        ..BASE
    },
    Example {
        name: "Revenue of the last hour",
        description: "Nothing to worry about, something to look at.",
        tags: &["money"],
        schedule: "*/30 * * * * *",
        script: include_str!("monitors/revenue.py"),
        past: revenue,
        ..BASE
    },
    Example {
        name: "Data disk will be full",
        description: "Less than a day left at this pace. Old exports can go.",
        tags: &["disk"],
        schedule: "* * * * *",
        script: include_str!("monitors/disk_full.py"),
        past: disk_full,
        ..BASE
    },
    Example {
        name: "Backups are fresh",
        description: "The last backup is older than a night.",
        tags: &["disk"],
        schedule: "* * * * *",
        script: include_str!("monitors/backup.py"),
        past: backup,
        ..BASE
    },
    Example {
        name: "Revere itself",
        description: "This server, asked over HTTP.",
        tags: &["revere"],
        schedule: "*/15 * * * * *",
        script: include_str!("monitors/revere_itself.py"),
        past: revere_itself,
        ..BASE
    },
    Example {
        name: "Warehouse stock",
        description: "Its database is down on purpose: an ERROR is about the check, an ALARM about what it watches.",
        tags: &["warehouse"],
        schedule: "*/30 * * * * *",
        script: include_str!("monitors/warehouse.py"),
        past: warehouse,
        ..BASE
    },
    Example {
        name: "Daily revenue report",
        description: "On weekday mornings, when the day before has been counted.",
        tags: &["money"],
        schedule: "30 6 * * MON-FRI",
        timezone: "Europe/Berlin",
        script: include_str!("monitors/daily_report.py"),
        past: daily_report,
        ..BASE
    },
    Example {
        name: "Cellar temperature",
        description: "Switched off since the cellar was cleared out.",
        tags: &["cellar"],
        schedule: "*/5 * * * *",
        active: false,
        script: include_str!("monitors/cellar.py"),
        past: cellar,
        ..BASE
    },
];

const BASE: Example = Example {
    name: "",
    description: "",
    tags: &[],
    schedule: "",
    timezone: "UTC",
    alarm_after: 1,
    active: true,
    script: "",
    past: cellar,
};

impl Example {
    /// As its author would have saved it.
    pub fn spec(&self) -> MonitorSpec {
        MonitorSpec {
            name: self.name.to_owned(),
            description: self.description.to_owned(),
            script: self.script.to_owned(),
            schedule: self.schedule.to_owned(),
            timezone: self.timezone.to_owned(),
            active: self.active,
            retain_days: Some(28),
            tags: self.tags.iter().map(|tag| (*tag).to_owned()).collect(),
            alarm_after: self.alarm_after,
            ..MonitorSpec::default()
        }
    }
}

fn passed(value: ReturnValue) -> Past {
    Past { outcome: State::Ok, message: None, value: Some(value), output: String::new(), traceback: None }
}

impl Past {
    fn alarm_if(mut self, bad: bool, message: impl FnOnce() -> String) -> Past {
        if bad {
            self.outcome = State::Alarm;
            self.message = Some(message());
        }
        self
    }

    fn printed(mut self, output: String) -> Past {
        self.output = output;
        self
    }
}

/// The points of a series that is known to be there.
fn points(world: &World, name: &str, from: i64, to: i64) -> Vec<(f64, i64)> {
    world.points(name, from, to).unwrap_or_default()
}

fn sum(world: &World, name: &str, from: i64, to: i64) -> f64 {
    points(world, name, from, to).iter().map(|(value, _)| value).sum()
}

fn mean(world: &World, name: &str, from: i64, to: i64) -> f64 {
    let points = points(world, name, from, to);
    points.iter().map(|(value, _)| value).sum::<f64>() / points.len() as f64
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

fn error_rate(world: &World, at: i64) -> Past {
    let rate = sum(world, "shop.errors", at - HALF_MINUTE, at) / sum(world, "shop.requests", at - HALF_MINUTE, at);
    passed(ReturnValue::Float(rate))
        .alarm_if(rate >= 0.005, || format!("High number of error responses: {:.2}%", 100.0 * rate))
}

fn mail_queue(world: &World, at: i64) -> Past {
    let waiting = points(world, "mail.queue", at - HALF_MINUTE, at).last().map_or(0, |(value, _)| *value as i64);
    passed(ReturnValue::Int(waiting)).alarm_if(waiting > 200, || format!("{waiting} mails are waiting"))
}

fn same_version(world: &World, at: i64) -> Past {
    let versions =
        ["web1", "web2", "web3"].map(|host| (host, world.text(&format!("deploy.{host}"), at).unwrap_or_default()));
    let mut distinct: Vec<&str> = versions.iter().map(|(_, version)| version.as_str()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let shown: Vec<String> = versions.iter().map(|(host, version)| format!("{version} on {host}")).collect();
    passed(ReturnValue::Text(distinct.join(", ")))
        .alarm_if(distinct.len() > 1, || format!("Different versions: {}", shown.join(", ")))
}

fn orders_come_in(world: &World, at: i64) -> Past {
    let orders = world.orders(at - HALF_MINUTE, at).count() as i64;
    passed(ReturnValue::Int(orders)).alarm_if(orders == 0, || "No order for half a minute".to_owned())
}

fn slow_answers(world: &World, at: i64) -> Past {
    let today = mean(world, "shop.latency_p95", at - HALF_MINUTE, at);
    let yesterday = mean(world, "shop.latency_p95", at - DAY - HALF_MINUTE, at - DAY);
    passed(ReturnValue::Float(rounded(today, 1))).alarm_if(today > 1.7 * yesterday, || {
        format!("Answers take {today:.0} ms, yesterday at this time {yesterday:.0} ms")
    })
}

fn payments(world: &World, at: i64) -> Past {
    let failed =
        sum(world, "payments.failed", at - HALF_MINUTE, at) / sum(world, "payments.tried", at - HALF_MINUTE, at);
    let succeed = rounded(100.0 * (1.0 - failed), 2);
    passed(ReturnValue::Float(succeed)).alarm_if(succeed < 95.0, || format!("Only {succeed:.1} % of payments succeed"))
}

fn revenue(world: &World, at: i64) -> Past {
    let (mut orders, mut revenue) = (0, 0.0);
    for (_, amount) in world.orders(at - HOUR, at) {
        orders += 1;
        revenue += amount;
    }
    passed(ReturnValue::Float(revenue)).printed(format!("{orders} orders, {revenue:.2} in the last hour\n"))
}

fn disk_full(world: &World, at: i64) -> Past {
    const SIZE: f64 = 1e12;
    let points = points(world, "disk.data", at - 6 * HOUR, at);
    let last = points.last().map_or(0.0, |(value, _)| *value);
    let slope = slope(&points);
    let used = rounded(100.0 * last / SIZE, 1);
    let past = passed(ReturnValue::Float(used));
    if slope <= 0.0 {
        return past;
    }
    let hours = (SIZE - last) / slope / 3600.0;
    past.printed(format!("{used:.1} % used, full in {hours:.0} hours\n"))
        .alarm_if(hours < 24.0, || format!("The data disk is full in {hours:.0} hours"))
}

/// Of the straight line through points with the least squares.
fn slope(points: &[(f64, i64)]) -> f64 {
    let count = points.len() as f64;
    let mean_value = points.iter().map(|(value, _)| value).sum::<f64>() / count;
    let mean_at = points.iter().map(|(_, at)| *at as f64).sum::<f64>() / count;
    let (mut above, mut below) = (0.0, 0.0);
    for (value, at) in points {
        let from_mean = *at as f64 - mean_at;
        above += from_mean * (value - mean_value);
        below += from_mean * from_mean;
    }
    above / below
}

fn backup(world: &World, at: i64) -> Past {
    let last: Option<jiff::Timestamp> = world.text("backup.last", at).and_then(|text| text.parse().ok());
    let age = at - last.map_or(at, |last| last.as_second());
    passed(ReturnValue::Text(format!("{} h old", age.div_euclid(HOUR))))
}

fn revere_itself(world: &World, at: i64) -> Past {
    let load = world.number("shop.requests", at).unwrap_or_default();
    passed(ReturnValue::Float(rounded(0.8 + load / 400.0, 1)))
}

/// Its database went away three days before the demo began.
fn warehouse(world: &World, at: i64) -> Past {
    if world.live_since.is_some_and(|since| at >= since - 3 * DAY) {
        let what = "SourceError: connection refused; source 'warehouse': execute('select sum(pieces) from stock')";
        return Past {
            outcome: State::Error,
            message: Some(format!("{what} (line 2)")),
            value: None,
            output: String::new(),
            traceback: Some(format!(
                "Traceback (most recent call last):\n  File \"monitor.py\", line 2, in <module>\n    \
                 stock = sources['warehouse'].execute('select sum(pieces) from stock')[0][0]\n{what}\n"
            )),
        };
    }
    let pieces = 40_000.0 - 9_000.0 * ((at.rem_euclid(7 * DAY)) as f64 / (7 * DAY) as f64);
    passed(ReturnValue::Int(pieces as i64))
}

fn daily_report(world: &World, at: i64) -> Past {
    passed(ReturnValue::Float(world.orders(at - DAY, at).map(|(_, amount)| amount).sum()))
}

fn cellar(world: &World, at: i64) -> Past {
    let degrees = points(world, "cellar.temperature", at - HALF_MINUTE, at).last().map_or(0.0, |(value, _)| *value);
    let degrees = rounded(degrees, 1);
    passed(ReturnValue::Float(degrees)).alarm_if(degrees > 20.0, || format!("{degrees:.1} degrees in the cellar"))
}
