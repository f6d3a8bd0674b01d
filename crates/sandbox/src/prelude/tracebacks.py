"""The text of a traceback, to the letter as Python's own `traceback` module writes it, without the frames of this package.

That module takes a hundred times as long as the script that failed: it parses every line it shows, twice. In a bad hour
every monitor fails. So what is plain is written from the frames themselves, and only what is not goes the long way: groups
of exceptions, syntax errors, notes, classes that answer for their own attributes, lines that are hard to measure, and calls
over several lines. Which way it is, is decided before anything of the script's is asked.
"""

import linecache
import re
from importlib.machinery import ModuleSpec, SourceFileLoader
from itertools import islice
from traceback import (
    TracebackException, _byte_offset_to_character_offset as characters, _cause_message as CAUSE,
    _compute_suggestion_error as suggestion_for, _context_message as CONTEXT, _display_width as width,
    _extract_caret_anchors_from_line_segment as anchors_in, _format_final_exc_line as last_line,
)
from _ast import Assign, Call, Name, PyCF_ONLY_AST, Return
from _opcode_metadata import opmap
from sys import stdlib_module_names

OWN_FILES = '<revere>/'
HEADING = 'Traceback (most recent call last):\n'
MOST_FRAMES = 60
# A chain that is longer goes the long way at once, as does whatever is nested deeper than the short way cares for.
MOST_CHAINED = 8
# Before a script runs, so many of its raises are looked at, if it has no more code than this.
MOST_RAISES = 20
MOST_CODE = 1 << 16
# Longer lines are hard to read for the expression that knows what raises.
MOST_LINE = 2000
# Of the same line in the same function so many are shown.
MOST_REPEATED = 3


class NotPlain(Exception):
    """It has to go the long way."""


def traceback_text(error):
    """The traceback of `error`, the exceptions it came from included."""
    try:
        chain = plain_chain(error)
    except Exception:
        return long_way(error)
    return short_way(chain)


def long_way(error):
    described = TracebackException(type(error), error, trace(error), limit=-MOST_FRAMES, compact=True)
    hide_own_frames(described, set())
    return ''.join(described.format())


def hide_own_frames(described, seen):
    if described is None or id(described) in seen:
        return
    seen.add(id(described))
    described.stack[:] = [frame for frame in described.stack if not frame.filename.startswith(OWN_FILES)]
    hide_own_frames(described.__cause__, seen)
    hide_own_frames(described.__context__, seen)
    for part in described.exceptions or ():
        hide_own_frames(part, seen)


def short_way(chain):
    # In the order in which Python asks: the last exception first.
    texts = [(link, frames, exception_line(error)) for error, link, frames in chain]
    return ''.join([link + frames + line for link, frames, line in reversed(texts)])


def plain_chain(error):
    """The exception and those it came from, each with the words that link it to the one before and the text of its
    frames. Raises where anything of it is not plain; calls nothing of the script's."""
    chain, seen = [], set()
    while True:
        seen.add(id(error))
        if len(seen) > MOST_CHAINED:
            raise NotPlain
        check_class(type(error))
        if getattr(error, '__notes__', None) is not None:
            raise NotPlain
        cause, context = cause_of(error), context_of(error)
        if cause is not None and id(cause) not in seen:
            link, earlier = CAUSE, cause
        elif context is not None and not is_context_hidden(error) and id(context) not in seen:
            link, earlier = CONTEXT, context
        else:
            link, earlier = '', None
        chain.append((error, link, frames_text(trace(error))))
        if earlier is None:
            return chain
        error = earlier


def check_class(kind):
    for base in mro_of(kind):
        if type(base) is not type or base not in BUILTIN and not ASKED.isdisjoint(dict_of(base)):
            raise NotPlain
    if issubclass(kind, NOT_PLAIN) or type(kind.__module__) is not str or type(kind.__qualname__) is not str:
        raise NotPlain


def exception_line(error):
    """`Type: text`, with what Python would guess was meant."""
    kind = type(error)
    try:
        text = str(error)
    except BaseException:
        text = '<exception str() failed>'
    if isinstance(error, GUESSED):
        more = guess(error)
        if more:
            text += more
    name = kind.__qualname__ if kind.__module__ in ('__main__', 'builtins') else kind.__module__ + '.' + kind.__qualname__
    if type(text) is not str:
        return last_line(name, text)
    return f'{name}: {text}\n' if text else name + '\n'


