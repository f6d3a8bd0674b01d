//! The configuration file as its author meets it: `revere init`, `revere check`, and what they say of mistakes.

use std::os::unix::fs::PermissionsExt;

use super::{Shell, said};

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
      line 5: REVERE_SOURCES['graphite']['config']['url']: expected an address beginning with http:// or https://, not a text
      line 5: REVERE_SOURCES['graphite']['config']['timout']: unknown key 'timout'; did you mean 'timeout'?
      line 7: REVERE_SOURCES['shop']['type']: unknown source type 'databse'; did you mean 'database'?
      line 9: REVERE_ALERTS['log']['type']: missing; expected a text that is not empty: its type
      line 10: TIMEZONE: "Europe/Berln" is not a known time zone: did you mean Europe/Berlin?
      line 11: RUN_TIMEOUT: expected a number of seconds above 0, not 'soon'
      line 12: REVERE_ALERT: unknown key 'REVERE_ALERT'; did you mean 'REVERE_ALERTS'? (names of your own: begin them with an underscore, or write them small)
    "#);
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
    shell.write("config.py", "DEBUG = True\nGOOGLE_APPS_DOMAIN = 'example.com'\n");
    let warned = shell.run("check").exits(0);
    assert!(warned.stderr.contains("warning: DEBUG: ignored"), "{}", warned.stderr);
    assert!(warned.stderr.contains("warning: GOOGLE_APPS_DOMAIN: accepted, but"), "{}", warned.stderr);
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
        ("REVERE_SOURCES = {'a': 'hunter2' 'b': }", "REVERE_SOURCES = {'*': '*******' '*': }"),
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
