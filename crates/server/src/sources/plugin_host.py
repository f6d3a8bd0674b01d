"""Answers Revere's questions to Python code of the operator's: JSON-RPC 2.0, one message a line.

Modes: `source` runs a source class written for the original program, `sqlalchemy` a database that only SQLAlchemy knows.
Values travel as tagged JSON. The answers are all that ever reaches standard output: what the code prints goes to standard
error. Runs under any Python 3 from 3.6 on, with nothing installed; the mode `sqlalchemy` needs that.
"""
import base64
import datetime
import decimal
import importlib
import inspect
import json
import os
import sys
import traceback
import types
import uuid

ANSWERS = os.fdopen(os.dup(1), 'wb')
os.dup2(2, 1)
QUESTIONS = sys.stdin.buffer
sys.stdin = open(os.devnull)

MICROSECOND = datetime.timedelta(microseconds=1)


# ---- values ----------------------------------------------------------------------------------------------------------

def tagged(value, depth=0):
    """`value` in terms of what JSON knows; what it has no word for is an object with one key that begins with `$`."""
    if depth > 90:
        raise ValueError('a value nested too deeply')
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        value = int(value)
        return value if -2 ** 63 <= value < 2 ** 63 else {'$int': str(value)}
    if isinstance(value, float):
        value = float(value)
        return value if value - value == 0.0 else {'$float': repr(value)}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {'$bytes': base64.b64encode(value).decode()}
    if isinstance(value, decimal.Decimal):
        return {'$decimal': str(value)}
    for kind, tag in ((datetime.datetime, '$datetime'), (datetime.date, '$date'), (datetime.time, '$time')):
        if isinstance(value, kind):
            return {tag: value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {'$timedelta': value // MICROSECOND}
    if isinstance(value, uuid.UUID):
        return {'$uuid': str(value)}
    if isinstance(value, dict):
        items = [(key, tagged(item, depth + 1)) for key, item in value.items()]
        if all(isinstance(key, str) and not key.startswith('$') for key, _ in items):
            return dict(items)
        return {'$dict': [[tagged(key, depth + 1), item] for key, item in items]}
    if isinstance(value, tuple):
        return {'$tuple': [tagged(item, depth + 1) for item in value]}
    if isinstance(value, (list, set, frozenset)) or hasattr(value, '__iter__') or hasattr(value, '__next__'):
        return [tagged(item, depth + 1) for item in value]
    if hasattr(value, 'item') and callable(value.item):
        return tagged(value.item(), depth + 1)
    raise TypeError('a %s cannot be sent to a script' % type(value).__name__)


def parse_datetime(text):
    """`datetime.fromisoformat`, which Python 3.6 does not have."""
    main, zone = text, ''
    for mark in '+-':
        at = text.find(mark, 11)
        if at > 0:
            main, zone = text[:at], text[at:]
    form = '%Y-%m-%dT%H:%M:%S.%f' if '.' in main else '%Y-%m-%dT%H:%M:%S'
    value = datetime.datetime.strptime(main, form)
    if zone:
        parts = [int(part) for part in zone[1:].split(':')] + [0, 0]
        offset = datetime.timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2])
        value = value.replace(tzinfo=datetime.timezone(offset if zone[0] == '+' else -offset))
    return value


MAKERS = {
    '$int': int,
    '$float': float,
    '$bytes': base64.b64decode,
    '$decimal': decimal.Decimal,
    '$date': lambda text: parse_datetime(text + 'T00:00:00').date(),
    '$time': lambda text: parse_datetime('2000-01-01T' + text).timetz(),
    '$datetime': parse_datetime,
    '$timedelta': lambda count: datetime.timedelta(microseconds=count),
    '$uuid': uuid.UUID,
    '$tuple': tuple,
    '$dict': lambda pairs: dict((key, value) for key, value in pairs),
    '$rows': lambda payload: make_rows(*payload),
}


def make_rows(kinds, rows):
    makers = [MAKERS.get(kind) for kind in kinds]
    return [tuple(make(cell) if make and cell is not None else cell for make, cell in zip(makers, row)) for row in rows]


def untagged(pairs):
    if len(pairs) == 1:
        (tag, payload), = pairs.items()
        if tag in MAKERS:
            return MAKERS[tag](payload)
    return pairs


# ---- a class of the original program ---------------------------------------------------------------------------------

class BaseRevereSource(object):
    """The original's base class, for those that import it."""

    name = ''

    def __init__(self, description=None, config=None):
        self.description = description
        self.config = config if config is not None else {}


def provide_base_class():
    """Lets `from revere.sources.base import BaseRevereSource` work, unless a real package of that name does."""
    try:
        importlib.import_module('revere.sources.base')
    except Exception:
        modules = {}
        for name in ('revere', 'revere.sources', 'revere.sources.base'):
            modules[name] = types.ModuleType(name)
            modules[name].__path__ = []
        modules['revere'].sources = modules['revere.sources']
        modules['revere.sources'].base = modules['revere.sources.base']
        modules['revere.sources.base'].BaseRevereSource = BaseRevereSource
        sys.modules.update(modules)


