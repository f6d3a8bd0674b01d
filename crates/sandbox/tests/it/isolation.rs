//! Every run begins in the same state, whatever ran before it.

use revere_sandbox::Sandbox;

use crate::support::{fresh_sandbox, request, run_in, sandbox, value};

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

fn nothing_is_left(sandbox: &Sandbox) {
    for _ in 0..3 {
        assert_eq!(value(&run_in(sandbox, request(SPOIL))), "done");
        assert_eq!(value(&run_in(sandbox, request(LOOK))), "([1], False, 3, False, None, 28, False, False)");
    }
}

#[test]
fn a_spoiled_kept_instance_is_pristine_again() {
    nothing_is_left(sandbox());
    let stats = sandbox().stats();
    assert!(stats.keeps_instances && stats.runs_kept >= 4, "{stats:?}");
}

#[test]
fn a_new_instance_is_pristine() {
    nothing_is_left(fresh_sandbox());
    assert_eq!(fresh_sandbox().stats().runs_kept, 0);
}
