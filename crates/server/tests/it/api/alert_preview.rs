//! `/api/v1/alerts/{key}/preview`: what an alert would say.

use serde_json::{Value, json};

use super::server::{Server, send};

async fn monitor(server: &Server, script: &str) -> u64 {
    let body = json!({"name": "Disk", "script": script, "schedule": "0 0 1 1 *", "tags": ["prod"], "unit": "GB"});
    let made = server.send("POST", "/api/v1/monitors", &body).await.json(201);
    made["id"].as_u64().unwrap()
}

async fn run(server: &Server, id: u64) -> Value {
    send(server.request("POST", &format!("/api/v1/monitors/{id}/run"))).await.json(200)
}

fn text(preview: &Value) -> &str {
    let [part] = preview["parts"].as_array().unwrap().as_slice() else { panic!("{preview}") };
    assert_eq!((&part["name"], &part["made_of"]), (&json!("text"), &json!(["text"])));
    part["text"].as_str().unwrap()
}

#[tokio::test]
async fn what_an_alert_would_say_of_a_run_is_shown_and_not_said() {
    let server = Server::start().await;
    let id = monitor(&server, "return_value = 7\nraise MonitorFailure('full')").await;
    let of = async |query: &str| server.get(&format!("/api/v1/alerts/ops/preview?monitor={id}{query}")).await.json(200);
    // Before it ever ran, an example is shown.
    let example = of("").await;
    assert_eq!(
        (&example["is_example"], &example["run_id"], &example["new_state"]),
        (&json!(true), &Value::Null, &json!("ALARM"))
    );
    assert!(text(&example).contains("Message: An example"), "{example}");
    let first = run(&server, id).await;
    let told = of("").await;
    assert_eq!((&told["type"], &told["alert"], &told["monitor_id"]), (&json!("log"), &json!("ops"), &json!(id)));
    assert_eq!((&told["is_example"], &told["run_id"]), (&json!(false), &first["id"]));
    assert_eq!((&told["old_state"], &told["severity"]), (&json!("INACTIVE"), &json!("critical")));
    assert_eq!((&told["cuts"], &told["failed"]), (&json!([]), &json!([])));
    assert_eq!(
        text(&told),
        "[Revere Alarm]\nMonitor: Disk\nState Change: INACTIVE -> ALARM\nMessage: full\nReturn Value: 7 GB"
    );
    let mild = of("&severity=warning").await;
    assert!(text(&mild).contains("-> ALARM (warning)"), "{mild}");
    // Its end, which never was.
    let end = of("&state=OK").await;
    assert_eq!(
        (&end["is_example"], &end["old_state"], &end["severity"]),
        (&json!(true), &json!("ALARM"), &Value::Null)
    );
    assert!(
        text(&end).contains("State Change: ALARM -> OK\nMessage: Monitor Passed\nReturn Value: 7 GB\nLasted: "),
        "{end}"
    );
    // A run that is chosen.
    server.send("PATCH", &format!("/api/v1/monitors/{id}"), &json!({"script": "return_value = 8"})).await.json(200);
    run(&server, id).await;
    let now = of("").await;
    assert_eq!(
        (&now["old_state"], &now["new_state"], &now["is_example"]),
        (&json!("ALARM"), &json!("OK"), &json!(false))
    );
    assert_eq!(of(&format!("&run={}", first["id"])).await, told);
    assert_eq!(of("&state=ALARM").await, told);
    let sent: Vec<_> = server.mailbox.all().into_iter().filter(|told| told.key.starts_with("preview")).collect();
    assert!(sent.is_empty(), "{sent:?}");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let server = Server::start().await;
    let id = monitor(&server, "pass").await;
    let get = async |path: &str| server.get(&format!("/api/v1/alerts/{path}")).await;
    get("nobody/preview?monitor=1").await.problem(404);
    get("ops/preview?monitor=99").await.problem(404);
    let problem = get(&format!("ops/preview?monitor={id}&run=99")).await.problem(404);
    assert!(problem["detail"].as_str().unwrap().contains("run 99"), "{problem}");
    let off = get(&format!("off/preview?monitor={id}")).await.problem(409);
    assert!(off["detail"].as_str().unwrap().contains("switched off in the configuration"), "{off}");
    let faults = get("ops/preview?state=DOWN&severty=x").await.faults();
    let fields: Vec<_> = faults.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(fields, ["monitor", "state", "severty"], "{faults:?}");
}

