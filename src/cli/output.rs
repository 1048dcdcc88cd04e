//! Replaces the output folder in one step: whatever happens half-way, the bundle that was there before stays whole.
//!
//! Everything is written to a hidden folder beside the output folder, synced, and exchanged with it; then the old one is
//! removed. What a killed run leaves behind is cleared away by the next one, which holds a lock on the parent folder
//! meanwhile, so that two builds at once take turns.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::emit::bundle::{Bundle, MANIFEST, is_manifest};

/// Why the output folder is as it was.
#[derive(Debug)]
pub struct OutputError {
    path: PathBuf,
    why: String,
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.path.display(), self.why)
    }
}

impl std::error::Error for OutputError {}

/// Writes the bundles into the folder `dir`, one folder each, in place of whatever an earlier build put there.
pub fn replace(dir: &Path, bundles: &[Bundle]) -> Result<(), OutputError> {
    let place = Place::find(dir)?;
    // Where folders cannot be locked (some network file systems), nothing of another run is touched.
    let lock = File::open(&place.parent).map_err(failed(&place.parent, "cannot be opened"))?;
    let locked = lock.lock().is_ok();
    if locked {
        place.recover()?;
    }
    let exists = place.check_ours()?;
    let new = place.beside(NEW, std::process::id());
    let replaced = write_all(&new, bundles)
        .and_then(|()| if exists { place.exchange(&new) } else { place.move_in(&new) })
        .and_then(|()| lock.sync_all().map_err(failed(&place.parent, "cannot be synced")));
    // The old bundle, or a part of the new one. What cannot be removed now is removed by the next run.
    let _ = fs::remove_dir_all(&new);
    replaced
}

const NEW: &str = "new";
const OLD: &str = "old";

/// The output folder: its real parent and its name there.
struct Place {
    parent: PathBuf,
    name: String,
}

impl Place {
    /// Follows symbolic links, so that the link stays and what it leads to is replaced; makes missing parents.
    fn find(dir: &Path) -> Result<Place, OutputError> {
        let real = match fs::canonicalize(dir) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if dir.is_symlink() {
                    return Err(refused(dir, "is a symbolic link that leads nowhere"));
                }
                let name = dir.file_name().ok_or_else(|| refused(dir, "does not name a folder"))?;
                let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                fs::create_dir_all(parent).map_err(failed(parent, "cannot be made"))?;
                fs::canonicalize(parent).map_err(failed(parent, "cannot be reached"))?.join(name)
            }
            Err(error) => return Err(failed(dir, "cannot be reached")(error)),
        };
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(refused(dir, "is the root folder: name a folder inside it"));
        };
        let name = name.to_str().ok_or_else(|| refused(dir, "has a name that is not UTF-8"))?;
        Ok(Place { parent: parent.to_owned(), name: name.to_owned() })
    }

    fn path(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    fn beside(&self, role: &str, process: u32) -> PathBuf {
        self.parent.join(format!("{}{role}-{process}", self.prefix()))
    }

    fn prefix(&self) -> String {
        format!(".{}.mailswitch-", self.name)
    }

    /// Clears away what killed runs left behind, and brings back a bundle that one of them had only moved aside.
    fn recover(&self) -> Result<(), OutputError> {
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.parent).map_err(failed(&self.parent, "cannot be read"))? {
            let entry = entry.map_err(failed(&self.parent, "cannot be read"))?;
            let role = entry.file_name().to_str().and_then(|name| self.role_of(name));
            if let (Some(role), true) = (role, entry.file_type().is_ok_and(|t| t.is_dir())) {
                left.push((role, entry.path()));
            }
        }
        for (role, path) in left {
            if role == OLD && !self.path().exists() {
                fs::rename(&path, self.path()).map_err(failed(&path, "cannot be moved back"))?;
            } else {
                fs::remove_dir_all(&path)
                    .map_err(failed(&path, "is left over from a killed run and cannot be removed"))?;
            }
        }
        Ok(())
    }

    /// The role of a temporary folder of ours, by its name.
    fn role_of(&self, name: &str) -> Option<&'static str> {
        let (role, process) = name.strip_prefix(&self.prefix())?.split_once('-')?;
        let number = !process.is_empty() && process.bytes().all(|b| b.is_ascii_digit());
        [NEW, OLD].into_iter().find(|known| *known == role && number)
    }

    /// Whether there is a folder already. One that holds anything but bundles is not replaced.
    fn check_ours(&self) -> Result<bool, OutputError> {
        let path = self.path();
        let about = match fs::symlink_metadata(&path) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(&path, "cannot be read")(error)),
        };
        if !about.is_dir() {
            return Err(refused(&path, "is a file, not a folder"));
        }
        let parent = fs::metadata(&self.parent).map_err(failed(&self.parent, "cannot be read"))?;
        if parent.dev() != about.dev() {
            return Err(fixed(&path));
        }
        for entry in fs::read_dir(&path).map_err(failed(&path, "cannot be read"))? {
            let entry = entry.map_err(failed(&path, "cannot be read"))?;
            if !fs::read(entry.path().join(MANIFEST)).is_ok_and(|bytes| is_manifest(&bytes)) {
                let name = entry.file_name();
                let why = format!(
                    "is not replaced: it holds `{}`, which is no bundle with a {MANIFEST}; name an empty or new folder",
                    name.display()
                );
                return Err(refused(&path, why));
            }
        }
        Ok(true)
    }

    /// Puts the new folder in the place of the old one, which is then where the new one was.
    fn exchange(&self, new: &Path) -> Result<(), OutputError> {
        let path = self.path();
        match renameat_with(CWD, new, CWD, &path, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(()),
            Err(Errno::BUSY | Errno::XDEV) => Err(fixed(&path)),
            // Not every file system can exchange.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.move_aside(new),
            Err(errno) => Err(failed(&path, "cannot be replaced")(errno.into())),
        }
    }

    /// In two steps: a run killed between them leaves the old folder aside, and `recover` brings it back.
    fn move_aside(&self, new: &Path) -> Result<(), OutputError> {
        let (path, old) = (self.path(), self.beside(OLD, std::process::id()));
        fs::rename(&path, &old).map_err(failed(&path, "cannot be moved aside"))?;
        if let Err(error) = self.move_in(new) {
            fs::rename(&old, &path).map_err(failed(&old, "is the bundle before, and cannot be moved back"))?;
            return Err(error);
        }
        // As in `replace`: the next run removes what is left.
        let _ = fs::remove_dir_all(&old);
        Ok(())
    }

    fn move_in(&self, new: &Path) -> Result<(), OutputError> {
        fs::rename(new, self.path()).map_err(failed(&self.path(), "cannot be put in place"))
    }
}

