"""What the last recorded run left, as a script's `previous` shows it."""

from datetime import datetime


class Previous:
    """The last recorded run: `state`, `return_value`, `message` and `at`, as attributes or as items."""

    __slots__ = ('state', 'return_value', 'message', 'at')

    def __init__(self, fields):
        self.state, self.return_value, self.message, at = fields
        self.at = datetime.fromisoformat(at)

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
        return 'Previous(' + ', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__) + ')'
