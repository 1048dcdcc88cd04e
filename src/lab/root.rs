//! A machine's root file system: the host's, with layers over it, and whatever the machine writes on top in memory.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::pivot_root;

use crate::lab::error::{Error, Explain, Result};

const NOTHING: Option<&str> = None;

/// Folders of a machine that are in memory and begin empty, with their modes.
const EMPTY: [(&str, &str); 5] =
    [("tmp", "1777"), ("run", "755"), ("var/log", "755"), ("var/spool", "755"), ("var/lib/postfix", "755")];

/// Folders of every machine's own, in which layers have no part.
const OURS: [&str; 5] = ["dev", "proc", "sys", "run", "tmp"];

/// What a release that keeps all its programs below `/usr` has as links.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Puts the calling thread, which has a mount namespace of its own, below a new root.
pub(crate) fn enter(scratch: &Path, layers: &[PathBuf], disk: Option<&Path>) -> Result<()> {
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)
        .explain("cannot make this machine's mounts private")?;
    tmpfs(scratch, "755")?;
    let root = scratch.join("root");
    Overlays { scratch, layers, root: &root, count: Cell::new(0) }.lay()?;
    for folder in ["proc", "sys"] {
        bind(&Path::new("/").join(folder), &folder_at(&root.join(folder))?, MsFlags::MS_REC)?;
    }
    for (folder, mode) in EMPTY {
        tmpfs(&folder_at(&root.join(folder))?, mode)?;
    }
    if let Some(disk) = disk {
        bind(disk, &root.join("var/spool"), MsFlags::empty())?;
    }
    lay_out_devices(&folder_at(&root.join("dev"))?)?;
    pivot_root(&root, &folder_at(&root.join("mnt"))?).explain("cannot change to a machine's root")?;
    std::env::set_current_dir("/").explain("cannot enter a machine's root")?;
    umount2("/mnt", MntFlags::MNT_DETACH).explain("cannot leave the host's root")
}

/// A layer as a mount option takes it, which has its own use for some letters.
pub(crate) fn layer(folder: &Path) -> Result<PathBuf> {
    let path = fs::canonicalize(folder).explain(format_args!("cannot lay {} over a machine", folder.display()))?;
    let problem = |what: &str| Error::new(format!("cannot lay {} over a machine: {what}", folder.display()));
    if !path.is_dir() {
        return Err(problem("it is no folder"));
    }
    option(&path).map_err(|_| problem("its path is not UTF-8, or holds a colon, a comma or a backslash"))?;
    Ok(path)
}

fn option(path: &Path) -> Result<&str> {
    let problem = || Error::new(format!("{} cannot stand in a mount option", path.display()));
    path.to_str().filter(|path| !path.contains([':', ',', '\\'])).ok_or_else(problem)
}

/// Mounts overlays; each has an upper folder of its own in the scratch folder.
struct Overlays<'a> {
    scratch: &'a Path,
    layers: &'a [PathBuf],
    root: &'a Path,
    count: Cell<u32>,
}

