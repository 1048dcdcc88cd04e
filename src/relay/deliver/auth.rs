//! Who we are to a host that asks (RFC 4954, RFC 4616): AUTH PLAIN and AUTH LOGIN.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::relay::config::Auth;
use crate::relay::deliver::{Kind, Trouble};
use crate::relay::reply::Status;

/// A user and a password.
pub struct Credentials {
    user: String,
    password: String,
}

impl fmt::Debug for Credentials {
    /// The password is never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Credentials {
    pub fn new(user: &str, password: &str) -> Credentials {
        Credentials { user: user.to_owned(), password: password.to_owned() }
    }

    pub(super) fn plain(&self) -> String {
        format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{}\0{}", self.user, self.password)))
    }

    pub(super) fn login_user(&self) -> String {
        STANDARD.encode(&self.user)
    }

    pub(super) fn login_password(&self) -> String {
        STANDARD.encode(&self.password)
    }
}

/// Octets that a password may have.
const LONGEST: u64 = 4096;

/// Reads the password when it is needed, so that a changed one counts at once. The note says what is wrong with the file.
pub(super) fn read(auth: &Auth, folder: &Path) -> Result<(Credentials, Option<String>), Trouble> {
    let path = folder.join(&auth.password_file);
    let unreadable = |error: std::io::Error| {
        let text = format!("the password file {} cannot be read: {error}", path.display());
        Trouble::new(Kind::Auth, Status(4, 7, 0), text)
    };
    let file = std::fs::File::open(&path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    let mut line = String::new();
    BufReader::new(file.take(LONGEST)).read_line(&mut line).map_err(unreadable)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.contains('\0') {
        let text = format!("the first line of {} is no password", path.display());
        return Err(Trouble::new(Kind::Auth, Status(4, 7, 0), text));
    }
    let open = (mode & 0o077 != 0).then(|| format!("others may read or write the password file {}", path.display()));
    Ok((Credentials::new(&auth.user, password), open))
}
