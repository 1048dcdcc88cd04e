//! A milter that lets everything pass and remembers what it was asked about (Sendmail's milter protocol).

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use crate::lab::error::lock;

/// The events whose argument is of interest: a sender and a recipient, each as it came, in angle brackets.
const SENDER: u8 = b'M';
const RECIPIENT: u8 = b'R';

#[derive(Clone, Default)]
pub struct Milter {
    asked: Arc<Mutex<Vec<(u8, String)>>>,
}

impl Milter {
    pub fn senders(&self) -> Vec<String> {
        self.arguments(SENDER)
    }

    pub fn recipients(&self) -> Vec<String> {
        self.arguments(RECIPIENT)
    }

    fn arguments(&self, event: u8) -> Vec<String> {
        let asked = lock(&self.asked);
        asked.iter().filter(|(kind, _)| *kind == event).map(|(_, argument)| argument.clone()).collect()
    }

    /// Answers one MTA until it hangs up, which is no fault.
    pub fn converse(&self, mut stream: TcpStream) {
        while let Ok((event, data)) = packet(&mut stream) {
            let argument = data.split(|byte| *byte == 0).next().unwrap_or_default();
            let argument = String::from_utf8_lossy(argument).into_owned();
            lock(&self.asked).push((event, argument));
            let answered = match event {
                // Version 6, no changes wanted, every event wanted.
                b'O' => send(&mut stream, b"O\0\0\0\x06\0\0\0\0\0\0\0\0"),
                b'Q' => return,
                // Macros, the end of a message half-way, and a new connection are not answered.
                b'D' | b'A' | b'K' => Ok(()),
                _ => send(&mut stream, b"c"),
            };
            if answered.is_err() {
                return;
            }
        }
    }
}

fn packet(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut data = vec![0; usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?];
    stream.read_exact(&mut data)?;
    if data.is_empty() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok((data.remove(0), data))
}

fn send(stream: &mut TcpStream, data: &[u8]) -> io::Result<()> {
    let length = u32::try_from(data.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), data].concat())
}
