//! The configuration file as its author meets it: `revere init`, `revere check`, and what they say of mistakes.

use std::os::unix::fs::PermissionsExt;

use super::{Shell, said};
use crate::support::processor;

#[test]
fn init_writes_a_file_that_is_right_as_it_is_and_never_overwrites() {
    let shell = Shell::new();
    let said = shell.run("init").exits(0);
    assert!(said.stdout.contains("revere check"), "{}", said.stdout);
    let file = shell.path("config.py");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let said = shell.run("check").exits(0);
    assert!(said.stdout.contains("config.py is right"), "{}", said.stdout);

    std::fs::write(&file, "TIMEZONE = 'Europe/Berlin'").unwrap();
    let said = shell.run("init").exits(1);
    assert!(said.stderr.contains("already there and was left as it is"), "{}", said.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "TIMEZONE = 'Europe/Berlin'");
}

#[test]
fn init_names_another_file_in_its_next_step() {
    let shell = Shell::new();
    let said = shell.run("init -c other.py").exits(0);
    assert!(said.stdout.contains("revere run -c other.py"), "{}", said.stdout);
    shell.run("check -c other.py").exits(0);
    let said = shell.run("-c nowhere/at/all/config.py init").exits(1);
    assert!(said.stderr.contains("cannot write nowhere/at/all/config.py"), "{}", said.stderr);
}

