//! A real Graphite, fed by carbon's line port.

use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    server,
    services::{service, unique},
    *,
};
use crate::support::{Closing, ClosingServer};

/// With the machine's own time, since that is what the points it is fed with have.
pub(super) fn graphite() -> Asked {
    let mut asked = source("graphite", json!({"url": service("REVERE_TEST_GRAPHITE_URL")}));
    asked.now = revere_model::Clock::now(&revere_model::SystemClock);
    asked
}

/// Seconds since 1970, a little in the past: Graphite keeps each second's value for an hour.
pub(super) fn recently() -> i64 {
    std::process::Command::new("date")
        .arg("+%s")
        .output()
        .map(|out| String::from_utf8(out.stdout).unwrap().trim().parse::<i64>().unwrap() - 60)
        .unwrap()
}

/// Stores points, one each second from `begin`, and waits until Graphite answers with them.
pub(super) async fn feed(asked: &Asked, metric: &str, begin: i64, values: &[Option<f64>]) {
    let mut carbon = TcpStream::connect(service("REVERE_TEST_CARBON_ADDRESS")).await.unwrap();
    for (offset, value) in values.iter().enumerate() {
        if let Some(value) = value {
            carbon.write_all(format!("{metric} {value} {}\n", begin + offset as i64).as_bytes()).await.unwrap();
        }
    }
    carbon.shutdown().await.unwrap();
    let expected = values.iter().flatten().count();
    eventually("the points have arrived", async || {
        let answer = asked
            .call("get_datapoints", [text(metric), Value::Int(begin - 1), Value::Int(begin - 1 + values.len() as i64)])
            .await;
        let found = match &answer {
            Ok(Value::List(points)) => points.iter().filter(|point| !point.repr(50).starts_with("(None")).count(),
            _ => 0,
        };
        if found == expected { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
}

#[tokio::test]
async fn points_sums_and_averages_of_a_metric() {
    let (asked, metric, begin) = (graphite(), unique("revere.points"), recently());
    feed(&asked, &metric, begin, &[Some(10.0), None, Some(2.5)]).await;
    let span = [text(&metric), Value::Int(begin - 1), Value::Int(begin + 2)];
    assert_eq!(
        asked.shown("get_datapoints", span.clone()).await,
        format!("[(10.0, {begin}), (None, {}), (2.5, {})]", begin + 1, begin + 2)
    );
    assert_eq!(asked.call("get_sum", span.clone()).await, Ok(Value::Float(12.5)));
    // What was not recorded counts as 0.
    assert_eq!(asked.call("get_avg", span.clone()).await, Ok(Value::Float(12.5 / 3.0)));
    let by_name = asked.call_with(
        "get_sum",
        [],
        [("path", text(&metric)), ("from_date", Value::Int(begin - 1)), ("to_date", Value::Int(begin))],
    );
    assert_eq!(by_name.await, Ok(Value::Float(10.0)));
}

#[tokio::test]
async fn dates_may_be_relative_datetimes_or_numbers() {
    let (asked, metric, begin) = (graphite(), unique("revere.dates"), recently());
    feed(&asked, &metric, begin, &[Some(7.0)]).await;
    let utc = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    for from in [
        text("-10min"),
        text("-10minutes"),
        Value::Int(begin - 1),
        Value::Float(begin as f64 - 0.5),
        Value::DateTime(utc(begin - 1)),
        Value::DateTime(format!("{}+02:00", utc(begin - 1 + 7200))),
    ] {
        assert_eq!(asked.call("get_sum", [text(&metric), from.clone()]).await, Ok(Value::Float(7.0)), "{from:?}");
    }
    says(&asked.fails("get_sum", [text(&metric), text("the day before")]).await, &["answered 400"]);
    says(&asked.refuses("get_sum", [text(&metric), list([])]).await, &["'from_date' must be a datetime"]);
}

#[tokio::test]
async fn functions_wildcards_and_special_characters_reach_graphite_as_written() {
    let (asked, stem, begin) = (graphite(), unique("revere.special"), recently());
    for (name, value) in [("count.200", 90.0), ("count.500", 10.0), ("a+b&c=d%", 3.0)] {
        feed(&asked, &format!("{stem}.{name}"), begin, &[Some(value)]).await;
    }
    let span = |path: String| [Value::Text(path), Value::Int(begin - 1), Value::Int(begin)];
    assert_eq!(asked.call("get_sum", span(format!("sum({stem}.count.*)"))).await, Ok(Value::Float(100.0)));
    assert_eq!(
        asked.call("get_sum", span(format!("alias(scale({stem}.count.500,0.5),'½ & more')"))).await,
        Ok(Value::Float(5.0))
    );
    assert_eq!(asked.call("get_sum", span(format!("{stem}.a+b&c=d%"))).await, Ok(Value::Float(3.0)));
    // Longer than an address may be: it goes as a form.
    let long = format!("sumSeries({})", vec![format!("{stem}.count.500"); 200].join(","));
    assert_eq!(asked.call("get_sum", span(long)).await, Ok(Value::Float(2000.0)));
}

#[tokio::test]
async fn several_series_are_named_instead_of_picking_one() {
    let (asked, stem, begin) = (graphite(), unique("revere.several"), recently());
    for name in ["a", "b"] {
        feed(&asked, &format!("{stem}.{name}"), begin, &[Some(1.0)]).await;
    }
    for method in ["get_datapoints", "get_sum", "get_avg"] {
        let fault = asked.fails(method, [Value::Text(format!("{stem}.*")), text("-10min")]).await;
        says(
            &fault,
            &["matches 2 series, and one is needed", &format!("{stem}.a"), &format!("{stem}.b"), "sumSeries("],
        );
    }
    let all = asked
        .call("get_series", [Value::Text(format!("{stem}.*")), Value::Int(begin - 1), Value::Int(begin)])
        .await
        .unwrap();
    assert_eq!(all.get(&format!("{stem}.b")).unwrap().repr(100), format!("[(1.0, {begin})]"));
    assert_eq!(asked.shown("get_series", [text("revere.no.such.*")]).await, "{}");
}

#[tokio::test]
async fn an_unknown_metric_is_a_fault_that_names_it() {
    let asked = graphite();
    for method in ["get_datapoints", "get_sum", "get_avg"] {
        let fault = asked.fails(method, [text("revere.no.such.metric"), text("-10min")]).await;
        says(&fault, &["source 'src'", "no metric matches 'revere.no.such.metric'"]);
    }
    says(&asked.refuses("get_sum", [text("  ")]).await, &["'path' must be a text that is not empty"]);
    says(&asked.fails("get_sum", [text("nosuchfunction(a.b)")]).await, &["answered ", "nosuchfunction"]);
}

/// Whenever a run is made, at the same time by its own clock it asks for the same data.
#[tokio::test]
async fn what_is_relative_counts_from_the_runs_clock() {
    let address = server::http(|head, _| {
        let target = head.split(' ').nth(1).unwrap().replace('&', " ");
        server::ok("application/json", &format!("[{{\"target\": \"{target}\", \"datapoints\": []}}]"))
    })
    .await;
    let asked = source("graphite", json!({"url": address}));
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    let (now, before, day) = (at("2026-07-01T12:00:00Z"), at("2026-07-01T11:50:00Z"), at("2026-06-30T12:00:00Z"));
    for (from, to, sent) in [
        (text("-10min"), Value::Null, format!("from={before} until={now} now={now}")),
        (text("now-10min"), text("now"), format!("from={before} until={now} now={now}")),
        (Value::Null, text("-10minutes"), format!("from={day} until={before} now={now}")),
        (text("midnight"), text("noon+5min"), format!("from=midnight until=noon%2B5min now={now}")),
    ] {
        let asked_for = asked.shown("get_series", [text("a.b"), from, to]).await;
        says(&asked_for, &[&format!("target=a.b format=json {sent}'")]);
    }
}

/// What a Graphite may answer and this one does not on demand.
#[tokio::test]
async fn no_points_null_points_and_infinite_points() {
    let answers = |points: &'static str| async move {
        let body = format!("[{{\"target\": \"a.b\", \"datapoints\": {points}}}]");
        let address = server::http(move |_, _| server::ok("application/json", &body)).await;
        source("graphite", json!({"url": format!("{address}/prefix/")}))
    };
    let empty = answers("[]").await;
    for method in ["get_sum", "get_avg", "get_datapoints"] {
        says(&empty.fails(method, [text("a.*")]).await, &["'a.b' has no datapoints between these dates"]);
    }
    let nulls = answers("[[null, 1], [null, 2]]").await;
    assert_eq!(nulls.call("get_avg", [text("a.b")]).await, Ok(Value::Float(0.0)));
    let infinite = answers("[[1e9999, 1], [-1e9999, 2], [3, 3]]").await;
    assert_eq!(infinite.shown("get_datapoints", [text("a.b")]).await, "[(inf, 1), (-inf, 2), (3.0, 3)]");
}

#[tokio::test]
async fn a_probe_shows_whether_it_is_there() {
    assert_eq!(graphite().source.probe(Instant::now() + PATIENCE).await, Ok(()));
    let gone = source("graphite", json!({"url": format!("http://{}", server::nobody().await)}));
    says(
        &gone.source.probe(Instant::now() + PATIENCE).await.unwrap_err().to_string(),
        &["source 'src'", "connection refused"],
    );
}

/// The configuration of the original program's README, word for word but for the host, and its script, against a server
/// that answers at `/render` alone.
#[tokio::test]
async fn the_originals_own_configuration_works() {
    let address = server::http(|head, _| match head.split(['?', ' ']).nth(1).unwrap() {
        "/render" if head.contains("authorization: Basic dXNlcm5hbWU6cGFzc3dvcmQ=") => {
            server::ok("application/json", r#"[{"target": "x", "datapoints": [[3.0, 1], [null, 2], [4.5, 3]]}]"#)
        }
        path => server::status("404 Not Found", "text/plain", path),
    })
    .await;
    for end in [
        "/render",
        "/render/",
        "/render/?target=a.b&format=json",
        "",
        "/",
        "/?width=586&target=a.b",
        "/dashboard",
        "/dashboard/#My%20board",
        "/composer?x=1#y",
        "/composer/",
    ] {
        let asked = source(
            "revere.sources.graphite.GraphiteSource",
            json!({"url": format!("{address}{end}"), "auth_username": "username", "auth_password": "password"}),
        );
        let path = text("sum(webapp.response.count.200)");
        assert_eq!(asked.call("get_sum", [path, text("-1min")]).await, Ok(Value::Float(7.5)), "{end}");
        assert_eq!(asked.source.probe(Instant::now() + PATIENCE).await, Ok(()), "{end}");
    }
    for end in ["/graphite/render", "/graphite", "/graphite/", "/graphite/dashboard/#x", "/graphite/composer?x=1"] {
        let below = source("graphite", json!({"url": format!("{address}{end}")}));
        let fault = below.fails("get_sum", [text("a.b")]).await;
        says(&fault, &["answered 404 Not Found: /graphite/render", "/graphite); source 'src': "]);
    }
}

/// Old ones write numbers as Python does.
#[tokio::test]
async fn bare_infinity_and_nan_are_numbers() {
    let body = r#"[{"target": "NaN \"Infinity", "datapoints": [[Infinity, 1], [-Infinity, 2], [NaN, 3], [1e9999, 4], [2, 5]]}]"#;
    let address = server::http(move |_, _| server::ok("application/json", body)).await;
    let asked = source("graphite", json!({"url": address}));
    assert_eq!(asked.shown("get_datapoints", [text("a")]).await, "[(inf, 1), (-inf, 2), (nan, 3), (inf, 4), (2.0, 5)]");
    says(&asked.shown("get_series", [text("a")]).await, &["NaN \"Infinity"]);
}

#[tokio::test]
async fn series_of_one_name_are_not_made_one() {
    let one = r#"{"target": "x", "datapoints": [[1, 1]]}"#;
    let body = format!(r#"[{one}, {{"target": "y", "datapoints": []}}, {one}, {one}]"#);
    let address = server::http(move |_, _| server::ok("application/json", &body)).await;
    let asked = source("graphite", json!({"url": address}));
    let fault = asked.fails("get_series", [text("alias(web.*.load,\"x\")")]).await;
    says(&fault, &["gives 3 series that are all called 'x'", "aliasByNode", "sumSeries(alias(web.*.load"]);
    says(&asked.fails("get_sum", [text("web.*.load")]).await, &["matches 4 series"]);
}

#[tokio::test]
async fn the_sum_of_nothing_is_zero() {
    let body = r#"[{"target": "x", "datapoints": [[null, 1], [null, 2]]}]"#;
    let address = server::http(move |_, _| server::ok("application/json", body)).await;
    let asked = source("graphite", json!({"url": address}));
    for method in ["get_sum", "get_avg"] {
        assert_eq!(asked.shown(method, [text("x")]).await, "0.0", "{method}");
    }
}

#[tokio::test]
async fn a_connection_that_closes_as_the_question_leaves_costs_no_answer() {
    let server = ClosingServer::start(r#"[{"target": "x", "datapoints": [[2, 1]]}]"#, Closing::AfterReading).await;
    let asked = source("graphite", json!({"url": server.url}));
    // The long one goes as a form, which changes as little.
    for path in ["x".to_owned(), "x".to_owned(), "x".repeat(3000), "x".to_owned(), "x".repeat(3000), "x".repeat(3000)] {
        assert_eq!(asked.call("get_sum", [Value::Text(path)]).await, Ok(Value::Float(2.0)));
    }
    assert_eq!((server.counts(), server.answered().len()), ((6, 3), 6));
}
