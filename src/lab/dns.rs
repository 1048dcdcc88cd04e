//! A DNS server for a world: A, AAAA and MX records over UDP, authoritative for every name there is.

use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use crate::lab::error::{Explain, Result, lock, thread};

/// Names are lower case and without the final dot.
#[derive(Default)]
struct Zone {
    addresses: BTreeMap<String, Vec<IpAddr>>,
    exchangers: BTreeMap<String, Vec<(u16, String)>>,
    /// How many questions about a name are still to be left without an answer.
    muted: BTreeMap<String, usize>,
}

pub(crate) struct Dns {
    zone: Arc<Mutex<Zone>>,
    socket: UdpSocket,
}

const A: u16 = 1;
const MX: u16 = 15;
const AAAA: u16 = 28;
const HEADER: usize = 12;

impl Dns {
    /// Serves on a socket that was bound in the right namespace.
    pub(crate) fn serve(socket: UdpSocket) -> Result<Dns> {
        let zone = Arc::new(Mutex::new(Zone::default()));
        let server = (socket.try_clone().explain("cannot duplicate the socket of the name server")?, zone.clone());
        thread(move || answer_all(&server.0, &server.1))?;
        Ok(Dns { zone, socket })
    }

    pub(crate) fn host(&self, name: &str, address: IpAddr) {
        let mut zone = lock(&self.zone);
        zone.addresses.entry(normal(name)).or_default().push(address);
    }

    pub(crate) fn mx(&self, domain: &str, preference: u16, host: &str) {
        let mut zone = lock(&self.zone);
        zone.exchangers.entry(normal(domain)).or_default().push((preference, normal(host)));
    }

    pub(crate) fn mute(&self, name: &str, questions: usize) {
        lock(&self.zone).muted.insert(normal(name), questions);
    }
}

impl Drop for Dns {
    /// A datagram that is no query ends the server's thread.
    fn drop(&mut self) {
        if let Ok(address) = self.socket.local_addr() {
            let _ = self.socket.send_to(b"", address);
        }
    }
}

fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn answer_all(socket: &UdpSocket, zone: &Mutex<Zone>) {
    let mut buffer = [0; 2048];
    while let Ok((length, client)) = socket.recv_from(&mut buffer) {
        if length == 0 {
            return;
        }
        let reply = answer(&buffer[..length], &mut lock(zone));
        if let Some(reply) = reply {
            let _ = socket.send_to(&reply, client);
        }
    }
}

fn answer(query: &[u8], zone: &mut Zone) -> Option<Vec<u8>> {
    let (name, end) = question(query)?;
    if zone.is_muted(&name) {
        return None;
    }
    let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
    let records = zone.records(&name, kind);
    let code = if records.is_empty() && !zone.knows(&name) { 3 } else { 0 };
    let mut reply = query.get(..2)?.to_vec();
    // A response, authoritative, recursion desired (as asked) and available.
    reply.extend([0x84 | (query.get(2)? & 1), 0x80 | code]);
    reply.extend([0, 1]);
    reply.extend(u16::try_from(records.len()).ok()?.to_be_bytes());
    reply.extend([0; 4]);
    reply.extend(query.get(HEADER..end + 4)?);
    for data in records {
        // The name is a pointer to the question's; class IN; ten minutes to live.
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 2, 88]);
        reply.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        reply.extend(data);
    }
    Some(reply)
}

/// The name asked for and where it ends.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = query.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
}

impl Zone {
    fn is_muted(&mut self, name: &str) -> bool {
        let left = self.muted.get_mut(name).filter(|left| **left > 0);
        left.is_some_and(|left| {
            *left -= 1;
            true
        })
    }

    fn records(&self, name: &str, kind: u16) -> Vec<Vec<u8>> {
        let addresses = self.addresses.get(name).into_iter().flatten();
        match kind {
            A => addresses
                .filter_map(|ip| if let IpAddr::V4(ip) = ip { Some(ip.octets().to_vec()) } else { None })
                .collect(),
            AAAA => addresses
                .filter_map(|ip| if let IpAddr::V6(ip) = ip { Some(ip.octets().to_vec()) } else { None })
                .collect(),
            MX => self
                .exchangers
                .get(name)
                .into_iter()
                .flatten()
                .filter_map(|(preference, host)| exchanger(*preference, host))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the name exists, be it only as the parent of another.
    fn knows(&self, name: &str) -> bool {
        let below = format!(".{name}");
        self.addresses.keys().chain(self.exchangers.keys()).any(|known| known == name || known.ends_with(&below))
    }
}

/// None where a label is longer than the protocol can say.
fn exchanger(preference: u16, host: &str) -> Option<Vec<u8>> {
    let mut data = preference.to_be_bytes().to_vec();
    for label in host.split('.').filter(|label| !label.is_empty()) {
        data.push(u8::try_from(label.len()).ok().filter(|length| *length < 64)?);
        data.extend(label.as_bytes());
    }
    data.push(0);
    Some(data)
}
