//! The control socket: the permissions of its file are its guard, and who uses it is logged.
//!
//! It speaks [`protocol`](super::protocol).

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Relay;

mod answer;

/// Connections at once: more are closed at once.
const MOST: usize = 16;
/// How long a client may take to ask again.
const IDLE: Duration = Duration::from_secs(300);
/// How long a client may leave an answer unread.
const STUCK: Duration = Duration::from_secs(30);

/// A control socket that nobody is served on yet: made before privileges are dropped.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Makes the socket, for this user alone, or for a group too. One that a killed relay left behind is replaced; one
    /// that a running relay listens on is not.
    pub fn bind(path: &Path, group: Option<u32>) -> io::Result<Control> {
        check_folder(path)?;
        check_place(path)?;
        // It comes to its place complete, so that nobody meets it with other permissions.
        let new = path.with_extension(format!("new-{}", std::process::id()));
        remove(&new)?;
        let listener = UnixListener::bind(&new)?;
        let placed = place(&new, path, group);
        if placed.is_err() {
            // The first error is the one to tell.
            let _ = remove(&new);
        }
        placed.map(|()| Control { listener, path: path.to_owned() })
    }

    /// Serves it until the process ends, on threads of its own.
    pub fn serve(self, relay: Arc<dyn Relay>) -> io::Result<()> {
        std::thread::Builder::new().name("control".into()).spawn(move || accept(&self.listener, &relay))?;
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn place(new: &Path, path: &Path, group: Option<u32>) -> io::Result<()> {
    if let Some(group) = group {
        std::os::unix::fs::lchown(new, None, Some(group))?;
    }
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    std::fs::set_permissions(new, Permissions::from_mode(mode))?;
    std::fs::rename(new, path)
}

/// In a folder that others may write to, they could put a socket of theirs in the place of ours.
fn check_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let about = std::fs::metadata(folder)?;
    let owner = about.uid();
    if owner != 0 && owner != nix::unistd::geteuid().as_raw() {
        return Err(io::Error::other(format!("the folder {} is another user's", folder.display())));
    }
    const OTHERS: u32 = 0o002;
    if about.mode() & OTHERS != 0 {
        return Err(io::Error::other(format!("everybody may write to the folder {}", folder.display())));
    }
    Ok(())
}

/// What is at the path already may only be a socket that nobody listens on.
fn check_place(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(about) if !about.file_type().is_socket() => {
            Err(io::Error::other(format!("{} is there already, and no socket", path.display())))
        }
        Ok(_) => match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::other(format!("another relay listens on {}", path.display()))),
        },
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn accept(listener: &UnixListener, relay: &Arc<dyn Relay>) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((stream, _)) = listener.accept() else {
            // No file descriptor is free, say: the next try comes when there may be one.
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        if open.fetch_add(1, Ordering::AcqRel) >= MOST {
            open.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        let (relay, mine) = (Arc::clone(relay), Arc::clone(&open));
        let serve = move || {
            // Whatever goes wrong with a client is known to that client.
            let _ = converse(&stream, &*relay);
            mine.fetch_sub(1, Ordering::AcqRel);
        };
        if std::thread::Builder::new().name("control".into()).spawn(serve).is_err() {
            open.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

fn converse(stream: &UnixStream, relay: &dyn Relay) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(STUCK))?;
    let peer = nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::PeerCredentials)?;
    answer::converse(stream, stream, relay, (peer.uid(), peer.pid()))
}
