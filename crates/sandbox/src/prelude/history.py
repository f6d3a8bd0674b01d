"""The monitor's own past: asked of the host like a source, under a name that no source has."""

from revere_codec import Unencodable, encode_call
from revere_previous import PastRun
from revere_sources import ask

OWN = ''


def history(since='-7d', until=None):
    """The monitor's own recorded runs that began from `since` until before `until`, oldest first."""
    try:
        request = encode_call(OWN, 'history', (since,) if until is None else (since, until), {})
    except Unencodable as error:
        raise TypeError(f'history() cannot take a {error.type_name} as a time') from None
    return [PastRun(*row) for row in ask(request)]
