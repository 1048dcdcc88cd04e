//! Namespaces: a network of its own, and for a machine also a root file system of its own.
//!
//! A namespace belongs to a thread, so each is made on a thread that then ends; the open files under
//! `/proc/thread-self/ns` keep it alive, and `run` enters it again on a short-lived thread.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{chroot, fchdir};

use crate::lab::error::{Error, Explain, Result};
use crate::lab::root;

/// Clones stand for the same network and file system.
#[derive(Clone)]
pub struct Space {
    network: Arc<File>,
    mounts: Option<Mounts>,
}

/// A file system of its own.
#[derive(Clone)]
struct Mounts {
    namespace: Arc<File>,
    /// The namespace's own root is another one where this process was in a chroot when it was made.
    root: Arc<File>,
}

impl Space {
    /// A network with nothing in it.
    pub(crate) fn network() -> Result<Space> {
        on_new_thread(|| {
            leave(CloneFlags::CLONE_NEWNET, "a network namespace")?;
            Ok(Space { network: own_namespace("net")?, mounts: None })
        })?
    }

    /// A network and a copy-on-write view of the whole file system, with these folders laid over it: whatever is
    /// written there is lost with the space, and nothing of the host is touched. `scratch` must be an empty folder.
    /// `/var/spool` is in memory, or a folder on a real disk.
    pub(crate) fn machine(scratch: &Path, layers: &[PathBuf], disk: Option<&Path>) -> Result<Space> {
        on_new_thread(|| {
            leave(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS, "a network and a mount namespace")?;
            root::enter(scratch, layers, disk)?;
            let root = Arc::new(File::open("/").explain("cannot open a machine's root")?);
            Ok(Space {
                network: own_namespace("net")?,
                mounts: Some(Mounts { namespace: own_namespace("mnt")?, root }),
            })
        })?
    }

    /// Does the work on a thread inside this space; threads, sockets and children made there stay in it.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        on_new_thread(|| {
            self.enter()?;
            Ok(work())
        })?
    }

    /// Moves the calling thread into this space for good.
    pub fn enter(&self) -> Result<()> {
        setns(&*self.network, CloneFlags::CLONE_NEWNET).explain("cannot enter a network namespace")?;
        let Some(mounts) = &self.mounts else { return Ok(()) };
        // A thread that shares its working directory with others cannot change file systems.
        unshare(CloneFlags::CLONE_FS).explain("a thread cannot have a working directory of its own")?;
        setns(&*mounts.namespace, CloneFlags::CLONE_NEWNS).explain("cannot enter a mount namespace")?;
        fchdir(&*mounts.root).and_then(|()| chroot(".")).explain("cannot enter a machine's root")
    }

    /// This network's name for `ip … netns`.
    pub(crate) fn network_path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.network.as_raw_fd())
    }
}

/// A panic of the work goes on in the calling thread.
fn on_new_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, work).explain("cannot start a thread")?;
        thread.join().map_or_else(|panic| std::panic::resume_unwind(panic), Ok)
    })
}

fn leave(flags: CloneFlags, what: &str) -> Result<()> {
    unshare(flags).map_err(|error| {
        let needs = "running real MTAs needs root and the right to make namespaces (in a container: --privileged)";
        Error::new(format!("cannot make {what} ({error}): {needs}"))
    })
}

fn own_namespace(kind: &str) -> Result<Arc<File>> {
    let path = format!("/proc/thread-self/ns/{kind}");
    Ok(Arc::new(File::open(&path).explain(format_args!("cannot open {path}"))?))
}
