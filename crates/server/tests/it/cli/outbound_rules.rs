//! `OUTBOUND_REFUSES` and `OUTBOUND_ALLOWS` hold for everything that connects.

use serde_json::json;

use super::{Shell, server::Server};

/// One of each kind that connects by itself, all to this machine.
const EVERYTHING: &str = "
REVERE_SOURCES = {
    'graphite': {'type': 'graphite', 'config': {'url': 'http://localhost:1/'}},
    'prometheus': {'type': 'prometheus', 'config': {'url': 'http://127.0.0.1:1/'}},
    'http': {'type': 'http', 'config': {'base_url': 'http://localhost:1/'}},
    'postgres': {'type': 'database', 'config': {'connection_string': 'postgresql://u:p@localhost:1/d'}},
    'mysql': {'type': 'database', 'config': {'connection_string': 'mysql://u:p@127.0.0.1:1/d'}},
}
REVERE_ALERTS = {
    'webhook': {'type': 'webhook', 'config': {'url': 'http://localhost:1/'}},
    'mail': {'type': 'email', 'config': {'host': 'localhost', 'port': 1, 'from': 'a@example.com', 'to': 'b@example.com'}},
}
";

#[test]
fn by_default_this_machine_is_reached() {
    let shell = Shell::new();
    shell.write("config.py", EVERYTHING);
    let said = shell.run("check --connect").exits(1);
    assert!(!said.stdout.contains("OUTBOUND"), "{}", said.stdout);
    let refused = said.stdout.lines().filter(|line| line.starts_with("down") && line.contains("refused")).count();
    assert_eq!(refused, 5, "nothing listens there: {}", said.stdout);
}

#[tokio::test]
async fn what_is_refused_is_refused_to_all_and_the_setting_is_named() {
    let shell = Shell::new();
    shell.write("config.py", &format!("{EVERYTHING}\nOUTBOUND_REFUSES = ['loopback', 'metadata']\n"));
    let said = shell.run("check --connect").exits(1);
    let refused = said.stdout.matches("an address of this machine (loopback)").count();
    assert_eq!(refused, 5, "{}", said.stdout);
    assert!(said.stdout.contains("set OUTBOUND_ALLOWS = ['"), "{}", said.stdout);

    let server =
        Server::start(shell.revere().args(["run", "-p", "0"]), |server| server.stderr.wait_for("listening on"));
    for alert in ["webhook", "mail"] {
        let (_, answer) = server.post(&format!("/api/v1/alerts/{alert}/test"), &json!({})).await;
        assert!(answer.to_string().contains("an address of this machine (loopback)"), "{alert}: {answer}");
    }
    server.stop();
}

#[test]
fn exceptions_are_reached_and_wrong_words_are_answered() {
    let shell = Shell::new();
    let refuses = "OUTBOUND_REFUSES = ['0.0.0.0/0', '::/0']\nOUTBOUND_ALLOWS = ['127.0.0.1', '::1/128']\n";
    shell.write("config.py", &format!("{EVERYTHING}{refuses}"));
    let said = shell.run("check --connect").exits(1);
    assert!(!said.stdout.contains("OUTBOUND"), "{}", said.stdout);

    shell.write("config.py", "OUTBOUND_REFUSES = ['lopback']\nOUTBOUND_ALLOWS = ['10.0.0.0/40']\n");
    let said = shell.run("check").exits(1).stderr;
    assert!(said.contains("line 1: OUTBOUND_REFUSES: ") && said.contains("did you mean 'loopback'?"), "{said}");
    assert!(said.contains("line 2: OUTBOUND_ALLOWS: ") && said.contains("not '10.0.0.0/40'"), "{said}");
}
