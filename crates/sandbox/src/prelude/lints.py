"""What compiles and yet hardly does what its author means, found in the syntax tree."""

from _ast import (
    AST, AsyncFunctionDef, Call, ClassDef, Constant, FunctionDef, Global, Lambda, Name, PyCF_ONLY_AST, Raise, Store, Try, TryStar, Tuple,
)

MOST = 20
SEVERITIES = ('critical', 'warning')
TOO_MUCH = ('Exception', 'BaseException')
SWALLOWED = (
    'this also catches the MonitorFailure of line {line}, and the run passes: raise it after the try, '
    'or put `except MonitorFailure: raise` before'
)
TWO_NAMES = 'this catches what both names stand for: to name the exception write `except X as e:`'
LOCAL = 'return_value is local to the function here: say `global return_value` first, or return the value and set it outside'


def lint(source, filename):
    """Pairs of line and text, in the order of the lines."""
    found = []
    tree = compile(source, filename, 'exec', PyCF_ONLY_AST, dont_inherit=True)
    for node in walk(tree):
        if isinstance(node, (Try, TryStar)):
            found += swallowed(node)
            found += ((handler.lineno, TWO_NAMES) for handler in node.handlers if names_as_python_2(handler.type))
        elif isinstance(node, Call):
            found += unknown_severities(node)
    if not any(sets_value(node) for node in inside(tree)):
        found += local_values(tree)
    return sorted(found)[:MOST]


def names_as_python_2(caught):
    """`except X, e:`; a tuple in parentheses begins before its first part."""
    if not isinstance(caught, Tuple) or len(caught.elts) != 2 or caught.col_offset != caught.elts[0].col_offset:
        return False
    return isinstance(caught.elts[1], Name) and caught.elts[1].id[:1].islower()


def unknown_severities(call):
    """`MonitorFailure(..., severity='fatal')`, which ends the run with an error when it comes to that."""
    if not isinstance(call.func, Name) or call.func.id != 'MonitorFailure':
        return
    for keyword in call.keywords:
        value = keyword.value
        if keyword.arg == 'severity' and isinstance(value, Constant) and value.value not in (*SEVERITIES, None):
            yield value.lineno, f'{value.value!r} is not a severity; the severities are ' + ' and '.join(SEVERITIES)


def swallowed(node):
    raised = next((inner for part in node.body for inner in inside(part) if raises_failure(inner)), None)
    if raised is None:
        return
    for handler in node.handlers:
        caught = names(handler.type)
        if 'MonitorFailure' in caught:
            return
        if handler.type is None or any(name in TOO_MUCH for name in caught):
            if not any(isinstance(inner, Raise) for part in handler.body for inner in inside(part)):
                yield handler.lineno, SWALLOWED.format(line=raised.lineno)
            return


def local_values(tree):
    for function in walk(tree):
        if isinstance(function, (FunctionDef, AsyncFunctionDef)):
            own = [inner for part in function.body for inner in inside(part)]
            if not any(isinstance(inner, Global) and 'return_value' in inner.names for inner in own):
                yield from ((inner.lineno, LOCAL) for inner in own if sets_value(inner))
            else:
                return


def sets_value(node):
    return isinstance(node, Name) and node.id == 'return_value' and isinstance(node.ctx, Store)


def raises_failure(node):
    if not isinstance(node, Raise):
        return False
    error = node.exc.func if isinstance(node.exc, Call) else node.exc
    return isinstance(error, Name) and error.id == 'MonitorFailure'


def names(node):
    """The plain names of an `except`."""
    return [part.id for part in (node.elts if isinstance(node, Tuple) else [node]) if isinstance(part, Name)]


def inside(node):
    """The node and what is executed with it: not the bodies of functions and classes."""
    return walk(node, (FunctionDef, AsyncFunctionDef, ClassDef, Lambda))


def walk(root, closed=()):
    # Not recursive: an expression may be nested deeper than Python's own stack.
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, closed):
            continue
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, AST):
                waiting.append(value)
            elif isinstance(value, list):
                waiting += [item for item in reversed(value) if isinstance(item, AST)]
