//! A real Prometheus, which scrapes itself and a file.

use serde_json::json;

use super::{server, services::service, *};
use crate::support::{Closing, ClosingServer};

/// With the machine's own time, since that is what Prometheus' samples have.
fn prometheus() -> Asked {
    let mut asked = source("prometheus", json!({"url": service("REVERE_TEST_PROMETHEUS_URL")}));
    asked.now = revere_model::Clock::now(&revere_model::SystemClock);
    asked
}

#[tokio::test]
async fn query_gives_labels_values_and_times() {
    let asked = prometheus();
    let Value::List(found) = asked.call("query", [text("revere_test_queue")]).await.unwrap() else { panic!() };
    assert_eq!(found.len(), 2);
    let mail = found.iter().find(|one| one.get("metric").unwrap().get("name") == Some(&text("mail"))).unwrap();
    assert_eq!(mail.get("value"), Some(&Value::Float(67.0)));
    assert!(
        matches!(mail.get("timestamp"), Some(Value::Float(at)) if (*at - asked.now.as_second() as f64).abs() < 120.0)
    );
    assert_eq!(asked.shown("query", [text("revere_no_such_metric")]).await, "[]");
    let scalar = asked.call("query", [text("scalar(revere_test_single) * 2")]).await.unwrap().repr(200);
    says(&scalar, &["[{'metric': {}, 'value': 3.0, 'timestamp': "]);
    says(&asked.shown("query", [text("\"just text\"")]).await, &["'value': 'just text'"]);
    says(&asked.shown("query", [text("revere_test_infinite")]).await, &["'value': inf"]);
    says(&asked.shown("query", [text("revere_test_single[1m]")]).await, &["'values': [(1.5, "]);
}

#[tokio::test]
async fn value_is_one_number_or_a_fault_that_lists_them() {
    let asked = prometheus();
    assert_eq!(asked.call("value", [text("sum(revere_test_queue)")]).await, Ok(Value::Float(70.0)));
    assert_eq!(
        asked.call_with("value", [text("revere_test_queue{name=\"print\"}")], [("at", text("-1s"))]).await,
        Ok(Value::Float(3.0))
    );
    says(&asked.shown("value", [text("revere_test_nan")]).await, &["nan"]);
    says(&asked.fails("value", [text("revere_no_such_metric")]).await, &["'revere_no_such_metric' has no value now"]);
    let several = asked.fails("value", [text("revere_test_queue")]).await;
    says(&several, &["gives 2 values, and one is needed", "'name': 'mail'", "'name': 'print'", "sum(...)"]);
    says(&asked.fails("value", [text("revere_test_single[1m]")]).await, &["a range of values"]);
    let old = asked.call("value", [text("revere_test_single"), text("-10y")]).await;
    says(&old.unwrap_err().to_string(), &["has no value now"]);
}

#[tokio::test]
async fn query_range_gives_values_over_time() {
    let asked = prometheus();
    let range = asked
        .call_with("query_range", [text("revere_test_queue{name='mail'}"), text("-5min")], [("step", text("1s"))])
        .await
        .unwrap();
    let Value::List(found) = range else { panic!() };
    let Some(Value::List(values)) = found[0].get("values") else { panic!("{found:?}") };
    assert!(!values.is_empty() && values[0].repr(100).starts_with("(67.0, "), "{values:?}");
    says(
        &asked.refuses("query_range", [text("up"), text("now"), text("-5min")]).await,
        &["'from_date'", "is after 'to_date'"],
    );
    says(
        &asked.refuses("query_range", [text("up"), text("-5min"), Value::Null, text("often")]).await,
        &["'step' must be a span of time"],
    );
    says(
        &asked.fails("query_range", [text("up"), text("-10d"), Value::Null, Value::Int(1)]).await,
        &["exceeded maximum resolution"],
    );
}

#[tokio::test]
async fn prometheus_own_words_are_passed_on() {
    let asked = prometheus();
    says(
        &asked.fails("query", [text("sum(rate(")]).await,
        &["bad_data: ", "parse error", "); source 'src': query('sum(rate(')"],
    );
    says(&asked.refuses("query", [text("")]).await, &["'expr' must be a text that is not empty"]);
    // Longer than an address may be: it goes as a form.
    let long = vec!["sum(revere_test_queue)"; 200].join(" + ");
    assert_eq!(asked.call("value", [Value::Text(long)]).await, Ok(Value::Float(14_000.0)));
    assert_eq!(asked.source.probe(Instant::now() + PATIENCE).await, Ok(()));
}

