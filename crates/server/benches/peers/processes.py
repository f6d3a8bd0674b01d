"""A pool that starts a `python3 -I -S -c` for each due script, two at a time.

    processes.py SCRIPTS      prints the seconds after which half, 99 in 100 and the last had begun, and all had ended
"""
import concurrent.futures
import subprocess
import sys
import time

STUB = """
class MonitorFailure(Exception): pass
class Graphite:
    def get_sum(self, path, from_date=None, to_date=None):
        return 3.0 if path.endswith('500') else 100_000.0
sources = {'graphite': Graphite()}
"""
SCRIPT = STUB + sys.stdin.read()


def run(_):
    at = time.monotonic()
    subprocess.run([sys.executable, "-I", "-S", "-c", SCRIPT], check=True)
    return at


def main():
    count = int(sys.argv[1])
    due = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        late = sorted(at - due for at in pool.map(run, range(count)))
    print(late[(count - 1) // 2], late[(count - 1) * 99 // 100], late[-1], time.monotonic() - due)


main()
