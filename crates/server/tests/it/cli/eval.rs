//! `revere eval`: one script, its outcome as words, JSON and exit code.

use std::{io::Write, process::Stdio};

use serde_json::{Value, json};

use super::Shell;

#[test]
fn the_exit_code_is_the_outcome() {
    let shell = Shell::new();
    shell.write("ok.py", "return_value = 67");
    shell.write("alarm.py", "raise MonitorFailure('too many')");
    shell.write("error.py", "1/0");
    assert!(shell.run("eval ok.py").exits(0).stdout.starts_with("OK  Monitor Passed\n"));
    assert!(shell.run("eval alarm.py").exits(1).stdout.starts_with("ALARM  too many\n"));
    assert!(shell.run("eval error.py").exits(2).stdout.starts_with("ERROR  ZeroDivisionError: division by zero"));
}

#[test]
fn an_error_says_at_which_line_of_the_script_it_happened() {
    let shell = Shell::new();
    shell.write("config.py", "PYTHON_PATH = '.'");
    shell.write("orders.py", "\n\n\ndef count(rows):\n    return rows[0]\n");
    for (script, message) in [
        ("a = 1\n\ndef rate(b):\n    return a / b\n\nrate(0)\n", "ZeroDivisionError: division by zero (line 4)\n"),
        // The line of the author's own script, not of what it called.
        ("import orders\n\norders.count([])\n", "IndexError: list index out of range (line 3)\n"),
        (
            "import json\njson.loads('{')\n",
            "JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) (line 2)\n",
        ),
        ("rows = [\n", "SyntaxError: '[' was never closed (line 1)\n"),
        ("raise ValueError('first\\nsecond')", "ValueError: first (line 1)\nsecond\n"),
        ("sources['shop']", "KeyError: no source named 'shop'; configured: none (line 1)\n"),
        ("raise SystemExit", "SystemExit (line 1)\n"),
        ("x = bytearray(1 << 30)", "memory limit reached: the run needed more than 256 MiB (line 1)\n"),
    ] {
        shell.write("script.py", script);
        let said = shell.run("eval script.py").exits(2);
        assert!(said.stdout.starts_with(&format!("ERROR  {message}")), "{script}: {}", said.stdout);
    }
    // A failure has its author's words, and a limit is hit wherever the time is over.
    shell.write("alarm.py", "raise MonitorFailure('too many')");
    assert!(shell.run("eval alarm.py").exits(1).stdout.starts_with("ALARM  too many\n"));
    shell.write("value.py", "return_value = []");
    assert!(
        shell
            .run("eval value.py")
            .exits(2)
            .stdout
            .starts_with("ERROR  return_value must be an int, float or str, not list\n")
    );
}

#[test]
fn a_source_error_begins_with_its_reason_and_is_said_once_beside_the_call() {
    let shell = Shell::new();
    shell.write(
        "config.py",
        "REVERE_SOURCES = {'shop': {'type': 'database', 'config': {'connection_string': 'sqlite:///shop.db'}}}",
    );
    shell.write("script.py", "sources['shop'].execute('select count(*) from orders')");
    let said = shell.run("eval script.py").exits(2).stdout;
    let first = said.lines().next().unwrap_or_default();
    assert!(first.starts_with("ERROR  SourceError: the file cannot be opened: "), "{said}");
    assert!(first.ends_with("shop.db); source 'shop': execute('select count(*) from orders') (line 1)"), "{said}");
    let call = said.split("source calls").nth(1).unwrap_or_default();
    assert!(call.contains("failed: the file cannot be opened: "), "{said}");
    assert_eq!(call.matches("select count(*)").count(), 1, "{said}");
    let checked = shell.run("check --connect").exits(1).stdout;
    assert!(checked.contains("ms): the file cannot be opened: ") && !checked.contains("is it there"), "{checked}");
}

#[test]
fn what_cannot_be_run_is_3_and_says_why() {
    let shell = Shell::new();
    shell.write("ok.py", "pass");
    shell.write("latin1.py", "");
    std::fs::write(shell.path("latin1.py"), b"x = '\xe9'").unwrap();
    shell.write("faulty.py", "TIMEZONE = 'Mars/Olympus'");
    for (arguments, says) in [
        ("eval missing.py", "cannot read the script missing.py"),
        ("eval latin1.py", "latin1.py is not UTF-8 text: byte 5"),
        ("eval -c missing_config.py ok.py", "missing_config.py does not exist"),
        ("eval -c faulty.py ok.py", "faulty.py has a fault\n  line 1: TIMEZONE"),
        ("eval", "<FILE>"),
        ("eval --nonsense ok.py", "--nonsense"),
        ("eval --timeout=-1 ok.py", "a number of seconds above 0"),
    ] {
        let said = shell.run(arguments).exits(3);
        assert!(said.stderr.contains(says), "{arguments}: {}", said.stderr);
        assert_eq!(said.stdout, "", "{arguments}");
    }
}

#[test]
fn json_is_one_object_with_every_field() {
    let shell = Shell::new();
    shell.write("m.py", "print('looking')\nreturn_value = 1.5\nraise MonitorFailure('so bad', severity='warning')");
    let said = shell.run("eval --json m.py").exits(1);
    let mut outcome: Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(outcome["duration_ms"].as_f64().unwrap() > 0.0);
    assert!(outcome["traceback"].as_str().unwrap().contains("line 3"));
    outcome["duration_ms"] = json!(1);
    outcome["traceback"] = json!("...");
    let expected = json!({
        "state": "ALARM", "severity": "warning", "message": "so bad", "return_value": 1.5, "threshold": null, "duration_ms": 1, "output": "looking\n",
        "traceback": "...", "source_calls": [], "warnings": [],
    });
    assert_eq!(outcome, expected);
    let names: Vec<&String> = outcome.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "state",
            "severity",
            "message",
            "return_value",
            "threshold",
            "duration_ms",
            "output",
            "traceback",
            "source_calls",
            "warnings"
        ]
    );
}

#[test]
fn the_script_may_come_from_standard_input() {
    let shell = Shell::new();
    let mut child =
        shell.revere().args(["eval", "--json", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"return_value = 'from outside'").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome["return_value"], "from outside");
}

#[test]
fn time_is_limited_by_the_option_then_by_the_configuration() {
    let shell = Shell::new();
    shell.write("config.py", "RUN_TIMEOUT = 0.3");
    shell.write("m.py", "import time\ntime.sleep(0.6)");
    let said = shell.run("eval m.py").exits(2);
    assert!(said.stdout.contains("0.3"), "{}", said.stdout);
    shell.run("eval --timeout 20 m.py").exits(0);
}

#[test]
fn helpers_of_python_path_can_be_imported() {
    let shell = Shell::new();
    shell.write("config.py", "PYTHON_PATH = 'library'");
    shell.write("library/thresholds.py", "def high(): return 12");
    shell.write("m.py", "import thresholds\nreturn_value = thresholds.high()");
    assert!(shell.run("eval m.py").exits(0).stdout.contains("12"));
}

#[test]
fn a_pipe_gets_no_colours() {
    let shell = Shell::new();
    shell.write("m.py", "1/0");
    let said = shell.run("eval m.py").exits(2);
    assert!(!said.stdout.contains('\x1b') && !said.stderr.contains('\x1b'), "{said:?}");
}
