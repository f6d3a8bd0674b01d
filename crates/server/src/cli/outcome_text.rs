//! How an outcome is shown: to a person, and as JSON.

use std::{fmt::Write as _, time::Duration};

use revere_model::State;
use revere_sandbox::{CallRecord, Outcome, ScriptError, ScriptWarning, call_name};
use serde_json::json;

use super::terminal::{Paint, inert};

/// One object for programs.
pub(super) fn as_json(outcome: &Outcome, warnings: &[ScriptWarning]) -> serde_json::Value {
    let calls: Vec<_> = outcome
        .source_calls
        .iter()
        .map(|call| {
            json!({
                "source": call.source,
                "method": call.method,
                "arguments": call.arguments,
                "answer": call.answer.as_ref().ok(),
                "error": call.answer.as_ref().err(),
                "duration_ms": milliseconds(call.duration),
            })
        })
        .collect();
    json!({
        "state": outcome.state,
        "severity": outcome.severity,
        "message": outcome.message,
        "return_value": outcome.return_value,
        "threshold": outcome.threshold,
        "duration_ms": milliseconds(outcome.duration),
        "output": outcome.output,
        "traceback": outcome.error.as_ref().and_then(|error| error.traceback.as_deref()),
        "source_calls": calls,
        "warnings": warnings.iter().map(|w| json!({ "line": w.line, "message": w.message })).collect::<Vec<_>>(),
    })
}

/// The same object where a run came to no outcome.
pub(super) fn no_outcome() -> serde_json::Value {
    json!({
        "state": null,
        "severity": null,
        "message": null,
        "return_value": null,
        "threshold": null,
        "duration_ms": null,
        "output": null,
        "traceback": null,
        "source_calls": null,
        "warnings": [],
    })
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// So many lines of what came over HTTP are shown.
const BODY_LINES: usize = 10;

/// What a person reads.
pub(super) fn for_a_person(outcome: &Outcome, warnings: &[ScriptWarning], paint: Paint) -> String {
    let mut text = format!("{}  {}\n", paint.state(outcome.state), inert(&outcome.message));
    let mut row = |label: &str, value: String| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "  {}  {}", paint.dim(format!("{label:<7}")), inert(value));
    };
    if let Some(severity) = outcome.severity {
        row("how bad", severity.to_string());
    }
    let compared = outcome.threshold.map_or_else(String::new, |threshold| format!(" (threshold {threshold})"));
    match &outcome.return_value {
        Some(value) => row("value", format!("{value}{compared}")),
        None if !compared.is_empty() => row("value", format!("none{compared}")),
        None => {}
    }
    let memory = outcome.memory_bytes as f64 / f64::from(1 << 20);
    row("took", format!("{} ({} on a processor), {memory:.0} MiB", span(outcome.duration), span(outcome.cpu_time)));
    for ScriptWarning { line, message } in warnings {
        row("warning", format!("line {line}: {message}"));
    }
    match &outcome.error {
        // An author who raised a failure knows why; where is enough.
        Some(error) if outcome.state == State::Alarm => {
            if let Some(line) = error.line {
                row("line", line.to_string());
            }
        }
        Some(ScriptError { traceback: Some(traceback), .. }) => block(&mut text, paint, "traceback", traceback),
        _ => {}
    }
    if !outcome.output.is_empty() {
        block(&mut text, paint, "output", &outcome.output);
    }
    if !outcome.source_calls.is_empty() {
        let _ = writeln!(text, "  {}", paint.dim("source calls"));
        for call in &outcome.source_calls {
            let CallRecord { source, method, arguments, answer, duration, http, .. } = call;
            let call = inert(format_args!("{}({arguments})", call_name(source, method)));
            let _ = writeln!(text, "    {call}  {}", paint.dim(span(*duration)));
            let _ = match answer {
                Ok(answer) => {
                    let _ = writeln!(text, "      -> {}", inert(answer));
                    let body = http.as_ref().map_or("", |http| http.body.as_str());
                    body.lines().take(BODY_LINES).try_for_each(|line| writeln!(text, "         {}", inert(line)))
                }
                Err(fault) => writeln!(text, "      {} {}", paint.red("failed:"), inert(fault)),
            };
        }
    }
    text
}

fn block(text: &mut String, paint: Paint, label: &str, lines: &str) {
    let _ = writeln!(text, "  {}", paint.dim(label));
    for line in inert(lines).lines() {
        let _ = writeln!(text, "    {line}");
    }
}

