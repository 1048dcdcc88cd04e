//! What a machine's programs log: the lines sent to its `/dev/log` and those on a daemon's output.

use std::io::{BufRead, BufReader, Read};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};

use crate::lab::error::{Explain, Result, lock, thread};

#[derive(Clone, Default)]
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    pub fn text(&self) -> String {
        lock(&self.lines).iter().map(|line| format!("{line}\n")).collect()
    }

    /// Follows a daemon's output until it is closed.
    pub fn follow(&self, output: impl Read + Send + 'static) -> Result<()> {
        let log = self.clone();
        thread(move || {
            BufReader::new(output).lines().map_while(std::io::Result::ok).for_each(|line| log.push(line));
        })?;
        Ok(())
    }

    fn push(&self, line: String) {
        lock(&self.lines).push(line);
    }
}

/// The socket that syslog(3) writes to. It is closed when this is dropped.
pub struct Syslog {
    socket: UnixDatagram,
}

impl Syslog {
    /// Must be called inside the machine.
    pub fn listen(log: Log) -> Result<Syslog> {
        let socket = UnixDatagram::bind("/dev/log").explain("cannot listen on a machine's /dev/log")?;
        std::fs::set_permissions("/dev/log", std::fs::Permissions::from_mode(0o666))
            .explain("cannot set the mode of a machine's /dev/log")?;
        let reader = socket.try_clone().explain("cannot duplicate the socket of a machine's log")?;
        thread(move || read_all(&reader, &log))?;
        Ok(Syslog { socket })
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

fn read_all(socket: &UnixDatagram, log: &Log) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = socket.recv(&mut buffer) {
        let line = String::from_utf8_lossy(&buffer[..length]);
        // `<22>Nov 22 10:00:00 postfix/smtp[7]: text`: the priority is of no use here.
        let line = line.split_once('>').map_or(&*line, |(_, rest)| rest);
        log.push(line.trim_end_matches(['\0', '\n']).to_owned());
    }
}
