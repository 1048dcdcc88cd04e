//! What a command comes to, and the exit status that says so.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::stream;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// The source has errors, or a test failed: it was said already.
    Bad,
}

impl Verdict {
    pub(super) fn good_if(good: bool) -> Verdict {
        if good { Verdict::Good } else { Verdict::Bad }
    }
}

/// Why the command could not be run, in words for its user.
#[derive(Debug)]
pub(super) struct Failure(String);

pub(super) type Outcome = Result<Verdict, Failure>;

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Failure {
        Failure(message.into())
    }

    pub(super) fn message(&self) -> &str {
        &self.0
    }

    /// `cannot read hub.dsl: no such file`
    pub(super) fn file(what: &str, path: &Path, error: impl Display) -> Failure {
        Failure(format!("cannot {what} {}: {error}", path.display()))
    }
}

/// Output failed: the disk is full, say. (A closed pipe is no failure, see `stream`.)
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure(format!("cannot write the output: {error}"))
    }
}

pub(super) fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::from(1),
        Err(Failure(message)) => {
            stream::complain(&format!("mailswitch: {message}"));
            ExitCode::from(2)
        }
    }
}