impl Overlays<'_> {
    /// The overlay of everything, and over it those of the layers.
    fn lay(&self) -> Result<()> {
        self.mount(&[PathBuf::from("/")], Path::new(""))?;
        self.lay_below(Path::new(""))?;
        // A layer with a real `lib/`, such as an unpacked package, must not hide the host's link from `/lib` to
        // `/usr/lib`, and with it every program's loader: what it has there is laid over what is behind the link.
        for name in MERGED.map(Path::new).into_iter().filter(|name| self.is_merged(name)) {
            let target = Path::new("usr").join(name);
            let of_layers = self.layers.iter().flat_map(|layer| [layer.join(&target), layer.join(name)]);
            let folders = of_layers.chain([Path::new("/").join(&target)]).filter(|folder| is_folder(folder));
            self.mount(&folders.collect::<Vec<_>>(), &target)?;
        }
        Ok(())
    }

    fn is_merged(&self, name: &Path) -> bool {
        let merges =
            |name: &Path| Path::new("/").join(name).is_symlink() && MERGED.iter().any(|it| name == Path::new(it));
        merges(name) && self.layers.iter().any(|layer| is_folder(&layer.join(name)))
    }

    /// Lays what the layers have in one folder. An overlay takes no layer that lies inside another one (ELOOP), so where
    /// the host's folder has a layer somewhere below it, as `/` has, each folder in it has an overlay of its own.
    fn lay_below(&self, folder: &Path) -> Result<()> {
        let mut done = BTreeSet::new();
        for layer in self.layers {
            for name in names(&layer.join(folder))? {
                let path = folder.join(name);
                if OURS.iter().any(|ours| path == Path::new(ours))
                    || self.is_merged(&path)
                    || !done.insert(path.clone())
                {
                    continue;
                }
                let (source, host) = (layer.join(&path), Path::new("/").join(&path));
                if !is_folder(&source) {
                    copy(&source, &self.root.join(&path))?;
                } else if self.layers.iter().any(|layer| layer.starts_with(&host)) {
                    self.lay_below(&path)?;
                } else {
                    let folders = self.layers.iter().map(|layer| layer.join(&path)).chain([host]);
                    self.mount(&folders.filter(|folder| is_folder(folder)).collect::<Vec<_>>(), &path)?;
                }
            }
        }
        Ok(())
    }

    fn mount(&self, folders: &[PathBuf], target: &Path) -> Result<()> {
        let number = self.count.get();
        self.count.set(number + 1);
        let upper = folder_at(&self.scratch.join(format!("upper{number}")))?;
        let work = folder_at(&self.scratch.join(format!("work{number}")))?;
        let lower = folders.iter().map(|folder| option(folder)).collect::<Result<Vec<_>>>()?.join(":");
        let options = format!("lowerdir={lower},upperdir={},workdir={}", option(&upper)?, option(&work)?);
        let target = folder_at(&self.root.join(target))?;
        mount(Some("overlay"), &target, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
            .explain(format_args!("cannot mount an overlay of {lower}"))
    }
}

fn is_folder(path: &Path) -> bool {
    path.is_dir() && !path.is_symlink()
}

/// What is in a folder; nothing where there is none.
fn names(folder: &Path) -> Result<Vec<OsString>> {
    if !is_folder(folder) {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
    entries.explain(format_args!("cannot read {}", folder.display()))
}

/// Puts a file or link of a layer in the place of what is there.
fn copy(source: &Path, target: &Path) -> Result<()> {
    let copied = || {
        if target.is_symlink() || target.exists() {
            fs::remove_file(target)?;
        }
        if source.is_symlink() { symlink(fs::read_link(source)?, target) } else { fs::copy(source, target).map(|_| ()) }
    };
    copied().explain(format_args!("cannot put {} on a machine", source.display()))
}

/// A `/dev` of its own, so that `/dev/log` can be ours.
fn lay_out_devices(dev: &Path) -> Result<()> {
    tmpfs(dev, "755")?;
    for device in ["null", "zero", "full", "random", "urandom", "tty"] {
        let place = dev.join(device);
        File::create(&place).explain(format_args!("cannot make {}", place.display()))?;
        bind(&Path::new("/dev").join(device), &place, MsFlags::empty())?;
    }
    let shared = folder_at(&dev.join("shm"))?;
    fs::set_permissions(shared, Permissions::from_mode(0o1777))
        .explain("cannot set the mode of a machine's /dev/shm")?;
    for (name, target) in [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        symlink(Path::new("/proc/self").join(target), dev.join(name))
            .explain(format_args!("cannot make a machine's /dev/{name}"))?;
    }
    Ok(())
}

/// The folder itself, made where there is none.
fn folder_at(path: &Path) -> Result<PathBuf> {
    fs::create_dir_all(path).explain(format_args!("cannot make the folder {}", path.display()))?;
    Ok(path.to_owned())
}

fn tmpfs(folder: &Path, mode: &str) -> Result<()> {
    let options = format!("mode={mode}");
    mount(Some("tmpfs"), folder, Some("tmpfs"), MsFlags::empty(), Some(options.as_str()))
        .explain(format_args!("cannot mount a tmpfs on {}", folder.display()))
}

fn bind(from: &Path, to: &Path, flags: MsFlags) -> Result<()> {
    mount(Some(from), to, NOTHING, MsFlags::MS_BIND | flags, NOTHING).explain(format_args!(
        "cannot bind {} on {}",
        from.display(),
        to.display()
    ))
}
