# Compares tracebacks that are written from frames with those that Python's own module makes, over every combination of
# what can fail and where, and over what is odd. Runs in the sandbox; `return_value` says how many were compared.
import linecache
import revere_tracebacks
from revere_tracebacks import NotPlain, long_way, plain_chain, short_way, traceback_text
import sys
import types

RAISING = r'''
1 / 0
a / b
a/b
total  //  (b)
a @ 1
-none
not_there
not_there.name
none.name
none.nme.other
text.upperr()
rows['web2']
rows[ 'web2' ]
rows['web1'][0][1]['x']
[][1]
(1, 2)[a]
int('x')
int( 'x' )
fails(1)
fails(1)(2)
Thing().fails(b)
Thing().deep(b)
Thing().items[3]
sum(1 / n for n in [1, 0])
[1 / n for n in [1, 0]]
{n: rows[n] for n in 'ab'}
(lambda n: n / 0)(1)
'ä' + 1
'ärger: %d' % 'ö'
rows['größe']
'日本語' + none
print('日本', 1 / 0, '語')
"%d" % none
f"{a / b:.2f} of {text}"
f'{rows["x"]}'
none()
fails(
a if a / b else b
a < none < b
a and b or a / b
a in none
len(none) + 1
sorted([1, 'a'])
exec('1 / 0')
eval('a / b', {'a': 1, 'b': 0})
exec('def f():\n    return 1 / 0\nf()')
exec(compile('1 / 0', 'made', 'exec'))
exec(compile('1 / 0', '/made/up.py', 'exec'), {})
json.loads('{')
json.loads(none)
datetime.strptime('x', '%Y')
statistics.mean([])
Decimal('x')
re.compile('(')
base64.b64decode('x')
zlib.decompress(b'x')
next(iter([]))
next(counting())
open('/etc/passwd')
__import__('nonsense')
__import__('socket').create_connection(('a', 1))
globals()['x']
getattr(text, 'nme')
a.b
sources_.x
Thing().nme
Thing.deap
prnt(1)
jsn.loads('')
decimal.Decimal
math.sqrt(-1)
Thing() + 1
Thing()[1]
~none
await_(1)
a ** -none
(a
 / b)
'''.strip('\n').split('\n')

# What stands around it.
AROUND = r'''
{}
x = {}
x = y = {}
x: int = {}
rows[{}] = 1
x += {}
return_value = {}  # {{}} a comment
{}; a
a; {}
if {}: pass
for x in {}: pass
with {}: pass
assert {}, 'message'
assert not {}
del rows[{}]
raise ValueError({})
raise {}
fails({})
fails(a, *[{}])
fails(a, key={})
print('ä', {})
x = fails({})
x = [{}]
x = ({})
x = {} + 1
x = 1 + {}
x = {}[1]
x = {}(1)
x = lambda: {}
x = (lambda: {})()
x = f'{{({})}}'
@({})
print([{} for _ in 'a'])
x, y = {}
try: {}
'''.strip('\n').split('\n')
TOGETHER = {'@': '\ndef f(): pass', 't': '\nfinally: pass'}

# And where all of that stands.
WITHIN = [
    '{}',
    'def f(self=1):\n    {}\nf()',
    'def f():\n\tif True:\n\t\t{}\nf()',
    'class Inner:\n    def method(self):\n        return_value = 1\n        {}\n\nInner().method()',
    'def ünder():\n  for n in range(2):\n    {}\nünder()',
    'try:\n    raise KeyError("first")\nexcept KeyError:\n    {}',
]

