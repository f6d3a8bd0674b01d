//! A rota in the configuration, from the outside: what is wrong with it, who is told, and why.

use serde_json::{Value, json};

use super::Shell;

/// Alice and Bob, each with a file that holds what they were told.
const CONFIG: &str = "
def told(name):
    return {'type': 'command', 'config': {'command': ['sh', '-c', f'cat >> {name}.txt; echo told {name}']}}

REVERE_ALERTS = {
    'alice_sms': told('alice'),
    'bob_sms': told('bob'),
    'ops': {'type': 'on_call', 'config': {
        'people': {'alice': 'alice_sms', 'bob': 'bob_sms'},
        'layers': [{'people': ['alice'], 'from': '2020-01-06'}],
        'escalate_after': '15min',
    }},
}
";

#[tokio::test]
async fn whoever_is_on_call_is_told_and_the_question_who_would_be_says_so() {
    let shell = Shell::new();
    shell.write("config.py", CONFIG);
    let said = shell.run("check").exits(0);
    assert!(said.stdout.contains("on call    ops"), "{}", said.stdout);
    assert!(!said.stderr.contains("nobody"), "{}", said.stderr);
    let server = shell.serve(&[]);
    let monitor = json!({"name": "Disk", "script": "raise MonitorFailure('full')", "schedule": "@yearly"});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    let said = shell.run("alert who 1").exits(0);
    assert_eq!(
        said.stdout,
        "Notified of ALARM (critical):\n  \
           yes  ops        it notifies of this\n       \
                           on call: alice by alice_sms; then bob\n  \
           no   alice_sms  it notifies only while whoever it reaches is on call\n  \
           no   bob_sms    it notifies only while whoever it reaches is on call\n"
            .replace("       on call", "                  on call")
    );
    let answer: Value =
        serde_json::from_str(&shell.run("alert who 1 --json --at 2019-12-24T22:00:00Z").exits(0).stdout).unwrap();
    assert_eq!(answer, server.json("/api/v1/monitors/1/who?at=2019-12-24T22:00:00Z").await);
    let never = server.json("/api/v1/monitors/1/who?at=9999-12-31T23:59:59Z").await;
    assert!(never["alerts"].is_array(), "the last second of the calendar is a time, too: {never}");
    assert_eq!(answer["alerts"][0]["on_call"]["words"], "nobody is on call; then alice, then bob");

    assert_eq!(server.post("/api/v1/monitors/1/run", &json!({})).await.0, 200);
    let sent = server.wait_for("/api/v1/deliveries?status=delivered", |page| {
        let items = page["items"].as_array()?;
        (items.len() == 2).then(|| items.clone())
    });
    let sent = sent.await;
    let of = |alert: &str| sent.iter().find(|one| one["alert"] == alert).unwrap().clone();
    assert_eq!(of("ops")["reply"], "alice is on call for 'ops' (alice_sms)");
    let why = "alice is on call for 'ops'";
    assert_eq!((&of("alice_sms")["on_call"], &of("ops")["on_call"]), (&json!(why), &json!(null)));
    let told = std::fs::read_to_string(shell.path("alice.txt")).unwrap();
    assert!(told.contains(&format!("On call: {why}")), "{told}");
    assert!(!shell.path("bob.txt").exists());
    let silent = server.json("/api/v1/not-told?monitor=1").await;
    assert_eq!(silent["items"][0]["reason"], "on_call_only", "{silent}");
    // Whoever was told by the rota does not stand among those who were not.
    let page = server.get("/monitor/1").await.1;
    let not_told = page.split("Not notified").nth(1).unwrap_or_default();
    assert!(not_told.contains("bob_sms") && !not_told.contains("alice_sms"), "{not_told}");
    let said = shell.run("alert test ops").exits(0);
    assert!(said.stdout.contains("alice by alice_sms: ") && said.stdout.contains("told alice"), "{}", said.stdout);
    // Whoever cannot be reached is not told first.
    let mute = json!({"alert": "alice_sms", "duration_s": 3600});
    let (status, made) = server.post("/api/v1/mutes", &mute).await;
    assert_eq!(status, 201, "{made}");
    let on_call = server.json("/api/v1/monitors/1/who?state=ERROR").await["alerts"][0]["on_call"].clone();
    assert_eq!((&on_call["people"], &on_call["then"]), (&json!([]), &json!(["bob"])));
    let words = "whoever is on call cannot be reached; then bob; alice cannot be reached: alice_sms is muted";
    assert_eq!(on_call["words"], words);
    server.stop();
}

#[test]
fn gaps_and_mistakes_are_said_before_they_cost_a_message() {
    let shell = Shell::new();
    shell.write("config.py", &CONFIG.replace("'from': '2020-01-06'", "'from': '2020-01-06', 'weekdays': ['mon']"));
    let said = shell.run("check").exits(0);
    assert!(
        said.stderr.contains("REVERE_ALERTS['ops']['config']['layers']: nobody is on call from "),
        "{}",
        said.stderr
    );
    shell.write("config.py", &CONFIG.replace("'people': ['alice']", "'people': ['alcie']"));
    let said = shell.run("check").exits(1);
    assert!(said.stderr.contains("unknown person 'alcie'; did you mean 'alice'?"), "{}", said.stderr);
    shell.write("config.py", &CONFIG.replace("'type': 'on_call'", "'type': 'oncall'"));
    let said = shell.run("check").exits(1);
    assert!(said.stderr.contains("did you mean 'on_call'?"), "{}", said.stderr);
}

