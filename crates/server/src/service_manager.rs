//! Tells a service manager how the server is, where one asks (`Type=notify` and `WatchdogSec=` of systemd): datagrams to
//! the socket that the environment names. Nothing waits for the other side, and without one nothing is said.

use std::{
    ffi::OsString,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

/// A service manager that wants to know.
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
    address: SocketAddr,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that started this process, if it asks.
    pub fn of_the_environment() -> Option<ServiceManager> {
        ServiceManager::asking(|name| std::env::var_os(name))
    }

    /// As `variable` says, which answers an environment variable.
    fn asking(variable: impl Fn(&str) -> Option<OsString>) -> Option<ServiceManager> {
        let path = variable("NOTIFY_SOCKET")?;
        let address = match path.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(&path),
        };
        let number = |name: &str| variable(name)?.to_str()?.parse::<u64>().ok();
        // A process that a shell stands before is not the one that is watched.
        let is_meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|most| *most > 0 && is_meant).map(Duration::from_micros);
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(ServiceManager { socket, address: address.ok()?, watchdog })
    }

    /// It answers, as `status` says.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}\n"));
    }

    /// It does its work.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1\n");
    }

    /// It ends.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping\n");
    }

    /// How often it is to say that it does its work: twice in the time after which it counts as dead.
    pub fn alive_every(&self) -> Option<Duration> {
        self.watchdog.map(|most| most / 2)
    }

    fn tell(&self, what: &str) {
        if let Err(error) = self.socket.send_to_addr(what.as_bytes(), &self.address) {
            tracing::debug!(%error, "the service manager does not hear");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 200];
        let count = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    #[test]
    fn it_is_told_by_either_form_of_address() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("revere-test-{}", std::process::id());
        let by_path = (UnixDatagram::bind(&path).unwrap(), path.display().to_string());
        let abstract_address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = (UnixDatagram::bind_addr(&abstract_address).unwrap(), format!("@{name}"));
        for (socket, address) in [by_path, by_name] {
            let variable = |wanted: &str| (wanted == "NOTIFY_SOCKET").then(|| OsString::from(&address));
            let manager = ServiceManager::asking(variable).unwrap();
            assert_eq!(manager.alive_every(), None);
            manager.ready("listening");
            manager.alive();
            manager.stopping();
            assert_eq!(told(&socket), "READY=1\nSTATUS=listening\n");
            assert_eq!(told(&socket), "WATCHDOG=1\n");
            assert_eq!(told(&socket), "STOPPING=1\nSTATUS=stopping\n");
        }
        assert!(ServiceManager::asking(|_| None).is_none());
    }

    #[test]
    fn the_watchdog_is_of_the_process_that_is_meant() {
        let every = |pid: u32| {
            let variable = |name: &str| match name {
                "NOTIFY_SOCKET" => Some("@nobody".into()),
                "WATCHDOG_USEC" => Some("3000000".into()),
                "WATCHDOG_PID" => Some(pid.to_string().into()),
                _ => None,
            };
            ServiceManager::asking(variable).unwrap().alive_every()
        };
        assert_eq!(every(std::process::id()), Some(Duration::from_millis(1500)));
        assert_eq!(every(1), None);
    }
}
