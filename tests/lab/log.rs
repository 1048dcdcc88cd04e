//! What a machine's programs log: the lines sent to its `/dev/log` and those on a daemon's output.

use std::io::{BufRead, BufReader, Read};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    pub(crate) fn text(&self) -> String {
        let lines = self.lines.lock().expect("no one panicked with the log");
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Follows a daemon's output until it is closed.
    pub(crate) fn follow(&self, output: impl Read + Send + 'static) {
        let log = self.clone();
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).for_each(|line| log.push(line));
        });
    }

    fn push(&self, line: String) {
        self.lines.lock().expect("no one panicked with the log").push(line);
    }
}

/// The socket that syslog(3) writes to. It is closed when this is dropped.
pub(crate) struct Syslog {
    socket: UnixDatagram,
}

impl Syslog {
    /// Must be called inside the machine.
    pub(crate) fn listen(log: Log) -> Syslog {
        let socket = UnixDatagram::bind("/dev/log").expect("a machine's /dev/log is ours");
        std::fs::set_permissions("/dev/log", std::fs::Permissions::from_mode(0o666)).expect("a mode can be set");
        let reader = socket.try_clone().expect("a socket can be duplicated");
        std::thread::spawn(move || read_all(&reader, &log));
        Syslog { socket }
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