/// Bob, for ever, by a calendar; and an event of nobody.
const CALENDAR: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20200101T000000Z\r\nDTEND:20200102T000000Z\r\n\
                        RRULE:FREQ=DAILY\r\nSUMMARY:On Call - Robert - Ops\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:2\r\nDTSTART;VALUE=DATE:20200101\r\n\
                        RRULE:FREQ=DAILY\r\nSUMMARY:Holidays\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn by_a_calendar(place: &str) -> String {
    let layers = "'layers': [{'people': ['alice'], 'from': '2020-01-06'}],";
    CONFIG.replace(layers, &format!("{place}, 'calendar_names': {{'Robert': 'bob'}},"))
}

#[tokio::test]
async fn a_calendar_says_who_is_on_call_and_its_last_copy_counts_while_it_is_away() {
    let shell = Shell::new();
    let file = shell.write("ops.ics", CALENDAR);
    shell.write("config.py", &by_a_calendar("'ical_file': 'ops.ics'"));
    let said = shell.run("check --connect").exits(0);
    assert!(said.stdout.contains("the calendar of ops answers"), "{}", said.stdout);
    let server = shell.serve(&[]);
    let fetched = |rotas: &Value| rotas["items"][0]["calendar"]["fetched_at"].as_str().map(str::to_owned);
    let copied = server.wait_for("/api/v1/on-call", fetched).await;
    let rota = server.json("/api/v1/on-call/ops").await;
    assert_eq!(rota["now"], json!([{"person": "bob", "layer": null, "override_id": null}]));
    assert_eq!((&rota["gaps"], &rota["calendar"]["fault"]), (&json!([]), &json!(null)));
    assert_eq!(
        rota["calendar"]["faults"],
        json!(["\"Holidays\" is about nobody of the rota: name them in calendar_names"])
    );
    let monitor = json!({"name": "Disk", "script": "raise MonitorFailure('full')", "schedule": "@yearly"});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    assert_eq!(server.post("/api/v1/monitors/1/run", &json!({})).await.0, 200);
    let told = |page: &Value| page["items"].as_array()?.iter().find(|one| one["alert"] == "bob_sms").cloned();
    let told = server.wait_for("/api/v1/deliveries?status=delivered", told).await;
    assert_eq!(told["on_call"], "bob is on call for 'ops'");
    server.stop();

    std::fs::remove_file(&file).unwrap();
    let said = shell.run("check --connect").exits(1);
    assert!(said.stdout.contains("the calendar of ops") && said.stdout.contains("ops.ics"), "{}", said.stdout);
    let server = shell.serve(&[]);
    let fault = |rotas: &Value| rotas["items"][0]["calendar"]["fault"].as_str().map(str::to_owned);
    let fault = server.wait_for("/api/v1/on-call", fault).await;
    assert!(fault.contains("ops.ics"), "{fault}");
    let rota = server.json("/api/v1/on-call/ops").await;
    assert_eq!((&rota["now"][0]["person"], &rota["calendar"]["fetched_at"]), (&json!("bob"), &json!(copied)));
    assert!(server.get("/on-call").await.1.contains("<b>The calendar cannot be fetched</b>"));
    assert!(server.get("/alerts").await.1.contains("<b>A calendar cannot be fetched</b>"));
    server.stop();
}

/// As calendars hand themselves out, and as they stand in the bar of a browser.
#[test]
fn an_address_of_a_calendar_will_do_as_it_was_copied_or_what_to_copy_is_said() {
    let shell = Shell::new();
    shell.write("config.py", &by_a_calendar("'ical_url': 'webcal://calendar.example.com/published/ops.ics'"));
    let said = shell.run("check").exits(0);
    assert!(said.stdout.contains("on call    ops"), "{}", said.stdout);
    shell.write("config.py", &by_a_calendar("'ical_url': 'https://calendar.google.com/calendar/embed?src=ops'"));
    let said = shell.run("check").exits(1);
    let words = "['ical_url']: leads to the pages that people read; expected the secret address in iCal format";
    assert!(said.stderr.contains(words), "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_calendar_is_fetched_from_an_address_that_nobody_sees_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = vec![0; 4096];
            let read = stream.read(&mut asked).await.unwrap_or(0);
            let found = String::from_utf8_lossy(&asked[..read]).contains("/s3cret-key/ops.ics");
            let (status, body) = if found { ("200 OK", CALENDAR) } else { ("404 Not Found", "no such calendar") };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/calendar\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    let shell = Shell::new();
    shell.write("config.py", &by_a_calendar(&format!("'ical_url': 'http://{address}/s3cret-key/ops.ics'")));
    let server = shell.serve(&[]);
    let now = |rotas: &Value| rotas["items"][0]["now"][0]["person"].as_str().map(str::to_owned);
    assert_eq!(server.wait_for("/api/v1/on-call", now).await, "bob");
    server.stop();
    shell.write("config.py", &by_a_calendar(&format!("'ical_url': 'http://{address}/s3cret-other/ops.ics'")));
    let said = shell.run("check --connect").exits(1);
    assert!(said.stdout.contains("404") && !said.stdout.contains("s3cret"), "{}", said.stdout);
    let server = shell.serve(&[]);
    let fault = |rotas: &Value| rotas["items"][0]["calendar"]["fault"].as_str().map(str::to_owned);
    let fault = server.wait_for("/api/v1/on-call", fault).await;
    assert!(fault.contains("404") && !fault.contains("s3cret"), "{fault}");
    assert!(!server.get("/on-call").await.1.contains("s3cret"));
    assert!(!server.stop().contains("s3cret"));
}
