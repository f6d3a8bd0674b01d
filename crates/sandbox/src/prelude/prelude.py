"""The door of the interpreter: the host's `run` ends in `run` here, with one request and one answer as `marshal` writes them.

Everything used after a script has run was taken at import: a script may replace whatever it finds, and spoils its own
result with that at most. The instance is thrown away or put back afterwards, so nothing is tidied up here; on the
contrary, what the script leaves is kept alive, so that no destructor of its runs once its result is known.
"""

import gc
import linecache
import os
import sys
from marshal import dumps, loads
from random import seed as seed_random
from sys import set_int_max_str_digits
from types import CodeType, ModuleType
from warnings import filterwarnings

import revere_configuration
import revere_helpers
import revere_hints
from revere_codec import VERSION, encode, int_to_text
from revere_failures import MonitorFailure, describe, message_of, type_name
from revere_history import history
from revere_lints import lint
from revere_previous import Previous
from revere_sources import SourceError, Sources
from revere_tracebacks import whole_raises

SCRIPT = 'monitor.py'
MAIN = sys.modules.get('__main__')
KEPT_ALIVE = []
HELD = None
# A run that needs more than this has its memory grow, and its interpreter is thrown away.
ROOM = 4 << 20
# All that the allocator tells apart, and larger ones.
HOLES = [1 << power for power in range(20, 10, -1)] + [*range(1016, 0, -8)]
NO_VALUE = object()


def run(request):
    request = loads(request)
    return dumps(MODES[request['mode']](request), VERSION)


def run_monitor(request):
    """Runs a script as the module `__main__` and answers what it did."""
    seed_random(request['seed'])
    if request['helpers']:
        revere_helpers.install()
    previous = request['previous']
    namespace = new_module('__main__', SCRIPT, request['script'])
    namespace['sources'] = Sources(request['sources'])
    namespace['MonitorFailure'] = MonitorFailure
    namespace['SourceError'] = SourceError
    namespace['history'] = history
    namespace['previous'] = None if previous is None else Previous(previous)
    outcome = execute(request['script'], SCRIPT, namespace, request['code'])
    flush_output()
    return with_threshold(with_value(outcome, namespace, request['value_chars']), namespace)


def evaluate_config(request):
    """Runs a configuration file as a module and answers its settings."""
    os.environ.clear()
    os.environ.update(request['environment'])
    seed_random(request['seed'])
    revere_helpers.install()
    revere_hints.speak_of_configuration()
    filename = request['filename']
    sys.argv[:] = [filename]
    namespace = new_module('__config__', filename, request['script'])
    namespace['__file__'] = filename
    outcome = execute(request['script'], filename, namespace)
    flush_output()
    if outcome['state'] == 'OK':
        values, faults = revere_configuration.settings(namespace)
        outcome |= {
            'values': [(name, encode(value)) for name, value in values],
            'faults': faults,
            'other_names': revere_configuration.other_names(namespace),
            'repeated_keys': revere_configuration.repeated_keys(request['script'], filename),
        }
    elif outcome['kind'] == 'SyntaxError':
        try:
            place = revere_configuration.missing_comma(request['script'], filename)
        except Exception:
            place = None  # what Python says has to do
        if place is not None:
            outcome |= {'line': place[0], 'message': f'{outcome["message"]} ({place[1]})'}
    return outcome


def compile_only(request):
    """Compiles a script without running it, and answers its bytecode unless that cannot be written down."""
    source = request['script']
    show_source(SCRIPT, source)
    try:
        code = compile(source, SCRIPT, 'exec', dont_inherit=True)
    except BaseException as error:
        return describe(error, SCRIPT, {})
    try:
        warnings = lint(source, SCRIPT) if request['lint'] else []
    except Exception:
        warnings = []  # it compiles, so nothing is wrong with it
    KEPT_ALIVE.append(code)
    return {'state': 'OK', 'code': written_down(code), 'warnings': [list(warning) for warning in warnings]}


def execute(source, filename, namespace, written=None):
    KEPT_ALIVE.append(namespace)
    code = raises = None
    try:
        code, raises = code_of(source, filename, written)
        exec(code, namespace)
    except BaseException as error:
        KEPT_ALIVE.append(error)
        return describe(error, filename, namespace, code, raises)
    return {'state': 'OK', 'message': 'Monitor Passed'}


def code_of(source, filename, written):
    """What `marshal` gives back, whether the script was compiled before or is now: a set among its constants may have
    another order than the compiler's. And what is known of where it raises, as bytes, since only a failure needs it."""
    if written is not None:
        return loads(written)
    code = compile(source, filename, 'exec', dont_inherit=True)
    written = written_down(code)
    return (code, None) if written is None else loads(written)


