"""sqlmap on every parameter of every request: in addresses, forms, JSON, and in the headers that the server reads. And by the time of an
answer alone, on what reaches a statement."""

import concurrent.futures
import contextlib
import csv
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import careless_server

# One parameter of a path is one that it looks at; so is a header that the server keeps.
HEADERS = ["User-Agent", "X-Forwarded-For", "X-Request-Id", "Accept-Language"]
# A stream has no end; what its parameters do is seen by the lists that have the same.
STREAMS = ("/events", "/api/v1/events")
# Parameters of addresses that reach a statement: filters, orders, cursors, searches, ids. Names of path parameters besides.
REACH_STATEMENTS = {"q", "tag", "state", "severity", "sort", "after", "before", "limit", "monitor", "alert", "status", "rota", "over",
                    "flips", "who", "act", "target", "from", "to", "until", "run", "version", "at", "deleted"}  # fmt: skip
# Heavy statements are what SQLite has to be slow by; each of these three kinds is one that a value may stand in.
HEAVY = r"SQLite > 2\.0 (AND time-based blind|OR time-based blind|time-based blind - Parameter replace) \(heavy query\)"

# Seconds for one run of it.
LONGEST = 900


def scan(base, token, requests, endings, folder):
    """What it found, as rows. Of all requests `endings` end what others are about."""
    # SQLite is what the server here keeps its data in; 401 and the like are answers to what was changed in a request. Not asked for:
    # answers that take long, which are what a refused log-in does on purpose, the two fields that are no parameters of anything, and
    # `at`, a time that is read before a database is asked: it takes the two ways to be no time for columns, counts up to 99 of them
    # and looks for minutes behind each. By time that is asked, too.
    how = ["--level", "1", "--risk", "1", "--technique", "BEUQ", "--skip", "token,once,at", "--threads", "4"]
    # By time first, and with nothing beside it.
    found = by_time(base, token, requests + endings, folder)
    # It computes with one processor for as long as the server does with another: two of it share the rest.
    asked = list(written(base, token, requests)) + headers(base, token, requests)
    with concurrent.futures.ThreadPoolExecutor() as both:
        rows = both.map(lambda half: ran(folder, f"sqlmap-{half}", asked[half - 1 :: 2], how), (1, 2))
        found += [row for half in rows for row in findings(half)]
    return found + findings(ran(folder, "sqlmap-endings", list(written(base, token, endings)), how))


def by_time(base, token, requests, folder):
    """What shows by the time of an answer alone, of what reaches a statement; with a server that has such a fault, which must be
    found: whoever finds nothing there finds nothing here."""
    began = time.monotonic()
    asked = list(timed(base, token, requests))
    with careless_server.running() as careless:
        # What it finds it keeps by host and path, and takes up again for another port: this path is nobody else's.
        asked.append(entry(careless, token, None, "/careless?name=ada*"))
        how = ["--level", "3", "--technique", "T", "--test-filter", HEAVY, "--time-sec", "2"]
        rows = ran(folder, "sqlmap-by-time", asked, how)
    there = [row for row in rows if row["Target URL"].startswith(f"{careless}/")]
    if not findings(there):
        raise SystemExit(f"sqlmap does not find by time what is there to be found: {there}")
    print(f"sqlmap asked by time for {len(asked) - 1} parameters ({time.monotonic() - began:.0f} s)", flush=True)
    return findings([row for row in rows if row not in there])


def ran(folder, name, asked, how):
    """Has it ask these requests; answers the rows of its results."""
    log, output, results = folder / f"{name}-requests.log", folder / name, folder / f"{name}-results.csv"
    log.write_text("".join(asked))
    # It adds to what an earlier run has left there.
    results.unlink(missing_ok=True)
    print(f"{name} is given {len(asked)} requests", flush=True)
    command = [pathlib.Path(sys.executable).parent / "sqlmap", "-l", log, "--batch", "--output-dir", output, "--results-file", results]
    command += ["--dbms", "sqlite", *how, "--ignore-code", "*", "--ignore-redirects", "--tamper", "xforwardedfor"]
    command += ["--timeout", "20", "--retries", "1", "--disable-coloring", "-v", "1"]
    with open(folder / f"{name}.log", "w") as said:
        try:
            failed = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, timeout=LONGEST).returncode
        except subprocess.TimeoutExpired:
            failed = 0
            print(f"{name} was stopped after {LONGEST} s; what it had found until then counts", flush=True)
    text = (folder / f"{name}.log").read_text()
    if failed or "unhandled exception" in text:
        raise SystemExit(f"{name} failed: {text[-2000:]}")
    return list(csv.DictReader(results.open())) if results.exists() else []


