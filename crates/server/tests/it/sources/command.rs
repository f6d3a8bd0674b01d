//! Programs that answer JSON-RPC: one in Python, one in sh.

use serde_json::json;

use super::*;

fn fixture(name: &str) -> String {
    format!("{}/tests/it/sources/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn counter(more: serde_json::Value) -> Asked {
    let mut config = json!({"command": ["python3", fixture("counter.py")]});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    source("command", config)
}

/// What it counts and its process. A busy machine may need longer to start a program than it has for an answer.
async fn count(asked: &Asked) -> (Value, Value) {
    let counted = async || asked.call("count", []).await.map_err(|fault| fault.to_string());
    let answer = eventually("it counts", counted).await;
    (answer.get("count").unwrap().clone(), answer.get("pid").unwrap().clone())
}

fn names(asked: &Asked) -> Vec<String> {
    asked.source.methods().into_iter().map(|method| method.name).collect()
}

#[tokio::test]
async fn a_program_stays_describes_itself_and_keeps_its_state() {
    let asked = counter(json!({"settings": {"level": 3}}));
    assert_eq!(names(&asked), ["*"]);
    let answer = asked.call_with("count", [], [("by", Value::Int(2))]).await.unwrap();
    says(&answer.repr(200), &["'count': 2", "'settings': {'level': 3}"]);
    assert_eq!(count(&asked).await.0, Value::Int(3));
    assert_eq!(names(&asked)[..2], ["count", "echo"]);
    assert_eq!(asked.source.methods()[0].signature, "(by=1)");
    assert_eq!(asked.source.probe(Instant::now() + PATIENCE).await, Ok(()));
}

#[tokio::test]
async fn values_of_every_type_go_there_and_back() {
    let values = list([
        Value::Null,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::BigInt("18446744073709551615".into()),
        Value::Float(0.5),
        text("naïve\n🙂"),
        Value::Bytes(vec![0, 255]),
        Value::Decimal("1.50".into()),
        Value::Date("2026-01-02".into()),
        Value::Time("03:04:05".into()),
        Value::DateTime("2026-01-02T03:04:05+02:00".into()),
        Value::Duration(-1),
        Value::Uuid("6ccd780c-baba-1026-9564-5b8c656024db".into()),
        Value::Tuple(vec![Value::Int(1)]),
        dict([("a", list([]))]),
        Value::Dict(vec![(Value::Int(1), text("$"))]),
    ]);
    let answer = counter(json!({})).call_with("echo", [values.clone()], [("named", values.clone())]).await.unwrap();
    assert_eq!(answer, dict([("args", list([values.clone()])), ("kwargs", dict([("named", values)]))]));
}

#[tokio::test]
async fn one_that_dies_is_started_again_and_says_how_it_ended() {
    let asked = counter(json!({}));
    let before = count(&asked).await;
    says(
        &asked.fails("crash", []).await,
        &["the program ended (exit status: 3); it said: about to fall over", "; source 'src': crash()"],
    );
    let after = count(&asked).await;
    assert_eq!(after.0, Value::Int(1));
    assert_ne!(after.1, before.1);
}

#[tokio::test]
async fn errors_are_passed_on_in_its_words() {
    let asked = counter(json!({}));
    says(&asked.fails("fail", []).await, &["it does not want to; source 'src': fail()"]);
    let arguments = asked.call_with("fail", [], [("code", Value::Int(-32602))]).await;
    assert!(matches!(arguments, Err(SourceFault::BadArguments(_))), "{arguments:?}");
    assert_eq!(asked.call("babble", []).await, Ok(text("done")));
}

#[tokio::test]
async fn one_that_hangs_is_ended_in_time() {
    let asked = counter(json!({"timeout": 5.0}));
    let before = count(&asked).await;
    let began = Instant::now();
    says(&asked.fails("sleep", [Value::Int(1000)]).await, &["no answer within 5."]);
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_ne!(count(&asked).await.1, before.1);
}

/// The same source, asked by a run that has little time left.
fn in_a_hurry(asked: &Asked) -> Asked {
    Asked { source: asked.source.clone(), deadline: Duration::from_millis(200), ..*asked }
}

#[tokio::test]
async fn a_caller_whose_time_is_over_leaves_the_others_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("open");
    let asked = counter(json!({"timeout": PATIENCE.as_secs()}));
    let before = count(&asked).await;
    let hurried = in_a_hurry(&asked);
    let path = text(gate.to_str().unwrap());
    let (patient, fault) = tokio::join!(asked.call("wait", [path.clone()]), async {
        let fault = hurried.fails("wait", [path]).await;
        std::fs::write(&gate, "").unwrap();
        fault
    });
    says(&fault, &["no answer within 0."]);
    assert_eq!(patient, Ok(text("through")));
    assert_eq!(count(&asked).await.1, before.1, "it is the same process");
}

#[tokio::test]
async fn one_that_hangs_is_ended_though_its_callers_have_left() {
    let asked = counter(json!({"timeout": 5.0}));
    let before = count(&asked).await;
    says(&in_a_hurry(&asked).fails("sleep", [Value::Int(1000)]).await, &["no answer within 0."]);
    says(&asked.fails("count", []).await, &["the program answered nothing for 5 s, and was ended"]);
    assert_ne!(count(&asked).await.1, before.1);
}