#[tokio::test]
async fn words_are_tried_before_the_configuration_has_them() {
    let server = Server::start().await;
    let id = monitor(&server, "return_value = 7\nraise MonitorFailure('full')").await;
    run(&server, id).await;
    let tried = async |body: Value| server.send("POST", "/api/v1/alerts/ops/preview", &body).await;
    let said = tried(json!({"monitor_id": id, "text": "{{ monitor.name }} is at {{ return_value }}: {{ message }}"}))
        .await
        .json(200);
    assert_eq!(text(&said), "Disk is at 7: full");
    let said = tried(json!({"monitor_id": id, "text": "", "state": "OK"})).await.json(200);
    assert!(text(&said).starts_with("[Revere Alarm]\n"), "an empty one is the default: {said}");
    let body =
        json!({"monitor_id": id, "text": "a\n{{ monitor.nmae }}", "subject": "{{ new_state", "short": "{{ xyz }}"});
    let refused = tried(body).await.problem(422);
    let errors = refused["errors"].as_array().unwrap();
    let places: Vec<_> = errors.iter().map(|error| (error["field"].clone(), error["line"].clone())).collect();
    assert_eq!(places, [(json!("text"), json!(2)), (json!("subject"), json!(1)), (json!("short"), json!(1))]);
    assert!(errors[0]["message"].as_str().unwrap().ends_with("unknown name 'nmae'; did you mean 'name'?"), "{refused}");
    assert!(errors[2]["message"].as_str().unwrap().contains("known: monitor, old_state, new_state"), "{refused}");
    // Right for every example, and not for this.
    let refused =
        tried(json!({"monitor_id": id, "text": "{% if return_value == 7 %}{{ gone }}{% endif %}"})).await.problem(422);
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("`gone` is undefined"), "{refused}");
    let endless = "{% for i in range(9000) %}{% for j in range(9000) %}x{% endfor %}{% endfor %}";
    let refused = tried(json!({"monitor_id": id, "text": endless})).await.problem(422);
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("it computes too much"), "{refused}");
    // The library reads these by a call inside a call.
    for (sign, end) in [("-", "1"), (".a", ""), ("~1", ""), ("+1", "")] {
        let deep =
            format!("{{{{ {}{}{end} }}}}", if end.is_empty() { "message" } else { "" }, sign.repeat(8000 / sign.len()));
        let answer = tried(json!({"monitor_id": id, "text": deep})).await;
        assert!([200, 422].contains(&answer.status), "{sign}: {}", answer.status);
    }
    let long = tried(json!({"monitor_id": id, "text": "x".repeat(9000)})).await;
    assert!((413..=422).contains(&long.status), "{}", long.status);
    let faults = tried(json!({"state": "DOWN", "txt": ""})).await.faults();
    let fields: Vec<_> = faults.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(fields, ["monitor_id", "state", "txt"], "{faults:?}");
    assert!(!server.mailbox.all().iter().any(|told| told.key.starts_with("preview")), "nothing was sent");
    // Nothing is kept either.
    let now = server.get(&format!("/api/v1/alerts/ops/preview?monitor={id}")).await.json(200);
    assert!(text(&now).starts_with("[Revere Alarm]\n"), "{now}");
}

#[tokio::test]
async fn how_long_it_lasted_is_reckoned_from_the_run_that_is_previewed() {
    let server = Server::start().await;
    let id = monitor(&server, "pass").await as i64;
    // Well, half an hour of a problem, well again, and so once more some hours later; then another problem.
    let mut runs = Vec::new();
    for (minutes, bad) in [(60, false), (30, true), (300, false), (120, false), (10, true)] {
        runs.extend(server.record_runs(id, 1, |_| bad).await);
        server.clock.advance(jiff::SignedDuration::from_mins(minutes - 1));
    }
    let of = async |run: i64, more: &str| {
        let preview = server.get(&format!("/api/v1/alerts/ops/preview?monitor={id}&run={run}{more}")).await.json(200);
        let text = text(&preview).to_owned();
        text.lines().find_map(|line| line.strip_prefix("Lasted: ")).map(str::to_owned)
    };
    assert_eq!(of(runs[2], "").await.as_deref(), Some("30 min"), "the run that ended it");
    assert_eq!(of(runs[3], "").await.as_deref(), Some("30 min"), "a later one that says what its end said");
    assert_eq!(
        of(runs[4], "&state=OK").await.as_deref(),
        Some("0 s"),
        "the end of a problem that begins with this run"
    );
    assert_eq!(of(runs[1], "&state=OK").await.as_deref(), Some("0 s"), "whatever came after it");
}
