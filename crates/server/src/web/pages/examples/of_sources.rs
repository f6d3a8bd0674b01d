//! Monitors to begin with that are made of the configured sources: what each kind is asked most, with its name filled in.

use super::Example;
use crate::operations::sources::SourceReport;

/// What can be asked of a source, by the methods that it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Database,
    Prometheus,
    Graphite,
    Demo,
    Http,
    Other,
}

/// Examples for a source.
pub(super) fn of(source: &SourceReport) -> Vec<Example> {
    let (name, description) = (source.name.as_str(), &source.description);
    let has = |method: &str| description.methods.iter().any(|one| one.name == method);
    let kind = match () {
        () if has("execute") => Kind::Database,
        () if has("query") && has("value") => Kind::Prometheus,
        () if has("get_datapoints") && has("names") => Kind::Demo,
        () if has("get_datapoints") => Kind::Graphite,
        () if matches!(description.kind.as_str(), "http" | "https") => Kind::Http,
        () => Kind::Other,
    };
    // In Python's own quotes, whatever they hold.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let asked = format!("sources[{}]", quoted(name));
    let example = |slug: &str, title: &str, description: &str, schedule: &'static str, script: String| Example {
        slug: format!("{slug}.{name}"),
        name: format!("{name}: {title}"),
        description: description.to_owned(),
        schedule,
        tags: String::new(),
        script: script.replace("SOURCE", &asked),
        of_source: true,
    };
    match kind {
        Kind::Database => vec![
            example(
                "rows",
                "number of rows",
                "How many rows wait, and too many are a problem.",
                "*/5 * * * *",
                ROWS.to_owned(),
            ),
            example(
                "heartbeat",
                "heartbeat",
                "The newest row of a table is not too old.",
                "*/5 * * * *",
                HEARTBEAT.to_owned(),
            ),
        ],
        Kind::Prometheus => {
            vec![example("ratio", "error ratio", "The part of requests that fail.", "* * * * *", RATIO.to_owned())]
        }
        Kind::Graphite => vec![example(
            "week",
            "against last week",
            "The same hour a week ago, compared.",
            "*/10 * * * *",
            LAST_WEEK.to_owned(),
        )],
        Kind::Demo => vec![example(
            "week",
            "against yesterday",
            "The same hour a day ago, compared.",
            "*/10 * * * *",
            YESTERDAY.to_owned(),
        )],
        Kind::Http => {
            // What only sends something is nothing to begin with.
            let Some(method) = ["get", "head"].into_iter().find(|method| has(method)) else { return Vec::new() };
            let (first, address) = match &source.example_address {
                Some(address) => {
                    ("# Put your own address here, of a host that this source may ask.\n", address.as_str())
                }
                None => ("", "/"),
            };
            let script = format!("{first}page = SOURCE.{method}({})\n{HEALTH}", quoted(address));
            let title = "health and certificate";
            vec![example("health", title, "It answers, fast enough, and its certificate holds.", "* * * * *", script)]
        }
        // What wants arguments that nobody here knows is no example: as it stands it would fail. Nor is `*`, which stands for
        // what a program has that was not started yet.
        Kind::Other => description
            .methods
            .iter()
            .find(|method| method.name != "*" && needs_no_argument(&method.signature))
            .map(|method| {
                let call = ASK.replace("METHOD", &method.name);
                example("ask", &method.name, "What it answers.", "*/5 * * * *", call)
            })
            .into_iter()
            .collect(),
    }
}

/// Whether a method of that signature, `(path, to=None)` for instance, can be called with nothing.
fn needs_no_argument(signature: &str) -> bool {
    let inside =
        signature.trim().strip_prefix('(').and_then(|rest| rest.rsplit_once(')')).map_or("", |(inside, _)| inside);
    let needs_none = |one: &str| one.is_empty() || one == "/" || one.starts_with('*') || one.contains('=');
    inside.split(',').map(str::trim).all(needs_none)
}

const ROWS: &str = "\
# Put your own table in place of the parentheses, and your own condition.
rows = SOURCE.execute('''
    select count(*) from (select null as shipped_at) as orders
    where shipped_at is null
''')
return_value = rows[0][0]
if return_value > 100:
    raise MonitorFailure(f'{return_value} orders wait')
";

const HEARTBEAT: &str = "\
from datetime import datetime, timezone

# Put your own table in place of the parentheses, and its column of times.
newest = SOURCE.execute('''
    select max(created_at) from (select current_timestamp as created_at) as events
''')[0][0]
if newest is None:
    raise MonitorFailure('there is no event at all')
if isinstance(newest, str):
    newest = datetime.fromisoformat(newest)
if newest.tzinfo is None:
    newest = newest.replace(tzinfo=timezone.utc)
minutes = (datetime.now(timezone.utc) - newest).total_seconds() / 60
return_value = round(minutes, 1)
if minutes > 15:
    raise MonitorFailure(f'the last event is {minutes:.0f} min old')
";

const RATIO: &str = "\
# Put your own metric here. What is not there counts as 0.
failed = SOURCE.value('sum(rate(http_requests_total{code=~\"5..\"}[5m])) or vector(0)')
total = SOURCE.value('sum(rate(http_requests_total[5m])) or vector(0)')
return_value = 100 * failed / total if total else 0
if return_value >= 1:
    raise MonitorFailure(f'{return_value:.2f}% of the requests fail')
";

const LAST_WEEK: &str = "\
# Put your own path in place of stats_counts.response.*. What is not there counts as 0.
path = 'fallbackSeries(sumSeries(stats_counts.response.*), constantLine(0))'
now = SOURCE.get_sum(path, '-60min')
before = SOURCE.get_sum(path, '-10140min', '-10080min')
return_value = now
if now < before / 2:
    raise MonitorFailure(f'{now:.0f} in the last hour, {before:.0f} in the same hour last week')
";

const YESTERDAY: &str = "\
# Put one of SOURCE.names() here.
path = 'shop.requests'
now = SOURCE.get_sum(path, '-60min')
before = SOURCE.get_sum(path, '-1500min', '-1440min')
return_value = now
if now < before / 2:
    raise MonitorFailure(f'{now:.0f} in the last hour, {before:.0f} in the same hour yesterday')
";

const HEALTH: &str = "\
return_value = round(1000 * page.elapsed)
if not page.ok:
    raise MonitorFailure(f'{page.status} {page.reason}')
if page.elapsed > 2:
    raise MonitorFailure(f'answered after {page.elapsed:.1f} s')
if page.tls and page.tls.days_left < 14:
    raise MonitorFailure(f'the certificate ends on {page.tls.not_after.date()}')
";

const ASK: &str = "\
answer = SOURCE.METHOD()
print(answer)
return_value = answer if isinstance(answer, (int, float, str)) else str(answer)
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_called_with_nothing_is_seen_by_its_signature() {
        for signature in ["()", "(since='-1h')", "(*paths, **options)", "(/, a=1, *, b: int = 2) -> dict", "( )"] {
            assert!(needs_no_argument(signature), "{signature}");
        }
        for signature in ["(path)", "(path, to=None)", "(*, host)", "(self: int) -> str"] {
            assert!(!needs_no_argument(signature), "{signature}");
        }
    }
}
