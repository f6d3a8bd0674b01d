"""What `scripts/make-history` needs of PostgreSQL, by way of `psql`: rows go there by COPY, from a file of SQLite with tables of the
same columns, and runs into the weeks that a server would have made for them (crates/server/src/store/postgres/partitions.rs)."""
import datetime
import re
import subprocess
import sys

DAY = 86400 * 1_000_000
WEEK = 7 * DAY
# Rows that are sent as one text.
ROWS_AT_ONCE = 5000


class Postgres:
    """A database, by way of `psql`."""

    def __init__(self, url):
        # Revere's word for where the tables are is not that of the client library.
        self.url = re.sub(r"options(\[|%5B)search_path(\]|%5D)=(\w+)", r"options=-csearch_path%3D\3", url)

    def ask(self, sql):
        """Rows of texts."""
        command = ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", sql]
        try:
            answer = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        except FileNotFoundError:
            sys.exit("psql is not there: install the Debian package postgresql-client")
        if answer.returncode:
            sys.exit("psql could not ask the database")
        return [line.split("\t") for line in answer.stdout.splitlines()]

    def columns(self):
        """The columns of each table, each with its default."""
        rows = self.ask(
            "select table_name, column_name, coalesce(column_default, '') from information_schema.columns"
            " join information_schema.tables using (table_schema, table_name)"
            " where table_schema = current_schema() and table_type = 'BASE TABLE' order by table_name, ordinal_position"
        )
        found = {}
        for table, name, default in rows:
            found.setdefault(table, []).append((name, default))
        return found

    def partitions(self, first, last):
        """Statements that make the weeks from one instant to the other at least, as the server would have made them in time."""
        rows = self.ask(
            "select c.relname, pg_get_expr(c.relpartbound, c.oid) from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " where i.inhparent = 'runs'::regclass"
        )
        bounds = {name: re.match(r"FOR VALUES FROM \('?(.*?)'?\) TO \('?(.*?)'?\)", bound).groups() for name, bound in rows}
        # What is older than any week.
        [(oldest, until)] = [(name, int(until)) for name, (begin, until) in bounds.items() if begin == "MINVALUE"]
        there = [(int(begin), int(until)) for begin, until in bounds.values() if begin != "MINVALUE"]
        # Day 0 was a Thursday.
        monday = (first + 3 * DAY) // WEEK * WEEK - 3 * DAY
        if monday < until:
            yield f"alter table runs detach partition {oldest};"
            yield f"alter table runs attach partition {oldest} for values from (minvalue) to ({monday});"
        for week in range(monday, max(last + 1, until), WEEK):
            if any(begin <= week < end for begin, end in there):
                continue
            day = datetime.datetime.fromtimestamp(week // 1_000_000, datetime.timezone.utc)
            name = f"runs_from_{day:%Y%m%d}"
            yield f"create table {name} (like runs including defaults);"
            yield f"alter table {name} add primary key (id);"
            yield f"alter table runs attach partition {name} for values from ({week}) to ({week + WEEK});"

    def session(self):
        return Session(self.url)


class Session:
    """One session, which does what it is told as it comes and ends at the first fault."""

    def __init__(self, url):
        command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
        self.psql = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def say(self, text):
        try:
            self.psql.stdin.write(text.encode() + b"\n")
        except BrokenPipeError:
            sys.exit("the database refused it: see above")

    def take_indexes_away(self, table):
        self.say(
            "create temp table put_back on commit drop as select cast(indexrelid::regclass as text) as name,"
            " replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') as made"
            f" from pg_index where indrelid = '{table}'::regclass and not indisunique;"
        )
        self.say("select 'drop index ' || name from put_back \\gexec")

    def put_indexes_back(self):
        self.say("select made from put_back \\gexec")

    def copy(self, database, table, columns):
        names = ", ".join(f'"{name}"' for name in columns)
        # Nothing is left empty but what is null.
        fields = " || ',' || ".join(f"""coalesce('"' || replace("{name}", '"', '""') || '"', '')""" for name in columns)
        self.say(f"copy {table} ({names}) from stdin (format csv);")
        last = database.execute(f"select max(rowid) from {table}").fetchone()[0] or 0
        for start in range(1, last + 1, ROWS_AT_ONCE):
            rows = f"select {fields} as line from {table} where rowid between {start} and {start + ROWS_AT_ONCE - 1}"
            text = database.execute(f"select group_concat(line, char(10)) from ({rows})").fetchone()[0]
            if text is not None:
                self.say(text)
        self.say("\\.")

    def end(self):
        try:
            self.psql.stdin.close()
        except BrokenPipeError:
            pass
        if self.psql.wait():
            sys.exit("the database refused it: see above")


def described(name, default):
    """A column of PostgreSQL as SQLite has it, as far as it matters here."""
    if name == "id":
        return "id integer primary key"
    default = re.sub("::[a-z ]+", "", default)
    return f'"{name}" default {default}' if default else f'"{name}"'
