"""The real program in a folder of its own, on a free port, with a source and an alert of each fate."""

import contextlib
import os
import pathlib
import re
import subprocess
import tempfile
import threading

CONFIG = """
REVERE_SOURCES = {
    'shop': {'type': 'demo', 'description': 'A made-up shop', 'config': {}},
    'down': {'type': 'database', 'description': 'Down, on purpose',
        'config': {'connection_string': 'postgresql://revere@127.0.0.1:9/shop', 'timeout': 2}},
}
REVERE_ALERTS = {
    'log': {'type': 'log', 'description': 'Always takes it'},
    'browsers': {'type': 'web_push', 'config': {'services': ['127.0.0.1']}},
    'pager': {'type': 'webhook', 'description': 'Never there', 'config': {'url': 'http://127.0.0.1:9/'}},
    'off': {'type': 'log', 'description': 'Switched off', 'enabled': False},
    'phone': {'type': 'log', 'description': 'Of whoever is on call'},
    'night': {'type': 'on_call', 'config': {'people': {'ann': 'phone', 'ben': 'phone'},
        'layers': [{'people': ['ann'], 'from': '2020-01-06'}], 'escalate_after': '15min'}},
    # As many as one monitor may choose.
    **{f'off{number}': {'type': 'log', 'enabled': False} for number in range(64)},
}
# A script that loops costs the fuzzer this much.
RUN_TIMEOUT = 5
RUN_CPU_TIME = 1
"""

PASSWORD = "correct horse battery"

LISTENS = re.compile(r"listening on .*?(http://127\.0\.0\.1:\d+)")
COLOURS = re.compile(r"\x1b\[\d*m")


def asked_for(line):
    """Whether an error is what whoever asks brought about: they switch off the alert by which a rota reaches its people."""
    return "a delivery is given up" in line and "cannot be reached: phone is switched off" in line


@contextlib.contextmanager
def server(people=None, more=""):
    """The address of a server that runs meanwhile. It must still be there at the end, and stop well.

    With `people`, a role (`editor of shop`) by name, everybody has to log in, and these can, with `PASSWORD`. `more` is
    added to the configuration."""
    with tempfile.TemporaryDirectory(prefix="revere-api-") as folder:
        more += "LOCAL_USERS = True\n" if people else ""
        pathlib.Path(folder, "config.py").write_text(CONFIG + more)
        # What a user of this machine has set must not change what is tested.
        environment = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
        environment.pop("REVERE_CONFIG_FILE", None)
        for name, role in (people or {}).items():
            role, _, tags = role.partition(" of ")
            add = [os.environ["REVERE_BIN"], "user", "add", name, "--role", role, "--password-stdin"]
            add += ["--tags", tags] if tags else []
            subprocess.run(add, cwd=folder, env=environment, input=PASSWORD, text=True, check=True, stdout=subprocess.DEVNULL)
        process = subprocess.Popen(
            [os.environ["REVERE_BIN"], "run", "--port", "0"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        said = []
        try:
            yield address(process, said)
            if process.poll() is not None:
                raise SystemExit(f"the server ended with {process.returncode}:\n" + "".join(said[-40:]))
        finally:
            process.terminate()
            try:
                code = process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        faults = [line for line in said if "panicked" in line or " ERROR " in COLOURS.sub("", line) and not asked_for(line)]
        if code != 0 or faults:
            raise SystemExit(f"the server ended with {code}, and said:\n" + "".join(faults or said[-40:]))


def address(process, said):
    """Where it listens, once it does; what it says from then on is kept in `said`."""
    for line in process.stderr:
        said.append(line)
        if found := LISTENS.search(COLOURS.sub("", line)):
            threading.Thread(target=lambda: said.extend(process.stderr), daemon=True).start()
            return found[1]
    raise SystemExit("the server did not start:\n" + "".join(said))