#[test]
fn the_examples_inside_the_written_file_work_when_uncommented() {
    let shell = Shell::new();
    shell.run("init").exits(0);
    let written = std::fs::read_to_string(shell.path("config.py")).unwrap();
    let uncommented: String = written
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(code) if !code.is_empty() && (code.starts_with("    ") || !code.starts_with(' ')) => {
                format!("{code}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    assert_ne!(written, uncommented);
    shell.write("config.py", &uncommented);
    std::fs::create_dir(shell.path("monitor_library")).unwrap();
    let said = shell.run("check").exits(0);
    assert!(said.stdout.contains("graphite, orders, prometheus, shop"), "{}", said.stdout);
    assert!(said.stdout.contains("Europe/Berlin"), "{}", said.stdout);
}

#[test]
fn no_file_is_said_in_one_line() {
    let shell = Shell::new();
    let said = shell.run("check").exits(0);
    assert!(said.stdout.starts_with("There is no config.py here, so everything is at its default."), "{}", said.stdout);
    assert!(said.stdout.contains("revere.db"), "{}", said.stdout);
    assert_eq!(said.stderr, "");
}

#[test]
fn every_fault_is_reported_at_once_with_its_line() {
    let shell = Shell::new();
    shell.write(
        "config.py",
        "\
import os
REVERE_SOURCES = {
    'graphite': {
        'type': 'graphite',
        'config': {'url': 'graphite.example.com', 'timout': 5},
    },
    'shop': {'type': 'databse', 'config': {}},
}
REVERE_ALERTS = {'log': {'description': 'no type'}}
TIMEZONE = 'Europe/Berln'
RUN_TIMEOUT = 'soon'
REVERE_ALERT = {}
",
    );
    let said = shell.run("check").exits(1);
    assert_eq!(said.stdout, "");
    let stderr = said.stderr.replace(&shell.folder.path().canonicalize().unwrap().display().to_string(), "FOLDER");
    insta::assert_snapshot!(stderr, @r#"
    error: FOLDER/config.py has 7 faults
      line 5: REVERE_SOURCES['graphite']['config']['url']: expected an address beginning with http:// or https://, and this has neither; write http://graphite.example.com or https://graphite.example.com
      line 5: REVERE_SOURCES['graphite']['config']['timout']: unknown key 'timout'; did you mean 'timeout'?
      line 7: REVERE_SOURCES['shop']['type']: unknown source type 'databse'; did you mean 'database'?
      line 9: REVERE_ALERTS['log']['type']: missing; expected a text that is not empty: its type
      line 10: TIMEZONE: "Europe/Berln" is not a known time zone: did you mean Europe/Berlin?
      line 11: RUN_TIMEOUT: expected a number of seconds above 0, not 'soon'
      line 12: REVERE_ALERT: unknown key 'REVERE_ALERT'; did you mean 'REVERE_ALERTS'? (names of your own: begin them with an underscore, or write them small)
    "#);
}

/// What one key holds must not hide what is wrong with its neighbours.
#[test]
fn a_value_that_is_no_plain_data_and_an_unknown_key_hide_no_other_fault() {
    let shell = Shell::new();
    shell.write(
        "config.py",
        "\
import datetime, pathlib
_HERE = pathlib.Path(__file__).parent
_Engine = object()
helper = Mixed = lambda: 1
DATABASE_PATH = _HERE / 'data.db'
REVERE_SOURCES = {
    'graphite': {
        'type': 'graphite', 'descr': 'x',
        'config': {'url': object(), 'timout': 5, 'verify_ssl': {1, 2}},
    },
    'shop': {'type': 'database', 'config': {'connection_string': 'sqlite:///x.db', 'max_rows': -1}},
    7: {'type': 'database'},
}
REVERE_ALERTS = {'mail': {'type': 'email', 'config': {
    'host': 'smtp://127.0.0.1:25', 'prot': 25, 'security': 'ssl', 'from': 'a@x.org', 'to': 'b@x.org, c@x.org'}}}
RUN_TIMEOUT = datetime.timedelta(seconds=3)
TIMEZONE = 'Mars'
OTHER = object()
",
    );
    let said = shell.run("check").exits(1);
    let stderr = said.stderr.replace(&shell.folder.path().canonicalize().unwrap().display().to_string(), "FOLDER");
    for line in [
        "error: FOLDER/config.py has 13 faults\n",
        "  line 6: REVERE_SOURCES: expected texts as the keys of a dict, not an int\n",
        "  line 8: REVERE_SOURCES['graphite']['descr']: unknown key 'descr'; known: type, description, enabled, config; what its type needs stands inside of 'config'\n",
        "  line 9: REVERE_SOURCES['graphite']['config']['url']: expected plain data (texts, numbers, True, False, None, lists, dicts), not a value of type object\n",
        "  line 9: REVERE_SOURCES['graphite']['config']['verify_ssl']: expected plain data (texts, numbers, True, False, None, lists, dicts), not a value of type set\n",
        "  line 9: REVERE_SOURCES['graphite']['config']['timout']: unknown key 'timout'; did you mean 'timeout'?\n",
        "  line 11: REVERE_SOURCES['shop']['config']['max_rows']: expected a whole number, 0 or more, not -1\n",
        "  line 15: REVERE_ALERTS['mail']['config']['prot']: unknown key 'prot'; did you mean 'port'?\n",
        "  line 15: REVERE_ALERTS['mail']['config']['security']: expected 'starttls', 'tls' or 'none', not 'ssl'\n",
        "; several are written as a list, ['a@example.com', 'b@example.com']\n",
        "  line 16: RUN_TIMEOUT: expected plain data (texts, numbers, True, False, None, lists, dicts), not a value of type timedelta\n",
        "  line 17: TIMEZONE: \"Mars\" is not a known time zone",
        "  line 18: OTHER: unknown key 'OTHER'",
    ] {
        assert!(stderr.contains(line), "{line}\n{stderr}");
    }
    assert!(!stderr.contains("missing; expected an address"), "{stderr}");

    shell.write("config.py", "import pathlib\n_HERE = pathlib.Path(__file__).parent\nDATABASE_PATH = _HERE / 'data.db'\nLoop = []\nLoop.append(Loop)\n");
    let said = shell.run("check").exits(0);
    assert!(
        said.stdout.contains(&format!("{}\n", shell.folder.path().canonicalize().unwrap().join("data.db").display()))
    );
    shell.write("config.py", "REVERE_SOURCES = {}\nREVERE_SOURCES['a'] = REVERE_SOURCES\nRUN_TIMEOUT = 'x'\n");
    let said = shell.run("check").exits(1);
    assert!(
        said.stderr.contains("nested more than 100 levels deep") && said.stderr.contains("RUN_TIMEOUT"),
        "{}",
        said.stderr
    );
}

#[test]
fn what_python_takes_and_nobody_means_is_a_warning() {
    let shell = Shell::new();
    shell.write(
        "config.py",
        "from datetime import timezone\nrevere_sources = {}\nREVERE_ALERTS = {\n    'log': {'type': 'log'},\n    'log': {'type': 'log', 'enabled': False},\n}\n",
    );
    let said = shell.run("check").exits(0);
    for warning in [
        "warning: revere_sources: sets nothing: settings are written in capitals, REVERE_SOURCES\n",
        "warning: line 5: the key 'log' stands twice in one dict, and only the last of them counts\n",
    ] {
        assert!(said.stderr.contains(warning), "{}", said.stderr);
    }
    assert_eq!(said.stderr.matches("warning").count(), 2, "{}", said.stderr);
}

#[test]
fn what_the_sandbox_refuses_says_what_to_do_instead() {
    let shell = Shell::new();
    for (line, says) in [
        (
            "open('/etc/hostname')",
            "a configuration cannot open files: what differs between machines comes from os.environ",
        ),
        ("import requests", "the .py files beside it"),
    ] {
        shell.write("config.py", line);
        let said = shell.run("check").exits(1);
        assert!(said.stderr.contains(says) && said.stderr.contains("line 1"), "{}", said.stderr);
    }
    shell.write("config.py", "DATABASE_PATH = 'nowhere/at/all.db'");
    let said = shell.run("check").exits(1);
    assert!(said.stderr.contains("DATABASE_PATH: the folder ") && !said.stdout.contains("right"), "{}", said.stderr);
}

/// A name of a mebibyte was compared with every known one, letter by letter. A text of that length costs the same.
#[test]
fn a_name_of_any_length_costs_and_says_little() {
    let shell = Shell::new();
    let (small, capital) = ("x".repeat(1 << 20), "X".repeat(1 << 20));
    shell.write("config.py", &format!("_text = '{small}'"));
    // What a process spent is counted in ticks, and more on a busy machine: the most of three for the one, the least for the other.
    let text = (0..3).map(|_| processor::spent(|| shell.run("check").exits(0)).1).max().unwrap();
    for (config, says) in [
        (format!("REVERE_SOURCES = {{'{small}': {{'typ': 1}}}}"), "a name of 1 to 200 printable characters"),
        (format!("REVERE_SOURCES = {{'g': {{'{small}': 1}}}}"), "unknown key 'xxx"),
        (format!("REVERE_SOURCES = {{'g': {{'type': '{small}'}}}}"), "unknown source type 'xxx"),
        (format!("REVERE_ALERTS = {{'g': {{'type': '{small}'}}}}"), "unknown alert type 'xxx"),
        (format!("REVERE_ALERTS = {{'g': {{'type': 'log', 'config': {{'{small}': 1}}}}}}"), "unknown key 'xxx"),
        (format!("{capital} = 1"), "unknown key 'XXX"),
        (format!("TIMEZONE = '{small}'"), "is not a known time zone"),
    ] {
        shell.write("config.py", &config);
        let check = || {
            let (said, spent) = processor::spent(|| shell.run("check").exits(1));
            assert!(said.stderr.contains(says) && said.stderr.len() < 2000, "{says}: {:.2000}", said.stderr);
            spent
        };
        let name = (0..3).map(|_| check()).min().unwrap();
        assert!(name < 5 * text, "{says}: {name:?}, and a text {text:?}");
    }
}

#[test]
fn a_syntax_error_shows_line_and_caret() {
    let shell = Shell::new();
    shell.write("config.py", "TIMEZONE = 'UTC'\nREVERE_SOURCES = {'a' 'b': }\n");
    let said = shell.run("check").exits(1);
    assert!(said.stderr.contains("SyntaxError"), "{}", said.stderr);
    assert!(said.stderr.contains("line 2"), "{}", said.stderr);
    assert!(said.stderr.contains('^'), "{}", said.stderr);
}

#[test]
fn a_missing_comma_is_named_with_its_place() {
    let shell = Shell::new();
    let database = "'type': 'database',\n    'config': {'connection_string': 'sqlite:///hunter2.db'}";
    for (config, place) in [
        // Python stumbles over the colon of the next line, or over a dict that begins lines before.
        ("A = {\n    'type': 'database'\n    'config': {'url': 'hunter2'},\n}".to_owned(), "at the end of line 2"),
        (format!("A = {{'shop': {{\n    {database}\n}}  # hunter2\n'two': {{}}}}"), "at the end of line 4"),
        ("A = ['a',\n'b'\n{'c': 1}]".to_owned(), "at the end of line 2"),
        ("A = {'password': str('hunter2') 'user': 'me'}".to_owned(), "in line 1, before column 33"),
        ("A = {'\u{e4}\u{1f525}': 1 'b': 2 'c': 3}".to_owned(), "in line 1, before column 14"),
        ("A = dict(a=1,\n  b=f'{1}'\n  c=2)".to_owned(), "at the end of line 2"),
        ("A = {'a': 1".to_owned(), ""),
        ("A = )".to_owned(), ""),
        ("if True:\nA = 1".to_owned(), ""),
    ] {
        shell.write("config.py", &config);
        for command in ["check", "run"] {
            let said = shell.run(command).exits(1).stderr;
            assert!(said.contains("Error in line") && !said.contains("hunter2"), "{config}: {said}");
            if place.is_empty() {
                assert!(!said.contains("probably missing"), "{config}: {said}");
            } else {
                assert!(said.contains(&format!("\n(a comma is probably missing {place})\n")), "{config}: {said}");
                let line = place.rsplit("line ").next().and_then(|rest| rest.split(',').next()).unwrap_or_default();
                assert!(said.contains(&format!("evaluated: SyntaxError in line {line}\n")), "{config}: {said}");
            }
        }
    }
    shell.write("config.py", "A = {\n    'type': 'hunter2'\n    'config': {'url': 'hunter2'},\n}");
    let said = shell.run("check").exits(1).stderr;
    assert!(
        said.contains("    'config': {'url': '*******'},\n"),
        "keys at the beginning of a line are no secrets: {said}"
    );
}

#[test]
fn an_exception_shows_where_it_came_from() {
    let shell = Shell::new();
    shell.write("config.py", "import os\nSECRET_KEY = os.environ['NOT_SET_ANYWHERE']\n");
    let said = shell.run("check").exits(1);
    assert!(said.stderr.contains("KeyError") && said.stderr.contains("NOT_SET_ANYWHERE"), "{}", said.stderr);
    assert!(said.stderr.contains("line 2"), "{}", said.stderr);
}

#[test]
fn it_reads_the_environment_and_its_own_folder_and_nothing_else() {
    let shell = Shell::new();
    shell.write("settings/parts.py", "zone = 'Europe/' + 'Vienna'");
    shell.write("settings/config.py", "import os, parts\nTIMEZONE = parts.zone\nDATABASE_PATH = os.environ['WHERE']");
    let arguments = ["check", "-c", "settings/config.py"];
    let first = said(shell.revere().args(arguments).env("WHERE", "data.db")).exits(0);
    assert!(first.stdout.contains("Europe/Vienna"), "{}", first.stdout);
    // A relative path counts from the folder of the file.
    assert!(first.stdout.contains("settings/data.db"), "{}", first.stdout);

    shell.write("config.py", "open('/etc/passwd').read()");
    let said = shell.run("check").exits(1);
    assert!(said.stderr.contains("FileNotFoundError") || said.stderr.contains("Error"), "{}", said.stderr);
}

#[test]
fn the_file_may_be_named_before_the_command_after_it_and_in_the_environment() {
    let shell = Shell::new();
    shell.write("a.py", "TIMEZONE = 'Asia/Tokyo'");
    for arguments in ["-c a.py check", "check -c a.py", "check --config=a.py"] {
        assert!(shell.run(arguments).exits(0).stdout.contains("Asia/Tokyo"), "{arguments}");
    }
    let by_environment = said(shell.revere().arg("check").env("REVERE_CONFIG_FILE", "a.py")).exits(0);
    assert!(by_environment.stdout.contains("Asia/Tokyo"));
}

#[test]
fn what_the_original_had_is_accepted_with_a_word_or_refused_with_a_way() {
    let shell = Shell::new();
    shell.write("config.py", "DEBUG = True\n");
    let warned = shell.run("check").exits(0);
    assert!(warned.stderr.contains("warning: DEBUG: ignored"), "{}", warned.stderr);
    shell.write("config.py", "SQLALCHEMY_DATABASE_URI = 'sqlite:////tmp/x.db'\n");
    let refused = shell.run("check").exits(1);
    assert!(
        refused.stderr.contains("set DATABASE_PATH") && refused.stderr.contains("revere import"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_password_sent_for_all_to_read_is_warned_of() {
    let shell = Shell::new();
    let mail = |host: &str, security: &str| {
        let config = format!(
            "{{'host': '{host}', 'security': '{security}', 'username': 'u', 'password': 'mail-s3cret', \
             'from': 'a@example.org', 'to': 'b@example.org'}}"
        );
        shell.write("config.py", &format!("REVERE_ALERTS = {{'ops': {{'type': 'email', 'config': {config}}}}}"));
        shell.run("check").exits(0).stderr.clone()
    };
    let warned = mail("smtp.example.org", "none");
    let warning =
        "warning: REVERE_ALERTS['ops']['config']['security']: 'none' sends the password to smtp.example.org for anyone";
    assert!(warned.contains(warning) && !warned.contains("s3cret"), "{warned}");
    for (host, security) in [("smtp.example.org", "tls"), ("localhost", "none"), ("127.0.0.1", "none")] {
        assert!(!mail(host, security).contains("warning"), "{host} {security}");
    }
}

#[test]
fn keys_made_in_a_configuration_are_other_ones_at_every_start() {
    let shell = Shell::new();
    shell.write(
        "config.py",
        "import os, random, secrets\nraise RuntimeError(os.urandom(8).hex() + ' ' + secrets.token_hex(8) + ' ' + str(random.random()))\n",
    );
    let made = || {
        let said = shell.run("check").exits(1);
        let line =
            said.stderr.lines().rev().find(|line| line.contains("RuntimeError: ")).unwrap_or_default().to_owned();
        assert_ne!(line, "", "{}", said.stderr);
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let (first, second) = (made(), made());
    assert_eq!(first.len(), second.len());
    let same: Vec<_> = first.iter().zip(&second).filter(|(one, other)| one == other).map(|(one, _)| one).collect();
    assert_eq!(same, ["RuntimeError:"]);
}

#[test]
fn what_python_says_of_a_mistake_holds_no_password() {
    let shell = Shell::new();
    shell.write("parts.py", "def made():\n    return 'hunter3' + None\n");
    for (mistake, line) in [
        ("PASSWORD = 'hunter2' + None", "PASSWORD = '*******' + None"),
        ("REVERE_SOURCES = {'a': 'hunter2' 'b': }", "REVERE_SOURCES = {'a': '*******' '*': }"),
        ("PIN = 48151623 + 'x'  # hunter2", "PIN = ******** + '*'"),
        ("import parts; parts.made()", "import parts; parts.made()"),
        ("import os; int(os.environ['DB_PASSWORD'])", "import os; int(os.environ['***********'])"),
    ] {
        shell.write("config.py", &format!("import os\n{mistake}\n"));
        let said = said(shell.revere().arg("check").env("DB_PASSWORD", "hunter4")).exits(1);
        assert!(said.stderr.contains("line 2") && said.stderr.contains("Error: "), "{}", said.stderr);
        assert!(said.stderr.contains(line), "{}", said.stderr);
        for secret in ["hunter", "48151623"] {
            assert!(!said.stderr.contains(secret), "{}", said.stderr);
        }
    }
    shell.write(
        "config.py",
        "REVERE_SOURCES = {'d': {'type': 'graphite', 'config': {'url': 'http://g/', 'auth_password': 48151623}}}",
    );
    let said = shell.run("check").exits(1);
    assert!(said.stderr.contains("auth_password") && !said.stderr.contains("48151623"), "{}", said.stderr);
}

/// Whom to ask directly is said as for curl and Python.
#[test]
fn no_proxy_is_heeded_in_all_its_forms() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in server.incoming() {
            let mut socket = socket.unwrap();
            let _ = std::io::Read::read(&mut socket, &mut [0; 4096]);
            let _ = std::io::Write::write_all(&mut socket, b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        }
    });
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let shell = Shell::new();
    let source = format!("{{'type': 'http', 'description': '', 'config': {{'base_url': 'http://127.0.0.1:{port}'}}}}");
    shell.write("config.py", &format!("REVERE_SOURCES = {{'web': {source}}}\n"));
    let check = |name: &str, value: &str| {
        let mut revere = shell.revere();
        for variable in ["http_proxy", "no_proxy", "NO_PROXY", "ALL_PROXY", "all_proxy"] {
            revere.env_remove(variable);
        }
        said(revere.args(["check", "--connect"]).env("HTTP_PROXY", nobody.to_string()).env(name, value))
    };
    for (name, value) in [
        ("NO_PROXY", "*".to_owned()),
        ("no_proxy", "example.org, *".to_owned()),
        ("NO_PROXY", "127.0.0.0/8".to_owned()),
        ("no_proxy", format!("127.0.0.1:{port}")),
    ] {
        check(name, &value).exits(0);
    }
    for value in ["example.org", "127.0.0.1:1", "10.0.0.0/8"] {
        let said = check("NO_PROXY", value).exits(1).stdout;
        let refused = format!("connection refused: nothing listens there (through the proxy http://{nobody}/)");
        assert!(said.contains(&refused), "{value}: {said}");
    }
}
