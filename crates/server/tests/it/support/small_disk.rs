//! A disk that a test can fill.

use std::{io::Write, path::Path, process::Command};

/// A file system of its own, in memory.
pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// One of so many megabytes. Fails where this user may not mount any: what is not looked at is not shown.
    #[track_caller]
    pub(crate) fn mount(megabytes: u32) -> SmallDisk {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "none"]).arg(folder.path());
        let said = mount.output().expect("mount, from Debian");
        let words = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "only root may mount the small file system that this test fills: {words}");
        SmallDisk(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves no byte free.
    pub(crate) fn fill(&self) {
        let mut file = std::fs::File::create(self.path().join("ballast")).unwrap();
        while file.write(&[0; 4096]).is_ok() {}
    }

    /// Frees what [`SmallDisk::fill`] took.
    pub(crate) fn empty(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}
