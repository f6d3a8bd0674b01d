//! `history()` and `threshold`: what a script sees of its own past, and what it says of its value.

use std::time::Duration;

use jiff::SignedDuration;
use revere::store::RunResult;
use revere_model::{Clock, MonitorId, ReturnValue, State};
use serde_json::{Value, json};

use super::server::{Server, send};
use crate::{pages::browser::Browser, support::manual_run};

async fn monitor(server: &Server, script: &str) -> String {
    let body = json!({"name": "m", "script": script, "schedule": "@yearly"});
    let made = server.send("POST", "/api/v1/monitors", &body).await.json(201);
    format!("/api/v1/monitors/{}", made["id"])
}

/// Records a run of monitor 1 that began now.
async fn record(server: &Server, value: Option<ReturnValue>, threshold: Option<f64>) {
    let result = RunResult {
        duration: Duration::from_millis(5),
        message: "Monitor Passed".to_owned(),
        return_value: value,
        threshold,
        seed: 1,
        ..manual_run(MonitorId(1), server.clock.now(), State::Ok)
    };
    server.store.commit_run(result).await.unwrap();
}

async fn run(server: &Server, path: &str) -> Value {
    send(server.request("POST", &format!("{path}/run"))).await.json(200)
}

#[tokio::test]
async fn a_script_sees_its_own_runs_of_the_time_it_asks_for() {
    let server = Server::start().await;
    let script = "\
before = history('-7d1h', until='-7d')
return_value = repr([(run.at.isoformat(), run.state, run['return_value']) for run in before])
print(before[:1], len(history()), len(history('-30d')), history('-5min'))
";
    let path = monitor(&server, script).await;
    // A day earlier, the hour itself, and a day later.
    for (hours, value) in [(0, 1), (24, 2), (48, 3)] {
        server.clock.set(format!("2026-07-01T{:02}:30:00Z", 12).parse().unwrap());
        server.clock.advance(SignedDuration::from_hours(hours));
        record(&server, Some(ReturnValue::Int(value)), None).await;
    }
    server.clock.set("2026-07-09T13:00:00Z".parse().unwrap());
    let run = run(&server, &path).await;
    assert_eq!(run["return_value"], "[('2026-07-02T12:30:00+00:00', 'OK', 2)]", "{run}");
    let printed = "[PastRun(at=datetime.datetime(2026, 7, 2, 12, 30, tzinfo=datetime.timezone.utc), state='OK', return_value=2)] 1 3 []\n";
    assert_eq!(run["output"], printed);
}

#[tokio::test]
async fn values_of_the_past_are_whole_and_of_their_type() {
    let server = Server::start().await;
    let path = monitor(&server, "return_value = repr([run.return_value for run in history()])").await;
    let long = "é\"\n".repeat(300);
    let values = [
        Some(ReturnValue::Int(i64::MAX)),
        Some(ReturnValue::Float(0.1)),
        None,
        Some(ReturnValue::Text(long.clone())),
        Some(ReturnValue::Text("nan".into())),
    ];
    for value in values {
        record(&server, value, None).await;
        server.clock.advance(SignedDuration::from_secs(1));
    }
    let long = long.replace('\n', "\\n");
    assert_eq!(run(&server, &path).await["return_value"], format!("[9223372036854775807, 0.1, None, '{long}', 'nan']"));
}

#[tokio::test]
async fn a_try_out_sees_the_past_of_its_monitor_and_a_new_one_has_none() {
    let server = Server::start().await;
    monitor(&server, "return_value = 1").await;
    record(&server, Some(ReturnValue::Int(7)), None).await;
    server.clock.advance(SignedDuration::from_secs(60));
    let script = "return_value = len(history())";
    let tried = async |body: Value| server.send("POST", "/api/v1/eval", &body).await.json(200);
    let of_it = tried(json!({"script": script, "monitor_id": 1})).await;
    assert_eq!(of_it["return_value"], 1);
    let call = &of_it["source_calls"][0];
    assert_eq!(
        (&call["source"], &call["method"], &call["arguments"]),
        (&json!(""), &json!("history"), &json!("'-7d'"))
    );
    assert_eq!(tried(json!({"script": script})).await["return_value"], 0);
    let shown = Browser::of(&server).submit("/try", &[("script", script), ("monitor", "1")]).await.text;
    assert!(
        shown.contains("<code class=\"foreign\">history(&#39;-7d&#39;)</code>") && !shown.contains(".history"),
        "{shown}"
    );
}

