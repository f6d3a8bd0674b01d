//! The sandbox's catalogue of hostile scripts through the front door: each is saved by the API and run on its schedule by
//! one server, beside an honest monitor that must stay right.

#[path = "../../../../sandbox/tests/it/hostile/catalogue.rs"]
mod catalogue;

use revere_sandbox::LimitKind;
use serde_json::{Value, json};

use self::catalogue::{Gives, Hostile, everything, limits};
use super::{Shell, server::Server};

/// So many hostile monitors at a time: more than there are places to compute, few enough for a slow machine.
const AT_A_TIME: usize = 24;

/// The source that the catalogue's scripts know.
const GRAPHITE: &str = "\
import json, sys
names = ['get_sum', 'echo', 'fail', 'huge', 'picky']
for line in sys.stdin:
    asked = json.loads(line)
    if asked['method'] == 'describe':
        result = {'methods': [{'name': name, 'signature': '(*args)', 'doc': ''} for name in names]}
    else:
        result = (asked['params']['args'] or [None])[0]
    print(json.dumps({'jsonrpc': '2.0', 'id': asked['id'], 'result': result}), flush=True)
";

#[tokio::test]
async fn every_hostile_script_costs_its_own_run_and_nothing_else() {
    let shell = Shell::new();
    shell.write("graphite.py", GRAPHITE);
    let limits = limits();
    shell.write(
        "config.py",
        &format!(
            "RUN_TIMEOUT = {}\nRUN_CPU_TIME = {}\nRUN_MEMORY_MB = {}\n\
             REVERE_SOURCES = {{'graphite': {{'type': 'command', 'config': {{'command': ['python3', 'graphite.py']}}}}}}",
            limits.wall_time.as_secs_f64(),
            limits.cpu_time.as_secs_f64(),
            limits.memory_bytes >> 20
        ),
    );
    let server = shell.serve(&[]);
    let honest = saved(&server, "return_value = sum(range(101)) + sources['graphite'].echo(0)").await.unwrap();
    let all = everything();
    for batch in all.chunks(AT_A_TIME) {
        let mut running = Vec::new();
        for hostile in batch {
            match saved(&server, &hostile.script).await {
                Ok(path) => running.push((hostile, path)),
                Err(refusal) => assert!(may_be_refused(hostile, &refusal), "{}: {refusal:#}", hostile.name),
            }
        }
        for (hostile, path) in running {
            let first = server.wait_for(&format!("{path}/runs?limit=1"), |runs| runs["items"].get(0).cloned()).await;
            assert!(hostile.gives.iter().any(|gives| fits(*gives, &first)), "{}: {first:#}", hostile.name);
            assert_eq!(server.delete(&path).await, 204, "{}", hostile.name);
        }
    }
    let runs = server.json(&format!("{honest}/runs?limit=200")).await;
    let runs = runs["items"].as_array().unwrap();
    assert!(runs.len() > all.len() / AT_A_TIME, "it ran all the time: {} runs", runs.len());
    for run in runs {
        assert_eq!((&run["outcome"], &run["return_value"]), (&json!("OK"), &json!(5050)), "{run:#}");
    }
    assert_eq!(server.json("/healthz").await["status"], "ok");
    let log = server.stop();
    assert!(!log.contains("panicked") && !log.contains('\u{1b}') && !log.contains("INFO fake"), "{log}");
}

/// Saves a monitor that runs every second; answers its address, or why it was refused.
async fn saved(server: &Server, script: &str) -> Result<String, Value> {
    let monitor = json!({"name": "every second", "script": script, "schedule": "* * * * * *"});
    match server.post("/api/v1/monitors", &monitor).await {
        (201, made) => Ok(format!("/api/v1/monitors/{}", made["id"])),
        (_, refusal) => Err(refusal),
    }
}

/// What does not compile is not saved, and neither is what PostgreSQL could not keep.
fn may_be_refused(hostile: &Hostile, refusal: &Value) -> bool {
    let said = refusal["errors"][0]["message"].as_str().unwrap_or_default();
    let compiles_not = |gives: &Gives| matches!(gives, Gives::Raises(_, part) if said.contains(part));
    refusal["errors"][0]["field"] == "script"
        && (hostile.gives.iter().any(compiles_not) || hostile.script.contains('\0'))
}

fn fits(gives: Gives, run: &Value) -> bool {
    let text = |key: &str| match &run[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let (state, message) = (text("outcome"), text("message"));
    match gives {
        Gives::Value(start) => {
            state == "OK" && !run["return_value"].is_null() && text("return_value").starts_with(start)
        }
        Gives::Nothing => state == "OK" && run["return_value"].is_null(),
        Gives::Alarm(part) => state == "ALARM" && message.contains(part),
        // A value that cannot be kept is said without a type.
        Gives::Raises(kind, part) => {
            let named = message.contains(kind) || message.starts_with("return_value must be");
            state == "ERROR" && message.contains(part) && named
        }
        Gives::Limit(limit) => state == "ERROR" && message.starts_with(words(limit)),
        Gives::Crash(part) => state == "ERROR" && message.contains(part),
    }
}

fn words(limit: LimitKind) -> &'static str {
    match limit {
        LimitKind::WallTime => "time limit reached",
        LimitKind::CpuTime => "processor time limit reached",
        LimitKind::Memory => "memory limit reached",
        LimitKind::SourceCalls => "source call limit reached",
        LimitKind::Answer => "answer limit reached",
        LimitKind::Stack => "recursion too deep",
    }
}
