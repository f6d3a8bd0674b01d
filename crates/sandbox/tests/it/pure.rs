//! A run is a pure function of script, clock, seed, what the previous run left, and what the sources answered.

use std::{sync::Arc, time::Duration};

use revere_model::{ManualClock, ReturnValue, State};
use revere_sandbox::Previous;

use crate::support::{block_on, fresh_sandbox, request, run, run_in, sandbox, value};

const EVERYTHING_THAT_VARIES: &str = "
import datetime, os, random, secrets, time, uuid
return_value = repr((
    time.time(), datetime.datetime.now(datetime.timezone.utc).isoformat(), random.random(), uuid.uuid4().hex,
    os.urandom(4), secrets.token_hex(4), hash('text'), list({'b', 'a', 'c'}),
))
";

#[test]
fn the_same_seed_and_clock_give_the_same_run() {
    let with = |seed, at: &str| {
        let mut request = request(EVERYTHING_THAT_VARIES);
        request.seed = seed;
        request.clock = Arc::new(ManualClock::at(at.parse().expect("a timestamp")));
        value(&run_in(sandbox(), request))
    };
    let first = with(1, "2026-03-01T12:00:00Z");
    assert_eq!(with(1, "2026-03-01T12:00:00Z"), first);
    assert!(first.contains("2026-03-01T12:00:00.000001+00:00"), "each reading moves the clock on by a little: {first}");
    assert_ne!(with(2, "2026-03-01T12:00:00Z"), first);
    assert!(with(1, "2026-03-02T12:00:00Z").contains("2026-03-02T12:00:00.000001+00:00"));
}

/// From its second run on a script is not compiled any more, which nobody may notice.
#[test]
fn the_first_run_is_like_all_that_follow() {
    let deep = format!("return_value = {}0{}", "(".repeat(150), ",)".repeat(150));
    let scripts = [
        "return_value = repr([list({8, 0, 'b', 'a', 24}), [x in {16, 8, 0} for x in (0, 1)], *{40, 16, 8}])",
        "for x in {8, 0, 16}: print(x)\n'a' if x in frozenset({24, 8}) else 'b'",
        "'doc'\nimport inspect\ndef f(a, /, b=1, *c: int, d=None, **e) -> str:\n    'of f'\n    return f.__doc__\nreturn_value = f(1) + __doc__ + inspect.getsource(f) + str(inspect.signature(f))",
        "def deeper(n):\n    return deeper(n - 1) if n else [1, 2][sum([1,\n        2])]\ndeeper(3)",
        "import warnings\nwarnings.simplefilter('always')\nreturn_value = '\\d' is 'd'",
        "return_value = 'open",
        "  return_value = 1",
        "x = 1\0",
        "return_value = 10 ** 400 - 10 ** 400 + len(b'\\xff' * 3) + int((2j * 2j).real)",
        "class A:\n    x: int = 1\n    def __repr__(self): return f'{self.x!r:>4}'\nmatch A():\n    case A(x=1) as a: return_value = repr(a)",
        "try:\n    raise ExceptionGroup('g', [ValueError(1), KeyError(2)])\nexcept* ValueError as error:\n    print(error.exceptions)",
        &deep,
    ];
    for script in scripts {
        let once = || {
            let run = run(script);
            (run.state, run.message, run.return_value, run.output, run.error)
        };
        let first = once();
        for time in 2..5 {
            assert_eq!(once(), first, "run {time} of {script}");
        }
    }
}

#[test]
fn the_previous_run_is_seen() {
    let mut request = request(
        "return_value = f'{previous.state} {previous.return_value} {previous.message} {previous.at.isoformat()}'",
    );
    request.previous = Some(Previous {
        state: State::Alarm,
        return_value: Some(ReturnValue::Float(1.5)),
        message: "too many".to_owned(),
        at: "2026-03-01T11:59:00Z".parse().expect("a timestamp"),
    });
    assert_eq!(value(&run_in(sandbox(), request)), "ALARM 1.5 too many 2026-03-01T11:59:00+00:00");
    assert_eq!(value(&run("return_value = repr(previous)")), "None");
}

#[test]
fn a_script_has_one_namespace_as_a_module_has() {
    let script = "
import dataclasses, enum, math
LIMIT = 3

@dataclasses.dataclass
class Reading:
    value: float

class Kind(enum.Enum):
    HIGH = 'high'

def worst(readings):
    return max(math.floor(reading.value) for reading in readings if reading.value < LIMIT)

def fail():
    raise MonitorFailure(Kind.HIGH.value)

return_value = worst([Reading(1.2), Reading(2.7), Reading(9)])
try:
    fail()
except MonitorFailure as failure:
    return_value = f'{return_value} {failure}'
";
    assert_eq!(value(&run(script)), "2 high");
}

/// The C stack once began at an odd multiple of 8, and arrays on it were read 8 bytes too low.
#[test]
fn a_context_manager_left_by_an_exception_is_given_itself_and_the_exception() {
    let script = "
import contextlib, decimal
class Manager:
    def __enter__(self): return self
    def __exit__(self, kind, error, traceback):
        self.seen = (kind, repr(error), traceback is not None)
        return True
manager = Manager()
with manager: raise KeyError(3)
with contextlib.suppress(ZeroDivisionError): 1 / 0
try:
    with decimal.localcontext(): raise ValueError('x')
except ValueError as error:
    return_value = repr((manager.seen, str(error)))
";
    for sandbox in [sandbox(), fresh_sandbox()] {
        let outcome = run_in(sandbox, request(script));
        assert_eq!(value(&outcome), "((<class 'KeyError'>, 'KeyError(3)', True), 'x')");
    }
}