ODD = r'''
raise ValueError
----
raise ValueError()
----
raise ValueError('')
----
raise ValueError('one\ntwo\n')
----
raise ValueError('x' * 200_000)
----
raise ValueError('\ud800 lone')
----
raise ValueError('tab\there and \x1b[31m and \x00')
----
raise MonitorFailure('3 of 5 are down')
----
class Mine(MonitorFailure): pass
raise Mine('mine')
----
raise MonitorFailure(
    'two lines: %d' % 1
)
----
raise MonitorFailure(
    'more lines: %d, %d' % (
        1,

        2,
    ))
----
if True:
    raise MonitorFailure('a',
                         'b')
----
if True:
    raise MonitorFailure('a'
  'b'
    'c')
----
if True:
    raise MonitorFailure("""a
b
c""")
----
if True:
	raise MonitorFailure(
		'tabs',
		1)
----
raise MonitorFailure(
    'ends with more'
); x = 1
----
raise MonitorFailure(
    'ärger'
)
----
raise MonitorFailure(
    'last'
    'ärger')
----
raise MonitorFailure(  # a comment
    1
)  # another
----
raise MonitorFailure(')', (1)
)
----
raise MonitorFailure(")", len('('))
----
raise MonitorFailure('%.2f%%' % (100 * b + a)) 	
----
raise MonitorFailure("""a")
b""")
----
raise MonitorFailure("""a""", """b""")
----
raise MonitorFailure('a'); x = 1
----
raise MonitorFailure('a')  # why
----
raise MonitorFailure ('a')
----
raise  MonitorFailure('a')
----
raise MonitorFailure('a'), 1
----
raise MonitorFailure('a') if a else \
    None
----
raise types.SimpleNamespace
----
raise MonitorFailure('日本')
----
raise (lambda: MonitorFailure('a'))()
----
def f():
    raise MonitorFailure('a')
try:
    f()
except MonitorFailure as error:
    entry = error.__traceback__.tb_next
    error.__traceback__ = types.TracebackType(None, entry.tb_frame, entry.tb_lasti, 1)
    kept = error
raise kept
----
raise MonitorFailure('x') from None
----
raise MonitorFailure('x') from ValueError('y')
----
raise (ValueError)('x')
----
raise(ValueError('x'))
----
raises = ValueError; raises('x').nope
----
raised = none.raised
----
raise_ = fails(
    1)
----
x = fails(
    a,
    b)
----
fails(a,
      b,
      1 / 0)
----
x = (1 +
     2 +
     none)
----
x = rows[
    'web1'][
    7]
----
try:
    1 / 0
except ZeroDivisionError as error:
    raise ValueError('second') from error
----
try:
    1 / 0
except ZeroDivisionError:
    raise ValueError('second')
----
try:
    1 / 0
except ZeroDivisionError:
    raise ValueError('second') from None
----
try:
    try:
        1 / 0
    except ZeroDivisionError:
        rows['x']
except KeyError as error:
    raise MonitorFailure('third') from error
----
try:
    fails(1)
finally:
    rows['x']
----
first = ValueError('cause without frames')
try:
    1 / 0
except ZeroDivisionError as error:
    error.__cause__ = first
    first.__cause__ = error
    raise
----
error = ValueError('its own cause')
error.__cause__ = error
raise error
----
error = ValueError('its own context')
error.__context__ = error
raise error
----
one, two = ValueError('one'), ValueError('two')
one.__context__, two.__context__ = two, one
raise one
----
one, two = ValueError('one'), ValueError('two')
one.__cause__, two.__cause__ = two, one
one.__context__ = KeyError('hidden by a cause that was seen')
two.__suppress_context__ = False
two.__context__ = KeyError('shown')
raise one
----
error = ValueError('shows its context in spite of its cause')
error.__cause__ = KeyError('cause')
error.__suppress_context__ = False
error.__context__ = KeyError('context')
raise error
----
def chained(n):
    try:
        if n:
            chained(n - 1)
        else:
            1 / 0
    except Exception:
        raise ValueError(n)
chained(20)
----
def recursive(n):
    return recursive(n + 1)
recursive(0)
----
def recursive(n):
    if n == 0:
        raise MonitorFailure('deep')
    recursive(n - 1)
recursive(4)
----
def recursive(n):
    if n == 0:
        raise MonitorFailure('deep')
    recursive(n - 1)
recursive(3)
----
def recursive(n):
    if n == 0:
        raise MonitorFailure('deep')
    recursive(n - 1)
recursive(2)
----
def recursive(n):
    if n == 0:
        raise MonitorFailure('deeper than is shown')
    recursive(n - 1)
recursive(100)
----
def one(n):
    return two(n - 1) if n else 1 / 0
def two(n):
    return one(n - 1) if n else 1 / 0
one(90)
----
error = ValueError('with a note')
error.add_note('the note\nin two lines')
error.add_note('another')
raise error
----
error = ValueError('no notes')
error.__notes__ = None
raise error
----
error = ValueError('notes that are none')
error.__notes__ = 5
raise error
----
raise ExceptionGroup('two', [ValueError('one'), KeyError('two')])
----
try:
    raise ExceptionGroup('two', [ValueError('one'), ExceptionGroup('inner', [KeyError('two')])])
except* KeyError:
    raise ValueError('three')
----
class Group(ExceptionGroup): pass
try:
    raise Group('g', [ValueError('one')])
except Group:
    1 / 0
----
raise BaseExceptionGroup('base', [KeyboardInterrupt()])
----
exec('x = = 1')
----
exec('whille True: pass')
----
exec('if True:\n  x\n y')
----
exec('(' * 300)
----
exec('x = "abc')
----
raise SyntaxError('made up')
----
raise SyntaxError('made up', ('case.py', 2, 3, 'a b c', 2, 5))
----
raise SyntaxError('made up', ('other.py', None, None, None))
----
try:
    exec('x = = 1')
except SyntaxError:
    raise MonitorFailure('does not compile')
----
class Liar(Exception):
    def __str__(self): raise RuntimeError('no')
raise Liar()
----
class Liar(Exception):
    def __str__(self): raise SystemExit
raise Liar()
----
class Liar(Exception):
    def __str__(self): return 5
raise Liar()
----
class Liar(Exception):
    count = 0
    def __str__(self):
        Liar.count += 1
        return 'asked %d times' % Liar.count
raise Liar()
----
class Liar(Exception):
    asked = []
    def __str__(self):
        Liar.asked.append(self.args[0])
        return repr(Liar.asked)
try:
    try:
        raise Liar('first')
    except Liar:
        raise Liar('second')
except Liar as error:
    raise Liar('third') from error
----
class Text(str):
    def __str__(self): return 'as str'
    def __format__(self, spec): return 'as formatted'
    def __add__(self, other): return 'as added'
class Liar(Exception):
    def __str__(self): return Text('as it is')
raise Liar()
----
class Text(str):
    def __str__(self): return 'as str'
    def __add__(self, other): return Text('as added')
class Liar(NameError):
    def __str__(self): return Text('as it is')
raise Liar('x', name='Liarr')
----
class Liar(Exception):
    def __getattr__(self, name): return ['a note from nowhere: ' + name] if name == '__notes__' else None
raise Liar('x')
----
class Liar(Exception):
    def __getattribute__(self, name): raise ValueError(name)
raise Liar('x')
----
class Mixin:
    def __getattribute__(self, name):
        return ['a note'] if name == '__notes__' else object.__getattribute__(self, name)
class Liar(KeyError, Mixin): pass
raise Liar('x')
----
class Liar(Exception):
    @property
    def __traceback__(self): return None
raise Liar('x')
----
class Liar(Exception):
    @property
    def __cause__(self): return KeyError('a cause from nowhere')
raise Liar('x')
----
class Liar(Exception):
    __suppress_context__ = True
try:
    1 / 0
except ZeroDivisionError:
    raise Liar('x')
----
class Liar(Exception):
    @property
    def __class__(self): return SyntaxError
raise Liar('x')
----
class Meta(type):
    @property
    def __qualname__(cls): return 'Else'
    __module__ = 'nowhere'
class Liar(Exception, metaclass=Meta): pass
raise Liar('x')
----
class Meta(type):
    def __hash__(cls): raise ValueError('no hash')
class Liar(Exception, metaclass=Meta): pass
raise Liar('x')
----
class Liar(Exception): __module__ = 'else.where'
raise Liar('x')
----
class Liar(Exception): __module__ = 'builtins'
raise Liar('x')
----
class Liar(Exception): __module__ = 5
raise Liar('x')
----
class Module(str):
    def __eq__(self, other): raise ValueError('not equal')
    __hash__ = None
class Liar(Exception): __module__ = Module('m')
raise Liar('x')
----
class Liar(Exception): __qualname__ = 'Ä.<locals>.ö'
raise Liar('x')
----
class Liar(Exception): pass
Liar.__qualname__ = 'a\nb'
raise Liar('x')
----
class Nested:
    class Liar(Exception): pass
raise Nested.Liar('x')
----
def f():
    class Local(Exception): pass
    raise Local('x')
f()
----
class Named(Exception):
    name = 'a class with a name'
raise Named('x')
----
class Host(AttributeError):
    name = 'appendd'
    obj = []
raise Host('x')
----
raise NameError('x', name='Thingg')
----
raise NameError('x', name=5)
----
raise NameError('x', name='json')
----
raise NameError('x', name='sys')
----
raise NameError('x', name='jsn_')
----
raise AttributeError('x', name='uper', obj='text')
----
class Dir:
    def __dir__(self): raise ValueError
Dir().x
----
class Dir:
    def __dir__(self): return ['abd']
Dir().abc
----
class Dir:
    def __dir__(self): raise SystemExit
try:
    Dir().abc
except AttributeError:
    rows['x']
----
class Own:
    def __init__(self): self.value = 1
    def get(self): return value
Own().get()
----
class Own:
    def __init__(self): self._value = 1
    def get(self): return self._vaule
Own().get()
----
import jsonn
----
from json import lodas
----
from json import *; import xml.nothing
----
raise ImportError('x', name='json')
----
raise KeyError('x')
----
raise KeyError('x', 'y')
----
raise KeyError('größe\n')
----
raise OSError(2, 'No such file', '/some/where')
----
raise UnicodeDecodeError('utf-8', b'x', 0, 1, 'bad')
----
raise StopIteration(5)
----
raise SystemExit('bye')
----
raise SystemExit
----
raise KeyboardInterrupt
----
raise GeneratorExit('x')
----
def made():
    yield 1
    raise ValueError('in a generator')
list(made())
----
def made():
    try:
        yield 1
    finally:
        rows['x']
g = made()
next(g)
g.throw(ValueError('thrown in'))
----
async def co():
    1 / 0
co().send(None)
----
from contextlib import contextmanager
@contextmanager
def managed():
    try:
        yield
    except ZeroDivisionError:
        raise ValueError('converted')
with managed():
    1 / 0
----
from functools import lru_cache, partial
@lru_cache
def cached(n): return 1 / n
partial(cached, 0)()
----
x = [
    1,
    2
][5]
----
(1 / 0); x = 1
----
x = 1; y = 2; (x / 0)
----
if 1: x = 1 / 0
----
if (a / b): x = 1
----
x = \
    1 / 0
----
x = 1 \
    / 0
----
fails(1) # a comment with "
----
y = fails(1)
----
def f(): return fails(1)
f()
----
def f(): return fails (1)
f()
----
def f(): return (fails(1))
f()
----
def f(): return fails(1)  # why
f()
----
def f():
    return Thing().fails(1)
f()
----
def f(): fails(1)
f()
----
lambda_ = lambda: fails(1)
x = lambda_()
----
x = Thing().fails(1)
----
x.y = fails(1)
----
x = y = fails(1)
----
x = fails(1),
----
ß = fails('ß')
----
x = "ä"; y = fails(1)
----
x == fails(1)
----
fails(x=fails(1))
----
print("a	b", 1 / 0)
----
x = 1 / 0  # ä	tab
----
linecache.cache.clear()
1 / 0
----
linecache.cache['case.py'] = (1, None, [], 'case.py')
1 / 0
----
linecache.cache['case.py'] = (1, None, ['x'] * 5, 'case.py')
1 / 0
----
linecache.cache['case.py'] = (1, None, ['# nothing but a comment'] * 5, 'case.py')
1 / 0
----
linecache.cache['case.py'] = (1, None, ['((((((((((('] * 5, 'case.py')
1 / 0
----
linecache.cache['case.py'] = (1, 5.0, ['x'] * 5, 'case.py')
1 / 0
----
linecache.cache['case.py'] = (lambda: 'one\ntwo',)
1 / 0
----
linecache.cache['case.py'] = 5
1 / 0
----
class Line(str):
    def rstrip(self): return 'another line'
linecache.cache['case.py'] = (1, None, [Line('x')] * 9, 'case.py')
1 / 0
----
linecache.cache['<made>'] = (1, None, ['x = 1 / 0'], '<made>')
exec(compile('x = 1 / 0', '<made>', 'exec'))
----
class Loader:
    def get_source(self, name): return 'from a loader of its own'
exec(compile('x = 1 / 0', 'loaded', 'exec'), {'__name__': 'x', '__loader__': Loader()})
----
import importlib.machinery
spec = importlib.machinery.ModuleSpec('x', importlib.machinery.SourceFileLoader('x', 'y'))
exec(compile('x = 1 / 0', 'loaded', 'exec'), {'__name__': 'x', '__spec__': spec})
----
exec(compile('x = 1 / 0', '<stdin-5>', 'exec'))
----
exec(compile('x = 1 / 0', '<stdin>', 'exec'))
----
exec(compile('x = 1 / 0', '<frozen x>', 'exec'))
----
exec(compile('x = 1 / 0', '<not closed', 'exec'))
----
exec(compile('x = 1 / 0', '', 'exec'))
----
exec(compile('x = 1 / 0', '<revere>/hidden.py', 'exec'))
----
exec(compile('def f(): 1 / 0\nf()', '<revere>/hidden.py', 'exec'))
----
exec(compile('\n\n\n\nx = 1 / 0', 'case.py', 'exec'))
----
exec(compile('x = 1 / 0', 'case.py', 'exec').replace(co_firstlineno=500))
----
exec(compile('x = 1 / 0', 'case.py', 'exec').replace(co_linetable=b''))
----
def f(): 1 / 0
f.__code__ = f.__code__.replace(co_name='an "odd" name\n')
f()
----
try:
    1 / 0
except ZeroDivisionError as error:
    frame = error.__traceback__.tb_frame
raise ValueError('made').with_traceback(types.TracebackType(None, frame, -1, 3))
----
try:
    1 / 0
except ZeroDivisionError as error:
    frame = error.__traceback__.tb_frame
raise ValueError('made').with_traceback(types.TracebackType(None, frame, 0, 999))
----
raise ValueError('made').with_traceback(None)
----
sys.tracebacklimit = 0
1 / 0
'''.strip('\n').split('\n----\n')

