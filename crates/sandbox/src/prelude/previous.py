"""Recorded runs, as a script sees them: `previous`, and what `history()` answers."""

from datetime import datetime


class RecordedRun:
    """What is kept of a run, as attributes or as items."""

    __slots__ = ()

    def __getitem__(self, name):
        if name in self.__slots__:
            return getattr(self, name)
        raise KeyError(name)

    def get(self, name, default=None):
        return getattr(self, name) if name in self.__slots__ else default

    def keys(self):
        return list(self.__slots__)

    def __iter__(self):
        return iter(self.__slots__)

    def __contains__(self, name):
        return name in self.__slots__

    def __repr__(self):
        return type(self).__name__ + '(' + ', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__) + ')'


class Previous(RecordedRun):
    """The last recorded run: `state`, `return_value`, `message` and `at`."""

    __slots__ = ('state', 'return_value', 'message', 'at')

    def __init__(self, fields):
        self.state, self.return_value, self.message, at = fields
        self.at = datetime.fromisoformat(at)


class PastRun(RecordedRun):
    """A run of the past: `at`, `state` and `return_value`."""

    __slots__ = ('at', 'state', 'return_value')

    def __init__(self, at, state, return_value):
        self.at = at
        self.state = state
        self.return_value = return_value
