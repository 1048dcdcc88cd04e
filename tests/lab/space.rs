//! Namespaces: a network of its own, and for a machine also a root file system of its own.
//!
//! A namespace belongs to a thread, so each is made on a thread that then ends; the open files under
//! `/proc/thread-self/ns` keep it alive, and `run` enters it again on a short-lived thread.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::pivot_root;

/// Where `tests/setup.sh` unpacks Exim.
pub(crate) const EXIM_ROOT: &str = "/opt/mailswitch-lab/exim";

pub(crate) struct Space {
    network: File,
    mounts: Option<File>,
}

impl Space {
    /// A network with nothing in it.
    pub(crate) fn network() -> Space {
        on_new_thread(|| {
            leave(CloneFlags::CLONE_NEWNET);
            Space { network: own_namespace("net"), mounts: None }
        })
    }

    /// A network and a copy-on-write view of the whole file system: whatever is written there is lost
    /// with the space, and nothing of the host is touched. `scratch` must be an empty folder. `/var/spool` is in
    /// memory, or a folder on a real disk.
    pub(crate) fn machine(scratch: &Path, disk: Option<&Path>) -> Space {
        on_new_thread(|| {
            leave(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS);
            own_root(scratch, disk);
            Space { network: own_namespace("net"), mounts: Some(own_namespace("mnt")) }
        })
    }

    /// Does the work on a thread inside this space; threads, sockets and children made there stay in it.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        on_new_thread(|| {
            self.enter();
            work()
        })
    }

    /// Moves the calling thread into this space for good.
    pub(crate) fn enter(&self) {
        setns(&self.network, CloneFlags::CLONE_NEWNET).expect("the network namespace can be entered");
        if let Some(mounts) = &self.mounts {
            // A thread that shares its working directory with others cannot change file systems.
            unshare(CloneFlags::CLONE_FS).expect("a thread may have its own working directory");
            setns(mounts, CloneFlags::CLONE_NEWNS).expect("the mount namespace can be entered");
        }
    }

    /// This network's name for `ip … netns`.
    pub(crate) fn network_path(&self) -> String {
        use std::os::fd::AsRawFd;
        format!("/proc/{}/fd/{}", std::process::id(), self.network.as_raw_fd())
    }

    pub(crate) fn try_clone(&self) -> Space {
        let copy = |file: &File| file.try_clone().expect("a namespace file can be duplicated");
        Space { network: copy(&self.network), mounts: self.mounts.as_ref().map(copy) }
    }
}

fn on_new_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn leave(flags: CloneFlags) {
    unshare(flags).unwrap_or_else(|error| {
        panic!("the tests on real MTAs need root and the right to make namespaces: unshare: {error}")
    });
}

fn own_namespace(kind: &str) -> File {
    File::open(format!("/proc/thread-self/ns/{kind}")).expect("a thread can open its own namespace")
}

const NOTHING: Option<&str> = None;

fn own_root(scratch: &Path, disk: Option<&Path>) {
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING).expect("mounts can be made private");
    tmpfs(scratch, "755");
    let [upper, work, root] = ["upper", "work", "root"].map(|name| scratch.join(name));
    for folder in [&upper, &work, &root] {
        fs::create_dir(folder).expect("a tmpfs takes folders");
    }
    lay_out_exim(&upper);
    let layers = format!("lowerdir=/,upperdir={},workdir={}", upper.display(), work.display());
    mount(Some("overlay"), &root, Some("overlay"), MsFlags::empty(), Some(layers.as_str()))
        .expect("an overlay over the root can be mounted");
    for folder in ["proc", "sys"] {
        bind(&Path::new("/").join(folder), &root.join(folder), MsFlags::MS_REC);
    }
    for (folder, mode) in
        [("tmp", "1777"), ("run", "755"), ("var/log", "755"), ("var/spool", "755"), ("var/lib/postfix", "755")]
    {
        tmpfs(&root.join(folder), mode);
    }
    if let Some(disk) = disk {
        bind(disk, &root.join("var/spool"), MsFlags::empty());
    }
    lay_out_devices(&root.join("dev"));
    pivot_root(&root, &root.join("mnt")).expect("the new root can take the old one's place");
    std::env::set_current_dir("/").expect("there is a root");
    umount2("/mnt", MntFlags::MNT_DETACH).expect("the old root can be left");
}

/// Exim's compiled-in paths lead to the unpacked package.
fn lay_out_exim(upper: &Path) {
    for (folder, name) in
        [("usr/sbin", "exim4"), ("usr/sbin", "exim"), ("usr/sbin", "exim_dbmbuild"), ("usr/lib", "exim4")]
    {
        fs::create_dir_all(upper.join(folder)).expect("a tmpfs takes folders");
        symlink(Path::new(EXIM_ROOT).join(folder).join(name), upper.join(folder).join(name))
            .expect("a tmpfs takes links");
    }
}

/// A `/dev` of its own, so that `/dev/log` can be ours.
fn lay_out_devices(dev: &Path) {
    tmpfs(dev, "755");
    for device in ["null", "zero", "full", "random", "urandom", "tty"] {
        File::create(dev.join(device)).expect("a tmpfs takes files");
        bind(&Path::new("/dev").join(device), &dev.join(device), MsFlags::empty());
    }
    fs::create_dir(dev.join("shm")).expect("a tmpfs takes folders");
    fs::set_permissions(dev.join("shm"), fs::Permissions::from_mode(0o1777)).expect("a mode can be set");
    for (name, target) in [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        symlink(Path::new("/proc/self").join(target), dev.join(name)).expect("a tmpfs takes links");
    }
}

fn tmpfs(folder: &Path, mode: &str) {
    let options = format!("mode={mode}");
    mount(Some("tmpfs"), folder, Some("tmpfs"), MsFlags::empty(), Some(options.as_str()))
        .unwrap_or_else(|error| panic!("no tmpfs on {}: {error}", folder.display()));
}

fn bind(from: &Path, to: &Path, flags: MsFlags) {
    mount(Some(from), to, NOTHING, MsFlags::MS_BIND | flags, NOTHING)
        .unwrap_or_else(|error| panic!("{} cannot be bound on {}: {error}", from.display(), to.display()));
}
