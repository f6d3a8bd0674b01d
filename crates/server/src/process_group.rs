//! Programs in a process group of their own, so that whatever they start ends with them.

use std::io;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// The group that a program leads.
#[derive(Clone, Copy, Debug)]
pub struct ProcessGroup(Pid);

impl ProcessGroup {
    /// Starts `command` at the head of a group of its own.
    pub fn spawn(command: &mut Command) -> io::Result<(Child, ProcessGroup)> {
        let child = command.process_group(0).spawn()?;
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok((child, ProcessGroup(leader.expect("a child that nobody has waited for has its number"))))
    }

    /// Ends all of it. Once the leader has been waited for and nothing else is left, the number may be another's: whoever
    /// calls this knows that something is left.
    pub fn kill(self) {
        // An error says that the group is already gone.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}
