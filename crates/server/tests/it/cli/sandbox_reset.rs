//! In which way interpreters become pristine between runs is said by the log, by `/healthz` and by `/metrics`.

use super::Shell;

const FILTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sandbox/tests/it/support/with_syscalls_refused.py");

#[tokio::test]
async fn a_server_whose_container_forbids_userfaultfd_says_so() {
    let shell = Shell::new();
    shell.write("config.py", "");
    let server = shell.serve_with(&format!("exec python3 '{FILTER}' userfaultfd=EPERM -- \"$0\" run -p 0"));
    server.stderr.wait_for_all(&["does not note which pages", "userfaultfd: Operation not permitted"]);
    let health = server.json("/healthz").await;
    assert_eq!((&health["status"], &health["sandbox_reset"]), (&"ok".into(), &"private_pages".into()), "{health:#}");
    let (_, metrics) = server.get("/metrics").await;
    for (way, in_use) in [("written_pages", 0), ("private_pages", 1), ("new_instances", 0)] {
        let line = format!("revere_sandbox_reset{{way=\"{way}\"}} {in_use}");
        assert!(metrics.lines().any(|said| said == line), "{line} is missing in {metrics}");
    }
    server.stop();
}
