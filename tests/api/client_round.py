"""Every operation of the document once, by the client that was generated from it."""

import datetime
import importlib
import time

import httpx
from revere_client import Client, models


def everything(base, document):
    """Asks every operation; none is left out, and each answers what the document says."""
    names = {
        operation["operationId"]: operation["tags"][0]
        for item in document["paths"].values()
        for operation in item.values()
    }
    asked = set()
    with Client(base_url=base, raise_on_unexpected_status=True, timeout=60) as client:

        def ask(name, expected, *args, answers=200, **kwargs):
            asked.add(name)
            operation = importlib.import_module(f"revere_client.api.{names[name]}.{name}")
            answer = operation.sync_detailed(*args, client=client, **kwargs)
            assert answer.status_code == answers, f"{name}: {answer.status_code} {answer.content!r}"
            assert isinstance(answer.parsed, expected), f"{name}: {answer.parsed!r}"
            return answer.parsed

        # What the fuzzer muted would be missed.
        for mute in ask("list_mutes", models.PageMute, over=False, limit=500).items:
            ask("end_mute", models.Mute, mute.id)
        # And what it switched off, or gave to others, would tell nobody.
        told = models.AlertInput(enabled=True, states=list(models.State), severities=list(models.Severity), tags=[])
        ask("set_alert", models.Alert, "log", body=told)
        monitors(ask)
        runs(ask)
        silence(ask)
        on_call(ask)
        others(ask)
    asked.add(watch(base))
    assert asked == set(names), f"not asked: {set(names) - asked}"
    print(f"the generated client asked all {len(names)} operations")


def monitors(ask):
    """A life: made, read, changed, replaced, refused, deleted."""
    body = models.MonitorInput(name="Orders", script="return_value = 7", schedule="0 0 1 1 *", tags=["shop", "a b"])
    made = ask("create_monitor", models.Monitor, body=body, answers=201)
    assert (made.name, made.tags, made.state, made.version) == ("Orders", ["shop", "a b"], models.State.INACTIVE, 1)
    assert ask("get_monitor", models.Monitor, made.id) == made
    change = models.MonitorChange(timeout_s=2.5, retain_days=None)
    changed = ask("update_monitor", models.Monitor, made.id, body=change, if_match='"1"')
    assert (changed.timeout_s, changed.retain_days, changed.version) == (2.5, None, 2)
    stale = ask("update_monitor", models.Problem, made.id, body=change, if_match='"1"', answers=409)
    assert stale.current_version == 2
    # What an answer shows may be sent back as it is.
    whole = models.MonitorInput.from_dict(changed.to_dict())
    assert ask("replace_monitor", models.Monitor, made.id, body=whole) == changed
    bad = models.MonitorInput(name="x", script="x = (", schedule="99 * * * *")
    faults = ask("create_monitor", models.Problem, body=bad, answers=422).errors
    assert {fault.field for fault in faults} == {"schedule", "script"}, faults
    listed = ask("list_monitors", models.PageMonitor, state=[models.State.INACTIVE, models.State.OK], q="ORD", limit=5)
    assert [item.id for item in listed.items] == [made.id] and listed.next_ is None
    versions(ask, made.id)
    ask("delete_monitor", type(None), made.id, answers=204)
    ask("get_monitor", models.Problem, made.id, answers=404)
    deleted = ask("list_deleted_monitors", models.PageDeletedMonitor).items
    assert (deleted[0].id, deleted[0].name) == (made.id, "Orders")
    assert ask("undelete_monitor", models.Monitor, made.id).id == made.id
    ask("undelete_monitor", models.Problem, made.id, answers=404)
    ask("delete_monitor", type(None), made.id, answers=204)


def versions(ask, monitor):
    """What it was, twice."""
    body = models.MonitorChange(script="return_value = 8", note="eight is more")
    ask("update_monitor", models.Monitor, monitor, body=body)
    kept = ask("list_versions", models.PageVersion, monitor, limit=2)
    assert [(item.version, item.note, item.changed) for item in kept.items] == [
        (3, "eight is more", ["script"]), (2, "", ["retain_days", "timeout_s"]),
    ]  # fmt: skip
    assert ask("get_version", models.MonitorVersion, monitor, 1).script == "return_value = 7"
    difference = ask("compare_versions", models.Difference, monitor, from_=2, to=3)
    assert (difference.changes, "+return_value = 8" in difference.script) == ([], True)
    restored = ask("restore_version", models.Monitor, monitor, 2, body=models.RestoreInput(note="no"), if_match='"3"')
    assert (restored.version, restored.script) == (4, "return_value = 7")


