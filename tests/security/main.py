"""Scanners with a login against every route; what they find must stand in findings.json with a reason."""

import argparse
import contextlib
import dataclasses
import json
import pathlib
import re
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "api"))

from browser import Browser  # noqa: E402
from server import PASSWORD, server  # noqa: E402

import sqlmap_run  # noqa: E402
import wapiti_run  # noqa: E402
from requests_of import Request, of_document, of_pages, routes, without_parts  # noqa: E402

# She is the only administrator, so that nobody takes that from her; what is done to people is done to the others.
PEOPLE = {"ada": "administrator", "bob": "editor of shop", "vera": "viewer", "dora": "viewer"}
# Whoever asks says where from, as a proxy would: guesses are limited by address.
CONFIG = "TRUSTED_PROXIES = ['127.0.0.1']\n"
# What ends the session that asks for it: asked last, each with a session of its own.
ENDS = ("/logout", "/account/sessions/end")
# What ends the thing that it is about.
ENDS_THINGS = ("/monitor/{id}/delete", "/tokens/{id}/delete")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", choices=["sqlmap", "wapiti"])
    arguments.add_argument("--keep", type=pathlib.Path, help="a folder for their reports")
    asked = arguments.parse_args()
    began = time.monotonic()
    found = []
    with contextlib.ExitStack() as stack:
        folder = asked.keep or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="revere-security-")))
        folder.mkdir(parents=True, exist_ok=True)
        base = stack.enter_context(server(PEOPLE, CONFIG))
        ada = Browser(base).log_in("ada", PASSWORD)
        token = ada.token("administrator")
        lasting, endings = prepared(base, ada, token)
        requests = lasting + endings
        everything = {(request.method, request.route) for request in requests}
        print(f"{len(requests)} requests for {len(everything)} routes", flush=True)
        if asked.only != "wapiti":
            found += sqlmap_run.scan(base, token, lasting, endings, folder)
            print(f"sqlmap is through ({time.monotonic() - began:.0f} s)", flush=True)
        if asked.only != "sqlmap":
            found += wapiti_run.scan(base, ada, token, requests, folder)
            print(f"wapiti is through ({time.monotonic() - began:.0f} s)", flush=True)
        still_in(base, ada, token)
        streams(base, ada, token)
        found += failures(base, token, None if asked.only else everything)
    unexplained(found)
    print(f"\nNothing unexplained was found ({time.monotonic() - began:.0f} s).")


def prepared(base, ada, token):
    """Things to ask for, and all requests about them: those that end nothing, and those that end something."""
    for name in ("first", "second", "third"):
        body = {"name": name, "script": "return_value = 1", "schedule": "0 0 1 1 *", "tags": ["shop"]}
        api(base, token, "POST", "/api/v1/monitors", body)
    api(base, token, "POST", "/api/v1/monitors/1/run", {})
    ada.token("viewer")
    document = api(base, token, "GET", "/api/v1/openapi.json")
    people = re.findall(r'href="(/people/\d+)">(?!ada)', ada.ask("/people")[2])
    starts = ["/", "/monitor/1", "/monitor/1/history", "/create", "/alerts", "/alert/log/edit", "/sources", "/account", "/tokens",
              "/tokens?before=9", people[0], "/people?after=a", "/monitor/1/chart?range=7d", "/monitor/1/history.csv", "/counts",
              "/create/read-back?schedule=%40daily&timezone=UTC", "/events?monitor=1", "/icon.svg?failing=1",
              "/favicon.ico"]  # fmt: skip
    style = re.search(r'href="(/static/app[^"]*css)"', ada.ask("/")[2])[1]
    requests = of_pages(ada, [*starts, style])
    stranger = Browser(base)
    requests += of_pages(stranger, ["/login?to=/alerts"])
    known = {"id": 2, "key": "log", "version": 1, "before": 999, "after": 1, "alert": "log", "who": "stranger", "target": "monitor:1"}
    requests += of_document(document, known)
    requests += [others(base, ada, stranger, method, route) for method, route in missing(requests)]
    requests = without_parts(requests)
    last = [one for one in requests if one.route in ENDS + ENDS_THINGS or one.method == "DELETE" or "/sessions/" in one.route]
    return [one for one in requests if one not in last], [own_session(base, one) for one in last]