/// What is there from the beginning is never freed, so counting references to it writes to no page of it.
#[test]
fn objects_of_the_image_are_immortal_and_those_of_a_script_are_not() {
    let script = "
import datetime, decimal, json, random, sys
old = [json, json.__dict__, json.dumps, json.dumps.__code__, json.dumps.__code__.co_consts, decimal.Decimal, datetime.datetime,
       random.random, MonitorFailure, type(sources), json.JSONDecodeError, sys.modules]
new = [[], {}, object(), 'x' * len(old), type('T', (), {}), 10 ** 20 + len(old), b'x' * len(old)]
return_value = repr((all(map(sys._is_immortal, old)), any(map(sys._is_immortal, new))))
";
    assert_eq!(value(&run(script)), "(True, False)");
    let script = "
import gc, weakref
class Thing: pass
ended = []
thing = Thing()
weakref.finalize(thing, ended.append, 'freed')
del thing
loop = Thing()
loop.own = loop
weakref.finalize(loop, ended.append, 'collected')
del loop
gc.collect()
return_value = ' '.join(ended)
";
    assert_eq!(value(&run(script)), "freed collected");
}

#[test]
fn what_compiles_and_is_hardly_meant_is_said() {
    let warned = |script: &str| -> Vec<u32> {
        let checked = block_on(sandbox().check(script)).expect("our own side works").expect("Python");
        checked.iter().map(|warning| warning.line).collect()
    };
    let around = |handlers: &str| format!("try:\n    if 1 > 0:\n        raise MonitorFailure('x')\n{handlers}");
    for handlers in [
        "except Exception: pass",
        "except (ValueError, BaseException) as e: print(e)",
        "except: pass",
        "except KeyError: raise\nexcept Exception: pass",
    ] {
        assert_eq!(warned(&around(handlers)).len(), 1, "{handlers}");
    }
    for handlers in [
        "except Exception: raise",
        "except MonitorFailure: raise\nexcept Exception: pass",
        "except MonitorFailure: pass",
        "except ValueError: pass",
        "except Exception as e:\n    if e: raise KeyError(2) from e",
        "finally: pass",
    ] {
        assert_eq!(warned(&around(handlers)), [0; 0], "{handlers}");
    }
    assert_eq!(warned("try:\n    def f(): raise MonitorFailure('x')\nexcept Exception: pass"), [0; 0]);
    assert_eq!(warned("try:\n    x = 1\nexcept ValueError, e:\n    pass"), [3]);
    assert_eq!(warned("try:\n    x = 1\nexcept ValueError, KeyError:\n    pass\nexcept (OSError, e): pass"), [0; 0]);
    assert_eq!(warned("def main():\n    return_value = 1\nmain()"), [2]);
    assert_eq!(warned("def main():\n    global return_value\n    return_value = 1\nmain()"), [0; 0]);
    assert_eq!(warned("def main():\n    return_value = 1\n    return return_value\nreturn_value = main()"), [0; 0]);
    assert_eq!(warned("if 1:\n    for return_value in (1, 2): pass\nelse:\n    def f(): return_value = 3"), [0; 0]);
    assert_eq!(warned(&format!("return_value = {}1{}", "(".repeat(100), ")".repeat(100))), [0; 0]);
    assert_eq!(warned(&format!("return_value = {}", vec!["1"; 500].join("+"))), [0; 0]);
    assert!(block_on(sandbox().check("return_value =")).expect("our own side works").is_err());
}

#[test]
fn what_is_printed_is_kept() {
    let outcome = run("import sys\nprint('one')\nprint('two', file=sys.stderr)\nreturn_value = 1");
    assert_eq!(outcome.output, "one\ntwo\n");
}

#[test]
fn a_traceback_points_at_the_authors_lines() {
    let outcome = run("def ratio(a, b):\n    return a / b\n\nreturn_value = ratio(1, 0)\n");
    let error = outcome.error.expect("an error");
    assert_eq!((error.kind.as_str(), error.line), ("ZeroDivisionError", Some(2)));
    let traceback = error.traceback.expect("a traceback");
    for part in ["File \"monitor.py\", line 4, in <module>", "line 2, in ratio", "return a / b"] {
        assert!(traceback.contains(part), "{traceback}");
    }
    assert!(!traceback.contains("revere"), "{traceback}");
}

#[test]
fn helpers_of_the_configured_folders_can_be_imported() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("shop")).expect("a folder in it");
    std::fs::write(folder.path().join("shop/__init__.py"), "from .orders import TOO_FEW\n").expect("a file");
    std::fs::write(folder.path().join("shop/orders.py"), "TOO_FEW = 5\ndef judge(n):\n    raise ValueError(n)\n")
        .expect("a file");
    let with = |script: &str| {
        let mut request = request(script);
        request.python_path = Arc::from([folder.path().to_owned()]);
        run_in(sandbox(), request)
    };
    assert_eq!(value(&with("import shop\nreturn_value = shop.TOO_FEW")), "5");
    let outcome = with("from shop.orders import judge\njudge(3)");
    let error = outcome.error.expect("an error");
    assert_eq!((error.line, outcome.message.as_str()), (Some(2), "ValueError: 3"));
    assert!(error.traceback.is_some_and(|text| text.contains("raise ValueError(n)")));
    let missing = with("import nowhere");
    assert!(missing.message.starts_with("ModuleNotFoundError: No module named 'nowhere'"), "{}", missing.message);
}

#[test]
fn the_wall_clock_limit_counts_the_run_and_not_the_wait_for_a_place() {
    let mut slow = request("import time\ntime.sleep(0.2)\nreturn_value = 1");
    slow.limits.wall_time = Duration::from_millis(100);
    let outcome = run_in(sandbox(), slow);
    assert_eq!(outcome.message, "time limit reached: the run took longer than 0.1 s");
}
