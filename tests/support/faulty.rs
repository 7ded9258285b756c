//! Disks and clocks that misbehave.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::dice::show;

/// The source of the library that is preloaded.
const SOURCE: &str = include_str!("faulty.c");

/// A library that makes the system calls of the process that it is preloaded into go wrong. The
/// game servers do not inherit it.
#[derive(Debug)]
pub struct Faulty {
    folder: TempDir,
}

impl Faulty {
    /// Compiles it; none, with a word of it, where there is no C compiler.
    ///
    /// # Panics
    /// When the compiler refuses it.
    #[must_use]
    pub fn build() -> Option<Self> {
        let folder = TempDir::new().expect("a folder for the library");
        let source = folder.path().join("faulty.c");
        fs::write(&source, SOURCE).expect("written");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("faulty.so"))
            .arg(&source)
            .arg("-ldl")
            .status();
        match built {
            Ok(status) => assert!(status.success(), "the library does not compile"),
            Err(error) => {
                show(&format!("SKIPPED: no C compiler ({error}), so no faulty system calls"));
                return None;
            }
        }
        Some(Self { folder })
    }

    fn setting(&self) -> PathBuf {
        self.folder.path().join("setting")
    }

    fn library(&self) -> (String, String) {
        ("LD_PRELOAD".to_owned(), self.folder.path().join("faulty.so").display().to_string())
    }

    /// The environment of a process whose disk is to misbehave as [`Faulty::set`] says.
    #[must_use]
    pub fn disk(&self) -> Vec<(String, String)> {
        let setting = self.setting().display().to_string();
        vec![self.library(), ("LIFEBOAT_FAULT_FILE".to_owned(), setting)]
    }

    /// The environment of a process whose wall clock is off by so many seconds.
    #[must_use]
    pub fn clock(&self, seconds: i64) -> Vec<(String, String)> {
        let seconds = seconds.to_string();
        vec![self.library(), ("LIFEBOAT_FAULT_CLOCK_SECONDS".to_owned(), seconds)]
    }

    /// How the disk misbehaves from now on: `sync_ms=N`, `write_errno=N`, or nothing.
    ///
    /// # Panics
    /// When it cannot be said.
    pub fn set(&self, how: &str) {
        let next = self.folder.path().join("next");
        fs::write(&next, how).expect("written");
        fs::rename(next, self.setting()).expect("renamed");
    }
}

/// A file system of its own, so small that it can be filled. Dropped, it is unmounted.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many MiB; none, with a word of it, where that is not allowed.
    #[must_use]
    pub fn mount(path: &Path, mib: u32) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m,mode=0700"), "tmpfs"])
            .arg(path)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { path: path.to_owned() }),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                show(&format!("SKIPPED: no file system of its own ({why})"));
                None
            }
            Err(error) => {
                show(&format!("SKIPPED: no file system of its own ({error})"));
                None
            }
        }
    }

    /// Writes until there is no room left.
    ///
    /// # Panics
    /// When the disk does not fill up.
    pub fn fill(&self) {
        use std::io::Write as _;
        let mut ballast = fs::File::options()
            .create(true)
            .append(true)
            .open(self.ballast())
            .expect("room for an empty file");
        for block in [&[7u8; 64 * 1024][..], &[7u8; 512][..], &[7u8; 1][..]] {
            for _ in 0..1_000_000 {
                if ballast.write_all(block).is_err() {
                    break;
                }
            }
        }
    }

    /// Makes room again.
    ///
    /// # Panics
    /// When it was not filled.
    pub fn clear(&self) {
        fs::remove_file(self.ballast()).expect("it was filled");
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
        let _ = fs::remove_dir(&self.path);
    }
}