/// Whenever a run is made, at the same time by its own clock it asks for the same data.
#[tokio::test]
async fn now_is_what_the_runs_clock_says() {
    let address = server::http(|head, _| {
        let asked = head.split(' ').nth(1).unwrap();
        server::ok("application/json", &json!({"status": "error", "errorType": "heard", "error": asked}).to_string())
    })
    .await;
    let asked = source("prometheus", json!({"url": address}));
    for (method, args, sent) in [
        ("value", [text("up"), Value::Null], "query=up&time=2026-07-01T12%3A00%3A00Z"),
        ("query", [text("up"), text("-5min")], "query=up&time=2026-07-01T11%3A55%3A00Z"),
        (
            "query_range",
            [text("up"), text("-5min")],
            "query=up&start=2026-07-01T11%3A55%3A00Z&end=2026-07-01T12%3A00%3A00Z&step=60",
        ),
    ] {
        says(&asked.fails(method, args).await, &["heard: /api/v1/query", sent]);
    }
}

#[tokio::test]
async fn a_token_is_sent_and_never_said() {
    let address = server::http(|head, _| {
        assert!(
            head.contains("authorization: Bearer t0ken-value\r\n") && head.contains("x-scope: team-a\r\n"),
            "{head}"
        );
        server::status("403 Forbidden", "text/plain", "t0ken-value is not allowed")
    })
    .await;
    let asked =
        source("prometheus", json!({"url": address, "auth_token": "t0ken-value", "headers": {"X-Scope": "team-a"}}));
    says(&asked.fails("query", [text("up")]).await, &["403 Forbidden: [redacted] is not allowed"]);
}

#[tokio::test]
async fn value_is_a_float_or_a_fault_that_says_what_came() {
    for expr in ["\"hello\"", "\"1.5\""] {
        let fault = prometheus().fails("value", [text(expr)]).await;
        says(&fault, &[&format!("'{expr}' gives the text '{}', and a number is needed", expr.trim_matches('"'))]);
    }
    assert_eq!(prometheus().call("value", [text("scalar(vector(2))")]).await, Ok(Value::Float(2.0)));
    assert_eq!(prometheus().shown("value", [text("vector(0)/vector(0)")]).await, "nan");
    let range = prometheus().fails("value", [text("up{job=\"prometheus\"}[1m]")]).await;
    says(&range, &["gives a range of values"]);
}

#[tokio::test]
async fn an_address_from_the_browser_or_the_documentation_will_do() {
    let url = service("REVERE_TEST_PROMETHEUS_URL");
    for end in
        ["/", "/graph", "/graph?g0.expr=up&g0.tab=1", "/api/v1", "/api/v1/", "/api/v1/query?query=up", "/query#x"]
    {
        let asked = source("prometheus", json!({"url": format!("{url}{end}")}));
        assert_eq!(asked.call("value", [text("vector(3)")]).await, Ok(Value::Float(3.0)), "{end}");
    }
    let address =
        server::http(|head, _| server::status("404 Not Found", "text/plain", head.split(['?', ' ']).nth(1).unwrap()));
    let address = address.await;
    for end in
        ["", "/", "/graph", "/classic/graph", "/api/v1", "/api/v1/query?query=up", "/query?g0.expr=up#x", "/rules"]
    {
        let below = source("prometheus", json!({"url": format!("{address}/prometheus{end}")}));
        says(&below.fails("value", [text("1")]).await, &["404 Not Found: /prometheus/api/v1/query"]);
    }
}

#[tokio::test]
async fn a_connection_that_closes_as_the_question_leaves_costs_no_answer() {
    let body = r#"{"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}"#;
    let server = ClosingServer::start(body, Closing::Unread).await;
    let asked = source("prometheus", json!({"url": server.url}));
    for expr in ["2".to_owned(), "2".to_owned(), "2".repeat(3000), "2".repeat(3000)] {
        assert_eq!(asked.call("value", [Value::Text(expr)]).await, Ok(Value::Float(2.0)));
    }
    assert_eq!((server.counts(), server.answered().len()), ((4, 2), 4));
}
