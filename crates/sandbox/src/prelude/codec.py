"""Values to and from the tagged JSON that travels between a script and the host; src/codec/mod.rs has the table.

Everything it uses is taken at import, so a script that replaces `json.dumps` changes nothing here.
"""

from base64 import b64decode, b64encode
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from json import JSONDecoder, JSONEncoder
from uuid import UUID

MAX_DEPTH = 100
MICROSECOND = timedelta(microseconds=1)


class Unencodable(TypeError):
    """A value the host has no word for; `type_name` is its type."""

    def __init__(self, value):
        self.type_name = type(value).__name__
        super().__init__(f'{self.type_name} values cannot leave the sandbox')


def decode(data):
    text = data.decode()
    # Without a tag the C scanner's result is the value. The test may be fooled by a text, which only costs time.
    return decode_tagged(text) if '"$' in text else decode_plain(text)


def encode(value):
    return to_json(tagged(value, 0)).encode()


def tagged(value, depth):
    """`value` in terms of what JSON knows."""
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        return checked(value)
    if kind is int:
        return value if -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF else {'$int': int_to_text(value)}
    if kind is float:
        return value if value - value == 0.0 else {'$float': float.__repr__(value)}
    if depth > MAX_DEPTH:
        raise ValueError(f'a value nested more than {MAX_DEPTH} levels deep')
    if kind is list:
        return [tagged(item, depth + 1) for item in value]
    if kind is tuple:
        return {'$tuple': [tagged(item, depth + 1) for item in value]}
    if kind is dict:
        if all(type(key) is str and key[:1] != '$' for key in value):
            return {checked(key): tagged(item, depth + 1) for key, item in value.items()}
        return {'$dict': [[tagged(key, depth + 1), tagged(item, depth + 1)] for key, item in value.items()]}
    for base, encode_base in BASES:
        if isinstance(value, base):
            return encode_base(value, depth)
    raise Unencodable(value)


def checked(text):
    """UTF-8 has no lone surrogates, and guessing what was meant would ask the source for something else."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f'a text with a lone surrogate at position {error.start}') from None
    return text


# In this order: a datetime is a date, a bool never comes here, and named tuples, enums and their kind are what they extend.
BASES = (
    (str, lambda value, depth: checked(str.__str__(value))),
    (int, lambda value, depth: tagged(int.__add__(value, 0), depth)),
    (float, lambda value, depth: tagged(float.__add__(value, 0.0), depth)),
    ((bytes, bytearray, memoryview), lambda value, depth: {'$bytes': b64encode(value).decode()}),
    (Decimal, lambda value, depth: {'$decimal': str(value)}),
    (datetime, lambda value, depth: {'$datetime': value.isoformat()}),
    (date, lambda value, depth: {'$date': value.isoformat()}),
    (time, lambda value, depth: {'$time': value.isoformat()}),
    (timedelta, lambda value, depth: {'$timedelta': value // MICROSECOND}),
    (UUID, lambda value, depth: {'$uuid': str(value)}),
    (list, lambda value, depth: tagged([*value], depth)),
    (tuple, lambda value, depth: tagged((*value,), depth)),
    (dict, lambda value, depth: tagged({**value}, depth)),
)


def untag(pairs):
    if len(pairs) == 1:
        for tag in pairs:
            make = MAKERS.get(tag)
            if make is not None:
                return make(pairs[tag])
    return pairs


def make_rows(payload):
    # Plain tuples: a class that knows the columns by name was measured to take 2.4 times as long to make, 3.4 times as
    # long to unpack in a loop, and 12 microseconds more for each answer, of scripts that never ask for a name.
    kinds, rows = payload
    for column, kind in enumerate(kinds):
        if kind is not None:
            make = MAKERS[kind]
            for row in rows:
                cell = row[column]
                if cell is not None:
                    row[column] = make(cell)
    return list(map(tuple, rows))


MAKERS = {
    '$int': int,
    '$float': float,
    '$bytes': b64decode,
    '$decimal': Decimal,
    '$date': date.fromisoformat,
    '$time': time.fromisoformat,
    '$datetime': datetime.fromisoformat,
    '$timedelta': lambda microseconds: timedelta(microseconds=microseconds),
    '$uuid': UUID,
    '$tuple': tuple,
    '$dict': dict,
    '$rows': make_rows,
}

int_to_text = int.__repr__
decode_plain = JSONDecoder().decode
decode_tagged = JSONDecoder(object_hook=untag).decode
to_json = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(',', ':')).encode
