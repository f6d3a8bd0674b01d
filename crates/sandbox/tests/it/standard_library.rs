//! What of Python's standard library is there, and means what its documentation says.

use std::time::Duration;

use revere_model::State;
use revere_sandbox::{LimitKind, Outcome};

use crate::support::{answers, request, run, run_in, sandbox, value};
use revere_sandbox::Value;

/// Raises unless all went well, so that a test shows what went wrong in Python's words.
#[track_caller]
fn passes(script: &str) -> Outcome {
    let outcome = run(script);
    assert_eq!(outcome.state, State::Ok, "{script}\n{outcome:#?}");
    outcome
}

const MODULES: &str = include_str!("../../../../guest/stdlib.txt");
const LATE_IMPORTS: &str = include_str!("../../../../guest/late_imports.py");
const ABSENT: &str = include_str!("../../../../guest/late_imports.txt");

fn entries(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[test]
fn every_listed_module_can_be_imported() {
    let names: Vec<&str> = entries(MODULES).collect();
    assert!(names.len() > 300);
    passes(&format!("import importlib\nfor name in {names:?}: importlib.import_module(name)"));
}

/// Every import statement of every frozen module, inside of functions too.
#[test]
fn what_the_library_imports_late_is_there_or_listed() {
    let mut request = request(LATE_IMPORTS);
    request.limits.cpu_time = Duration::from_secs(60);
    request.limits.wall_time = Duration::from_secs(120);
    let outcome = run_in(sandbox(), request);
    assert_eq!(outcome.state, State::Ok, "{outcome:#?}");
    let missing: Vec<&str> = outcome.output.lines().filter_map(|line| line.split('\t').next()).collect();
    let mut listed: Vec<&str> = entries(ABSENT).filter_map(|line| line.split_whitespace().next()).collect();
    listed.sort_unstable();
    assert_eq!(
        missing, listed,
        "freeze it in guest/stdlib.txt, or list it in guest/late_imports.txt:\n{}",
        outcome.output
    );
}

#[test]
fn modules_that_are_imported_late_do_their_work() {
    for script in [
        "from dataclasses import dataclass\n@dataclass\nclass Node:\n    next: Node | None = None\nreturn_value = repr(Node())",
        "import ast\nassert ast.unparse(ast.parse('x  =  1')) == 'x = 1'",
        "import typing\nclass A:\n    x: 'list[B] | None'\nassert typing.get_type_hints(A, localns={'B': int}) == {'x': list[int] | None}",
        "import inspect, annotationlib\ndef f(a: Unknown[int]) -> Other: pass\nprint(inspect.signature(f, annotation_format=annotationlib.Format.STRING))",
        "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        import logging\n        with self.assertLogs('a'): logging.getLogger('a').error('x')\nassert unittest.TestResult() is not None\nresult = unittest.TestResult()\nT('test').run(result)\nassert result.wasSuccessful(), result.errors",
        "import sqlite3\nd = sqlite3.connect(':memory:')\nd.execute('create table t (x)')\nassert 'CREATE' in ''.join(d.iterdump()).upper()",
    ] {
        passes(script);
    }
}

#[test]
fn a_script_is_the_main_module_and_has_a_name() {
    let script = "
import argparse, sys
def main():
    global return_value
    arguments = argparse.ArgumentParser().parse_args([])
    return_value = repr((sys.argv, vars(arguments), sys.modules['__main__'].main is main, main.__module__))
if __name__ == '__main__':
    main()
";
    for _ in 0..3 {
        assert_eq!(value(&run(script)), "(['monitor.py'], {}, True, '__main__')");
    }
    let spoil = "import sys\nsys.argv += ['x']\nsys.modules['__main__'].left = 1\nhere = 1";
    passes(spoil);
    assert_eq!(value(&run("import sys\nreturn_value = f'{len(sys.argv)} {\"left\" in globals()}'")), "1 False");
    let outcome =
        run("import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('host')\nparser.parse_args()");
    assert_eq!(outcome.error.map(|error| error.kind).as_deref(), Some("SystemExit"));
}

/// Test vectors of RFC 6070, RFC 7914 and Python's own tests.
#[test]
fn keys_are_derived_as_openssl_does() {
    passes(
        "
import hashlib
from hashlib import *
for name, password, salt, rounds, length, expected in [
    ('sha1', b'password', b'salt', 1, None, '0c60c80f961f0e71f3a9b524af6012062fe037a6'),
    ('sha1', b'password', b'salt', 4096, None, '4b007901b765489abead49d926f721d065a429c1'),
    ('sha1', b'passwordPASSWORDpassword', b'saltSALTsaltSALTsaltSALTsaltSALTsalt', 4096, 25,
        '3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038'),
    ('sha1', b'pass\\0word', b'sa\\0lt', 4096, 16, '56fa6aa75548099dcc37d7f03425e0c3'),
    ('sha256', b'passwd', b'salt', 1, 64, '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc'
        '49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783'),
    ('sha512', bytearray(b'password'), memoryview(b'salt'), 1, None, '867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5'
        'd513554e1c8cf252c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce'),
]:
    assert pbkdf2_hmac(name, password, salt, rounds, length).hex() == expected[: 2 * (length or 99)], (name, rounds)
for wrong, error in [(('sha1', 'text', b'', 1), TypeError), (('sha1', b'', b'', 0), ValueError),
        (('sha1', b'', b'', 1, 0), ValueError), (('none', b'', b'', 1), ValueError)]:
    try:
        hashlib.pbkdf2_hmac(*wrong)
    except error:
        continue
    raise AssertionError(wrong)
",
    );
}

/// There is one thread, so that a wait only ends by its time, and one without is an error that says so.
#[test]
fn waits_last_as_long_as_they_say() {
    passes(
        "
import queue, threading, time
from concurrent.futures import Future

def took(call):
    began = time.monotonic()
    try:
        answer = call()
    except (queue.Empty, TimeoutError, threading.BrokenBarrierError) as error:
        answer = type(error).__name__
    return answer, time.monotonic() - began >= 0.19

event = threading.Event()
assert took(lambda: event.wait(0.2)) == (False, True)
assert took(lambda: threading.Semaphore(0).acquire(timeout=0.2)) == (False, True)
assert took(lambda: queue.Queue().get(timeout=0.2)) == ('Empty', True)
assert took(lambda: queue.SimpleQueue().get(timeout=0.2)) == ('Empty', True)
assert took(lambda: Future().result(0.2)) == ('TimeoutError', True)
assert took(lambda: threading.Barrier(2).wait(0.2)) == ('BrokenBarrierError', True)
lock = threading.Lock()
assert lock.acquire(timeout=0.2) is True
assert lock.acquire(blocking=False) is False
event.set()
assert event.wait() is True and event.wait(3600) is True
condition = threading.Condition()
with condition:
    assert took(lambda: condition.wait(0.2)) == (False, True)
",
    );
    for script in ["threading.Event().wait()", "threading.Semaphore(0).acquire()", "import queue; queue.Queue().get()"]
    {
        let outcome = run(&format!("import threading\n{script}"));
        assert!(outcome.message.contains("a monitor has one thread"), "{script}: {}", outcome.message);
    }
}

/// Each row of the guide's table, by what its first column names: a script that uses it ends with an exception that the
/// row names.
#[test]
fn what_the_guide_says_is_not_there_ends_as_the_guide_says() {
    const GUIDE: &str = include_str!("../../../../docs/MONITORS.md");
    let table = GUIDE.split("## What is not there").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).collect();
    let mut met = std::collections::BTreeSet::new();
    for (listed, script) in [
        ("`open`", "open('config.py')"),
        ("`pathlib`", "import pathlib\npathlib.Path('config.py').read_text()"),
        ("`os.listdir`", "import os\nos.listdir('/etc')"),
        ("`socket`", "import socket\nsocket.create_connection(('127.0.0.1', 80))"),
        ("`urllib.request`", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1/')"),
        ("`subprocess`", "import subprocess\nsubprocess.run(['ls'])"),
        ("`os.system`", "import os\nos.system('ls')"),
        ("`threading.Thread`", "import threading\nthreading.Thread(target=print).start()"),
        (
            "`ThreadPoolExecutor`",
            "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor().submit(print)",
        ),
        ("`multiprocessing`", "import multiprocessing"),
        ("`asyncio.run`", "import asyncio\nasync def main(): pass\nasyncio.run(main())"),
        ("`Event().wait()`", "import threading\nthreading.Event().wait()"),
        ("`Queue().get()`", "import queue\nqueue.Queue().get()"),
        ("`hashlib.scrypt`", "import hashlib\nhashlib.scrypt(b'', salt=b'', n=2, r=8, p=1)"),
        ("algorithms of OpenSSL alone", "import hashlib\nhashlib.new('sm3')"),
        ("`bz2`", "import bz2"),
        ("`lzma`", "import lzma"),
        ("`compression.zstd`", "import compression.zstd"),
        ("`ctypes`", "import ctypes"),
        ("`mmap`", "import mmap"),
        ("`requests`", "import requests"),
        ("`pydoc`", "help(print)"),
        ("`pdb`", "import pdb"),
        ("`doctest`", "import doctest"),
        ("`profile`", "import profile"),
        ("`trace`", "import trace"),
        ("`os.urandom`", "import os\nos.urandom(17 << 20)"),
    ] {
        let row =
            *rows.iter().find(|row| row.contains(listed)).unwrap_or_else(|| panic!("{listed} is not in the guide"));
        let outcome = run(script);
        assert_eq!(outcome.state, State::Error, "{script}: {outcome:#?}");
        let kind = outcome.error.map(|error| error.kind).unwrap_or_default();
        let is_named = row.contains(&format!("`{kind}")) || row.contains("| an error") || row.contains("the run ends");
        assert!(is_named, "{script} ends with {kind}: {row}");
        met.insert(row);
    }
    let heading = 1;
    assert_eq!(met.len(), rows.len() - heading, "a row that nothing here is about: {rows:#?}");
}

/// One write of more than 64 KiB was once taken in part, and the rest dropped in silence.
#[test]
fn what_is_printed_is_kept_whole_up_to_its_limit() {
    let script = "print('A' * 70_000)\nprint('B' * 10)\nimport sys\nsys.stderr.write('C' * 100_000)\nsys.stdout.buffer.write(b'D' * 70_000)";
    let mut roomy = request(script);
    roomy.limits.output_bytes = 256 << 10;
    let outcome = run_in(sandbox(), roomy);
    let expected = format!("{}\n{}\n{}{}", "A".repeat(70_000), "B".repeat(10), "C".repeat(100_000), "D".repeat(70_000));
    assert_eq!((outcome.state, outcome.output.len()), (State::Ok, expected.len()));
    assert!(outcome.output == expected);
    // 64 KiB are kept unless another limit is set. That there was more is no reason to end a run.
    let outcome = run(&format!("{script}\nreturn_value = 7"));
    assert_eq!((outcome.state, outcome.return_value), (State::Ok, Some(revere_model::ReturnValue::Int(7))));
    let kept = outcome.output.strip_suffix("… [cut]").expect("the end is marked");
    assert!(
        outcome.output.len() == 64 << 10 && kept.bytes().all(|byte| byte == b'A'),
        "{} bytes",
        outcome.output.len()
    );
    let outcome = run(&format!("{script}\nraise MonitorFailure('full')"));
    assert_eq!((outcome.state, outcome.message.as_str()), (State::Alarm, "full"));
}

/// What a source call costs the host is the run's, wherever it was spent.
#[test]
fn the_hosts_work_for_calls_counts_toward_the_runs_time() {
    let script = "
for number in range(1000):
    sources['graphite'].get_sum('x')
    sum(range(300_000))
";
    let mut request = request(script);
    request.broker = answers(|_| {
        revere_sandbox::charge(Duration::from_secs(1));
        Ok(Value::Float(1.0))
    });
    let outcome = run_in(sandbox(), request);
    assert_eq!(outcome.error.and_then(|error| error.limit), Some(LimitKind::CpuTime));
    assert!((10..30).contains(&outcome.source_calls.len()), "{}", outcome.source_calls.len());
    assert!(outcome.cpu_time >= Duration::from_secs(10) && outcome.duration < Duration::from_secs(10));
}