def written_down(code):
    try:
        raises = whole_raises(code)
    except Exception:
        raises = {}  # a failure is told in the longer way
    try:
        return dumps((code, dumps(raises)))
    except ValueError:
        return None  # nested too deeply


def new_module(name, filename, source):
    """A real module, because dataclasses, enums and typing look their classes' module up in sys.modules."""
    module = ModuleType(name)
    sys.modules[name] = module
    show_source(filename, source)
    return module.__dict__


def show_source(filename, source):
    # Without a modification time linecache never looks for the file.
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)


def with_value(outcome, namespace, most_chars):
    """Adds the script's `return_value`; of a wrong type it turns a pass into an error, and else only says so."""
    try:
        value = namespace.get('return_value')
        if value is not None:
            value = plain_value(value, most_chars)
        if value is not NO_VALUE:
            outcome['return_value'] = value
            return outcome
        fault = 'return_value must be an int, float or str, not ' + type_name(namespace['return_value'])
    except BaseException as error:
        fault = 'return_value could not be read: ' + message_of(error)
    if outcome['state'] == 'OK':
        return {'state': 'ERROR', 'message': fault, 'kind': 'TypeError', 'line': None, 'traceback': None}
    outcome['note'] = 'The value was dropped: ' + fault
    return outcome


def with_threshold(outcome, namespace):
    """Adds the script's `threshold`, where it is a finite number; anything else of that name is the script's own affair."""
    try:
        threshold = namespace.get('threshold')
        if isinstance(threshold, (int, float)) and not isinstance(threshold, bool):
            number = float.__add__(0.0, threshold if isinstance(threshold, float) else int.__float__(threshold))
            if number - number == 0.0:
                outcome['threshold'] = number
    except BaseException:
        pass
    return outcome


def plain_value(value, most_chars):
    """The value as an exact int within 64 bits, a finite float or a str, or `NO_VALUE`; of a long text the beginning."""
    if isinstance(value, str):
        text = str.__str__(value)
    elif isinstance(value, int):
        number = int.__add__(value, 0)
        if -0x8000000000000000 <= number <= 0x7FFFFFFFFFFFFFFF:
            return number
        set_int_max_str_digits(0)
        text = int_to_text(number)
    elif isinstance(value, float):
        number = float.__add__(value, 0.0)
        if number - number == 0.0:
            return number
        text = float.__repr__(number)
    else:
        return NO_VALUE
    # The host cuts at its limit of bytes, with a mark; this only keeps a 50 MB text from being copied on the way.
    return text[:most_chars].encode('utf-8', 'backslashreplace').decode()


def flush_output(streams=(sys.__stdout__, sys.__stderr__)):
    for stream in streams:
        try:
            stream.flush()
        except BaseException:
            pass  # the script closed it: what it wrote before is already outside


def freeze():
    """Called once by the host, when everything is loaded and warm."""
    linecache.cache.clear()
    KEPT_ALIVE.clear()
    if MAIN is None:
        sys.modules.pop('__main__', None)
    else:
        sys.modules['__main__'] = MAIN
    gc.collect()
    fill_holes()
    gc.freeze()
    return {'state': 'OK'}


def fill_holes():
    """Takes what memory is free between objects, for good. What a run makes then lies side by side behind them, on a few
    pages, and not wherever something was freed; each page that a run writes costs a copy."""
    global HELD
    room = bytes(ROOM)
    end = id(room)
    for size in HOLES:
        while id(piece := bytes(size)) < end:
            HELD = (HELD, piece)
    while id(piece := object()) < end:
        HELD = (HELD, piece)


def objects():
    """The addresses of all objects, for the host; this instance is thrown away afterwards."""
    gc.unfreeze()
    found = set()
    waiting = gc.get_objects()
    while waiting:
        thing = waiting.pop()
        if id(thing) not in found:
            found.add(id(thing))
            waiting += gc.get_referents(thing)
            if isinstance(thing, CodeType):
                waiting += (getattr(thing, name) for name in CODE_PARTS)
    return {'state': 'OK', 'objects': list(found)}


CODE_PARTS = ('co_consts', 'co_names', 'co_filename', 'co_name', 'co_qualname', 'co_linetable', 'co_exceptiontable')
MODES = {
    'monitor': run_monitor,
    'config': evaluate_config,
    'compile': compile_only,
    'freeze': lambda request: freeze(),
    'objects': lambda request: objects(),
}

# Programs take their own name from here, and fail where there is none.
sys.argv[:] = [SCRIPT]
sys.stdout.reconfigure(errors='backslashreplace', line_buffering=True)
filterwarnings('ignore', category=SyntaxWarning)
