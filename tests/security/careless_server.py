"""A server that puts what it is asked into a statement and answers the same whatever comes of it: only the time of its answer shows
that. Scanners are tried with it."""

import contextlib
import http.server
import sqlite3
import threading
import urllib.parse


class Careless(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        given = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query, keep_blank_values=True)
        name = given.get("name", [""])[0]
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            database.execute("create table people (name text)")
            database.execute("insert into people values ('ada')")
            # What is no statement any more is nobody's business, either.
            with contextlib.suppress(sqlite3.Error, sqlite3.Warning):
                database.execute(f"select 1 from people where name = '{name}'").fetchall()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def running():
    """Its address, while it runs."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Careless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