def guess(error):
    wrong = error.name_from if isinstance(error, ImportError) else error.name
    if wrong is None:
        return ''
    meant = suggestion_for(error, trace(error), wrong)
    text = f". Did you mean: '{meant}'?" if meant else ''
    if isinstance(error, NameError) and wrong in stdlib_module_names:
        text += f" Or did you forget to import '{wrong}'?" if meant else f". Did you forget to import '{wrong}'?"
    return text


def frames_text(entry):
    entries = []
    while entry is not None:
        entries.append(entry)
        entry = entry.tb_next
    parts, last, count = [], None, 0
    for entry in entries[-MOST_FRAMES:]:
        code = entry.tb_frame.f_code
        filename = code.co_filename
        if not (type(filename) is type(code.co_name) is str) or entry.tb_lasti < 0:
            raise NotPlain
        if filename.startswith(OWN_FILES):
            continue
        line, raised = raised_at(entry.tb_lasti, code)
        if raised is None:
            positions = next(islice(code.co_positions(), entry.tb_lasti // 2, None))
            line = positions[0] if positions[0] is not None else entry.tb_lineno
        if type(line) is not int:
            raise NotPlain
        this = (filename, line, code.co_name)
        if this != last:
            parts.append(repeated(count))
            last, count = this, 0
        count += 1
        if count <= MOST_REPEATED:
            parts.append(f'  File "{filename}", line {line}, in {code.co_name}\n')
            if raised is not None:
                parts.append(f'    {raised}\n')
                continue
            lines = lines_of(filename, entry.tb_frame)
            if lines:
                parts.append(source_text(lines, line, positions))
    parts.append(repeated(count))
    text = ''.join(parts)
    return HEADING + text if text else ''


def raised_at(place, code):
    """The number and the text of a line that does nothing but raise, which is how nearly every failure of a monitor ends,
    else Nones. What of it was being computed need not be looked for then, which takes longer than all else."""
    if code.co_code[place] != RAISE:
        return None, None
    known = linecache.cache.get(code.co_filename)
    if type(known) is not tuple or len(known) != 4 or known[1] is not None or type(known[2]) is not list:
        return None, None
    for _, end, line in code.co_lines():
        if place < end:
            break
    if line is None or not 1 <= line <= len(known[2]) or type(known[2][line - 1]) is not str:
        return None, None
    text = known[2][line - 1].strip(' \t\r\n')
    is_whole = len(text) <= MOST_LINE and WHOLE_RAISE(text) and text.isprintable() and "'''" not in text and '"""' not in text
    return (line, text) if is_whole else (None, None)


def whole_raises(code):
    """What `raised_at` answers for a module's own code, by place, of lines that do nothing but raise."""
    found, place, instructions = {}, -1, code.co_code
    if len(instructions) > MOST_CODE:
        return found
    for _ in range(MOST_RAISES):
        place = instructions.find(RAISE, place + 1)
        if place < 0:
            break
        line, text = raised_at(place, code)
        if text is not None:
            found[place] = (line, text)
    return found


def is_shown(filename, line, text):
    """Whether the script's lines still are what they were."""
    known = linecache.cache.get(filename)
    if type(known) is not tuple or len(known) != 4 or known[1] is not None or type(known[2]) is not list:
        return False
    now = known[2][line - 1]
    return type(now) is str and now.strip(' \t\r\n') == text


def repeated(count):
    more = count - MOST_REPEATED
    return f'  [Previous line repeated {more} more time{"s" if more > 1 else ""}]\n' if more > 0 else ''


def lines_of(filename, frame):
    """The lines of a file, or None where there are none to be had."""
    entry = linecache.cache.get(filename)
    if filename[:1] == '<' and (linecache._interactive_cache or filename.startswith('<stdin-')):
        raise NotPlain
    if entry is not None:
        if type(entry) is not tuple or len(entry) != 4 or entry[1] is not None or type(entry[2]) is not list:
            raise NotPlain
        return entry[2]
    if filename[:1] != '<' or filename[-1] != '>':
        # There are no files, so only a loader could know the lines; that of the standard library does not.
        spec, loader = dict.get(frame.f_globals, '__spec__'), dict.get(frame.f_globals, '__loader__')
        if type(spec) is ModuleSpec:
            loader = spec.loader
        elif spec is not None:
            raise NotPlain
        if loader is not None and type(loader) is not SourceFileLoader:
            raise NotPlain
    return None


def source_text(lines, first, positions):
    """The line, and under it what of it was being computed, where that is not all of it."""
    _, last, start, end = positions
    if not 1 <= first <= last <= len(lines) or start is None or end is None:
        raise NotPlain
    if any(type(line) is not str for line in lines[first - 1:last]):
        raise NotPlain
    raw = lines[first - 1].rstrip()
    line = raw.lstrip(' \t')
    if not line.isprintable() or not line or line[0] == '#':
        raise NotPlain
    indent = raw[:len(raw) - len(line)]
    if first != last:
        return whole_raise(lines[first - 1:last], indent, start, end)
    if not raw.isascii():
        start, end = characters(raw, start), characters(raw, end)
    start, end = start - len(indent), end - len(indent)
    if not 0 <= start < end <= len(line):
        raise NotPlain
    if start == 0 and end == len(line) and is_raise(line):
        return f'    {line}\n'
    return f'    {line}\n{carets(line, start, end)}'


def is_raise(line):
    return line[:6] in ('raise', 'raise ', 'raise(')


def whole_raise(lines, indent, start, end):
    """A statement over several lines that raises, and nothing beside it: all of it was being computed."""
    lines = [line.rstrip() for line in lines]
    if start != len(indent) or end != len(lines[-1]) or not lines[-1].isascii():
        raise NotPlain
    shown = []
    for line in lines:
        if line and not line.startswith(indent) or not line[len(indent):].isprintable():
            raise NotPlain
        shown.append(f'    {line[len(indent):]}\n')
    if not is_raise(lines[0][start:]):
        raise NotPlain
    return ''.join(shown) if len(shown) <= 3 else f'{shown[0]}    ...<{len(shown) - 2} lines>...\n{shown[-1]}'


def carets(line, start, end):
    try:
        anchors = anchors_in(line[start:end])
    except Exception:
        anchors = None
    if anchors is None:
        if not line[:start].lstrip() and not line[end:].rstrip():
            return ''
        left = right = start
    else:
        left, right = start + anchors.left_end_offset, start + anchors.right_start_offset
        if not start <= left <= right <= end or anchors.left_end_lineno or anchors.right_start_lineno:
            raise NotPlain
    if is_whole_call(line, start, end):
        return ''
    if not line.isascii():
        start, left, right, end = (width(line, offset=offset) for offset in (start, left, right, end))
    if anchors is None:
        return f'    {" " * start}{"^" * (end - start)}\n'
    return f'    {" " * start}{"~" * (left - start)}{"^" * (right - left)}{"~" * (end - right)}\n'


def is_whole_call(line, start, end):
    """Whether the line does nothing but return or keep what this call answers."""
    if line[end - 1] != ')' or line[:6] != 'return' and '=' not in line[:start]:
        return False
    try:
        body = compile(line, '<unknown>', 'exec', PyCF_ONLY_AST).body
    except SyntaxError:
        return False
    statement = body[0]
    if type(statement) is Return:
        is_plain = type(statement.value) is Call and type(statement.value.func) is Name
    else:
        is_plain = type(statement) is Assign and type(statement.value) is Call
        is_plain = is_plain and len(statement.targets) == 1 and type(statement.targets[0]) is Name
    if not is_plain:
        return False
    value = statement.value
    return (value.lineno, value.end_lineno, value.col_offset, value.end_col_offset) == (1, 1, start, end)


def builtin_exceptions():
    found, waiting = set(), [BaseException]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == 'builtins':
            found.add(kind)
            waiting += kind.__subclasses__()
    return frozenset(found | {object})


RAISE = opmap['RAISE_VARARGS']
# One statement, whole in its line: a bracket or a comment inside of a text leaves that open.
WHOLE_RAISE = re.compile(
    r"""raise [A-Za-z_][\w.]*(?:\((?:[^'"()\[\]{}#;\\]|'[^'\\()\[\]{}]*'|"[^"\\()\[\]{}]*"|\([^'"()\[\]{}#;\\]*\))*\))?"""
).fullmatch
BUILTIN = builtin_exceptions()
GUESSED = (ImportError, NameError, AttributeError)
NOT_PLAIN = (SyntaxError, BaseExceptionGroup)
# What Python asks an exception for. A class that answers itself is asked by Python.
ASKED = frozenset((
    '__getattribute__', '__getattr__', '__class__', '__notes__', '__cause__', '__context__', '__suppress_context__',
    '__traceback__', 'name', 'name_from', 'obj',
))
mro_of = type.__dict__['__mro__'].__get__
dict_of = type.__dict__['__dict__'].__get__
trace = BaseException.__dict__['__traceback__'].__get__
cause_of = BaseException.__dict__['__cause__'].__get__
context_of = BaseException.__dict__['__context__'].__get__
is_context_hidden = BaseException.__dict__['__suppress_context__'].__get__
