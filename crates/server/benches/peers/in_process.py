"""What the original program did: each due script is executed in this process, and each run is committed by itself.

    in_process.py DATABASE RUNS JOURNAL_MODE      prints runs per second
"""
import sqlite3
import sys
import time

SCRIPT = sys.stdin.read()


class MonitorFailure(Exception):
    pass


class Graphite:
    def get_sum(self, path, from_date=None, to_date=None):
        return 3.0 if path.endswith("500") else 100_000.0


def main():
    path, runs, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    database = sqlite3.connect(path)
    database.execute(f"pragma journal_mode = {mode}")
    database.execute("pragma synchronous = full")
    database.execute("create table monitor (id integer primary key, task text, state int, last_run_timestamp real)")
    database.execute(
        "create table monitor_log (id integer primary key, monitor_id int, message text, return_value text,"
        " old_state int, new_state int, state_changed int, timestamp real)"
    )
    database.executemany("insert into monitor (id, task, state) values (?, ?, 3)", [(n + 1, SCRIPT) for n in range(runs)])
    database.commit()
    sources = {"graphite": Graphite()}
    began = time.monotonic()
    for number in range(1, runs + 1):
        task, old = database.execute("select task, state from monitor where id = ?", (number,)).fetchone()
        names = {"sources": sources, "MonitorFailure": MonitorFailure, "return_value": None}
        try:
            exec(task, names)
            state, message = 0, "Monitor Passed"
        except MonitorFailure as failure:
            state, message = 1, str(failure)
        except Exception as error:
            state, message = 2, repr(error)
        assert state == 0, message
        value, now = names["return_value"], time.time()
        database.execute("update monitor set state = ?, last_run_timestamp = ? where id = ?", (state, now, number))
        database.execute(
            "insert into monitor_log (monitor_id, message, return_value, old_state, new_state, state_changed, timestamp)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            (number, message, str(value), old, state, old != state, now),
        )
        database.commit()
    print(runs / (time.monotonic() - began))


main()