def runs(ask):
    """A monitor that fails, and everything that is kept of it."""
    script = "print('looked')\nreturn_value = 0.5\nraise MonitorFailure('half')"
    body = models.MonitorInput(name="Half", script=script, schedule="0 0 1 1 *")
    made = ask("create_monitor", models.Monitor, body=body, answers=201)
    run = ask("run_monitor", models.Run, made.id)
    assert (run.new_state, run.kind, run.return_value) == (models.State.ALARM, models.RunKind.MANUAL, 0.5)
    kept = ask("list_runs", models.PageRun, made.id, flips=True, state=[models.State.ALARM])
    assert [item.id for item in kept.items] == [run.id]
    assert ask("list_runs", models.PageRun, made.id, before=str(run.id)).items == []
    flips = ask("list_flips", models.PageFlip, made.id).items
    assert [(flip.run_id, flip.new_state) for flip in flips] == [(run.id, models.State.ALARM)]
    assert ask("list_gaps", models.PageGap, made.id).items == []
    end = time.monotonic() + 60
    while not (told := ask("list_deliveries", models.PageDelivery, monitor=made.id, alert="log",
                           status=models.DeliveryStatus.DELIVERED).items):  # fmt: skip
        assert time.monotonic() < end, "nobody was told"
        time.sleep(0.05)
    assert (told[0].monitor_name, told[0].new_state) == ("Half", models.State.ALARM)
    body = models.EvalInput(script="return_value = previous.return_value", monitor_id=made.id)
    trial = ask("eval_script", models.Outcome, body=body)
    assert (trial.state, trial.return_value) == (models.State.OK, 0.5)


def silence(ask):
    """A problem that is acknowledged and muted, and why nobody was told."""
    body = models.MonitorInput(name="Quiet", script="raise MonitorFailure('x')", schedule="0 0 1 1 *", alerts=["log"])
    made = ask("create_monitor", models.Monitor, body=body, answers=201)
    ask("get_acknowledgement", type(None), made.id, answers=204)
    who = {item.alert: item.told for item in ask("who_is_told", models.WhoIsTold, made.id).alerts}
    assert who["log"] and not who["pager"], who
    mute = ask("add_mute", models.Mute, body=models.MuteInput(monitor_ids=[made.id], duration_s=3600), answers=201)
    assert ask("get_mute", models.Mute, mute.id) == mute and mute.in_force
    ask("run_monitor", models.Run, made.id)
    held = ask("list_held_back", models.PageHeldBack, mute.id).items
    assert [(item.monitor_name, item.alerts) for item in held] == [("Quiet", ["log"])], held
    reasons = {item.reason for item in ask("list_not_told", models.PageNotTold, monitor=made.id).items}
    assert {str(reason) for reason in reasons} >= {"muted", "not_chosen"}, reasons
    first = ask("acknowledge", models.Acknowledgement, made.id, body=models.AcknowledgementInput(note="on it"), answers=201)
    assert ask("get_acknowledgement", models.Acknowledgement, made.id) == first
    ask("take_back_acknowledgement", type(None), made.id, answers=204)
    ask("get_acknowledgement", type(None), made.id, answers=204)
    assert ask("end_mute", models.Mute, mute.id).over


def on_call(ask):
    """Who is on call, and somebody in another one's place."""
    rota = ask("get_rota", models.Rota, "night")
    assert ask("list_rotas", models.PageRota).items[0].key == rota.key == "night"
    assert [one.person for one in rota.now] == ["ann"] and not rota.gaps, rota
    ends_at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=2)
    body = models.OverrideInput(rota="night", person="ben", instead_of="ann", ends_at=ends_at)
    made = ask("add_override", models.Override, body=body, answers=201)
    assert ask("get_override", models.Override, made.id) == made
    assert [one.person for one in ask("get_rota", models.Rota, "night").now] == ["ben"]
    assert ask("list_overrides", models.PageOverride, rota="night", over=False).items[0] == made
    assert ask("end_override", models.Override, made.id).over


