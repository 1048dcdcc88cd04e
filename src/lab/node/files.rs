//! Files of a machine, and folders of the host that are put on one.
//!
//! All but `of_folder` is for threads inside the machine.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Component, Path};
use std::time::{Duration, SystemTime};

use nix::unistd::User;

use crate::lab::error::{Error, Explain, Result};

/// A path below some folder, the bytes and the mode.
pub(crate) type File = (String, Vec<u8>, u32);

/// The files of a folder and of those in it.
pub(crate) fn of_folder(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    collect(root, Path::new(""), &mut files)?;
    if files.is_empty() {
        return Err(Error::new(format!("{} holds no files", root.display())));
    }
    Ok(files)
}

fn collect(root: &Path, below: &Path, files: &mut Vec<File>) -> Result<()> {
    let folder = root.join(below);
    let cannot = |path: &Path| format!("cannot read {}", path.display());
    for entry in fs::read_dir(&folder).explain(cannot(&folder))? {
        let entry = entry.explain(cannot(&folder))?;
        let (path, relative) = (entry.path(), below.join(entry.file_name()));
        if path.is_dir() {
            collect(root, &relative, files)?;
            continue;
        }
        let mode = entry.metadata().explain(cannot(&path))?.permissions().mode() & 0o777;
        let bytes = fs::read(&path).explain(cannot(&path))?;
        let name = relative.to_str().ok_or("its name is not UTF-8").explain(cannot(&path))?;
        files.push((name.to_owned(), bytes, mode));
    }
    Ok(())
}

/// Writes them below a folder of the machine, and nowhere else.
pub(crate) fn place(target: &Path, files: impl IntoIterator<Item = File>) -> Result<()> {
    for (name, bytes, mode) in files {
        let is_below = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_below || name.is_empty() {
            return Err(Error::new(format!("{name:?} is no path below {}", target.display())));
        }
        write(&target.join(name), &bytes, mode)?;
    }
    Ok(())
}

pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let written = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        // Written anew, so that a link there, such as Debian's resolv.conf, is replaced and not followed.
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => fs::write(path, bytes)?,
        }
        // Postfix does not trust a file that has just been changed, and waits until it is a little older.
        let file = fs::File::options().write(true).open(path)?;
        file.set_modified(SystemTime::now() - Duration::from_secs(10))?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    written().explain(format_args!("cannot write {} on a machine", path.display()))
}

pub(crate) fn make_folder(path: &str) -> Result<()> {
    fs::create_dir_all(path).explain(format_args!("cannot make the folder {path} on a machine"))
}

pub(crate) fn has_user(user: &str) -> bool {
    matches!(User::from_name(user), Ok(Some(_)))
}

pub(crate) fn give(path: &str, user: &str) -> Result<()> {
    let what = format!("cannot give {path} to the user {user}");
    let known = User::from_name(user).explain(&what)?;
    let known = known.ok_or("there is no such user").explain(&what)?;
    chown(path, Some(known.uid.as_raw()), Some(known.gid.as_raw())).explain(what)
}

/// The text of all files there, in the order of their names.
pub(crate) fn append_text(folder: &Path, text: &mut String) {
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            append_text(&path, text);
        } else if let Ok(bytes) = fs::read(&path) {
            *text += &String::from_utf8_lossy(&bytes);
        }
    }
}
