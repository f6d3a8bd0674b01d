//! Lines of a script that Python 3 or the sources of today take differently than the original did: they compile, and
//! break or change when they run. A hint for whoever mends it, found in words and signs; never a verdict.

mod bindings;
mod gone_names;
mod rules;
mod tokens;

/// A line that deserves a look.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hint {
    /// From 1.
    pub line: usize,
    /// What is there, and what to write instead.
    pub message: &'static str,
}

/// The hints for a script, in the order of its lines, each once for a line.
pub(super) fn hints(script: &str) -> Vec<Hint> {
    let script = bindings::Script::new(tokens::tokens(script));
    let mut hints: Vec<Hint> = rules::found(&script).map(|(line, message)| Hint { line, message }).collect();
    hints.sort();
    hints.dedup();
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(script: &str) -> Vec<usize> {
        hints(script).iter().map(|hint| hint.line).collect()
    }

    #[test]
    fn words_of_python_2_are_found_with_their_lines() {
        let script = "import urllib2\nfor k, v in d.iteritems():\n    x = unicode(v)\nrows = sources['db'].execute('select 1').fetchall()\n";
        let found: Vec<(usize, &str)> =
            hints(script).iter().map(|hint| (hint.line, hint.message.split('`').nth(1).unwrap())).collect();
        assert_eq!(found, [(1, "urllib2"), (2, ".iteritems()"), (3, "unicode"), (4, ".fetchall()")]);
    }

    /// Each line by itself, after what it needs, and a piece of what must be said of it.
    #[test]
    fn what_changes_or_breaks_is_said_of_its_line() {
        const ROWS: &str = "rows = sources['db'].execute('select a, b from t')";
        for (before, line, says) in [
            (ROWS, "if rows is None: raise MonitorFailure('none')", "write `if not rows`"),
            (ROWS, "if rows is not None and len(rows): pass", "write `if not rows`"),
            (ROWS, "if rows == None: pass", "write `if not rows`"),
            ("db = sources['db']", "if db.execute('select 1') is None: pass", "write `if not rows`"),
            (ROWS, "return_value = rows[0]['a']", "a row is a tuple"),
            (ROWS, "return_value = rows[0].a", "no columns as attributes"),
            ("", "return_value = sources['db'].execute('select a from t')[0]['a']", "a row is a tuple"),
            ("for row in sources['db'].execute('select a from t'):", "    print(row['a'])", "a row is a tuple"),
            ("rows = sources['db'].execute('q')\nfor row in rows:", "    print(row.a)", "no columns as attributes"),
            ("rows = sources['db'].execute('q')\nrow = rows[0]", "print(row.a)", "no columns as attributes"),
            ("row = sources['db'].execute('q')[0]", "x = [row['a'], 1]", "a row is a tuple"),
            ("", "return_value = failed / total", "7 / 2 was 3"),
            ("", "share /= len(x)", "7 / 2 was 3"),
            ("", "x = (a + b) / 2", "7 / 2 was 3"),
            ("", "return_value = round(x * 2)", "round(2.5) is 2"),
            ("", "age = datetime.datetime.now() - then", "`datetime` is not imported"),
            ("", "first = d.keys()[0]", "put `list(...)` around it"),
            ("", "first = map(int, values)[0]", "put `list(...)` around it"),
            ("", "n = len(filter(None, values))", "put `list(...)` around it"),
            ("names = d.keys()", "names.sort()", "put `list(...)` around it"),
            ("late = filter(old, orders)", "return_value = len(late)", "put `list(...)` around it"),
            ("late = [1]\nlate = zip(a, b)", "print(late[0])", "put `list(...)` around it"),
            ("", "line = lines.next()", "`next(x)` now"),
            ("", "for a, b in izip(x, y): pass", "builtin `zip`"),
            ("import itertools", "for a, b in itertools.izip(x, y): pass", "builtins now"),
            ("import sys", "least = sys.maxint", "`sys.maxsize`"),
            ("import string", "text = string.join(words, ', ')", "methods of the text"),
            ("try: pass\nexcept Exception as e:", "    text = e.message", "`str(e)`"),
            ("try: pass\nexcept Exception, e:", "    text = e.message", "`str(e)`"),
            ("", "key = text.encode('hex')", "no such codec"),
            ("", "key = 'ff'.decode(\"HEX\")", "no such codec"),
            ("import hashlib", "key = hashlib.md5(text).hexdigest()", "takes bytes"),
            ("from hashlib import md5", "key = md5('a' + name).hexdigest()", "takes bytes"),
            ("", "if None < 5: pass", "is a TypeError"),
            ("", "if x >= None: pass", "is a TypeError"),
            ("", "if d.get('count') > 5: pass", "give it a default"),
            ("import time", "began = time.clock()", "`time.perf_counter`"),
            ("import urllib", "q = urllib.urlencode(d)", "`urllib.parse`"),
            ("", "x.sort(cmp=lambda a, b: 0)", "`key=`"),
        ] {
            let script = format!("{before}\n{line}\n");
            let number = before.lines().count().max(1) + 1;
            let said: Vec<&str> =
                hints(&script).iter().filter(|hint| hint.line == number).map(|hint| hint.message).collect();
            assert!(said.len() == 1 && said[0].contains(says), "{script}: {said:?}");
        }
    }

    #[test]
    fn an_exception_named_as_python_2_did_is_found() {
        let script = "try:\n    pass\nexcept Exception, e:\n    pass\nexcept (KeyError, ValueError): pass\nexcept KeyError, TypeError: pass\n";
        assert_eq!(lines(script), [3]);
    }

    #[test]
    fn a_script_that_means_the_same_gets_no_hint() {
        for script in [
            "# unicode\nx = 'long xrange'\nlongest = max(along, belong)\nx.long\nclass A:\n    def f(self): pass\n",
            "'''\nunicode\nd.keys()[0] / 2\n'''\n",
            "requests = sources['g'].get_sum('requests', '-5min')\nif requests > 5: pass\nreturn_value = requests\n",
            "def rate(requests, long):\n    return requests * long\n",
            "for reduce in range(3): print(reduce)\n",
            "from functools import reduce\nreduce(f, x)\n",
            "from __future__ import division\nx = a / b\n",
            "x = a / 2.0\ny = 100. * a / b\nz = float(a) / b\nw = a / float(b)\nv = (a + 0.5) / b\n",
            "total = sources['g'].get_sum('x', '-5min')\nreturn_value = total / 3\n",
            "x = a // 2\npath = 'a/b'\n",
            "import datetime\nx = datetime.datetime.now()\n",
            "from datetime import datetime\nx = datetime.now()\n",
            "rows = sources['db'].execute('q', as_dict=True)\nfor row in rows: print(row['a'])\n",
            "for name, value in sources['db'].execute('q'):\n    print(name.upper())\n",
            "rows = sources['db'].execute('q')\nif not rows: pass\nreturn_value = rows[0][0]\nrows.count(1)\n",
            "rows = sources['db'].execute('q')\nrows = {'a': 1}\nprint(rows['a'])\n",
            "x = list(d.keys())[0]\nfor k in d.keys(): pass\n",
            "key = text.encode('utf-8')\nkey = hashlib.md5(text.encode()).hexdigest()\nhashlib.md5(b'x')\n",
            "if x is None or x < 5: pass\n",
            "if d.get('count', 0) > 5: pass\nif sources['web'].get('/').status >= 400: pass\n",
            "x = previous.message\n",
            "f(long=1)\n",
        ] {
            assert_eq!(hints(script), [], "{script}");
        }
    }
}
