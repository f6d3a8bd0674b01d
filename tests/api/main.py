"""Fuzzes the API against its description, as everybody who may ask, then asks everything once by a generated client."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

from browser import Browser
from server import PASSWORD, server

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs/openapi.json"
# Who asks where people have to log in; each has their own way to be refused.
PEOPLE = {"ada": "administrator", "edgar": "editor", "shopkeeper": "editor of shop", "vera": "viewer"}
TOOLS = pathlib.Path(sys.executable).parent


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=20260701, help="which random requests are made")
    arguments.add_argument("--examples", type=int, default=40, help="how many for each operation")
    arguments.add_argument("--role-examples", type=int, default=8, help="the same where people log in, for each role")
    arguments.add_argument("--only", choices=["fuzzer", "client", "roles"])
    asked = arguments.parse_args()
    began = time.monotonic()
    with server() as base:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        given_out = json.load(opener.open(f"{base}/api/v1/openapi.json"))
        if given_out != json.loads(DOCUMENT.read_text()):
            raise SystemExit("the server's document is not docs/openapi.json: build the program from this tree")
        if asked.only in (None, "fuzzer"):
            fuzz(base, "anybody, where nobody logs in", asked.seed, asked.examples)
        if asked.only in (None, "client"):
            generated(base)
    if asked.only in (None, "roles"):
        fuzz_roles(asked)
    print(f"\nThe API is as docs/openapi.json says ({time.monotonic() - began:.0f} s).")


def fuzz_roles(asked):
    """The same where people have to log in, with a token of each role, with one for metrics, and without any."""
    with server(PEOPLE) as base:
        tokens = {}
        for name, role in PEOPLE.items():
            tokens[role] = Browser(base).log_in(name, PASSWORD).token(role.split()[0])
        tokens["metrics"] = Browser(base).log_in("ada", PASSWORD).token("metrics")
        tokens["a stranger"] = None
        for role, token in tokens.items():
            fuzz(base, role, asked.seed, asked.role_examples, token)


def fuzz(base, who, seed, examples, token=None):
    """Every check of the fuzzer on every operation; a finding ends everything."""
    began = time.monotonic()
    print(f"fuzzing as {who} with seed {seed}, {examples} examples for each operation", flush=True)
    options = ["--url", base, "--seed", str(seed), "--max-examples", str(examples)]
    options += ["--header", f"Authorization: Bearer {token}"] if token else []
    options += ["--checks", "all", "--continue-on-failure", "--no-color", "--phases", "examples,coverage,fuzzing,stateful"]
    with tempfile.TemporaryDirectory(prefix="revere-fuzz-") as folder:
        ran = subprocess.run(
            [TOOLS / "st", "--config-file", HERE / "schemathesis.toml", "run", DOCUMENT, *options],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "hooks"},
        )
    if ran.returncode:
        raise SystemExit(f"the fuzzer found something as {who} (seed {seed})")
    print(f"nothing found as {who} ({time.monotonic() - began:.0f} s)\n", flush=True)


def generated(base):
    """A client made from the document, and one round of everything with it."""
    with tempfile.TemporaryDirectory(prefix="revere-client-") as folder:
        made = subprocess.run(
            [TOOLS / "openapi-python-client", "generate", "--path", DOCUMENT, "--meta", "none",
             "--output-path", pathlib.Path(folder, "revere_client"), "--fail-on-warning"],
            env={**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}"},
        )  # fmt: skip
        if made.returncode:
            raise SystemExit("no client can be generated from the document")
        sys.path.insert(0, folder)
        import client_round

        client_round.everything(base, json.loads(DOCUMENT.read_text()))


if __name__ == "__main__":
    main()
