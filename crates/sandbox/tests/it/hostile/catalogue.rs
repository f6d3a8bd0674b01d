//! Scripts named for what they do wrong, with what each must give. The numbers group them: processor, memory, stack,
//! host surface, output and calls, values, forgery, source text.

use std::time::Duration;

use revere_sandbox::{LimitKind, Limits};

/// One script that means no good, and what it must give.
pub(crate) struct Hostile {
    pub(crate) name: &'static str,
    pub(crate) script: String,
    pub(crate) gives: Vec<Gives>,
}

/// One acceptable end.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Gives {
    /// It passes, with this value as text.
    Value(&'static str),
    /// It passes without a value.
    Nothing,
    /// It fails as its author meant, with a message that contains this.
    Alarm(&'static str),
    /// An exception of this type, with a message that contains this.
    Raises(&'static str, &'static str),
    /// A limit.
    Limit(LimitKind),
    /// The interpreter was brought down, said in plain words that contain this.
    Crash(&'static str),
}

use Gives::{Alarm, Crash, Limit, Nothing, Raises, Value};
use LimitKind::{CpuTime, Memory, SourceCalls, Stack, WallTime};

/// Whichever clock is first.
const TIMEOUT: [Gives; 2] = [Limit(CpuTime), Limit(WallTime)];
const EXHAUSTED: [Gives; 1] = [Limit(Memory)];
/// Recursion in C, or in Python beyond its limit, whichever stack is first.
const TOO_DEEP: [Gives; 3] = [Limit(Stack), Raises("RecursionError", ""), Limit(Memory)];

/// Short enough for a test, long enough for an honest run on a busy machine.
pub(crate) fn limits() -> Limits {
    Limits {
        wall_time: Duration::from_secs(6),
        cpu_time: Duration::from_millis(500),
        memory_bytes: 128 << 20,
        ..Limits::default()
    }
}

fn one(name: &'static str, script: &str, gives: &[Gives]) -> Hostile {
    Hostile { name, script: script.to_owned(), gives: gives.to_vec() }
}

pub(crate) fn processor() -> Vec<Hostile> {
    vec![
        one("01 loops", "while True: pass", &TIMEOUT),
        one(
            "02 catches everything in a loop",
            "while True:\n    try:\n        while True: pass\n    except: pass",
            &TIMEOUT,
        ),
        one(
            "03 starts again in finally",
            "def f():\n    try:\n        f()\n    finally:\n        f()\nf()",
            &[Limit(CpuTime), Limit(WallTime), Raises("RecursionError", "")],
        ),
        one("04 backtracks", "import re\nre.match('(a+)+$', 'a' * 40 + '!')", &TIMEOUT),
        one("05 raises high", "10**10**8", &[Limit(CpuTime), Limit(WallTime), Limit(Memory)]),
        one("06 multiplies", "import math\nmath.factorial(10**7)", &TIMEOUT),
        one("07 adds in C", "sum(range(10**12))", &TIMEOUT),
        one(
            "08 counts in C",
            "from collections import deque\nfrom itertools import count\ndeque(count(), maxlen=0)",
            &TIMEOUT,
        ),
        one(
            "09 writes a number out",
            "import sys\nsys.set_int_max_str_digits(0)\nstr(1 << 20_000_000)",
            &[Limit(CpuTime), Limit(WallTime), Limit(Memory)],
        ),
        one(
            "12 replaces without end",
            "s = 'a' * 10**7\nfor _ in range(10**6): s = s.replace('a', 'b').replace('b', 'a')",
            &TIMEOUT,
        ),
        one("13 sleeps", "import time\ntime.sleep(3600)", &[Limit(WallTime)]),
        one("14 selects", "import select\nselect.select([], [], [], 3600)", &[Limit(WallTime)]),
        one(
            "14 polls",
            "import select\nselect.poll().poll(3600 * 1000)",
            &[Limit(WallTime), Raises("AttributeError", "poll")],
        ),
        one("15 sleeps briefly for ever", "import time\nwhile True: time.sleep(0.001)", &[Limit(WallTime)]),
        one(
            "16 locks twice",
            "import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()",
            &[Limit(WallTime), Limit(CpuTime), Crash(""), Raises("RuntimeError", "")],
        ),
        one(
            "17 starts a thread",
            "import threading\nthreading.Thread(target=print).start()",
            &[Raises("RuntimeError", "can't start new thread")],
        ),
        one(
            "18 awaits a sleep",
            "import asyncio\nasyncio.run(asyncio.sleep(3600))",
            &[
                Limit(WallTime),
                Raises("ModuleNotFoundError", "asyncio"),
                Raises("OSError", ""),
                Raises("PermissionError", ""),
            ],
        ),
    ]
}

pub(crate) fn memory() -> Vec<Hostile> {
    vec![
        one("20 hoards", "hoard = []\nwhile True: hoard.append('x' * 1_000_000 + str(len(hoard)))", &EXHAUSTED),
        one("21 asks for a giant list", "x = [0] * 10**9", &EXHAUSTED),
        one("21 asks for a giant bytearray", "x = bytearray(10**9)", &EXHAUSTED),
        one("21 asks for a giant array", "import array\nx = array.array('q', [0]) * 10**9", &EXHAUSTED),
        one(
            "22 catches MemoryError and tries again",
            "while True:\n    try: x = bytearray(10**9)\n    except MemoryError: pass",
            &TIMEOUT,
        ),
        one(
            "23 recovers from MemoryError",
            "try:\n    x = bytearray(10**9)\nexcept MemoryError:\n    return_value = 'recovered'",
            &[Value("recovered")],
        ),
        one(
            "24 makes tiny tuples",
            "x = None\nwhile True: x = (x, len)",
            &[Limit(Memory), Limit(CpuTime), Limit(WallTime)],
        ),
        one(
            "24 fills a dict",
            "d = {}\ni = 0\nwhile True:\n    d[i] = i\n    i += 1",
            &[Limit(Memory), Limit(CpuTime), Limit(WallTime)],
        ),
        one("25 formats wide", "'{:>2000000000}'.format(1)", &EXHAUSTED),
        one("25 formats wide with percent", "'%2000000000d' % 1", &EXHAUSTED),
        one(
            "25 formats precisely",
            "'%.2000000000f' % 1.0",
            &[Limit(Memory), Raises("ValueError", ""), Raises("OverflowError", "")],
        ),
        one("25 nests the width", "'{:{w}}'.format(1, w=2000000000)", &EXHAUSTED),
        one(
            "27 keeps bombs",
            "import zlib\nbomb = zlib.compress(b'0' * 1_000_000)\nkept = [zlib.decompress(bomb) for _ in range(1000)]",
            &[Limit(Memory), Limit(CpuTime), Limit(WallTime)],
        ),
        one(
            "29 compiles two million lines",
            "exec('x = 1\\n' * 2_000_000)",
            &[Limit(Memory), Limit(CpuTime), Limit(WallTime)],
        ),
    ]
}

pub(crate) fn stack() -> Vec<Hostile> {
    let nest = "x = []\nfor _ in range(10**5): x = [x]\n";
    vec![
        one("31 recurses", "def f(): return f()\nf()", &[Raises("RecursionError", "")]),
        one(
            "32 recurses beyond the limit",
            "import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()",
            &TOO_DEEP,
        ),
        one(
            "33 nests parentheses",
            "eval('(' * 5000 + ')' * 5000)",
            &[Raises("SyntaxError", "too many nested parentheses"), Raises("MemoryError", ""), Limit(Memory)],
        ),
        Hostile {
            name: "34 deletes a deep list",
            script: format!("{nest}del x\nreturn_value = 1"),
            gives: [&[Value("1")][..], &TOO_DEEP].concat(),
        },
        Hostile { name: "34 shows a deep list", script: format!("{nest}repr(x)"), gives: TOO_DEEP.to_vec() },
        Hostile {
            name: "34 compares deep lists",
            script: format!("{nest}y = []\nfor _ in range(10**5): y = [y]\nx == y"),
            gives: TOO_DEEP.to_vec(),
        },
        one(
            "34 asks isinstance of a deep tuple",
            "t = (int,)\nfor _ in range(10**5): t = (t,)\nisinstance('', t)",
            &TOO_DEEP,
        ),
        Hostile {
            name: "34 writes a deep list as JSON",
            script: format!("{nest}import json\njson.dumps(x)"),
            gives: TOO_DEEP.to_vec(),
        },
        one("34 reads deep JSON", "import json\njson.loads('[' * 10**5 + ']' * 10**5)", &TOO_DEEP),
        one(
            "36 returns something deep",
            "x = []\nfor _ in range(1000): x = [x]\nreturn_value = x",
            &[Raises("TypeError", "return_value must be an int, float or str, not list")],
        ),
        one(
            "36 sends something deep",
            "x = []\nfor _ in range(1000): x = [x]\nsources['graphite'].echo(x)",
            &[Raises("ValueError", "nested")],
        ),
        one(
            "37 recurses in __getattr__",
            "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __getattr__(self, name): return getattr(self, name + 'x'[:0])\nA().b",
            &[Limit(Stack), Raises("RecursionError", ""), Limit(Memory), Limit(CpuTime), Limit(WallTime)],
        ),
        one(
            "37 recurses in __repr__",
            "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __repr__(self): return repr(self)\nrepr(A())",
            &[Limit(Stack), Raises("RecursionError", ""), Limit(Memory), Limit(CpuTime), Limit(WallTime)],
        ),
    ]
}

pub(crate) fn surface() -> Vec<Hostile> {
    vec![
        one("38 reads a file", "open('/etc/passwd').read()", &[Raises("FileNotFoundError", "a monitor sees no files")]),
        one("38 reads its own process", "open('/proc/self/environ').read()", &[Raises("FileNotFoundError", "")]),
        one("39 writes a file", "open('/tmp/revere-was-here', 'w').write('x')", &[Raises("FileNotFoundError", "")]),
        one("40 lists the root", "import os\nos.listdir('/')", &[Raises("FileNotFoundError", "")]),
        one(
            "41 looks at the environment",
            "import os, sys\nreturn_value = repr((dict(os.environ), sys.argv))",
            &[Value("({}, ['monitor.py'])")],
        ),
        one(
            "42 connects",
            "import socket\nsocket.create_connection(('127.0.0.1', 22))",
            &[Raises("PermissionError", "ask a source")],
        ),
        one(
            "42 makes a socket",
            "import socket\nsocket.socket().connect(('127.0.0.1', 22))",
            &[Raises("PermissionError", "ask a source")],
        ),
        one(
            "43 looks a name up",
            "import socket\nsocket.getaddrinfo('example.com', 80)",
            &[
                Raises("PermissionError", "ask a source"),
                Raises("gaierror", "ask a source"),
                Raises("OSError", "ask a source"),
            ],
        ),
        one(
            "44 opens a URL",
            "import urllib.request\nurllib.request.urlopen('http://127.0.0.1/')",
            &[Raises("URLError", "ask a source")],
        ),
        one(
            "45 runs a program",
            "import subprocess\nsubprocess.run(['true'])",
            &[Raises("OSError", "cannot start programs"), Raises("ModuleNotFoundError", "subprocess")],
        ),
        one("45 asks a shell", "import os\nos.system('true')", &[Raises("AttributeError", "system")]),
        one("45 forks", "import os\nos.fork()", &[Raises("AttributeError", "fork")]),
        one("47 exits at once", "import os\nos._exit(0)", &[Crash("the script exited")]),
        one("48 aborts", "import os\nos.abort()", &[Crash("")]),
        one(
            "48 reads at nowhere",
            "import faulthandler\nfaulthandler._sigsegv()",
            &[Crash(""), Raises("AttributeError", ""), Raises("ModuleNotFoundError", "")],
        ),
        one("49 exits", "import sys\nsys.exit(0)", &[Raises("SystemExit", "")]),
        one("49 exits with the builtin", "exit()", &[Raises("SystemExit", ""), Raises("NameError", "exit")]),
        one("49 exits and says that all is fine", "raise SystemExit('all fine')", &[Raises("SystemExit", "all fine")]),
        one("50 interrupts", "raise KeyboardInterrupt", &[Raises("KeyboardInterrupt", "")]),
        one("50 ends a generator", "raise GeneratorExit", &[Raises("GeneratorExit", "")]),
        one(
            "50 raises a group",
            "raise BaseExceptionGroup('many', [KeyboardInterrupt(), MonitorFailure('x')])",
            &[Raises("BaseExceptionGroup", "many")],
        ),
        one(
            "52 forges a request",
            r#"
import revere_host
from marshal import dumps, loads
answers = []
for request in [
    ('call', 'nobody', 'get_sum', ('a',), {}), ('call', 'graphite', '__class__', (), {}), ('call', 'graphite', 'get_sum', (), {}),
    ('call', 'graphite', 'get_sum', ['a'], {}), ('call', 'graphite', 'get_sum', ('a',)), ('call',), (), {}, None, ('open', '/etc/passwd'),
]:
    answers.append(loads(revere_host.host_call(dumps(request, 2))))
for request in [b'{', b'', b'\xff\xfe', b'[' * 10_000, b'[\xff\xff\xff\x7f', dumps(('call', 'graphite')), dumps({1}, 2)]:
    answers.append(loads(revere_host.host_call(request)))
nothing = loads(revere_host.host_call(dumps(('import', '../../etc/passwd'), 2)))
# A source may know a call without arguments; whatever is no call is refused.
refused = [type(answer[0]) is str or answer == (0, None) for answer in answers]
return_value = repr((all(refused), nothing))
"#,
            &[Value("(True, (0, None))")],
        ),
        one(
            "52 forges a call's worth of work",
            "import revere_host\nfrom marshal import dumps\nfor _ in range(3000): revere_host.host_call(dumps(('call', 'graphite', 'echo', (1,), {}), 2))",
            &[Limit(SourceCalls)],
        ),
        one("54 draws much randomness", "import os\nos.urandom(10**8)", &[Crash("randomness"), Limit(Memory)]),
        one("55 asks for input", "input()", &[Raises("EOFError", "")]),
        one("55 reads its input", "import sys\nreturn_value = sys.stdin.read()", &[Value("")]),
        one(
            "56 writes to every stream",
            "import sys\nsys.__stdout__.write('o' * 5_000_000)\nsys.stderr.write('e' * 5_000_000)\nsys.stderr.flush()\nsys.__stdout__.flush()",
            &[Nothing],
        ),
    ]
}

pub(crate) fn output() -> Vec<Hostile> {
    vec![
        one("57 prints a giant", "print('x' * 5_000_000)", &[Nothing]),
        one("58 prints for ever", "while True: print('again')", &TIMEOUT),
        one("59 returns a giant", "return_value = 'x' * 20_000_000", &[Value("xxxx")]),
        one(
            "59 returns a million ints",
            "return_value = list(range(1_000_000))",
            &[Raises("TypeError", "return_value must be an int, float or str, not list")],
        ),
        one("61 asks for ever", "while True: sources['graphite'].get_sum('a')", &[Limit(SourceCalls)]),
        one(
            "62 asks for sources that cannot be",
            "
bad = ['../graphite', 'graphite\\0', \"graphite'; drop table monitors; --\", 'graphite\\nINFO fake', 'x' * 1_000_000, 'Graphite']
said = []
for name in bad:
    try: sources[name]
    except KeyError as error: said.append(str(error))
return_value = repr(all('no source named' in text and len(text) < 300 and '\\n' not in text and '\\0' not in text for text in said)) + str(len(said))
",
            &[Value("True6")],
        ),
        one("62 asks for an unknown source", "sources['nobody']", &[Raises("KeyError", "no source named 'nobody'; configured: 'graphite'")]),
        one("63 names a source by a number", "sources[1]", &[Raises("TypeError", "a source is named by a str, not int")]),
        one("64 sends a lone surrogate", "sources['graphite'].echo('\\ud800')", &[Raises("ValueError", "lone surrogate")]),
        one("64 prints a lone surrogate", "print('\\ud800')\nreturn_value = 1", &[Value("1")]),
        one("64 raises a lone surrogate", "raise ValueError('\\ud800')", &[Raises("ValueError", "\\ud800")]),
        one(
            "65 fails with escapes",
            "raise MonitorFailure('\\x1b[31mred\\r\\nINFO fake line\\u202e reversed')",
            &[Alarm("\\x1b[31mred\nINFO fake line\\u202e reversed")],
        ),
        one("65 prints escapes", "print('\\x1b]0;title\\x07\\r\\nfake\\u202e')\nreturn_value = 1", &[Value("1")]),
    ]
}

pub(crate) fn values() -> Vec<Hostile> {
    let mut all = vec![
        one("66 returns NaN", "return_value = float('nan')", &[Value("nan")]),
        one("66 returns infinity", "return_value = float('-inf')", &[Value("-inf")]),
        one("67 returns True", "return_value = True", &[Value("1")]),
        one("68 returns 2**63", "return_value = 2**63", &[Value("9223372036854775808")]),
        one("68 returns a giant int", "return_value = 1 << 100_000", &[Value("99900")]),
        one("71 returns nothing", "x = 1", &[Nothing]),
        one("71 returns None", "return_value = None", &[Nothing]),
        one("71 deletes its value", "return_value = 1\ndel return_value", &[Nothing]),
        one("72 returns a lone surrogate", "return_value = 'a\\ud800b'", &[Value("a\\ud800b")]),
        one("72 returns NUL", "return_value = 'a\\0b'", &[Value("a\\x00b")]),
        one(
            "72 lies about its text",
            "class S(str):\n    def __str__(self): raise ValueError('no')\n    def encode(self, *a): return 5\nreturn_value = S('plain')",
            &[Value("plain")],
        ),
        one(
            "69 returns a dict with a lone surrogate",
            "return_value = {'\\ud800': 1}",
            &[Raises("TypeError", "not dict")],
        ),
    ];
    for (name, expression, kind) in [
        ("69 returns bytes", "b'x'", "return_value must be an int, float or str, not bytes"),
        (
            "69 returns a Decimal",
            "__import__('decimal').Decimal(1)",
            "return_value must be an int, float or str, not Decimal",
        ),
        ("69 returns a set", "{1}", "return_value must be an int, float or str, not set"),
        ("69 returns a complex", "1j", "return_value must be an int, float or str, not complex"),
        ("69 returns a generator", "(x for x in [])", "return_value must be an int, float or str, not generator"),
        ("69 returns a class", "int", "return_value must be an int, float or str, not type"),
        (
            "69 returns a datetime",
            "__import__('datetime').datetime(2026, 1, 1)",
            "return_value must be an int, float or str, not datetime",
        ),
        ("69 returns a dict", "{}", "return_value must be an int, float or str, not dict"),
        (
            "69 returns itself in a list",
            "[]\nreturn_value.append(return_value)",
            "return_value must be an int, float or str, not list",
        ),
    ] {
        all.push(Hostile {
            name,
            script: format!("return_value = {expression}"),
            gives: vec![Raises("TypeError", kind)],
        });
    }
    all
}

pub(crate) fn forgery() -> Vec<Hostile> {
    vec![
        one(
            "73 replaces marshal.dumps",
            "import marshal\nmarshal.dumps = lambda *a, **k: b'fake'\nreturn_value = 'own'",
            &[Value("own")],
        ),
        one(
            "74 replaces the adapter's failure",
            "import revere_failures, revere_prelude\nrevere_failures.MonitorFailure = ValueError\nrevere_prelude.MonitorFailure = ValueError\nraise ValueError('forged')",
            &[Alarm("forged"), Raises("ValueError", "forged")],
        ),
        one(
            "74 replaces the adapter's every function",
            "import revere_failures, revere_prelude, revere_codec\nfor module in (revere_failures, revere_prelude, revere_codec):\n    for name in dir(module):\n        if not name.startswith('_'): setattr(module, name, None)",
            &[Crash(""), Nothing, Raises("TypeError", "")],
        ),
        one(
            "75 has a failure of its own",
            "class MonitorFailure(Exception): pass\nraise MonitorFailure('mine')",
            &[Raises("MonitorFailure", "mine")],
        ),
        one("75 extends the failure", "class Worse(MonitorFailure): pass\nraise Worse('worse')", &[Alarm("worse")]),
        one("77 fails with a giant", "raise MonitorFailure('x' * 10_000_000)", &[Alarm("… [cut]")]),
        one(
            "77 fails with markup",
            "raise MonitorFailure('<script>alert(1)</script> @channel\\r\\nBcc: a@example.com')",
            &[Alarm("<script>alert(1)</script> @channel\nBcc: a@example.com")],
        ),
        one(
            "79 catches its own failure",
            "try:\n    raise MonitorFailure('lost')\nexcept Exception:\n    return_value = 5",
            &[Value("5")],
        ),
        one(
            "80 loops in a destructor",
            "class D:\n    def __del__(self):\n        while True: pass\nd = D()\ndel d",
            &TIMEOUT,
        ),
        one(
            "80 asks after its result",
            "
import atexit, weakref
class D:
    def __del__(self): sources['graphite'].echo('late')
kept = D()
atexit.register(lambda: sources['graphite'].echo('late'))
weakref.finalize(kept, lambda: sources['graphite'].echo('late'))
return_value = 1
",
            &[Value("1")],
        ),
    ]
}

pub(crate) fn source_text() -> Vec<Hostile> {
    vec![
        one("83 holds NUL", "x = 1\0", &[Raises("SyntaxError", "null bytes"), Raises("ValueError", "null bytes")]),
        one("83 begins with a BOM", "\u{feff}return_value = 1", &[Value("1")]),
        one("83 ends its lines as Windows does", "x = 1\r\nif x:\r\n    return_value = x\r\n", &[Value("1")]),
        one("83 holds a form feed", "x = 1\n\x0cif x:\n    return_value = x\n", &[Value("1")]),
        one("83 says that it is UTF-7", "# coding: utf-7\nreturn_value = '+AGE-'", &[Value("+AGE-")]),
        one("84 returns from the module", "x = 1\nreturn x", &[Raises("SyntaxError", "'return' outside function")]),
        one("84 awaits in the module", "x = 1\nawait x", &[Raises("SyntaxError", "'await' outside function")]),
        one("84 yields in the module", "x = 1\nyield x", &[Raises("SyntaxError", "'yield' outside function")]),
        one(
            "85 uses what is easily missing",
            "
from datetime import datetime
from zoneinfo import ZoneInfo
import statistics, secrets, platform, logging, hmac, importlib.resources, _pylong, csv, xml.etree.ElementTree, urllib.parse
parsed = datetime.strptime('2026-07-01 12:00', '%Y-%m-%d %H:%M').replace(tzinfo=ZoneInfo('Europe/Berlin'))
return_value = f'{parsed.utcoffset()} {statistics.mean([1, 2])} {len(secrets.token_hex(4))} {bool(platform.python_version())}'
",
            &[Value("2:00:00 1.5 8 True")],
        ),
    ]
}

/// All of them, by what they attack.
pub(crate) fn groups() -> [Vec<Hostile>; 8] {
    [processor(), memory(), stack(), surface(), output(), values(), forgery(), source_text()]
}

/// All of them.
pub(crate) fn everything() -> Vec<Hostile> {
    groups().into_iter().flatten().collect()
}