def others(ask):
    """Alerts, sources, trying, and the server itself."""
    assert {item.key for item in ask("list_alerts", models.PageAlert).items} >= {"log", "off", "pager"}
    chosen = models.AlertInput(enabled=True, states=[models.State.OK, models.State.ERROR])
    assert ask("set_alert", models.Alert, "pager", body=chosen).states == chosen.states
    assert ask("get_alert", models.Alert, "pager").description == "Never there"
    assert ask("test_alert", models.TestAnswer, "log").sent
    assert not ask("test_alert", models.TestAnswer, "pager").sent
    ask("test_alert", models.Problem, "off", answers=409)
    browsers = ask("list_browsers", models.Browsers, "browsers")
    body = models.BrowserInput(
        name="A browser", endpoint="http://127.0.0.1:9/", p256dh=browsers.public_key, auth="AAAAAAAAAAAAAAAAAAAAAA"
    )
    added = ask("add_browser", models.Browser, "browsers", body=body, answers=201)
    assert (added.name, added.alert, added.outdated) == ("A browser", "browsers", False), added
    ask("remove_browser", type(None), added.id, answers=204)
    told = ask("list_monitors", models.PageMonitor, limit=1).items[0].id
    shown = ask("preview_alert", models.AlertPreview, "log", monitor=told, state=models.State.OK)
    assert (shown.type_, shown.new_state) == ("log", models.State.OK) and shown.parts, shown
    body = models.AlertPreviewInput(monitor_id=told, text="{{ monitor.nmae }}")
    refused = ask("try_alert_words", models.Problem, "log", body=body, answers=422)
    assert [(fault.field, fault.line) for fault in refused.errors] == [("text", 1)], refused
    shown = {item.name: item.health for item in ask("list_sources", models.PageSource, probe=True).items}
    assert shown == {"shop": "up", "down": "down"}, shown
    named = ask("list_source_names", models.SourceNames, "shop", prefix="mail")
    assert (named.names_of, [one.written for one in named.items], named.complete) == ("paths", ["mail.queue"], True), named
    assert ask("list_source_names", models.SourceNames, "down").fault, "what is away tells nothing, and says so"
    # That it is down is told after half a minute, and can be acknowledged from then on.
    body = models.AcknowledgementInput(note="on it")
    ask("acknowledge_source", models.Problem, "shop", body=body, answers=409)
    ask("get_source_acknowledgement", type(None), "shop", answers=204)
    ask("take_back_source_acknowledgement", type(None), "shop", answers=204)
    assert ask("check_script", models.CheckAnswer, body=models.CheckInput(script="x = (")).errors[0].line == 1
    read = ask("read_schedule", models.ScheduleAnswer, body=models.ScheduleInput(schedule="@hourly", timezone="Asia/Tokyo"))
    assert len(read.ticks) == 5 and read.timezone == "Asia/Tokyo"
    rows = ask("list_audit", models.PageAuditRow, act=[models.Act.ALERT_CHANGED, models.Act.ALERT_TESTED], limit=3).items
    assert [row.act for row in rows] == [models.Act.ALERT_TESTED, models.Act.ALERT_TESTED, models.Act.ALERT_CHANGED]
    assert (rows[2].target.id, rows[2].who.kind, rows[2].door) == ("pager", "everybody", "api")
    assert ask("list_audit", models.PageAuditRow, target="alert:log", who="everybody", limit=1).items == rows[1:2]
    server = ask("get_server", models.Server)
    assert [node.this for node in server.servers] == [True] and server.database.size_bytes > 0, server
    rights = ask("get_rights", models.Rights)
    assert (rights.role, rights.tags, rights.only_looks) == (models.Role.ADMINISTRATOR, [], False), rights
    assert ask("health", models.Health).status == "ok"
    assert "revere_runs_total" in ask("metrics", str)
    assert ask("openapi", models.OpenapiResponse200)["openapi"].startswith("3.1")


def watch(base):
    """The stream of events has no end to wait for: its first event is enough."""
    with httpx.stream("GET", f"{base}/api/v1/events", timeout=60, trust_env=False) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert next(line for line in stream.iter_lines() if line) == "event: hello"
    return "watch_events"
