//! `FILE:`, `CREDENTIAL:` and `ENV:`, as an operator meets them.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::{Shell, said};
use crate::alerts::stub::Stub;

/// A file with its mode.
fn keep(shell: &Shell, name: &str, text: &str, mode: u32) {
    let path = shell.write(name, text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_elsewhere_reaches_who_needs_it_and_nobody_else() {
    let stub = Stub::start().await;
    let shell = Shell::new();
    keep(&shell, "keys/token", "file-s3cret\n", 0o600);
    keep(&shell, "credentials/header", "credential-s3cret", 0o400);
    shell.write(
        "config.py",
        &format!(
            "import os\n\
             REVERE_SOURCES = {{'api': {{'type': 'http', 'config': {{'base_url': '{}',\n\
             'auth_token': 'FILE:keys/token',\n\
             'headers': {{'X-One': 'CREDENTIAL:header', 'X-Two': 'ENV:SHOP_KEY', 'X-Three': 'TEXT:FILE:x'}}}}}}}}\n",
            stub.url
        ),
    );
    let script = "answer = sources['api'].get('/x')\nprint(answer.text)\nreturn_value = answer.status";
    shell.write("monitor.py", script);
    stub.answer(200, &[], Some("fine"));
    let mut command = shell.revere();
    command.args(["eval", "monitor.py", "--json"]).env("SHOP_KEY", "variable-s3cret");
    let said = said(command.env("CREDENTIALS_DIRECTORY", shell.path("credentials"))).exits(0);
    let asked = stub.taken();
    let head = format!("{asked:?}").to_ascii_lowercase();
    for sent in ["bearer file-s3cret", "credential-s3cret", "variable-s3cret", "file:x"] {
        assert!(head.contains(sent), "{sent} in {head}");
    }
    assert!(!format!("{said:?}").contains("s3cret"), "{said:?}");
    let outcome: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(outcome["return_value"], json!(200));
}

#[test]
fn what_cannot_be_had_is_said_with_its_line_beside_every_other_fault() {
    let shell = Shell::new();
    keep(&shell, "wrong-place", "a-s3cret-by-mistake", 0o600);
    shell.write(
        "config.py",
        "REVERE_ALERTS = {\n    'hook': {'type': 'webhook', 'config': {\n        'url': 'FILE:absent',\n        \
         'method': 'FILE:wrong-place',\n        'secret': 'CREDENTIAL:hook',\n    }},\n}\nSECRET_KEY = 'ENV:REVERE_NO_SUCH'\n",
    );
    let mut command = shell.revere();
    let said = said(command.arg("check").env_remove("CREDENTIALS_DIRECTORY")).exits(1).stderr;
    for line in [
        "line 3: REVERE_ALERTS['hook']['config']['url']: ",
        "absent is not there; put the value into that file, or name another",
        "line 4: REVERE_ALERTS['hook']['config']['method']: expected 'POST', 'PUT' or 'PATCH', not '[redacted]'",
        "line 5: REVERE_ALERTS['hook']['config']['secret']: there are no credentials here",
        "LoadCredential=hook:/path",
        "line 8: SECRET_KEY: the environment variable REVERE_NO_SUCH is not set",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert!(said.contains("config.py has 4 faults") && !said.contains("missing"), "{said}");
}

#[test]
fn a_file_that_everybody_can_read_is_warned_of() {
    let shell = Shell::new();
    std::fs::set_permissions(shell.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    shell.write("config.py", "SECRET_KEY = 'FILE:key'\n");
    for (mode, warned) in [(0o644, true), (0o640, false), (0o600, false)] {
        keep(&shell, "key", "s3cret-of-all\n", mode);
        let stderr = shell.run("check").exits(0).stderr;
        assert_eq!(stderr.contains("SECRET_KEY: everybody on this machine can read"), warned, "{mode:o}: {stderr}");
    }
}
