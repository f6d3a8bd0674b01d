"""Every request that the server can be asked: what its pages' links and forms lead to, and what its API describes."""

import html.parser
import json
import pathlib
import re
import urllib.parse
from dataclasses import dataclass, field

TABLE = pathlib.Path(__file__).resolve().parents[2] / "crates/server/src/web/access_table.rs"


@dataclass(frozen=True)
class Request:
    """One, with parameters as somebody would send them. `route` is the path as the table of routes writes it."""

    method: str
    path: str
    route: str
    body: str = ""
    kind: str = ""
    cookie: str = ""


@dataclass
class Form:
    """A form of a page."""

    method: str
    action: str
    fields: dict = field(default_factory=dict)


class Page(html.parser.HTMLParser):
    """The links and the forms of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.forms, self.area, self.select = [], [], None, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        fields = self.forms[-1].fields if self.forms else {}
        name = given.get("name")
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "form":
            self.forms.append(Form((given.get("method") or "get").upper(), given.get("action", "")))
        elif tag == "textarea" and name:
            self.area = name
            fields[name] = ""
        elif tag == "select" and name:
            self.select = name
        elif tag == "option" and self.select:
            if self.select not in fields or "selected" in given:
                fields[self.select] = given.get("value", "")
        elif tag in ("input", "button") and name:
            if given.get("type") == "radio" and name in fields and "checked" not in given:
                return
            fields[name] = given.get("value", "")

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.area = None
        elif tag == "select":
            self.select = None

    def handle_data(self, data):
        if self.area:
            self.forms[-1].fields[self.area] += data


def routes():
    """All `(method, path)` of the server's own table, which is what the guard reads."""
    found = re.findall(r'^\s+(GET|POST|PUT|PATCH|DELETE) "([^"]+)"', TABLE.read_text(), re.MULTILINE)
    if len(found) < 60:
        raise SystemExit(f"{TABLE} is read wrongly: {len(found)} routes")
    return found


def route_of(path, known):
    """The path of the table that a path of a request is."""
    plain = urllib.parse.urlsplit(path).path
    for route in sorted(known, key=lambda one: one.count("{")):
        if re.fullmatch(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(route)), plain):
            return route
    return None


def without_parts(requests):
    """Without those that say less than another one of the same route does."""

    def names(request):
        given = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query, keep_blank_values=True)
        if request.kind == "application/x-www-form-urlencoded":
            given |= urllib.parse.parse_qs(request.body, keep_blank_values=True)
        return set(given)

    def is_part(one, other):
        return (one.method, one.route) == (other.method, other.route) and names(one) < names(other)

    return [one for one in requests if not any(is_part(one, other) for other in requests)]


def of_pages(browser, starts):
    """Crawls from `starts`: every page that is linked, and every form with what stands in it; what is empty is filled."""
    known = {path for _, path in routes()}
    seen, found, ahead = set(), {}, list(starts)
    while ahead:
        address = ahead.pop(0)
        split = urllib.parse.urlsplit(address)
        # Of pages that differ in their parameters' values alone one is enough.
        shape = (split.path, tuple(sorted(urllib.parse.parse_qs(split.query, keep_blank_values=True))))
        route = route_of(address, known)
        if split.netloc or shape in seen or route is None or address.startswith("#"):
            continue
        seen.add(shape)
        found[("GET", route, shape[1])] = Request("GET", address.split("#")[0], route, cookie=browser.cookie_header())
        if route in ("/events", "/static/{file}"):
            continue
        status, headers, text = browser.ask(address)
        if status != 200 or not headers.get("content-type", "").startswith("text/html"):
            continue
        page = Page(text)
        ahead += [urllib.parse.urljoin(address, link) for link in page.links if link.startswith(("/", "?"))]
        for form in page.forms:
            if form.method == "DIALOG":
                continue
            action = urllib.parse.urljoin(split.path, form.action or split.path)
            filled = {name: value.strip() or FILLS.get(name, "x") for name, value in form.fields.items()}
            action = action.split("#")[0]
            route, fields = route_of(action, known), urllib.parse.urlencode(filled)
            key = (form.method, route, tuple(sorted(form.fields)))
            if route is None or key in found:
                continue
            if form.method == "GET":
                ahead.append(f"{action}?{urllib.parse.urlencode(form.fields)}")
            else:
                found[key] = Request("POST", action, route, fields, "application/x-www-form-urlencoded", browser.cookie_header())
    return list(found.values())


# What is typed into a field of a form that is empty.
FILLS = {"script": "return_value = 1", "new_password": "correct horse battery", "again": "correct horse battery",
         "password": "correct horse battery", "code": "123456", "tag": "mail", "tags": "shop,mail"}  # fmt: skip
# What a field of JSON may be, by its format.
SAMPLES = {"python": "return_value = 1", "crontab": "0 0 1 1 *", "timezone": "UTC", "date-time": "2026-07-01T12:00:00Z"}
# What nobody decides is shown with what somebody does, and may be sent back: it is left out.
DECIDED = {"name", "script", "schedule", "timezone", "tags", "description", "active", "retain_days", "timeout_s"}


def of_document(document, ids):
    """One request for each operation of the document, with every parameter that it has."""
    found = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            filled, query = path, {}
            for parameter in operation.get("parameters", []):
                value = ids.get(parameter["name"]) or sample(parameter["schema"], document)
                if parameter["in"] == "path":
                    filled = filled.replace("{%s}" % parameter["name"], str(value))
                elif parameter["in"] == "query":
                    query[parameter["name"]] = value[0] if isinstance(value, list) else value
            if query:
                texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
                filled += "?" + urllib.parse.urlencode(texts)
            content = operation.get("requestBody", {}).get("content", {})
            body = sample(content["application/json"]["schema"], document) if content else None
            if content and path.startswith("/api/v1/monitors"):
                body = {name: value for name, value in body.items() if name in DECIDED} if "run" not in path else {}
                # sqlmap takes two requests with one address and one body for one, whatever their methods are.
                if method == "patch":
                    body.pop("active", None)
            if content and path.startswith("/api/v1/alerts"):
                body = {"enabled": True, "states": ["OK", "ALARM"]}
            body = json.dumps(body) if content else ""
            found.append(Request(method.upper(), filled, path, body, "application/json" if content else ""))
    return found


def sample(schema, document):
    """A value that fits a schema, well enough to be looked at."""
    if "$ref" in schema:
        return sample(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]], document)
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            options = [one for one in schema[several] if one.get("type") != "null"]
            return sample(options[0], document)
    if "example" in schema:
        return schema["example"]
    if "default" in schema and schema["default"] is not None:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    kind = [one for one in kind if one != "null"][0] if isinstance(kind, list) else kind
    if kind == "object":
        fields = schema.get("properties", {}).items()
        return {name: SAMPLES["python"] if name == "script" else sample(one, document) for name, one in fields}
    if kind == "array":
        return [sample(schema.get("items", {"type": "string"}), document)]
    if kind in ("integer", "number"):
        return max(1, schema.get("minimum", 1))
    if kind == "boolean":
        return True
    return SAMPLES.get(schema.get("format"), "x")