SETUP = '''
import base64, datetime as dates, decimal, json, math, re, statistics, zlib
from datetime import datetime
from decimal import Decimal
a, b, none, text, rows = 1, 0, None, 'text', {'web1': [('up', 1)]}
def fails(*args, **kwargs): raise ValueError('fails')
def counting():
    yield 1 / 0
class Thing:
    items = []
    def fails(self, n): return rows[n]
    def deep(self, n): return self.fails(n)
'''


def failed(source):
    """What the source raises. It is the file case.py, below what it may use."""
    names = {'__name__': '__main__', 'MonitorFailure': MonitorFailure, 'linecache': linecache, 'types': types, 'sys': sys}
    names['__spec__'] = names['__loader__'] = None
    exec(compile(SETUP, 'setup.py', 'exec'), names)
    linecache.cache.clear()
    linecache.cache['case.py'] = (len(source), None, source.splitlines(True), 'case.py')
    linecache.cache['setup.py'] = (len(SETUP), None, SETUP.splitlines(True), 'setup.py')
    try:
        exec(compile(source, 'case.py', 'exec'), names)
    except BaseException as error:
        return error


def text_of(describe, source):
    error = failed(source)
    try:
        return describe(error)
    except BaseException as another:
        return 'no text: ' + type(another).__name__


def compared(sources):
    """How many were compared, how many of them were plain, and the first that differ."""
    count = plain = 0
    different = []
    for source in sources:
        error = failed(source)
        if error is None:
            continue
        count += 1
        try:
            plain_chain(error)
            plain += 1
        except Exception:
            pass
        # Each from a failure of its own, as some count how often they are asked.
        is_, expected = text_of(traceback_text, source), text_of(long_way, source)
        if is_ != expected:
            different.append(f'{source}\n--- is\n{is_[:2000]}\n--- and should be\n{expected[:2000]}')
    return count, plain, different


def combined(part, parts):
    number = 0
    for raising in RAISING:
        for around in AROUND:
            statement = around.format(raising) + TOGETHER.get(around[0] if around[:4] != 'try:' else 't', '')
            for within in WITHIN:
                number += 1
                if number % parts == part:
                    indent = within[:within.index('{}')].rpartition('\n')[2]
                    yield within.format(statement.replace('\n', '\n' + indent))