#[tokio::test]
async fn an_answer_too_large_is_its_askers_fault_alone() {
    let mut asked = counter(json!({}));
    asked.answer_bytes = 100_000;
    let before = count(&asked).await;
    assert_eq!(asked.call("fill", [Value::Int(3 << 20)]).await, Err(SourceFault::TooLarge(100_000)));
    assert_eq!(count(&asked).await.1, before.1, "it is the same process");
    assert_eq!(asked.call("fill", [Value::Int(3)]).await, Ok(text("xxx")));
}

#[tokio::test]
async fn arguments_are_questions_and_not_data() {
    let asked = counter(json!({}));
    let fault = asked.refuses("echo", [Value::Bytes(vec![0; 1 << 20]), text("more")]).await;
    says(
        &fault,
        &["the arguments hold 1025 KiB, and the most that one call may carry is 1024 KiB; source 'src': echo(b'\\x00"],
    );
    assert!(asked.call("echo", [Value::Bytes(vec![0; 1_000_000])]).await.is_ok());
}

#[tokio::test]
async fn a_start_is_not_lost_with_the_caller_that_began_it() {
    let folder = tempfile::tempdir().unwrap();
    let program = "open('starts', 'a').write('x'); import os, time\n\
                   while not os.path.exists('open'): time.sleep(0.01)\n\
                   import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')";
    let config = json!({
        "command": ["python3", "-c", program, fixture("counter.py")],
        "working_directory": folder.path().to_str().unwrap(),
        "timeout": PATIENCE.as_secs(),
    });
    let asked = source("command", config);
    says(&in_a_hurry(&asked).fails("count", []).await, &["it is still starting after 0."]);
    std::fs::write(folder.path().join("open"), "").unwrap();
    count(&asked).await;
    assert_eq!(std::fs::read_to_string(folder.path().join("starts")).unwrap(), "x");
}

#[tokio::test]
async fn it_ends_with_everything_it_started() {
    let asked = counter(json!({}));
    let Value::Int(pid) = asked.call("spawn", []).await.unwrap() else { panic!() };
    let (_, Value::Int(own)) = count(&asked).await else { panic!() };
    drop(asked);
    for pid in [pid, own] {
        eventually("it has ended", async || {
            // Nobody may have waited for it yet; a zombie has ended all the same.
            match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
                Ok(stat) if !stat.contains(") Z ") => Err(stat),
                _ => Ok(()),
            }
        })
        .await;
    }
}

#[tokio::test]
async fn its_environment_is_what_is_configured() {
    let asked =
        counter(json!({"environment": {"SHOP": "n0t-for-logs"}, "inherit_environment": ["CARGO_MANIFEST_DIR"]}));
    assert_eq!(asked.call("environment", [text("CARGO_PKG_NAME")]).await, Ok(Value::Null));
    assert_eq!(asked.call("environment", [text("CARGO_MANIFEST_DIR")]).await, Ok(text(env!("CARGO_MANIFEST_DIR"))));
    assert_eq!(asked.call("environment", [text("SHOP")]).await, Ok(text("n0t-for-logs")));
    assert!(matches!(asked.call("environment", [text("PATH")]).await, Ok(Value::Text(_))));
}

#[tokio::test]
async fn one_that_cannot_start_is_not_started_at_every_call() {
    let asked = source("command", json!({"command": ["/no/such/program"]}));
    says(&asked.fails("x", []).await, &["'/no/such/program' cannot be started: No such file"]);
    // The pause is short at first, and doubles: a machine that stalls meets a later one.
    let rests = async |asked: &Asked| loop {
        let fault = asked.fails("x", []).await;
        if fault.contains("it is tried again in ") {
            break fault;
        }
    };
    says(&rests(&asked).await, &["cannot be started"]);
    let ends = source("command", json!({"command": "echo not today >&2; exit 1"}));
    says(&ends.fails("x", []).await, &["the program ended (exit status: 1); it said: not today"]);
    says(&rests(&ends).await, &["not today"]);
    // The pause passes.
    eventually("the pause is over", async || match ends.call("x", []).await {
        Err(fault) if fault.to_string().contains("tried again") => Err(fault.to_string()),
        _ => Ok(()),
    })
    .await;
}

#[tokio::test]
async fn a_shell_script_will_do() {
    let asked = source("command", json!({"command": fixture("uptime.sh")}));
    assert!(matches!(asked.call("load", []).await, Ok(Value::Float(_) | Value::Int(_))));
    // It has not described itself, so any name is passed on.
    assert_eq!(names(&asked), ["*"]);
    says(&asked.fails("nothing", []).await, &["no such method"]);
}

#[tokio::test]
async fn calls_made_together_are_all_answered() {
    let asked = Arc::new(counter(json!({})));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let asked = asked.clone();
            tokio::spawn(async move { asked.call("count", []).await.unwrap().get("count").unwrap().clone() })
        })
        .collect();
    let mut counts = Vec::new();
    for call in calls {
        let Value::Int(count) = call.await.unwrap() else { panic!() };
        counts.push(count);
    }
    counts.sort_unstable();
    assert_eq!(counts, (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn json_is_read_as_python_writes_it() {
    let odd = counter(json!({})).shown("odd", []).await;
    assert_eq!(odd, "[nan, inf, -inf, 1000000000000000000000000000000, 'NaN', '\u{fffd} half']");
}

/// Who asked need not wait until its time is over.
#[tokio::test]
async fn an_answer_that_is_no_json_is_a_fault_at_once() {
    let asked = counter(json!({}));
    says(&asked.fails("broken", []).await, &["its answer is not JSON: expected a value at byte "]);
    assert_eq!(count(&asked).await.0, Value::Int(1), "it goes on");
}
