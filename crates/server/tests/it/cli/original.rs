//! The configuration and the monitor of the original program's README, word for word, through the whole program.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::Stdio,
};

use revere::web::ROUTES;

use super::{Said, Shell, server::Server};
use crate::support::client_without_redirects;

const CONFIG: &str = "\
DATABASE_PATH = 'revere.db'

REVERE_SOURCES = {
    'graphite': {
        'description': 'Graphite Server',
        'type': 'revere.sources.graphite.GraphiteSource',
        'config': {
            'url': 'http://dashing.example.com/render',
            'auth_username': 'username',
            'auth_password': 'password',
        }
    },
    'mysql': {
        'description': 'Local MySQL Database',
        'type': 'revere.sources.database.DatabaseSource',
        'config': {
            'connection_string': 'mysql://readonlyuser:password@localhost/production',
        }
    }
}

REVERE_ALERTS = {
    'campfire-engineering': {
        'description': 'Post a message to Campfire - Engineering',
        'type': 'revere.alerts.campfire.CampfireAlert',
        'config': {
            'api_token': 'xxxxxx',
            'subdomain': 'example',
            'room_id': '123456',
        }
    },
    'teamup-ops-sns': {
        'description': 'Publish a message to AWS SNS Topic operations',
        'type': 'revere.alerts.sns.SNSAlert',
        'config': {
            'region': 'us-east-1',
            'topic_arn': 'xxxxx',
            'access_key_id': 'xxxxx',
            'secret_key': 'xxxxx',
        }
    }
}
";

const MONITOR: &str = "\
total_requests = sources['dashing'].get_sum('sum(stats_counts.response.*)','-10min')
error_requests = sources['dashing'].get_sum('stats_counts.response.500','-10min')
error_percentage = error_requests/total_requests
return_value = error_percentage

if error_percentage >= .005:
    raise MonitorFailure('High number of error responses. %s%%' % (error_percentage))
";

/// A Graphite that answers at `/render` alone, and nobody but who signs in; of 1000 responses, `errors` were errors. It is
/// reached as a proxy, so that the host of the example can stay. Answers its address.
fn graphite(errors: u32) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if socket.read_exact(&mut byte).is_err() {
                    break;
                }
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let asked = head.split([' ', '?']).nth(1).unwrap_or_default();
            let known = head.to_lowercase().contains("authorization: basic dxnlcm5hbwu6cgfzc3dvcmq=");
            let value = if head.contains("sum%28") || head.contains("sum(") { 1000 } else { errors };
            let (status, body) = match asked {
                "http://dashing.example.com/render" if known => {
                    ("200 OK", format!(r#"[{{"target": "x", "datapoints": [[null, 1], [{value}.0, 2]]}}]"#))
                }
                _ => ("404 Not Found", asked.to_owned()),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            let _ = socket.write_all(format!("{head}{body}").as_bytes());
        }
    });
    format!("http://{address}")
}

fn run(shell: &Shell, proxy: &str, arguments: &[&str]) -> Said {
    let mut revere = shell.revere();
    for variable in ["http_proxy", "no_proxy", "NO_PROXY", "ALL_PROXY", "all_proxy"] {
        revere.env_remove(variable);
    }
    super::said(revere.args(arguments).env("HTTP_PROXY", proxy).stdin(Stdio::null()))
}

#[test]
fn configuration_and_monitor_of_the_originals_readme_work_as_they_stand_there() {
    let shell = Shell::new();
    shell.write("config.py", CONFIG);
    shell.write("monitor.py", MONITOR);
    let (quiet, troubled) = (graphite(4), graphite(5));
    let checked = run(&shell, &quiet, &["check"]).exits(0);
    assert!(checked.stdout.contains("graphite, mysql"), "{}", checked.stdout);
    let warning = "REVERE_ALERTS['teamup-ops-sns']['config']['topic_arn']: expected a topic such as arn:aws:sns:";
    assert!(checked.stderr.contains(warning), "{}", checked.stderr);
    // The README calls its source 'graphite' above and 'dashing' below.
    let said = run(&shell, &quiet, &["eval", "monitor.py"]).exits(2);
    assert!(said.stdout.contains("KeyError") && said.stdout.contains("'graphite', 'mysql'"), "{}", said.stdout);
    shell.write("config.py", &format!("{CONFIG}\nREVERE_SOURCES['dashing'] = REVERE_SOURCES['graphite']\n"));
    let passed = run(&shell, &quiet, &["eval", "monitor.py"]).exits(0);
    assert!(passed.stdout.contains("Monitor Passed") && passed.stdout.contains("0.004"), "{}", passed.stdout);
    let failed = run(&shell, &troubled, &["eval", "monitor.py"]).exits(1);
    assert!(failed.stdout.starts_with("ALARM  High number of error responses. 0.005%"), "{}", failed.stdout);
}

#[tokio::test]
async fn with_the_originals_google_domain_every_page_wants_a_log_in() {
    let shell = Shell::new();
    // The four settings of the original's own log-in beside its README's configuration.
    let google = "GOOGLE_APPS_DOMAIN = 'example.com'\nGOOGLE_CLIENT_ID = '1234-abc.apps.googleusercontent.com'\n\
                  GOOGLE_CLIENT_SECRET = 'client-secret-0123456789'\nSECRET_KEY = '0123456789abcdef0123456789abcdef'\n";
    shell.write("config.py", &format!("{CONFIG}\n{google}"));
    let checked = shell.run("check").exits(0);
    assert!(checked.stdout.contains("Google"), "{}", checked.stdout);
    let run = ["run", "-p", "0"];
    let server = Server::start(shell.revere().args(run), |server| server.stderr.wait_for("listening on"));
    let browser = client_without_redirects();
    let mut pages = 0;
    for route in ROUTES.iter().filter(|route| route.method == "GET" && route.operation.least().is_some()) {
        let path = route.path.replace("{id}", "1").replace("{version}", "1").replace("{run}", "1");
        let path = path.replace("{key}", "log").replace("{name}", "graphite");
        let asked = browser.get(format!("{}{path}", server.address)).header("accept", "text/html");
        let answer = asked.send().await.unwrap();
        let to = answer.headers().get("location").map_or("", |to| to.to_str().unwrap());
        let wanted = if path.starts_with("/api/") { 401 } else { 303 };
        // Programs ask for these, too: they are told in words.
        let told = answer.status() == 401;
        assert!(told || answer.status() == wanted && to.starts_with("/login?to="), "{path}: {} {to}", answer.status());
        pages += usize::from(!told);
    }
    assert!(pages > 20, "{pages}");
    let (status, page) = server.get("/login").await;
    assert!(status == 200 && page.contains("/login/google"), "{status}: {page}");
    server.stop();
}
