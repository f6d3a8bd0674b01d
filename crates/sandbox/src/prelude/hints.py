"""What to do instead, where the sandbox is why something failed."""

from urllib.error import URLError

NETWORK = "a monitor has no network of its own; ask a source: sources['name'].method(...)"
FILES = 'a monitor sees no files; data comes from sources'
PROCESSES = 'a monitor cannot start programs or threads'
ABSENT = 'not in the sandbox: a monitor has the standard library without what needs a network or an operating system, '
ABSENT += "helpers from PYTHON_PATH, and sources['name'] for data"


def speak_of_configuration():
    """Lets the hints speak to the author of a configuration. This interpreter runs nothing else."""
    global NETWORK, FILES, PROCESSES, ABSENT
    NETWORK = 'a configuration has no network: it only names what the server shall ask'
    FILES = 'a configuration cannot open files: what differs between machines comes from os.environ'
    PROCESSES = 'a configuration cannot start programs or threads'
    ABSENT = 'a configuration has the standard library without what needs a network or an operating system, '
    ABSENT += 'and the .py files beside it'



def hint(error):
    """A hint for the exception, or None. Must not raise, whatever the exception is."""
    try:
        if isinstance(error, ModuleNotFoundError):
            return ABSENT
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(error, URLError) or from_module(reason, ('socket', 'http.client', 'asyncio')):
            return NETWORK
        if isinstance(reason, PermissionError) and reason.filename is None:
            return NETWORK
        if isinstance(reason, OSError) and from_module(reason, ('subprocess',)):
            return PROCESSES
        if isinstance(reason, (FileNotFoundError, NotADirectoryError)):
            return FILES
        if isinstance(reason, RuntimeError) and 'start new thread' in str(reason):
            return PROCESSES
    except BaseException:
        pass
    return None


def from_module(error, names):
    """Whether one of the modules was where an OSError came out."""
    if not isinstance(error, OSError):
        return False
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_globals.get('__name__') in names:
            return True
        frame = frame.tb_next
    return False