def findings(rows):
    """Of its rows those that are a finding."""
    found = []
    for row in rows:
        if "false positive or unexploitable" in (row.get("Note(s)") or ""):
            # What it suspected and could not show when it looked again: on a busy machine answers differ by chance.
            print(f"sqlmap suspected and then ruled out: {row['Parameter']} of {row['Target URL']}")
        elif row.get("Technique(s)"):
            found.append({"by": "sqlmap", "what": f"{row['Technique(s)']}: {row['Parameter']}",
                          "where": f"{row['Place']} {row['Target URL']}", "detail": row.get("Note(s)", "")})  # fmt: skip
    return found


def written(base, token, requests):
    """The requests in the form of a proxy's log, which it reads. Parameters inside a path are marked with a star."""
    for request in requests:
        if request.route in STREAMS:
            continue
        if "{" in request.route:
            yield entry(base, token, request, starred(request))
        if "?" in request.path or request.body or "{" not in request.route:
            yield entry(base, token, request, request.path)


def headers(base, token, requests):
    """A request for each header that the server reads, in the same form."""
    first = next(request for request in requests if request.route == "/monitor/{id}" and request.method == "GET")
    return [entry(base, token, first, first.path, {header: "x*"}) for header in HEADERS]


def timed(base, token, requests):
    """One request for each parameter that reaches a statement, with a star after its value; only such as are answered, for a refusal
    asks the database nothing."""
    seen, refused = set(), []
    for request in requests:
        if request.method != "GET" or request.route in (*STREAMS, "/login"):
            continue
        path, _, query = request.path.partition("?")
        marked = []
        # Ids in the addresses of pages go where those of the API go.
        if "{" in request.route and path.startswith("/api/"):
            marked.append(("", [(path, starred(request).partition("?")[0])]))
        given = urllib.parse.parse_qsl(query, keep_blank_values=True)
        for name in dict.fromkeys(name for name, _ in given if name in REACH_STATEMENTS):
            # Alone, for what is wrong with another one would hide it; or last of all, where it means nothing alone.
            own = urllib.parse.urlencode([pair for pair in given if pair[0] == name])
            rest = urllib.parse.urlencode([pair for pair in given if pair[0] != name])
            ways = [f"{path}?{own}", f"{path}?{rest}&{own}"]
            marked.append((name, [(way, f"{way}*") for way in ways]))
        for name, ways in marked:
            if (request.route, name) in seen:
                continue
            seen.add((request.route, name))
            star = next((star for plain, star in ways if is_answered(base, token, request, plain)), None)
            if star is None:
                refused.append(ways[0][0])
            else:
                yield entry(base, token, request, star)
    print(f"not asked by time, for they are refused as they are: {', '.join(refused) or 'none'}", flush=True)


def is_answered(base, token, request, path):
    asked = urllib.request.Request(base + path, headers=head(base, token, request, path))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(urllib.error.HTTPError):
        opener.open(asked, timeout=60).close()
        return True
    return False


def starred(request):
    """The path with a star after the value of each parameter in it."""
    path, _, query = request.path.partition("?")
    parts = zip(request.route.split("/"), path.split("/"))
    whole = "/".join(f"{value}*" if name.startswith("{") else value for name, value in parts)
    return whole + (f"?{query}" if query else "")


def head(base, token, request, path):
    """The headers that it is asked with."""
    given = {"Host": urllib.parse.urlsplit(base).netloc, "Accept": "text/html", "Origin": base}
    if path.startswith("/api/"):
        return given | {"Accept": "*/*", "Authorization": f"Bearer {token}"}
    return given | ({"Cookie": request.cookie} if request else {})


def entry(base, token, request, path, more=None):
    """A request as it stands in the log; without one, of a server that asks for nothing."""
    given = head(base, token, request, path)
    body = request.body if request else ""
    if body:
        given |= {"Content-Type": request.kind, "Content-Length": str(len(body))}
    method = request.method if request else "GET"
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in {**given, **(more or {})}.items())]
    bar = "=" * 54
    return f"{bar}\n10:00:00  {base} [127.0.0.1]\n{bar}\n" + "\n".join(lines) + f"\n\n{body}\n{bar}\n\n\n"
