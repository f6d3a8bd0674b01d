"""What a configuration file leaves: its settings as plain data, and what about it a reader should hear of.

A value that is no plain data costs only itself: None stands in its place, and a fault says where.
"""

from _ast import Constant, Dict, PyCF_ONLY_AST
from pathlib import PurePath
from token import COMMENT, DEDENT, FSTRING_END, FSTRING_START, INDENT, NAME, NEWLINE, NL, NUMBER, OP, STRING
from tokenize import TokenError, generate_tokens

from revere_codec import MAX_DEPTH, checked
from revere_lints import walk

PLAIN = 'expected plain data (texts, numbers, True, False, None, lists, dicts), not '
DATA = (bool, int, float, str, bytes, dict, list, tuple, PurePath)
MOST_NAMES = 1000
# Beyond this Python refuses to write a number down.
MOST_INT_BITS = 13_280
MOST_NAME_CHARS = 100
# Where a comma may be missing is looked for in so much of a file, and at so many places before Python stumbles.
MOST_SOURCE_CHARS = 200_000
MOST_PLACES = 16


def settings(namespace):
    """The values of the upper-case names, and the faults in them. A name with an underscore in front is the author's own."""
    values, faults = [], []
    for name in [*namespace]:
        if type(name) is str and name.isupper() and name[0] != '_':
            values.append((name, plain(namespace[name], name, faults, 0)))
    return values, faults


def other_names(namespace):
    """The author's own names of data, so that a setting written small is noticed, and an imported `timezone` is not."""
    names = (
        name
        for name, value in [*namespace.items()]
        if type(name) is str and not name.isupper() and name[:1] != '_' and isinstance(value, DATA)
    )
    return [name for name in names if len(name) <= MOST_NAME_CHARS][:MOST_NAMES]


def plain(value, place, faults, depth):
    if isinstance(value, PurePath):
        value = str(value)
    if isinstance(value, str):
        try:
            return checked(str.__str__(value))
        except ValueError as error:
            faults.append((place, 'expected a text that can be written down, not ' + str(error)))
            return None
    if isinstance(value, int) and int.bit_length(value) > MOST_INT_BITS:
        faults.append((place, 'expected a number of at most 4,000 digits'))
        return None
    if value is None or isinstance(value, (bool, int, float, bytes)):
        return value
    if depth >= MAX_DEPTH and isinstance(value, (dict, list, tuple)):
        faults.append((place, f'nested more than {MAX_DEPTH} levels deep'))
        return None
    if isinstance(value, dict):
        return {
            key: plain(item, f'{place}[{key!r}]', faults, depth + 1)
            for key, item in dict.items(value)
            if is_key(key, place, faults)
        }
    if isinstance(value, (list, tuple)):
        return [plain(item, f'{place}[{index}]', faults, depth + 1) for index, item in enumerate(value)]
    faults.append((place, PLAIN + 'a value of type ' + type(value).__name__))
    return None


def is_key(key, place, faults):
    # Numbers and their like travel: the host refuses them in its own words.
    if isinstance(key, str):
        return plain(key, place, faults, 0) is not None
    if key is None or isinstance(key, (bool, int, float, bytes)):
        return True
    kind = type(key).__name__
    faults.append((f'{place}[{kind}]', 'expected a text as the key, not a value of type ' + kind))
    return False


def repeated_keys(source, filename):
    """Pairs of line and key: keys that stand twice in one dict, where the second silently replaces the first."""
    found = []
    for node in walk(compile(source, filename, 'exec', PyCF_ONLY_AST, dont_inherit=True)):
        if isinstance(node, Dict):
            seen = set()
            for key in node.keys:
                if isinstance(key, Constant) and type(key.value) is str:
                    if key.value in seen:
                        found.append((key.lineno, key.value[:MOST_NAME_CHARS]))
                    seen.add(key.value)
    return sorted(found)[:MOST_NAMES]


def missing_comma(source, filename):
    """The line where a comma would let Python read on, and where in it, in words; None if none would.

    Python stumbles behind the place, often a line or a whole dict further on, and two texts in a row are one to it.
    """
    error = syntax_error(source, filename)
    if error is None or len(source) > MOST_SOURCE_CHARS:
        return None
    stumbled = (error.end_lineno or error.lineno, error.end_offset or error.offset)
    for (line, column), (next_line, next_column) in reversed(places(source, stumbled)[-MOST_PLACES:]):
        another = syntax_error(with_comma(source, line, column), filename)
        if another is not None:
            shift = another.lineno == line
            if (another.lineno, another.offset - shift) < stumbled:
                continue
        if line < next_line:
            return line, f'a comma is probably missing at the end of line {line}'
        return line, f'a comma is probably missing in line {line}, before column {next_column + 1}'
    return None


def syntax_error(source, filename):
    try:
        compile(source, filename, 'exec', PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        return error if error.lineno and error.offset else None
    return None


def with_comma(source, line, column):
    lines = source.splitlines(True)
    lines[line - 1] = lines[line - 1][:column] + ',' + lines[line - 1][column:]
    return ''.join(lines)


def places(source, end):
    """Where two values stand beside each other: the end of the one and the beginning of the other."""
    found, before = [], None
    try:
        for token in generate_tokens(iter(source.splitlines(True)).__next__):
            if (token.start[0], token.start[1] + 1) > end:
                break
            if token.type in (COMMENT, NL, NEWLINE, INDENT, DEDENT):
                continue
            if before is not None and ends_a_value(before) and begins_a_value(token):
                found.append((before.end, token.start))
            before = token
    except (SyntaxError, TokenError):
        pass  # as far as it goes
    return found


def ends_a_value(token):
    return token.type in (NAME, NUMBER, STRING, FSTRING_END) or token.type == OP and token.string in ')]}'


def begins_a_value(token):
    return token.type in (NAME, NUMBER, STRING, FSTRING_START) or token.type == OP and token.string in '([{'
