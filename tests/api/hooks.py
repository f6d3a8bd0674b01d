"""What the document says in words, for the fuzzer: texts of formats that JSON Schema does not know."""

import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.specs.openapi.checks import use_after_free as is_gone

# Scripts compile, for a monitor that does not is refused. What they do is of every kind.
SCRIPTS = st.sampled_from(
    [
        "pass",
        "return_value = 1",
        "return_value = 'zwölf'",
        "return_value = 10 ** 30",
        "return_value = float('nan')",
        "print('\\x00\\ud800' * 100)",
        "raise MonitorFailure('too high')",
        "1 / 0",
        "return_value = sources['shop'].get_sum('orders.count', '-10min')",
        "return_value = sources['shop'].nothing()",
        "return_value = sources['down'].execute('select 1')",
        "import sys; sys.exit(3)",
        "previous.nothing",
        "# " + "ü" * 1000,
    ]
)

SCHEDULES = st.one_of(
    st.sampled_from(["@hourly", "@daily", "@yearly", "0 9-17/2 * * MON-FRI", "0 0 L * *", "0 0 * * 5#2", "0 0 1W * *"]),
    st.builds("{} {} * * *".format, st.integers(0, 59), st.integers(0, 23)),
    st.builds("0 {} {} {} *".format, st.integers(0, 23), st.integers(1, 28), st.integers(1, 12)),
)

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])

schemathesis.openapi.format("python", SCRIPTS)
schemathesis.openapi.format("crontab", SCHEDULES)
schemathesis.openapi.format("timezone", ZONES)
schemathesis.openapi.format("alert-key", st.sampled_from(["log", "pager", "off", *[f"off{number}" for number in range(64)]]))


@schemathesis.hook
def filter_body(context, body):
    """What no schema can say: tags that differ in case alone are the same tag, and what a mute names must be there and fit
    together. Mutes for a time are asked for here, of everything, a tag, an alert or a severity; the others by hand-written tests."""
    if context.operation is not None and context.operation.path == "/api/v1/mutes" and isinstance(body, dict):
        if any(body.get(name) for name in ("monitor_ids", "starts_at", "ends_at", "schedule", "timezone")):
            return False
        if any(name in body and body[name] is not None for name in ("starts_at", "ends_at", "schedule", "timezone")):
            return False
        if "duration_s" not in body:
            return False
    tags = body.get("tags") if isinstance(body, dict) else None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return True
    same = {tag.strip().lower() for tag in tags}
    return len(same) == len(tags)


@schemathesis.hook
def before_call(context, case, **kwargs):
    """A window of runs has room for as many as are to fail, which no schema can say: where both are right by themselves and do not
    fit, or one alone meets what the monitor has, they are counted in a row. `tests/it/api/alarm_window.rs` has each refusal."""
    body = case.body
    if case.operation.path == "/api/v1/alerts/{key}/browsers" and isinstance(body, dict):
        subscription(body)
    if not case.operation.path.startswith("/api/v1/monitors") or not isinstance(body, dict):
        return
    # 608.0 is an integer to a schema.
    right = lambda name, most: type(body.get(name)) in (int, float) and body[name] == int(body[name]) and 1 <= body[name] <= most
    window, after = right("alarm_window", 60), right("alarm_after", 1000)
    if window and after and body["alarm_window"] < body["alarm_after"]:
        body["alarm_window"] = None
    elif case.operation.method.upper() == "PATCH" and (after and "alarm_window" not in body or window and "alarm_after" not in body):
        body["alarm_window"] = None


def subscription(body):
    """What a browser brings is of its own making, which no schema can say: an address of a push service that may be asked and a
    point of a curve (that of RFC 8291). `tests/it/api/browsers.rs` has each refusal."""
    right = {
        "endpoint": (2000, "http://127.0.0.1:9/taken"),
        "p256dh": (None, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        "auth": (None, "BTBZMqHH6r4Tts7J_aSIgg"),
    }
    for name, (most, value) in right.items():
        if isinstance(body.get(name), str) and (most is None or len(body[name]) <= most):
            body[name] = value
    name = body.get("name")
    if isinstance(name, str) and 1 <= len(name) <= 80 and (not name.strip() or not name.isprintable()):
        body["name"] = "A browser"


CHECKS.unregister("use_after_free")


@schemathesis.check
def use_after_free(ctx, response, case):
    """What was deleted is not there any more, but for who looks after a problem: that nobody does is an answer (204) and no
    missing thing. In the place of the check of the same name, which cannot be switched off for one operation."""
    return None if case.operation.path.endswith("/acknowledgement") else is_gone(ctx, response, case)
