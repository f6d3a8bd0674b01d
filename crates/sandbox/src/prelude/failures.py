"""What went wrong, in the author's words and lines, whatever kind of exception it was."""

from marshal import loads
from traceback import clear_frames

from revere_hints import hint
from revere_sources import SourceError
from revere_tracebacks import (
    HEADING, cause_of, context_of, dict_of, is_context_hidden, is_shown, trace, traceback_text,
)

# One more than the host keeps of any text, so that it sees that more was cut.
TEXT_CHARS = 65537
# Of a chain of exceptions so many are looked at.
MOST_CHAINED = 100
args_of = BaseException.__dict__['args'].__get__
name_of = type.__dict__['__name__'].__get__
qualname_of = type.__dict__['__qualname__'].__get__

SEVERITIES = ('critical', 'warning')


class MonitorFailure(Exception):
    """Raised by a script: what it watches is wrong, and how badly where it says so."""

    severity = None

    def __init__(self, *args, severity=None):
        super().__init__(*args)
        if severity is None:
            return  # a class may say it for all of its own
        if severity not in SEVERITIES:
            raise ValueError(f'{severity!r} is not a severity; the severities are ' + ' and '.join(SEVERITIES))
        self.severity = severity


# What the class is before a script has its hands on it.
AS_MADE = {**dict_of(MonitorFailure)}
KIND = name_of(MonitorFailure)
KIND_SHOWN = MonitorFailure.__module__ + '.' + qualname_of(MonitorFailure)


def describe(error, filename, namespace, code=None, raises=None):
    """The outcome of a run that ended with `error`, as the host reads it: nothing but exact texts and small numbers.
    `code` is what was run, and `raises` what `whole_raises` found in it."""
    try:
        plain = plain_failure(error, filename, code, raises)
        if plain is not None:
            return plain
    except BaseException:
        pass
    try:
        if isinstance(error, MemoryError):
            make_room(error, namespace)
        line = line_of(error, filename)
        if isinstance(error, MonitorFailure):
            return outcome('ALARM', text_of(error), error, line) | {'severity': severity_of(error)}
        return outcome('ERROR', message_of(error), error, line)
    except BaseException as another:
        # Out of memory or stack while describing, or a hostile exception: less is said, but it stays an error.
        return {
            'state': 'ALARM' if isinstance(error, MonitorFailure) else 'ERROR',
            'message': type_name(error) + ' (its text could not be made: ' + type_name(another) + ')',
            'kind': type_name(error),
            'line': None,
            'traceback': None,
        }


def plain_failure(error, filename, code, raises):
    """The same of what nearly every failure is: one text, raised by a line of the script itself that does nothing else.
    None of any other. How much code is touched decides how long this takes, because none of it is warm in the processor
    when a run begins; so what can be known of the lines beforehand is in `raises`."""
    kind = type(error)
    if kind is not MonitorFailure or dict_of(kind) != AS_MADE or not name_of(kind) == qualname_of(kind) == KIND:
        return None
    args, severity = args_of(error), error.severity
    if len(args) != 1 or type(args[0]) is not str or severity is not None and type(severity) is not str:
        return None
    if cause_of(error) is not None or context_of(error) is not None or getattr(error, '__notes__', None) is not None:
        return None
    # The first entry is of whoever runs the script.
    entry = trace(error).tb_next
    if entry.tb_next is not None or entry.tb_frame.f_code is not code:
        return None
    found = loads(raises).get(entry.tb_lasti)
    if found is None:
        return None
    line, raised = found
    if not is_shown(filename, line, raised):
        return None
    text = args[0]
    last = f'{KIND_SHOWN}: {text}\n' if text else KIND_SHOWN + '\n'
    return {
        'state': 'ALARM',
        'message': clean(text),
        'kind': KIND,
        'line': entry.tb_lineno,
        'column': None,
        'traceback': clean(f'{HEADING}  File "{filename}", line {line}, in <module>\n    {raised}\n{last}'),
        'source_fault': None,
        'severity': severity if severity in SEVERITIES else None,
    }


def outcome(state, message, error, line):
    return {
        'state': state,
        'message': message,
        'kind': type_name(error),
        'line': line,
        'column': place(error.offset) if isinstance(error, SyntaxError) else None,
        'traceback': clean(traceback_text(error)),
        'source_fault': source_fault(error),
    }


def source_fault(error):
    """The text of the source's fault that the run ended with, or that its end came from; None if there is none."""
    for _ in range(MOST_CHAINED):
        if type(error) is SourceError:
            args = args_of(error)
            return clean(args[0]) if len(args) == 1 and type(args[0]) is str else None
        cause = cause_of(error)
        if cause is None and not is_context_hidden(error):
            cause = context_of(error)
        if cause is None:
            return None
        error = cause
    return None


def severity_of(error):
    """What the failure says of it; nothing where a subclass of the script's says nothing, or what nobody knows."""
    try:
        severity = getattr(error, 'severity', None)
        return next((known for known in SEVERITIES if known == severity), None)
    except BaseException:
        return None


def message_of(error):
    """`Type: text`, with what a newcomer needs to know where the sandbox is the reason."""
    if isinstance(error, SyntaxError) and error.msg:
        text = clean(error.msg)
    else:
        text = text_of(error)
    message = type_name(error) + ': ' + text if text else type_name(error)
    more = hint(error)
    return message + ' (' + more + ')' if more else message


def text_of(error):
    try:
        return clean(str(error))
    except BaseException:
        return '<exception str() failed>'


def clean(text):
    text = str.__str__(text)[:TEXT_CHARS]
    return text if text.isascii() else text.encode('utf-8', 'backslashreplace').decode()


def type_name(error):
    return clean(name_of(type(error)))


def line_of(error, filename):
    """The last line of the script that was being executed, or the one that does not compile."""
    if isinstance(error, SyntaxError) and error.filename == filename and isinstance(error.lineno, int):
        return place(error.lineno)
    line = None
    frame = trace(error)
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == filename:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def place(number):
    """A line or a column, if `number` is one: a script may say anything of its own syntax errors."""
    if not isinstance(number, int):
        return None
    number = int.__add__(number, 0)
    return number if -0x80000000 <= number <= 0x7FFFFFFF else None


def make_room(error, namespace):
    """What filled the memory usually hangs on the frames and the namespace; describing needs some of it back."""
    clear_frames(trace(error))
    for name in [*namespace]:
        if name != 'return_value':
            namespace.pop(name, None)
