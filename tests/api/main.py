"""Fuzzes the API against its description, then asks everything once by a generated client."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

from server import server

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs/openapi.json"
TOOLS = pathlib.Path(sys.executable).parent


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=20260701, help="which random requests are made")
    arguments.add_argument("--examples", type=int, default=40, help="how many for each operation")
    arguments.add_argument("--only", choices=["fuzzer", "client"])
    asked = arguments.parse_args()
    began = time.monotonic()
    with server() as base:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        given_out = json.load(opener.open(f"{base}/api/v1/openapi.json"))
        if given_out != json.loads(DOCUMENT.read_text()):
            raise SystemExit("the server's document is not docs/openapi.json: build the program from this tree")
        if asked.only != "client":
            fuzz(base, asked)
        if asked.only != "fuzzer":
            generated(base)
    print(f"\nThe API is as docs/openapi.json says ({time.monotonic() - began:.0f} s).")


def fuzz(base, asked):
    """Every check of the fuzzer on every operation; a finding ends everything."""
    print(f"fuzzing with seed {asked.seed}, {asked.examples} examples for each operation", flush=True)
    options = ["--url", base, "--seed", str(asked.seed), "--max-examples", str(asked.examples)]
    options += ["--checks", "all", "--continue-on-failure", "--no-color", "--phases", "examples,coverage,fuzzing,stateful"]
    with tempfile.TemporaryDirectory(prefix="revere-fuzz-") as folder:
        ran = subprocess.run(
            [TOOLS / "st", "--config-file", HERE / "schemathesis.toml", "run", DOCUMENT, *options],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "hooks"},
        )
    if ran.returncode:
        raise SystemExit(f"the fuzzer found something (seed {asked.seed})")


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
