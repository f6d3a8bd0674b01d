"""Finds what the standard library imports late and the artefact has not: every import statement inside a function of
every frozen module, looked up in its bytecode.

A script for the sandbox, where it sees exactly what is frozen; a test runs it there and compares with late_imports.txt.
Prints a line for each missing module: its name, and one of the functions that ask for it.
"""

import dis
import gc
import sys
from importlib.util import resolve_name
from types import CodeType, FunctionType

IMPORT = dis.opmap['IMPORT_NAME']


def missing():
    known = {**sys.modules}
    found = {}
    gc.unfreeze()
    for function in gc.get_objects():
        if type(function) is FunctionType and not str(function.__module__).startswith(('revere_', '__main__')):
            names = function.__globals__
            package = names.get('__package__') or names.get('__name__') or ''
            for code in codes(function.__code__):
                for name in imported(code, package):
                    if name not in known and name not in sys.builtin_module_names:
                        found.setdefault(name, set()).add(f'{function.__module__}.{code.co_qualname}')
    return {name: min(places) for name, places in found.items()}


def codes(code):
    yield code
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield from codes(constant)


def imported(code, package):
    # Taking every function apart would take a minute; few hold the instruction at all.
    if IMPORT not in code.co_code[::2]:
        return
    before = []
    for instruction in dis.get_instructions(code):
        if instruction.opcode == IMPORT:
            level, names = before[-2].argval, before[-1].argval or ()
            try:
                module = resolve_name('.' * level + instruction.argval, package)
            except ImportError:
                continue
            yield module
            for name in names:
                # What a package does not offer as an attribute is one of its modules.
                if name != '*' and hasattr(sys.modules.get(module), '__path__') and not hasattr(sys.modules[module], name):
                    yield f'{module}.{name}'
        before = [*before[-1:], instruction]


for name, place in sorted(missing().items()):
    print(name, place, sep='\t')
