"""Runs one trigger of one alert class written for the original program.

The order comes as JSON on standard input. The answer, one JSON object, is all that ever reaches standard output: what
the class prints goes to standard error. Runs under any Python 3 from 3.6 on, with nothing installed.
"""
import importlib
import inspect
import json
import os
import sys
import traceback
import types


class Monitor(object):
    """What a class may ask of the monitor."""

    def __init__(self, told, state):
        self.id = told['id']
        self.name = told['name']
        self.url = told['url']
        self.tags = told['tags']
        self.state = state


class BaseRevereAlert(object):
    """The original's base class, for those that import it."""

    name = ''

    def __init__(self, description=None, config=None, enabled_in_config=True):
        self.description = description
        self.config = config if config is not None else {}
        self.enabled_in_config = enabled_in_config

    def trigger(self, monitor, old_state, new_state, message, return_value):
        raise NotImplementedError('%s has no trigger method' % type(self).__name__)


def provide_base_class():
    """Lets `from revere.alerts.base import BaseRevereAlert` work, unless a real package of that name does."""
    try:
        importlib.import_module('revere.alerts.base')
    except Exception:
        modules = {}
        for name in ('revere', 'revere.alerts', 'revere.alerts.base'):
            modules[name] = types.ModuleType(name)
            modules[name].__path__ = []
        modules['revere'].alerts = modules['revere.alerts']
        modules['revere.alerts'].base = modules['revere.alerts.base']
        modules['revere.alerts.base'].BaseRevereAlert = BaseRevereAlert
        sys.modules.update(modules)


def find(path):
    module, _, name = path.rpartition('.')
    found = getattr(importlib.import_module(module), name)
    if not callable(getattr(found, 'trigger', None)):
        raise TypeError('%s has no trigger method' % path)
    return found


def construct(klass, description, config):
    """As the original did, by these names; a class that knows only its config gets that."""
    known = {'description': description, 'config': config, 'enabled_in_config': True}
    try:
        parameters = inspect.signature(klass).parameters.values()
    except (TypeError, ValueError):
        return klass(description, config)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return klass(**known)
    names = [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL]
    if 'config' in names:
        return klass(**{name: known[name] for name in names if name in known})
    return klass(*(description, config)[2 - min(len(names), 2):])


def describe(error):
    """Type, text and the innermost line that is not ours."""
    text = ''.join(traceback.format_exception_only(type(error), error)).strip()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != '<string>']
    own = [frame for frame in frames if not frame.filename.startswith('<frozen')]
    if not own:
        return text
    return '%s (%s, line %d)' % (text, own[-1].filename, own[-1].lineno)


def run(order):
    told = order['notification']
    found = False
    try:
        sys.path.insert(0, os.getcwd())
        provide_base_class()
        klass = find(order['class'])
        found = True
        alert = construct(klass, order['description'], order['config'])
        monitor = Monitor(told['monitor'], told['new_state'])
        alert.trigger(monitor, told['old_state'], told['new_state'], told['message'], told['return_value'])
    except BaseException as error:
        traceback.print_exc()
        return {'error': describe(error)[:1000], 'found': found}
    return {'error': None, 'found': True}


def main():
    answer_to = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    order = json.loads(sys.stdin.buffer.read().decode('utf-8'))
    answer_to.write(json.dumps(run(order)))
    answer_to.close()


main()
