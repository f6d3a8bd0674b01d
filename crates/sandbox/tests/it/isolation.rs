//! Every run begins in the same state, whatever ran before it.

use revere_sandbox::{KeepInstances, Options, ResetBy, Sandbox};

use crate::support::{fresh_sandbox, options, request, run_in, sandbox, value};

const SPOIL: &str = "
import json, builtins, sys, os, decimal, random
json.loads = lambda *a: 'EVIL'
builtins.evil = 42
builtins.len = lambda x: 666
sys.modules['evil'] = sys
os.environ['X'] = 'y'
decimal.getcontext().prec = 3
MonitorFailure.x = 5
builtins.keep = bytearray(300_000)
for k in range(0, 300_000, 1024): builtins.keep[k] = 255
random.seed(1)
return_value = 'done'
";

const LOOK: &str = "
import json, builtins, sys, os, decimal
return_value = repr((json.loads('[1]'), hasattr(builtins, 'evil'), len('abc'), 'evil' in sys.modules,
    os.environ.get('X'), decimal.getcontext().prec, hasattr(MonitorFailure, 'x'), hasattr(builtins, 'keep')))
";

pub(crate) fn nothing_is_left(sandbox: &Sandbox) {
    for _ in 0..3 {
        assert_eq!(value(&run_in(sandbox, request(SPOIL))), "done");
        assert_eq!(value(&run_in(sandbox, request(LOOK))), "([1], False, 3, False, None, 28, False, False)");
    }
}

#[test]
fn a_spoiled_kept_instance_is_pristine_again() {
    nothing_is_left(sandbox());
    let stats = sandbox().stats();
    assert!(stats.reset_by != ResetBy::NewInstances && stats.runs_kept >= 4, "{stats:?}");
}

#[test]
fn a_new_instance_is_pristine() {
    nothing_is_left(fresh_sandbox());
    assert_eq!(fresh_sandbox().stats().runs_kept, 0);
}

#[test]
fn a_sandbox_of_another_size_runs_what_is_compiled_already_also_where_it_cannot_be_kept() {
    let nothing_kept = tempfile::tempdir().unwrap();
    let began = sandbox();
    let options = Options {
        cache_dir: nothing_kept.path().to_owned(),
        threads: 1,
        max_in_flight: 3,
        ..options(KeepInstances::Auto)
    };
    let other = began.resized(options).unwrap();
    assert_eq!(std::fs::read_dir(nothing_kept.path()).unwrap().count(), 0, "nothing was compiled");
    assert_eq!(value(&run_in(&other, request("return_value = 67"))), "67");
    assert_eq!(value(&run_in(began, request("return_value = 68"))), "68");
}
