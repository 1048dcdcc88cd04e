//! Asks a running relay over its control socket.

use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::cli::outcome::Failure;
use crate::relay::admin::protocol::{Answer, Ask, Request, SOCKET, VERSION};
use crate::relay::envelope::QueueId;

/// Which relay.
#[derive(Debug, clap::Args)]
pub(super) struct Socket {
    /// The relay's control socket (`control` in its local.yaml)
    #[arg(long, value_name = "PATH", default_value = SOCKET)]
    control: PathBuf,
}

/// How an answer ended.
pub(super) enum End {
    Done(Done),
    /// The relay would not, and says why.
    Refused(String),
}

/// How many entries an answer was about, the newest of them, and what else the relay says.
pub(super) struct Done {
    pub(super) count: u64,
    pub(super) newest: Option<QueueId>,
    pub(super) note: Option<String>,
}

impl End {
    pub(super) fn done(self) -> Result<Done, Failure> {
        match self {
            End::Done(done) => Ok(done),
            End::Refused(why) => Err(Failure::new(why)),
        }
    }
}

/// A connection to a running relay.
pub(super) struct Relay {
    path: PathBuf,
    from: BufReader<UnixStream>,
    to: BufWriter<UnixStream>,
}

impl Relay {
    pub(super) fn connect(Socket { control }: &Socket) -> Result<Relay, Failure> {
        let open = || {
            let stream = UnixStream::connect(control)?;
            Ok((stream.try_clone()?, stream))
        };
        let (from, to) = open().map_err(|error: io::Error| unreachable(control, &error))?;
        Ok(Relay { path: control.clone(), from: BufReader::new(from), to: BufWriter::new(to) })
    }

    /// Asks, and hands each part of the answer on as it comes.
    pub(super) fn ask(
        &mut self,
        ask: Ask,
        mut each: impl FnMut(Answer) -> Result<(), Failure>,
    ) -> Result<End, Failure> {
        self.send(&Request { version: VERSION, ask }).map_err(|error| self.lost(&error.to_string()))?;
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = self.from.read_until(b'\n', &mut line).map_err(|error| self.lost(&error.to_string()))?;
            if read == 0 {
                return Err(self.lost("it has gone away, or too many others are asking"));
            }
            match serde_json::from_slice(&line).map_err(|error| self.lost(&error.to_string()))? {
                Answer::Done { count, newest, note } => return Ok(End::Done(Done { count, newest, note })),
                Answer::Error { message } => return Ok(End::Refused(message)),
                answer => each(answer)?,
            }
        }
    }

    fn send(&mut self, request: &Request) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, request)?;
        self.to.write_all(b"\n")?;
        self.to.flush()
    }

    fn lost(&self, why: &str) -> Failure {
        Failure::new(format!("the relay at {} does not answer: {why}", self.path.display()))
    }
}

fn unreachable(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Failure::new(match error.kind() {
        io::ErrorKind::NotFound => {
            format!("there is no control socket {path}: is the relay running, and is this its `control`?")
        }
        io::ErrorKind::ConnectionRefused => format!("no relay listens on {path}: it is not running"),
        io::ErrorKind::PermissionDenied => {
            format!("you may not use the control socket {path}: ask as the relay's own user, or as root")
        }
        _ => format!("cannot reach the control socket {path}: {error}"),
    })
}
