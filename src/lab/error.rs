//! What the lab says where the machine does not let it have something, and how it lives with threads that panicked.

use std::fmt::{self, Debug, Display, Formatter};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A message for people: what was being done, and why it could not be.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    message: String,
}

impl Error {
    pub fn new(message: impl Into<String>) -> Error {
        Error { message: message.into() }
    }
}

impl std::error::Error for Error {}

impl Display for Error {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// As it is displayed: many a message ends in the lines of a log, which a test that unwraps it has to show.
impl Debug for Error {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, formatter)
    }
}

/// For callers whose own work is on files and sockets.
impl From<Error> for std::io::Error {
    fn from(error: Error) -> std::io::Error {
        std::io::Error::other(error)
    }
}

pub(crate) trait Explain<T> {
    /// Puts in front of an error what could not be done.
    fn explain(self, what: impl Display) -> Result<T>;
}

impl<T, E: Display> Explain<T> for std::result::Result<T, E> {
    fn explain(self, what: impl Display) -> Result<T> {
        self.map_err(|error| Error::new(format!("{what}: {error}")))
    }
}

/// What a thread that panicked left behind a lock is whole: nothing in the lab is changed in two steps.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    Builder::new().spawn(work).explain("cannot start a thread")
}
