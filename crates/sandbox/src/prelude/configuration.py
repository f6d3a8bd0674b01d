"""What a configuration file leaves: its settings as plain data, and what about it a reader should hear of.

A value that is no plain data costs only itself: None stands in its place, and a fault says where.
"""

from _ast import Constant, Dict, PyCF_ONLY_AST
from pathlib import PurePath

from revere_codec import MAX_DEPTH, checked
from revere_lints import walk

PLAIN = 'expected plain data (texts, numbers, True, False, None, lists, dicts), not '
DATA = (bool, int, float, str, bytes, dict, list, tuple, PurePath)
MOST_NAMES = 1000
# Beyond this Python refuses to write a number down.
MOST_INT_BITS = 13_280
MOST_NAME_CHARS = 100


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
