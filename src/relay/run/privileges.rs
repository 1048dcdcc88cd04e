//! From root to somebody who may do less, once the ports below 1024 are open.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Group, Uid, User, chown, geteuid, getuid, setgid, setgroups, setuid};

/// Whom the relay becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    uid: Uid,
    gid: Gid,
}

/// Looks the names up; none where the relay stays who it is.
pub fn find(user: Option<&str>, group: Option<&str>) -> Result<Option<Identity>, String> {
    let Some(name) = user else { return Ok(None) };
    let user = User::from_name(name).map_err(|error| format!("cannot look user `{name}` up: {error}"))?;
    let user = user.ok_or_else(|| format!("there is no user `{name}`: create it, or change `user` in local.yaml"))?;
    let gid = match group {
        None => user.gid,
        Some(name) => {
            let group = Group::from_name(name).map_err(|error| format!("cannot look group `{name}` up: {error}"))?;
            group.ok_or_else(|| format!("there is no group `{name}`: create it, or change `group` in local.yaml"))?.gid
        }
    };
    Ok(Some(Identity { uid: user.uid, gid }))
}

/// Whether the process may do anything on this host.
pub fn are_all() -> bool {
    geteuid().is_root()
}

/// Whom a folder belongs to, where root works in a folder that is not its own: what root makes there, they could not read.
pub fn owner(folder: &Path) -> io::Result<Option<Identity>> {
    let its = folder.symlink_metadata()?;
    let identity = Identity { uid: Uid::from_raw(its.uid()), gid: Gid::from_raw(its.gid()) };
    Ok((are_all() && !identity.uid.is_root()).then_some(identity))
}

impl Identity {
    /// Makes a folder where there is none, and gives it to the identity.
    pub fn give(self, folder: &Path) -> Result<(), String> {
        if !getuid().is_root() {
            return Ok(());
        }
        chown(folder, Some(self.uid), Some(self.gid))
            .map_err(|error| format!("cannot give {} to the relay's user: {error}", folder.display()))
    }

    /// Becomes it, for good. A relay that is somebody else already, by its service manager, stays so.
    pub fn assume(self) -> Result<(), String> {
        if getuid() == self.uid {
            return Ok(());
        }
        let failed = |what: &str, error: nix::Error| {
            format!("cannot become the user of local.yaml: {what}: {error} (start as root, or take `user` out)")
        };
        setgroups(&[self.gid]).map_err(|e| failed("setgroups", e))?;
        setgid(self.gid).map_err(|e| failed("setgid", e))?;
        setuid(self.uid).map_err(|e| failed("setuid", e))?;
        // Whoever could get back would not have left.
        if setuid(Uid::from_raw(0)).is_ok() {
            return Err("the relay is root still after it became another user".to_owned());
        }
        Ok(())
    }
}

/// Lets the process open as many files as it may: each session is one.
pub fn raise_files() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Where that is not allowed, it has what it has.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Files that sessions leave to the rest: connections to next hops, contents, the spool, tables. A host that has fewer
/// than twice as many gives half.
const SPARE: u64 = 2048;

/// Sessions for which there are files: clients must not be able to take those that mail goes out by.
pub fn most_sessions() -> u32 {
    let (files, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, u64::MAX));
    u32::try_from((files - SPARE.min(files / 2)).max(1)).unwrap_or(u32::MAX)
}
