"""A person with a browser, as far as a server sees: keeps cookies, fills in forms, and goes where it is sent."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request


class Stays(urllib.request.HTTPRedirectHandler):
    """Goes nowhere by itself."""

    def redirect_request(self, *_):
        return None


class Browser:
    """One on the server at `base`. Its answers are `(status, headers, text)`."""

    def __init__(self, base):
        self.base = base
        self.jar = http.cookiejar.CookieJar()
        cookies = urllib.request.HTTPCookieProcessor(self.jar)
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies, Stays)

    def ask(self, path, form=None):
        """Gets a page, or sends a form with the browser's token."""
        data = None
        if form is not None:
            data = urllib.parse.urlencode({"token": self.cookies().get("revere_form", ""), **form}).encode()
        request = urllib.request.Request(self.base + path, data, {"Accept": "text/html", "Origin": self.base})
        try:
            answer = self.opener.open(request, timeout=60)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            return answer.status, answer.headers, answer.read().decode()

    def cookies(self):
        """By name."""
        return {cookie.name: cookie.value for cookie in self.jar}

    def cookie_header(self):
        """As a browser sends them."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies().items())

    def log_in(self, name, password):
        """Comes in, or ends everything."""
        self.ask("/login")
        status, _, text = self.ask("/login", {"name": name, "password": password, "code": "", "to": "/"})
        if status != 303:
            raise SystemExit(f"{name} does not get in: {status} {text}")
        return self

    def token(self, may, tags=""):
        """Makes an API token."""
        status, _, text = self.ask("/tokens", {"name": f"for {may}", "may": may, "tags": tags, "days": "2"})
        if status != 201:
            raise SystemExit(f"no token for {may}: {status} {text}")
        return re.search(r'<code class="once">([^<]+)</code>', text)[1]