def construct(klass, description, config):
    """As the original did, by these names; then in the other ways such classes are written. Says what was tried."""
    forms = (
        ('(description=..., config=...)', (), {'description': description, 'config': config}),
        ('(config=...)', (), {'config': config}),
        ('(**config)', (), config),
        ('(description, config)', (description, config), {}),
        ('(config)', (config,), {}),
    )
    try:
        signature = inspect.signature(klass)
    except (TypeError, ValueError):
        return klass(description, config)
    for shown, args, kwargs in forms:
        try:
            signature.bind(*args, **kwargs)
        except TypeError:
            continue
        return klass(*args, **kwargs)
    tried = ', '.join(klass.__name__ + shown for shown, _, _ in forms)
    raise TypeError('no known way to make a %s%s; tried: %s' % (klass.__name__, signature, tried))


class ClassPlugin(object):
    """One object of the class."""

    def __init__(self):
        self.target = None

    def describe(self, params):
        sys.path.insert(0, os.getcwd())
        provide_base_class()
        module, _, name = params['class'].rpartition('.')
        klass = getattr(importlib.import_module(module), name)
        self.target = construct(klass, params['description'], params['config'])
        methods = []
        for name in dir(self.target):
            if name.startswith('_') or isinstance(inspect.getattr_static(self.target, name), property):
                continue
            found = getattr(self.target, name)
            if not callable(found) or inspect.isclass(found):
                continue
            try:
                signature = str(inspect.signature(found))
            except (TypeError, ValueError):
                signature = '(*args, **kwargs)'
            methods.append({'name': name, 'signature': signature, 'doc': inspect.getdoc(found) or ''})
        return {'methods': methods}

    def call(self, method, args, kwargs):
        if method.startswith('_') or not callable(getattr(self.target, method, None)):
            raise AttributeError('%s has no method %r' % (type(self.target).__name__, method))
        return getattr(self.target, method)(*args, **kwargs)


# ---- a database that only SQLAlchemy knows -----------------------------------------------------------------------------

class Database(object):
    """One engine, made at the first statement."""

    def __init__(self):
        self.engine = None

    def describe(self, params):
        try:
            import sqlalchemy
        except ImportError as error:
            raise RuntimeError(
                'this database needs SQLAlchemy and its driver, and %s has no SQLAlchemy (%s); install both for that Python, '
                "or name another with 'python'" % (sys.executable, error))
        self.sqlalchemy = sqlalchemy
        self.params = params
        if params['read_only']:
            pool = {'pool_recycle': params['pool_recycle'], 'pool_pre_ping': True}
        else:
            # A statement that may do anything may leave something in its session: the next one gets another.
            pool = {'poolclass': sqlalchemy.pool.NullPool}
        self.engine = sqlalchemy.create_engine(params['connection_string'], **pool)
        return {'methods': []}

    def call(self, method, args, kwargs):
        sql, params, max_rows = kwargs['sql'], kwargs['params'], kwargs['max_rows']
        with self.engine.connect() as connection:
            if isinstance(params, dict):
                result = connection.execute(self.sqlalchemy.text(sql), params)
            elif params:
                result = connection.exec_driver_sql(sql, tuple(params))
            else:
                result = connection.exec_driver_sql(sql)
            columns, rows = [], []
            if result.returns_rows:
                columns = list(result.keys())
                rows = [tuple(row) for row in result.fetchmany(max_rows + 1)]
            result.close()
            # Where the dialect has no way to refuse writing, what was written is taken back.
            ended = None if not connection.in_transaction() else connection.get_transaction()
            if ended is not None:
                ended.rollback() if self.params['read_only'] else ended.commit()
        return {'columns': columns, 'rows': rows}


# ---- questions and answers -------------------------------------------------------------------------------------------

def told(error):
    """Type, text, and the innermost line that is not ours."""
    text = ''.join(traceback.format_exception_only(type(error), error)).strip()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != 'plugin_host.py']
    own = [frame for frame in frames if not frame.filename.startswith('<frozen')]
    if not own:
        return text
    return '%s (%s, line %d)' % (text, own[-1].filename, own[-1].lineno)


def answer(target, question):
    message = {'jsonrpc': '2.0', 'id': question.get('id')}
    params = question.get('params') or {}
    try:
        if question['method'] == 'describe':
            result = target.describe(params)
        elif question['method'] == 'call':
            result = target.call(params['method'], params['args'], params['kwargs'])
        else:
            message['error'] = {'code': -32601, 'message': 'no such method: %s' % question['method']}
            return message
        message['result'] = tagged(result)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        message['error'] = {'code': -32000, 'message': told(error)[:3000]}
    return message


def main():
    target = {'source': ClassPlugin, 'sqlalchemy': Database}[sys.argv[1]]()
    for line in QUESTIONS:
        question = json.loads(line.decode('utf-8'), object_hook=untagged)
        ANSWERS.write(json.dumps(answer(target, question)).encode() + b'\n')
        ANSWERS.flush()


main()
