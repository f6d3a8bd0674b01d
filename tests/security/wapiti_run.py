"""wapiti, which crawls the pages with a session and attacks what it finds there."""

import json
import pathlib
import subprocess
import sys

# All modules that need nobody outside of this machine. Left out: those that look for other people's programs by their names
# (drupal_enum, wp_enum, nikto, wapp, network_device, spring4shell, log4shell, takeover), and those whose proof is that a server of
# their author is called (ssrf, xxe): that nothing connects but to what the configuration allows has tests of its own.
# There is no LDAP here, and for ldap every answer that changes from one request to the next is a finding. timesql repeats sqlmap.
MODULES = "backup,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,shellshock,sql,upload,xss"
# Seconds for the crawl, and for each module. docs/SECURITY.md says so.
CRAWLS, ATTACKS = 60, 15
# What ends the session or the token that is scanned with, and streams, which have no end.
LEFT_OUT = ["/logout", "/account/sessions/end", "/people/1/sessions/end", "/tokens/1/delete", "/events", "/api/v1/events"]


def scan(base, browser, token, requests, folder):
    """What it found, as rows."""
    report, starts = folder / "wapiti.json", folder / "wapiti-starts.txt"
    pages = [request.path for request in requests if request.method == "GET" and request.route not in LEFT_OUT]
    command = [pathlib.Path(sys.executable).parent / "wapiti", "--url", f"{base}/", "--scope", "domain", "--module", MODULES]
    for page in pages:
        command += ["--start", base + page]
    for left_out in LEFT_OUT:
        command += ["--exclude", base + left_out]
    command += ["--header", f"Cookie: {browser.cookie_header()}", "--header", f"Origin: {base}"]
    command += ["--format", "json", "--output", report, "--flush-session", "--store-session", folder / "wapiti-session"]
    command += ["--store-config", folder / "wapiti-config", "--no-bugreport", "--verify-ssl", "0", "--tasks", "8"]
    command += ["--depth", "3", "--max-files-per-dir", "30", "--max-links-per-page", "60", "--max-scan-time", str(CRAWLS), "--max-attack-time", str(ATTACKS), "--timeout", "10"]
    with open(folder / "wapiti.log", "w") as said:
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, timeout=900)
    if ran.returncode or not report.exists():
        raise SystemExit(f"wapiti failed: {(folder / 'wapiti.log').read_text()[-2000:]}")
    # It is no fault that a module was not through: main.py sees to it that every route was asked.
    for line in (folder / "wapiti.log").read_text().splitlines():
        if "time was reached" in line:
            print(f"wapiti stopped early: {line.strip()}", flush=True)
    whole = json.loads(report.read_text())
    found = []
    for group in ("vulnerabilities", "anomalies"):
        for name, several in whole[group].items():
            for one in several:
                found.append({"by": "wapiti", "what": name, "where": f"{one['method']} {one['path']}",
                              "detail": f"{one.get('parameter') or ''} {one['info']}"})  # fmt: skip
    return found