#[tokio::test]
async fn what_no_past_can_be_is_an_error_that_says_how() {
    let server = Server::start().await;
    for (call, words) in [
        ("history('soon')", "ValueError: 'since' must be a time such as 'now', '-10min'"),
        ("history('-1d', 'later')", "ValueError: 'until' must be a time such as"),
        ("history('-1d', 'now', 3)", "TypeError: history() takes from 0 to 2 positional arguments but 3 were given"),
        ("history(object())", "TypeError: history() cannot take a object as a time"),
        ("history(before='-1d')", "TypeError: history() got an unexpected keyword argument 'before'"),
    ] {
        let tried = server.send("POST", "/api/v1/eval", &json!({"script": format!("x = 1\n{call}")})).await.json(200);
        assert!(tried["message"].as_str().unwrap().starts_with(words), "{call}: {tried}");
        assert_eq!((&tried["state"], &tried["line"]), (&json!("ERROR"), &json!(2)), "{call}");
    }
}

#[tokio::test]
async fn more_than_a_call_answers_is_refused_and_not_cut() {
    let server = Server::start().await;
    let path = monitor(&server, "return_value = len(history())").await;
    let text = ReturnValue::Text("x".repeat(8 << 10));
    let writes = (0..600).map(|_| record(&server, Some(text.clone()), None));
    futures_util::future::join_all(writes).await;
    server.clock.advance(SignedDuration::from_secs(1));
    let message = "SourceError: history('-7d') has runs with more than 4 MiB of text; ask for a shorter time, or for parts of it: \
                   history('-14d', '-7d') (line 1)";
    let refused = run(&server, &path).await;
    assert_eq!((&refused["outcome"], &refused["message"]), (&json!("ERROR"), &json!(message)));
}

#[tokio::test]
async fn a_threshold_is_kept_with_the_run_and_drawn() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let path = monitor(&server, "threshold = 8\nreturn_value = 5").await;
    let begin = server.clock.now().as_second();
    for threshold in [Some(7.5), Some(7.5), Some(9.0), None, Some(9.0)] {
        record(&server, Some(ReturnValue::Int(5)), threshold).await;
        server.clock.advance(SignedDuration::from_secs(60));
    }
    let run = run(&server, &path).await;
    assert_eq!(run["threshold"], 8.0);
    server.clock.advance(SignedDuration::from_secs(60));
    let chart = async || serde_json::from_str::<Value>(&browser.page("/monitor/1/chart?range=24h").await).unwrap();
    let seconds = |at: i64| (begin + at) as f64;
    let drawn =
        json!([[seconds(0), seconds(120), 7.5], [seconds(120), seconds(300), 9.0], [seconds(300), seconds(360), 8.0]]);
    let data = chart().await;
    assert_eq!(data["thresholds"], drawn);
    assert!(data["words"].as_str().unwrap().contains("threshold 8"), "{data}");
    let page = browser.page("/monitor/1").await;
    assert_eq!(page.matches("<line class=\"threshold\"").count(), 3, "{page}");
    let page = browser.page(&format!("/monitor/1/run/{}", run["id"])).await;
    assert!(page.contains("threshold <b><bdi>8</bdi></b>"), "{page}");
    // Runs that no longer say one end the line.
    record(&server, Some(ReturnValue::Int(5)), None).await;
    server.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(chart().await["thresholds"][2], json!([seconds(300), seconds(300), 8.0]));
}

#[tokio::test]
async fn what_is_called_threshold_and_is_no_number_is_the_scripts_own_affair() {
    let server = Server::start().await;
    for (value, kept) in [
        ("True", json!(null)),
        ("'8'", json!(null)),
        ("{'a': 1}", json!(null)),
        ("float('inf')", json!(null)),
        ("10 ** 400", json!(null)),
        ("2 ** 50", json!(1_125_899_906_842_624.0)),
        ("-0.5", json!(-0.5)),
    ] {
        let script = format!("threshold = {value}\nreturn_value = 1");
        let tried = server.send("POST", "/api/v1/eval", &json!({"script": script})).await.json(200);
        assert_eq!((&tried["state"], &tried["threshold"]), (&json!("OK"), &kept), "{value}");
    }
    let failing = "threshold = 3\nraise MonitorFailure('4 wait')";
    let tried = server.send("POST", "/api/v1/eval", &json!({"script": failing})).await.json(200);
    assert_eq!((&tried["state"], &tried["threshold"]), (&json!("ALARM"), &json!(3.0)));
}
