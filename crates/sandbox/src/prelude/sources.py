"""The sources a script can name. Only names live here: secrets, checks of every argument and the work itself are the host's."""

from revere_codec import Unencodable, decode, encode, encode_call
from revere_host import host_call
from revere_response import Response

OWN_MODULE = 'builtins'
ANY = '*'


class SourceError(Exception):
    """A source could not answer."""


def no_source_str(self):
    return self.args[0]


# A KeyError whose text is not shown in quotes. It calls itself KeyError, because that is what authors know and catch.
NoSource = type('KeyError', (KeyError,), {'__str__': no_source_str, '__module__': OWN_MODULE})

FAULTS = {'failed': SourceError, 'type': TypeError, 'value': ValueError, 'no_source': NoSource, 'no_method': AttributeError}


class Sources(dict):
    """The configured sources by name."""

    def __init__(self, described):
        for name, (kind, methods) in described.items():
            self[name] = Source(name, kind, methods)

    def __missing__(self, name):
        if not isinstance(name, str):
            raise TypeError('a source is named by a str, not ' + type(name).__name__)
        known = ', '.join(map(repr, self)) or 'none'
        raise NoSource(f'no source named {shown(name)}; configured: {known}')

    def __repr__(self):
        return '<sources: ' + ', '.join(self) + '>'


class Source:
    """One configured source; its methods are asked outside the sandbox."""

    __slots__ = ('_name', '_kind', '_methods')

    def __init__(self, name, kind, methods):
        self._name = name
        self._kind = kind
        self._methods = methods

    def __getattr__(self, name):
        # A plug-in that has not described itself yet has the one method `*`, which is any.
        if name in self._methods or ANY in self._methods and not name.startswith('_'):
            return Method(self._name, str.__str__(name))
        known = ', '.join(self._methods) or 'none'
        raise AttributeError(f'source {self._name!r} ({self._kind}) has no method {shown(name)}; it has: {known}', name=name)

    def __dir__(self):
        return [name for name in self._methods if name != ANY]

    def __repr__(self):
        return f'<source {self._name!r} ({self._kind})>'


class Method:
    """A method of a source. The host binds the arguments and refuses what does not fit before anything is asked."""

    __slots__ = ('_source', '__name__')

    def __init__(self, source, name):
        self._source = source
        self.__name__ = name

    def __call__(self, /, *args, **kwargs):
        try:
            request = encode_call(self._source, self.__name__, args, kwargs)
        except Unencodable as error:
            raise TypeError(f'{self.__name__}() cannot send a {error.type_name} to a source') from None
        return ask(request)

    @property
    def __doc__(self):
        return '\n'.join(describe(self))

    @property
    def __signature__(self):
        from inspect import signature

        names = {}
        exec(f'def {self.__name__}{describe(self)[0]}: pass', names)
        return signature(names[self.__name__])

    def __repr__(self):
        return f'<method {self.__name__} of source {self._source!r}>'


def describe(method):
    return ask(encode(('describe', method._source, method.__name__)))


def ask(request):
    fault, value = decode(host_call(request))
    if fault is not None:
        raise FAULTS[fault](value)
    if type(value) is dict and value.get('__revere__') == 'http_response':
        return Response(value, SourceError)
    return value


def shown(name):
    text = str.__repr__(name)
    return text if len(text) <= 80 else text[:80] + '...'
