//! What comes past the proxy that speaks HTTPS, or under a name that is not the server's.

use reqwest::Response;

use crate::{
    cli::{Shell, server::Server},
    support::{client, network_address},
};

fn serve(shell: &Shell, config: &str) -> (Server, String) {
    shell.write("config.py", config);
    let mut command = shell.revere();
    let server = Server::start(command.args(["run", "--host", "0.0.0.0", "-p", "0"]), |server| {
        server.stderr.wait_for("listening on")
    });
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    (server, port)
}

async fn ask(address: &str, method: &str, path: &str, host: Option<&str>) -> Response {
    let request = client().request(method.parse().unwrap(), format!("http://{address}{path}"));
    let request = request.bearer_auth("revere_unknown").header("accept", "application/json");
    let request = host.iter().fold(request, |request, host| request.header("host", *host));
    request.send().await.unwrap()
}

#[tokio::test]
async fn what_comes_in_the_clear_past_the_proxy_is_refused_with_words_and_not_looked_at() {
    let own = network_address();
    let shell = Shell::new();
    let behind = "LOCAL_USERS = True\nBASE_URL = 'https://revere.example'\n";
    let (server, port) = serve(&shell, behind);
    let (here, there) = (format!("127.0.0.1:{port}"), format!("{own}:{port}"));
    server.stderr.wait_for("an address that is not in TRUSTED_PROXIES is refused");
    for (method, path) in [("GET", "/api/v1/monitors"), ("GET", "/metrics"), ("GET", "/login"), ("POST", "/login")] {
        let refused = ask(&there, method, path, None).await;
        assert_eq!(refused.status(), 403, "{method} {path}");
        let words = refused.text().await.unwrap();
        assert!(words.contains(&format!("TRUSTED_PROXIES = ['{own}']")), "{path}: {words}");
        assert!(words.contains("https://revere.example/"), "{path}: {words}");
    }
    assert_eq!(ask(&there, "GET", "/healthz", None).await.status(), 200, "balancers ask without a proxy");
    // A proxy on this machine.
    assert_eq!(ask(&here, "GET", "/api/v1/monitors", None).await.status(), 401, "it was looked at");
    assert_eq!(ask(&here, "GET", "/login", Some("revere.example")).await.status(), 200);
    server.stop();

    // A proxy that is named.
    let (server, port) = serve(&shell, &format!("{behind}TRUSTED_PROXIES = ['{own}']\n"));
    let there = format!("{own}:{port}");
    assert_eq!(ask(&there, "GET", "/api/v1/monitors", Some("revere.example")).await.status(), 401);
    assert_eq!(ask(&there, "GET", "/login", Some("revere.example")).await.status(), 200);
    server.stop();
}

#[tokio::test]
async fn with_a_base_url_no_other_name_is_answered_whoever_may_do_what() {
    let shell = Shell::new();
    for (config, name) in [
        ("ANYONE_MAY = 'everything'\nBASE_URL = 'http://watch.example:8080'\n", "watch.example:8080"),
        ("LOCAL_USERS = True\nBASE_URL = 'https://watch.example'\n", "watch.example"),
    ] {
        let (server, port) = serve(&shell, config);
        let here = format!("127.0.0.1:{port}");
        for host in ["rebound.example", "watch.example.evil.example"] {
            for (method, path) in [("GET", "/login"), ("GET", "/api/v1/monitors"), ("POST", "/api/v1/schedule")] {
                let refused = ask(&here, method, path, Some(host)).await;
                assert_eq!(refused.status(), 421, "{host} {path}");
                assert!(refused.text().await.unwrap().contains("BASE_URL"), "{host} {path}");
            }
            assert_eq!(ask(&here, "GET", "/healthz", Some(host)).await.status(), 200, "{host}");
        }
        for host in [name, "localhost", "container:5000", "192.0.2.77:5000"] {
            let answer = ask(&here, "GET", "/api/v1/monitors", Some(host)).await.status();
            assert!(answer == 200 || answer == 401, "{host}: {answer}");
        }
        server.stop();
    }
}
