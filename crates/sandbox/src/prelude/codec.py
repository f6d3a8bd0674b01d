"""Values to and from the bytes that travel between a script and the host; src/codec/marshal/mod.rs says what they are.

Everything it uses is taken at import, so a script that replaces `marshal.dumps` changes nothing here.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from marshal import dumps, loads
from uuid import UUID

MAX_DEPTH = 100
MICROSECOND = timedelta(microseconds=1)
# Without references, which later versions have.
VERSION = 2
MARK = ...
INT, DECIMAL, DATE, TIME, DATETIME, TIMEDELTA, UUID_, MIXED, ROWS, RECORDS = range(1, 11)
# What `marshal` writes as it is. An int is not among them, since one of them may be beyond 64 bits.
UNMARKED = {type(None), bool, float, str, bytes}
NO_CONTAINER = UNMARKED | {int}


class Unencodable(TypeError):
    """A value the host has no word for; `type_name` is its type."""

    def __init__(self, value):
        self.type_name = type(value).__name__
        super().__init__(f'{self.type_name} values cannot leave the sandbox')


def encode(value):
    return dumps(marked(value, 0), VERSION)


def encode_call(source, method, args, kwargs):
    if not UNMARKED.issuperset(map(type, args)):
        args = tuple([marked(value, 2) for value in args])
    return dumps(('call', source, method, args, marked(kwargs, 1) if kwargs else kwargs), VERSION)


def marked(value, depth):
    """`value` in terms of what `marshal` knows, exactly."""
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is str:
        return checked(value)
    if kind is int:
        return value if -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF else (MARK, INT, int_to_text(value))
    if depth > MAX_DEPTH:
        raise ValueError(f'a value nested more than {MAX_DEPTH} levels deep')
    if kind is list:
        return [marked(item, depth + 1) for item in value]
    if kind is tuple:
        return tuple([marked(item, depth + 1) for item in value])
    if kind is dict:
        return {marked(key, depth + 1): marked(item, depth + 1) for key, item in value.items()}
    for base, mark_base in BASES:
        if isinstance(value, base):
            return mark_base(value, depth)
    raise Unencodable(value)


def checked(text):
    """UTF-8 has no lone surrogates, and guessing what was meant would ask the source for something else."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f'a text with a lone surrogate at position {error.start}') from None
    return text


def text_of(value):
    return checked(str.__str__(value))


# In this order: a datetime is a date, a bool never comes here, and named tuples, enums and their kind are what they extend.
BASES = (
    (str, lambda value, depth: text_of(value)),
    (int, lambda value, depth: marked(int.__add__(value, 0), depth)),
    (float, lambda value, depth: float.__add__(value, 0.0)),
    ((bytes, bytearray, memoryview), lambda value, depth: memoryview(value).tobytes()),
    (Decimal, lambda value, depth: (MARK, DECIMAL, text_of(str(value)))),
    (datetime, lambda value, depth: (MARK, DATETIME, text_of(value.isoformat()))),
    (date, lambda value, depth: (MARK, DATE, text_of(value.isoformat()))),
    (time, lambda value, depth: (MARK, TIME, text_of(value.isoformat()))),
    (timedelta, lambda value, depth: (MARK, TIMEDELTA, value // MICROSECOND)),
    (UUID, lambda value, depth: (MARK, UUID_, text_of(str(value)))),
    (list, lambda value, depth: marked([*value], depth)),
    (tuple, lambda value, depth: marked((*value,), depth)),
    (dict, lambda value, depth: marked({**value}, depth)),
)


def decode(data):
    """None and the value of an answer, or the name of a fault and its text."""
    form, value = loads(data)
    if form == 0:
        return None, value
    return (None, made(value)) if form == 1 else (form, value)


def made(value):
    """`value` with all that is marked in it made into what it stands for."""
    kind = type(value)
    if kind is tuple:
        if value and value[0] is MARK:
            return MAKERS[value[1]](value[2])
        return tuple(map(made, value))
    if kind is list:
        return value if NO_CONTAINER.issuperset(map(type, value)) else list(map(made, value))
    if kind is dict:
        return {made(key): made(item) for key, item in value.items()}
    return value


def make_rows(payload):
    # Plain tuples: a class that knows the columns by name was measured to take 2.4 times as long to make, 3.4 times as
    # long to unpack in a loop, and 12 microseconds more for each answer, of scripts that never ask for a name.
    kinds, columns = payload
    for at, kind in enumerate(kinds):
        if kind > 0:
            columns[at] = map(MAKERS[kind], columns[at])
        elif kind < 0:
            make = MAKERS[-kind]
            columns[at] = [None if cell is None else make(cell) for cell in columns[at]]
    return list(zip(*columns))


def make_records(payload):
    columns, records = payload
    for key, kind in columns:
        make = MAKERS[abs(kind)]
        for record in records:
            cell = record[key]
            if cell is not None:
                record[key] = make(cell)
    return records


MAKERS = {
    INT: int,
    DECIMAL: Decimal,
    DATE: date.fromisoformat,
    TIME: time.fromisoformat,
    DATETIME: datetime.fromisoformat,
    TIMEDELTA: lambda microseconds: timedelta(microseconds=microseconds),
    UUID_: UUID,
    MIXED: made,
    ROWS: make_rows,
    RECORDS: make_records,
}

int_to_text = int.__repr__
