"""What the `http` source answers, as an object. The host sends a dict marked with `__revere__`."""

from json import loads


class Response:
    """An HTTP answer: status, reason, ok, headers, text, content, json(), elapsed (seconds), url, tls, raise_for_status()."""

    __slots__ = ('status', 'reason', 'headers', 'text', 'elapsed', 'url', 'tls', '_content', '_failure')

    def __init__(self, fields, failure):
        for name in ('status', 'reason', 'text', 'elapsed', 'url'):
            setattr(self, name, fields[name])
        self.headers = Headers(fields['headers'])
        self.tls = None if fields['tls'] is None else Tls(fields['tls'])
        self._content = fields['content']
        self._failure = failure

    @property
    def ok(self):
        return self.status < 400

    @property
    def status_code(self):
        return self.status

    @property
    def content(self):
        return self.text.encode() if self._content is None else self._content

    def json(self):
        try:
            return loads(self.text)
        except ValueError as error:
            raise ValueError(f'the answer of {self.url} is no JSON ({error}): {self.text[:100]!r}') from None

    def raise_for_status(self):
        if not self.ok:
            raise self._failure(f'{self.url} answered {self.status} {self.reason}'.rstrip())

    def __repr__(self):
        return f'<response {self.status} {self.reason}>'


class Headers(dict):
    """Headers by name, upper or lower case alike."""

    def __getitem__(self, name):
        return dict.__getitem__(self, name.lower())

    def __contains__(self, name):
        return dict.__contains__(self, name.lower())

    def get(self, name, default=None):
        return dict.get(self, name.lower(), default)


class Tls:
    """The certificate that was shown: not_after, a datetime, and days_left, a float."""

    __slots__ = ('not_after', 'days_left')

    def __init__(self, fields):
        self.not_after = fields['not_after']
        self.days_left = fields['days_left']

    def __repr__(self):
        return f'<tls until {self.not_after:%Y-%m-%d}, {self.days_left:.1f} days left>'
