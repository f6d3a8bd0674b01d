//! The server under a service manager that wants to know how it is.

use std::os::unix::net::UnixDatagram;

use super::{Shell, server::Server};
use crate::support::PATIENCE;

#[test]
fn it_says_when_it_is_ready_that_it_lives_and_when_it_ends() {
    let shell = Shell::new();
    let path = shell.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut bytes = [0; 200];
        let count = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    };
    let mut command = shell.revere();
    command.args(["run", "-p", "0"]).env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let mut server = Server::start(&mut command, |server| server.stderr.wait_for("listening on"));
    let ready = told();
    assert_eq!(ready, format!("READY=1\nSTATUS=listening on {}\n", server.address));
    for _ in 0..3 {
        assert_eq!(told(), "WATCHDOG=1\n");
    }
    server.signal("TERM");
    let last = std::iter::repeat_with(told).find(|said| said != "WATCHDOG=1\n").unwrap();
    assert_eq!(last, "STOPPING=1\nSTATUS=stopping\n");
    assert_eq!(server.exit_code(), 0);
}