/// Writes every bundle and syncs every file and folder, the outermost last.
fn write_all(root: &Path, bundles: &[Bundle]) -> Result<(), OutputError> {
    make_folder(root)?;
    for bundle in bundles {
        let folder = root.join(&bundle.folder);
        make_folder(&folder)?;
        let mut folders = vec![folder.clone()];
        for file in &bundle.files {
            let path = folder.join(&file.path);
            make_parents(&path, &mut folders)?;
            write_file(&path, &file.content)?;
        }
        folders.iter().rev().try_for_each(|folder| sync_folder(folder))?;
    }
    sync_folder(root)
}

/// Makes the folders between a file and the bundle's own, which is the first of `folders`.
fn make_parents(path: &Path, folders: &mut Vec<PathBuf>) -> Result<(), OutputError> {
    let mut missing: Vec<&Path> = path.ancestors().skip(1).take_while(|p| !folders.iter().any(|f| f == p)).collect();
    while let Some(folder) = missing.pop() {
        make_folder(folder)?;
        folders.push(folder.to_owned());
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), OutputError> {
    DirBuilder::new().mode(0o755).create(path).map_err(failed(path, "cannot be made"))?;
    // The umask may have taken bits away.
    fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(failed(path, "cannot be made"))
}

fn write_file(path: &Path, content: &[u8]) -> Result<(), OutputError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
        file.write_all(content)?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.sync_all()
    };
    write().map_err(failed(path, "cannot be written"))
}

fn sync_folder(path: &Path) -> Result<(), OutputError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed(path, "cannot be synced"))
}

fn failed(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> OutputError {
    move |error| OutputError { path: path.to_owned(), why: format!("{what}: {error}") }
}

fn refused(path: &Path, why: impl Into<String>) -> OutputError {
    OutputError { path: path.to_owned(), why: why.into() }
}

/// A mount point, or a folder that an overlay has from a lower layer.
fn fixed(path: &Path) -> OutputError {
    refused(path, "is a mount point and cannot be replaced in one step: name a folder inside it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(parent: &Path) -> Place {
        Place { parent: parent.to_owned(), name: "out".into() }
    }

    fn folder(path: &Path, content: &str) {
        fs::create_dir(path).unwrap();
        fs::write(path.join("file"), content).unwrap();
    }

    #[test]
    fn without_exchange_the_old_folder_is_moved_aside_and_removed() {
        let parent = tempfile::tempdir().unwrap();
        let place = place(parent.path());
        let new = place.beside(NEW, 1);
        folder(&place.path(), "old");
        folder(&new, "new");
        place.move_aside(&new).unwrap();
        assert_eq!(fs::read_to_string(place.path().join("file")).unwrap(), "new");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_moved_aside_by_a_killed_run_is_brought_back() {
        let parent = tempfile::tempdir().unwrap();
        let place = place(parent.path());
        folder(&place.beside(OLD, 17), "old");
        folder(&place.beside(NEW, 17), "half");
        place.recover().unwrap();
        assert_eq!(fs::read_to_string(place.path().join("file")).unwrap(), "old");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_move_that_fails_puts_the_old_folder_back() {
        let parent = tempfile::tempdir().unwrap();
        let place = place(parent.path());
        folder(&place.path(), "old");
        place.move_aside(&parent.path().join("missing")).unwrap_err();
        assert_eq!(fs::read_to_string(place.path().join("file")).unwrap(), "old");
    }

    #[test]
    fn only_names_of_our_own_pattern_are_cleared_away() {
        let place = place(Path::new("/"));
        for (name, role) in [
            (".out.mailswitch-new-12", Some(NEW)),
            (".out.mailswitch-old-1", Some(OLD)),
            (".out.mailswitch-new-", None),
            (".out.mailswitch-new-1x", None),
            (".out.mailswitch-other-1", None),
            (".out2.mailswitch-new-1", None),
            ("out.mailswitch-new-1", None),
            (".out.mailswitch-new", None),
        ] {
            assert_eq!(place.role_of(name), role, "{name}");
        }
    }
}