/// `850 us`, `12.3 ms`, `4.21 s`.
fn span(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s < 0.001 => format!("{:.0} us", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use revere_model::{ReturnValue, Severity};
    use revere_sandbox::RunInputs;

    use super::*;

    fn outcome() -> Outcome {
        Outcome {
            state: State::Alarm,
            message: "High number of error responses: 1.20%".to_owned(),
            severity: Some(Severity::Warning),
            return_value: Some(ReturnValue::Float(0.012)),
            threshold: Some(0.01),
            output: "looked at\nboth\n".to_owned(),
            error: Some(ScriptError {
                kind: "MonitorFailure".to_owned(),
                line: Some(5),
                traceback: Some("Traceback (most recent call last):\n  File \"monitor\", line 5".to_owned()),
                ..ScriptError::default()
            }),
            source_calls: vec![
                CallRecord {
                    source: "graphite".to_owned(),
                    method: "get_sum".to_owned(),
                    arguments: "'stats.500', '-10min'".to_owned(),
                    answer: Ok("12.0".to_owned()),
                    available: None,
                    ended_run: false,
                    http: None,
                    duration: Duration::from_micros(12_345),
                },
                CallRecord {
                    source: "shop".to_owned(),
                    method: "get".to_owned(),
                    arguments: "'/'".to_owned(),
                    answer: Err("shop: connection refused".to_owned()),
                    available: None,
                    ended_run: false,
                    http: None,
                    duration: Duration::from_micros(700),
                },
            ],
            inputs: RunInputs { instant: jiff::Timestamp::UNIX_EPOCH, seed: 7, script_version: String::new() },
            duration: Duration::from_millis(34),
            cpu_time: Duration::from_millis(2),
            memory_bytes: 24 << 20,
        }
    }

    fn warnings() -> Vec<ScriptWarning> {
        vec![ScriptWarning { line: 3, message: "this also catches it".to_owned() }]
    }

    #[test]
    fn a_person_reads_state_message_value_output_and_calls() {
        insta::assert_snapshot!(for_a_person(&outcome(), &warnings(), Paint::plain()), @r"
        ALARM  High number of error responses: 1.20%
          how bad  warning
          value    0.012 (threshold 0.01)
          took     34.0 ms (2.0 ms on a processor), 24 MiB
          warning  line 3: this also catches it
          line     5
          output
            looked at
            both
          source calls
            graphite.get_sum('stats.500', '-10min')  12.3 ms
              -> 12.0
            shop.get('/')  700 us
              failed: shop: connection refused
        ");
    }

    #[test]
    fn what_a_script_or_a_source_says_steers_no_terminal() {
        let hostile = "x\x1b[1A\x1b[2K\x1b[8m\u{9b}";
        let mut outcome = Outcome {
            state: State::Error,
            message: hostile.to_owned(),
            return_value: Some(ReturnValue::Text(hostile.to_owned())),
            output: hostile.to_owned(),
            ..outcome()
        };
        outcome.error = Some(ScriptError { traceback: Some(hostile.to_owned()), ..ScriptError::default() });
        for call in &mut outcome.source_calls {
            call.arguments = hostile.to_owned();
            call.answer = if call.answer.is_ok() { Ok(hostile.to_owned()) } else { Err(hostile.to_owned()) };
        }
        let warning = ScriptWarning { line: 3, message: hostile.to_owned() };
        let shown = for_a_person(&outcome, &[warning], Paint::plain());
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
        assert!(shown.matches("\\u{1b}[1A").count() >= 8, "{shown}");
    }

    #[test]
    fn an_error_comes_with_its_traceback() {
        let broken = Outcome {
            state: State::Error,
            severity: None,
            output: String::new(),
            source_calls: Vec::new(),
            ..outcome()
        };
        insta::assert_snapshot!(for_a_person(&broken, &[], Paint::plain()), @r#"
        ERROR  High number of error responses: 1.20%
          value    0.012 (threshold 0.01)
          took     34.0 ms (2.0 ms on a processor), 24 MiB
          traceback
            Traceback (most recent call last):
              File "monitor", line 5
        "#);
    }

    #[test]
    fn a_program_reads_one_object() {
        insta::assert_snapshot!(format!("{:#}", as_json(&outcome(), &warnings())), @r#"
        {
          "state": "ALARM",
          "severity": "warning",
          "message": "High number of error responses: 1.20%",
          "return_value": 0.012,
          "threshold": 0.01,
          "duration_ms": 34.0,
          "output": "looked at\nboth\n",
          "traceback": "Traceback (most recent call last):\n  File \"monitor\", line 5",
          "source_calls": [
            {
              "source": "graphite",
              "method": "get_sum",
              "arguments": "'stats.500', '-10min'",
              "answer": "12.0",
              "error": null,
              "duration_ms": 12.345
            },
            {
              "source": "shop",
              "method": "get",
              "arguments": "'/'",
              "answer": null,
              "error": "shop: connection refused",
              "duration_ms": 0.7
            }
          ],
          "warnings": [
            {
              "line": 3,
              "message": "this also catches it"
            }
          ]
        }
        "#);
    }
}
