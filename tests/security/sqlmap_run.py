"""sqlmap on every parameter of every request: in addresses, forms, JSON, and in the headers that the server reads."""

import csv
import pathlib
import subprocess
import sys
import urllib.parse

# One parameter of a path is one that it looks at; so is a header that the server keeps.
HEADERS = ["User-Agent", "X-Forwarded-For", "X-Request-Id", "Accept-Language"]


def scan(base, token, requests, folder):
    """What it found, as rows."""
    log, output = folder / "sqlmap-requests.log", folder / "sqlmap"
    asked = list(written(base, token, requests))
    log.write_text("".join(asked))
    print(f"sqlmap is given {len(asked)} requests", flush=True)
    results = folder / "sqlmap-results.csv"
    command = [pathlib.Path(sys.executable).parent / "sqlmap", "-l", log, "--batch", "--output-dir", output, "--results-file", results]
    # SQLite is what the server here keeps its data in; 401 and the like are answers to what was changed in a request. Not asked for:
    # answers that take long, which are what a refused log-in does on purpose, and the two fields that are no parameters of anything.
    command += ["--dbms", "sqlite", "--level", "1", "--risk", "1", "--technique", "BEUQ", "--skip", "token,once", "--threads", "4"]
    command += ["--ignore-code", "*", "--ignore-redirects", "--tamper", "xforwardedfor", "--timeout", "20", "--retries", "1"]
    command += ["--disable-coloring", "-v", "1"]
    with open(folder / "sqlmap.log", "w") as said:
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, timeout=900)
    text = (folder / "sqlmap.log").read_text()
    if ran.returncode or "unhandled exception" in text:
        raise SystemExit(f"sqlmap failed: {text[-2000:]}")
    found = []
    if results.exists():
        for row in csv.DictReader(results.open()):
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
        if request.route in ("/events", "/api/v1/events"):
            # A stream has no end; what its parameters do is seen by the lists that have the same.
            continue
        if "{" in request.route:
            yield entry(base, token, request, starred(request))
        if "?" in request.path or request.body or "{" not in request.route:
            yield entry(base, token, request, request.path)
    first = next(request for request in requests if request.route == "/monitor/{id}" and request.method == "GET")
    for header in HEADERS:
        yield entry(base, token, first, first.path, {header: "x*"})


def starred(request):
    """The path with a star after the value of each parameter in it."""
    path, _, query = request.path.partition("?")
    parts = zip(request.route.split("/"), path.split("/"))
    whole = "/".join(f"{value}*" if name.startswith("{") else value for name, value in parts)
    return whole + (f"?{query}" if query else "")


def entry(base, token, request, path, more=None):
    host = urllib.parse.urlsplit(base).netloc
    head = {"Host": host, "Accept": "text/html", "Origin": base}
    if path.startswith("/api/"):
        head |= {"Accept": "*/*", "Authorization": f"Bearer {token}"}
    else:
        head["Cookie"] = request.cookie
    if request.body:
        head |= {"Content-Type": request.kind, "Content-Length": str(len(request.body))}
    lines = [f"{request.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in {**head, **(more or {})}.items())]
    bar = "=" * 54
    return f"{bar}\n10:00:00  {base} [127.0.0.1]\n{bar}\n" + "\n".join(lines) + f"\n\n{request.body}\n{bar}\n\n\n"
