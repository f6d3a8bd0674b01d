//! `revere eval --tape` and `revere replay`: a run as a file, played again where nothing of the first one is left.

use std::{
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::Shell;

/// A server that answers with the request that it got, headers and all, as long as the test lives.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && socket.read(&mut byte).is_ok_and(|read| read > 0) {
                head.push(byte[0]);
            }
            let length = head.len();
            let status = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            let _ = socket.write_all(&[status.as_bytes(), &head].concat());
        }
    });
    address
}

fn config(shell: &Shell, address: &str) {
    shell.write(
        "config.py",
        &format!("REVERE_SOURCES = {{'web': {{'type': 'http', 'config': {{'base_url': 'http://{address}/a'}}}}}}\n"),
    );
}

/// A folder with a tape and nothing else: no configuration, no script, no helper.
fn elsewhere(tape: &str) -> Shell {
    let shell = Shell::new();
    shell.write("tape.json", tape);
    shell
}

#[test]
fn a_run_is_played_again_without_configuration_and_network() {
    let shell = Shell::new();
    config(&shell, &echo());
    shell.write(
        "m.py",
        "import random, time\ntext = sources['web'].get('/b', params={'n': random.random()}).text\ntime.sleep(0.01)\n\
         print(time.time(), random.random())\nraise MonitorFailure(text)\n",
    );
    let recorded = shell.run("eval --json --tape tape.json m.py").exits(1);
    let mode = std::fs::metadata(shell.path("tape.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "what sources answered is nobody else's business");
    let other = elsewhere(&std::fs::read_to_string(shell.path("tape.json")).unwrap());
    drop(shell);
    let played = other.run("replay --json tape.json").exits(1);
    let (recorded, mut played): (Value, Value) =
        (serde_json::from_str(&recorded.stdout).unwrap(), serde_json::from_str(&played.stdout).unwrap());
    assert_eq!((played["differences"].take(), played["notes"].take()), (json!([]), json!([])));
    for field in ["state", "message", "return_value", "output", "traceback", "source_calls"] {
        assert_eq!(played[field], recorded[field], "{field}");
    }
    assert!(played["message"].as_str().unwrap().contains("GET /a/b?n=0."), "{played}");
    let said = other.run("replay tape.json").exits(1);
    assert!(said.stdout.starts_with("ALARM  GET /a/b?n=0.") && said.stdout.ends_with("The same as on the tape.\n"));
}

#[test]
fn what_differs_is_named() {
    let shell = Shell::new();
    config(&shell, &echo());
    shell.write(
        "m.py",
        "x = sources['web'].get('/first').text\nfor path in x.split()[1:2]:\n    sources['web'].get(path, params={'q': 1})\n\
         return_value = len(x)\n",
    );
    shell.run("eval --tape tape.json m.py").exits(0);
    let tape = std::fs::read_to_string(shell.path("tape.json")).unwrap();
    let changed = |from: &str, to: &str| elsewhere(&tape.replacen(from, to, 1));

    let other = changed("GET /a/first ", "GET /a/fjrst ");
    let said = other.run("replay tape.json").exits(4);
    for part in [
        "DIFFERS  call 2: the script asks web.get('/a/fjrst', params={'q': 1}), which is not on the tape: \
         it has web.get('/a/first', params={'q': 1}) there",
        "note  call 1, web.get, was changed after it was recorded",
    ] {
        assert!(said.stdout.contains(part), "{part} in {}", said.stdout);
    }
    let said: Value = serde_json::from_str(&other.run("replay --json tape.json").exits(4).stdout).unwrap();
    let difference = json!({
        "what": "call", "number": 2, "taped": "web.get('/a/first', params={'q': 1})",
        "replayed": "web.get('/a/fjrst', params={'q': 1})",
    });
    assert_eq!((&said["state"], &said["differences"]), (&Value::Null, &json!([difference])));

    let mut without: Value = serde_json::from_str(&tape).unwrap();
    without["calls"].as_array_mut().unwrap().remove(1);
    let said = elsewhere(&without.to_string()).run("replay tape.json").exits(4);
    assert!(said.stdout.contains("call 2: the script asks web.get('/a/first', params={'q': 1})"), "{}", said.stdout);
    assert!(said.stdout.contains("it has no more calls"), "{}", said.stdout);

    let said = changed("return_value = len(x)", "return_value = len(y)").run("replay tape.json").exits(4);
    for part in ["state: OK on the tape, ERROR now", "the script was changed after it was recorded"] {
        assert!(said.stdout.contains(part), "{part} in {}", said.stdout);
    }
}

#[test]
fn what_cannot_be_played_is_3_and_says_why() {
    let shell = Shell::new();
    shell.write("m.py", "return_value = 1");
    shell.run("eval --tape tape.json m.py").exits(0);
    let tape = std::fs::read_to_string(shell.path("tape.json")).unwrap();
    shell.write("newer.json", &tape.replacen("\"version\": 1", "\"version\": 12", 1));
    shell.write("broken.json", &tape[..tape.len() / 2]);
    for (arguments, says) in [
        ("replay nowhere.json", "cannot read the tape nowhere.json"),
        ("replay m.py", "m.py cannot be replayed: this is not a tape"),
        ("replay broken.json", "broken.json cannot be replayed: this is not a tape"),
        ("replay newer.json", "this is a tape of version 12, and this Revere reads version 1"),
        ("replay", "<FILE>"),
        ("eval --tape nowhere/at/all.json m.py", "cannot write the tape nowhere/at/all.json"),
    ] {
        let said = shell.run(arguments).exits(3);
        assert!(said.stderr.contains(says), "{arguments}: {}", said.stderr);
    }
    // Another interpreter may do something else: it is said, and tried all the same.
    let mut other: Value = serde_json::from_str(&tape).unwrap();
    other["guest"] = "00112233".into();
    let said = elsewhere(&other.to_string()).run("replay tape.json").exits(0);
    assert!(said.stdout.contains("note  the tape was made with another embedded Python"), "{}", said.stdout);
}

/// One secret of each kind that can be configured, said back by servers in every way they may: none is on the tape.
#[test]
fn no_secret_is_on_a_tape() {
    let shell = Shell::new();
    let address = echo();
    let canary = |name: &str| format!("canary-{name}-4f9b2c7d1e");
    let names = [
        "password",
        "token",
        "header",
        "url-password",
        "url-query",
        "url-path",
        "graphite",
        "prometheus",
        "database",
        "environment",
        "settings",
        "alert",
    ];
    let [
        password,
        token,
        header,
        url_password,
        url_query,
        url_path,
        graphite,
        prometheus,
        database,
        environment,
        settings,
        alert,
    ] = names.map(canary);
    shell.write(
        "plugin.py",
        "import json, os, sys\n\
         for line in sys.stdin:\n    \
             question = json.loads(line)\n    \
             if question['method'] == 'describe':\n        \
                 settings = question['params']\n        \
                 doc = 'with ' + settings['password']\n        \
                 result = {'methods': [{'name': 'tell', 'signature': '(*args)', 'doc': doc}]}\n    \
             else:\n        \
                 result = {'all': [settings, os.environ['PLUGIN_TOKEN']], 'args': question['params']['args'],\n            \
                     settings['password']: {'$bytes': 'AAD/' + settings['base64']}}\n    \
             print(json.dumps({'jsonrpc': '2.0', 'id': question['id'], 'result': result}), flush=True)\n",
    );
    let encoded = BASE64_STANDARD.encode(format!("xyz{settings}\u{0}"));
    shell.write(
        "config.py",
        &format!(
            "REVERE_SOURCES = {{\n\
             'basic': {{'type': 'http', 'config': {{'base_url': 'http://{address}/', 'auth_username': 'u', 'auth_password': '{password}'}}}},\n\
             'bearer': {{'type': 'http', 'config': {{'base_url': 'http://{address}/', 'auth_token': '{token}', 'headers': {{'X-Key': '{header}'}}}}}},\n\
             'url': {{'type': 'http', 'config': {{'base_url': 'http://u:{url_password}@{address}/{url_path}?token={url_query}'}}}},\n\
             'graphite': {{'type': 'graphite', 'config': {{'url': 'http://u:{graphite}@{address}/'}}}},\n\
             'prometheus': {{'type': 'prometheus', 'config': {{'url': 'http://{address}/', 'headers': {{'Authorization': 'Custom {prometheus}'}}}}}},\n\
             'database': {{'type': 'database', 'config': {{'connection_string': 'postgresql://u:{database}@127.0.0.1:1/x'}}}},\n\
             'plugin': {{'type': 'command', 'config': {{'command': ['python3', 'plugin.py'], \
                 'settings': {{'password': '{settings}', 'base64': '{encoded}'}}, 'environment': {{'PLUGIN_TOKEN': '{environment}'}}}}}},\n\
             }}\n\
             REVERE_ALERTS = {{'hook': {{'type': 'webhook', 'config': {{'url': 'http://{address}/?key={alert}'}}}}}}\n\
             PYTHON_PATH = 'library'\n"
        ),
    );
    shell.write("library/helper.py", &format!("KEY = '{header}'\n"));
    shell.write(
        "m.py",
        &format!(
            "import base64, helper\n\
             print(sources['plugin'].tell.__doc__)\n\
             kept = ['{password}', helper.KEY]\n\
             for name in ('basic', 'bearer', 'url'):\n    \
                 answer = sources[name].get('', params={{'said': '{alert}'}})\n    \
                 kept += [answer.text, answer.content, dict(answer.headers), base64.b64encode(answer.content)]\n\
             for ask in (lambda: sources['graphite'].get_sum('{graphite}'), lambda: sources['prometheus'].value('up'),\n        \
                     lambda: sources['database'].execute('select 1')):\n    \
                 try:\n        \
                     ask()\n    \
                 except SourceError as error:\n        \
                     kept.append(str(error))\n\
             kept.append(sources['plugin'].tell(*kept))\n\
             kept.append(sources['plugin'].tell(repr(kept[-1]).encode(), {{'{token}': (1, '{database}')}}))\n\
             print(kept)\n\
             return_value = repr(kept)\n\
             raise MonitorFailure(repr(kept))\n"
        ),
    );
    let said = shell.run("eval --tape tape.json m.py").exits(1);
    let tape = std::fs::read_to_string(shell.path("tape.json")).unwrap();
    let parsed: Value = serde_json::from_str(&tape).unwrap();
    assert_eq!(parsed["calls"].as_array().unwrap().len(), 8, "{}", said.stdout);
    for place in ["script", "helpers.helper", "calls[0]", "calls[1]", "calls[2]", "calls[6]", "calls[7]", "outcome"] {
        assert!(parsed["redacted"].as_array().unwrap().contains(&place.into()), "{place} in {}", parsed["redacted"]);
    }
    for name in names {
        let secret = canary(name);
        let reversible = [
            secret.clone(),
            BASE64_STANDARD.encode(&secret)[..20].to_owned(),
            BASE64_STANDARD.encode(format!("x{secret}"))[4..24].to_owned(),
            BASE64_STANDARD.encode(format!("xy{secret}"))[4..24].to_owned(),
        ];
        for form in reversible {
            assert!(!tape.contains(&form), "{name}: {form} is in {}", around(&tape, &form));
        }
    }
    for bytes in tape.split('"').filter_map(|text| BASE64_STANDARD.decode(text).ok()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("canary-"), "{text}");
    }
    let other = elsewhere(&tape);
    let said = other.run("replay tape.json");
    assert!(said.stdout.contains("note  secrets were taken off the tape"), "{said:?}");
    assert!(!said.stdout.contains("canary-"), "{said:?}");
}

fn around<'a>(text: &'a str, part: &str) -> &'a str {
    let at = text.find(part).unwrap_or_default();
    &text[text.floor_char_boundary(at.saturating_sub(200))..text.floor_char_boundary(at + 200)]
}