def missing(requests):
    """What no page of this moment leads to."""
    asked = {(request.method, request.route) for request in requests}
    return [route for route in routes() if route not in asked]


def others(base, ada, stranger, method, route):
    """That, as it is sent when one does."""
    samples = {"id": "3", "key": "log", "slug": "queue", "secret": "A" * 43, "version": "1", "provider": "google", "name": "x"}
    path = re.sub(r"\{(\w+)\}", lambda name: samples[name[1]], route)
    browser = stranger if route.startswith("/link/") else ada
    fields = {"token": browser.cookies()["revere_form"], "name": "x", "code": "123456", "password": PASSWORD,
              "new_password": PASSWORD, "again": PASSWORD, "script": "return_value = 1"}  # fmt: skip
    body = urllib.parse.urlencode(fields) if method == "POST" else ""
    return Request(method, path, route, body, "application/x-www-form-urlencoded" if body else "", browser.cookie_header())


def own_session(base, request):
    """The same in a session that may end by it."""
    if request.route not in ENDS:
        return request
    dora = Browser(base).log_in("dora", PASSWORD)
    fields = urllib.parse.urlencode({"token": dora.cookies()["revere_form"]})
    return dataclasses.replace(request, body=fields, cookie=dora.cookie_header())


def api(base, token, method, path, body=None):
    """What the API answers."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(base + path, json.dumps(body).encode() if body is not None else None, headers, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return json.loads(answer.read())


def still_in(base, ada, token):
    """Scanners that were thrown out meanwhile have shown nothing."""
    if ada.ask("/account")[0] != 200:
        raise SystemExit("the session ended while it was used")
    api(base, token, "GET", "/api/v1/monitors")


def streams(base, ada, token):
    """Streams have no end for a scanner to wait for; what their parameters do is seen by lists that have the same. Their heads are asked
    for."""
    for path, header in ("/events?monitor=1'", ("Cookie", ada.cookie_header())), ("/api/v1/events?monitor=1'", ("Authorization", f"Bearer {token}")):
        for address in (path, path.split("?")[0]):
            request = urllib.request.Request(base + address, headers=dict([header]))
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60).close()


def failures(base, token, wanted):
    """By the server's own count: what it answered with 5xx, and which route nobody asked for."""
    request = urllib.request.Request(f"{base}/metrics", headers={"Authorization": f"Bearer {token}"})
    text = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60).read().decode()
    counted = {}
    for labels, count in re.findall(r"^revere_http_requests_total\{(.*)\} (\d+)$", text, re.MULTILINE):
        given = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        counted[(given["method"], given["route"], given["status"])] = int(count)
    found = [
        {"by": "server", "what": f"status {status}", "where": f"{method} {route}", "detail": f"{count} times"}
        for (method, route, status), count in counted.items()
        if status.startswith("5")
    ]
    let_in = {(method, route) for method, route, status in counted if status not in ("401", "403")}
    for route in sorted((wanted or set()) - let_in):
        found.append({"by": "server", "what": "nobody got in", "where": " ".join(route), "detail": "no answer but 401 and 403"})
    print(f"{sum(counted.values())} requests were answered, of {len({key[:2] for key in counted})} routes", flush=True)
    return found


def unexplained(found):
    """Everything that was found and stands in no row of findings.json ends everything; so does a row without a finding."""
    rows = json.loads((HERE / "findings.json").read_text())
    used, left = set(), []
    for one in found:
        fits = [
            number
            for number, row in enumerate(rows)
            if row["by"] == one["by"] and re.fullmatch(row["what"], one["what"]) and re.fullmatch(row["where"], one["where"])
        ]
        used.update(fits)
        if not fits:
            left.append(one)
    for one in left:
        print(json.dumps(one, indent=1))
    if left:
        raise SystemExit(f"{len(left)} findings that tests/security/findings.json does not explain")
    by = {one["by"] for one in found}
    for number, row in enumerate(rows):
        if number not in used and row["by"] in by and row.get("always", True):
            print(f"findings.json explains what is not found any more: {row['what']} {row['where']}")


if __name__ == "__main__":
    main()
