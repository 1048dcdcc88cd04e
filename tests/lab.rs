//! A laboratory for real MTAs: Postfix, Exim and the project's own relay run emitted folders byte for byte; the
//! world is bent instead.
//!
//! A [`World`] is a network of its own in which **every address exists**: what no MTA has belongs to the
//! world, where a sink may listen on it, a client may speak from it, and a connection to anything else is
//! refused at once. Names come from the world's DNS alone. Each MTA runs on a [`Node`]: a machine with its
//! own addresses and a throw-away view of the file system, so that several of them may all listen on
//! `0.0.0.0:25` and none touches the host. All of it ends with the value that stands for it.
//!
//! ```ignore
//! let world = World::new();
//! world.host("exchange.corp.contoso.com", "192.0.2.10");          // A or AAAA
//! world.mx("example.org", 10, "mx.example.org");
//! world.sink("192.0.2.10:25", Sink::smtp("exchange").starttls(Identity::trusted(&["exchange.corp.contoso.com"])));
//! let hub = world.node("hub", &["198.51.100.1"]);                  // its addresses; none: one of the lab's
//! hub.write("/etc/mailswitch/relay.password", b"secret", 0o640);   // any path of that machine
//! let postfix = Postfix::install(&hub, bundle);                    // or Exim::install, Relay::install
//! assert_eq!(postfix.check().text(), "");
//! postfix.start(&[25]);                                            // returns when these ports listen
//! let client = world.client("10.0.0.5");                           // the address that the MTA sees
//! client.probe(hub.smtp(), "x@example.net", &["bob@contoso.com"]); // a reply for each recipient
//! client.send(hub.smtp(), "x@example.net", &["bob@contoso.com"], "Subject: hi\n\nhello\n");
//! let mail = &world.wait_for(1).mails[0];                          // what the sinks took
//! ```
//!
//! It needs root, and what `tests/setup.sh` installs. Without them it fails, and says why.

mod base64;
pub(crate) mod client;
pub(crate) mod daemon;
mod dns;
mod exim;
pub(crate) mod inbox;
mod log;
mod milter;
pub(crate) mod node;
mod postfix;
pub(crate) mod relay;
#[cfg(test)]
mod selftest;
mod session;
pub(crate) mod sink;
mod space;
mod tls;
mod trouble;
pub(crate) mod wire;

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

pub(crate) use client::{Client, Reply};
pub(crate) use exim::Exim;
pub(crate) use inbox::{Inbox, Seen};
pub(crate) use node::Node;
pub(crate) use postfix::Postfix;
pub(crate) use relay::Relay;
pub(crate) use sink::{Auth, Sink};
pub(crate) use tls::{Identity, authority_pem};
pub(crate) use trouble::{How, Step};

use dns::Dns;
use milter::Milter;
use node::WeakNode;
use sink::Sockets;
use space::Space;

/// How long a test waits for mail by default. On a quiet machine it comes in a fraction of a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Addresses of the world's own, from the range that RFC 2544 keeps for laboratories.
const GATEWAY: &str = "198.18.255.1";
const RESOLVER: &str = "198.18.255.53";

pub(crate) struct World {
    space: Space,
    dns: Dns,
    inbox: Inbox,
    sockets: Sockets,
    machines: Mutex<Vec<WeakNode>>,
}

impl World {
    pub(crate) fn new() -> World {
        let space = Space::network();
        let resolver = space.run(|| {
            own_every_address();
            UdpSocket::bind((RESOLVER, 53)).expect("the world's resolver address is free")
        });
        World {
            space,
            dns: Dns::serve(resolver),
            inbox: Inbox::default(),
            sockets: Sockets::default(),
            machines: Mutex::default(),
        }
    }

    /// The network itself, for sockets and threads that a test makes in it.
    pub(crate) fn space(&self) -> Space {
        self.space.try_clone()
    }

    /// An address record. A name may have several.
    pub(crate) fn host(&self, name: &str, address: &str) {
        self.dns.host(name, parsed(address));
    }

    pub(crate) fn mx(&self, domain: &str, preference: u16, host: &str) {
        self.dns.mx(domain, preference, host);
    }

    /// Leaves the next questions about a name without an answer.
    pub(crate) fn mute(&self, name: &str, questions: usize) {
        self.dns.mute(name, questions);
    }

    /// Starts a server on `IP:PORT`.
    pub(crate) fn sink(&self, address: &str, sink: Sink) {
        self.sink_in(&self.space, address, sink);
    }

    /// Starts a server on an MTA's own machine, as for a connector to `127.0.0.1:2525`.
    pub(crate) fn sink_at(&self, node: &Node, address: &str, sink: Sink) {
        self.sink_in(node.space(), address, sink);
    }

    fn sink_in(&self, space: &Space, address: &str, sink: Sink) {
        self.sockets.serve(listen(space, address), sink, self.inbox.clone());
    }

    /// Starts a milter on `IP:PORT`. It lets everything pass.
    pub(crate) fn milter(&self, address: &str) -> Milter {
        let milter = Milter::default();
        self.sockets.serve_milter(listen(&self.space, address), milter.clone());
        milter
    }

    /// A machine for an MTA, with these addresses; where a family has none, with one of the lab's.
    pub(crate) fn node(&self, name: &str, addresses: &[&str]) -> Node {
        self.node_with(name, addresses, None)
    }

    /// A machine whose `/var/spool` is a folder on a real disk.
    pub(crate) fn node_with(&self, name: &str, addresses: &[&str], disk: Option<&Path>) -> Node {
        let mut machines = self.machines.lock().expect("no one panicked with the machines");
        let number = u8::try_from(machines.len()).expect("a world has few machines");
        let mut own: Vec<IpAddr> = addresses.iter().map(|address| parsed(address)).collect();
        if !own.iter().any(IpAddr::is_ipv4) {
            own.push(parsed(&format!("198.18.{number}.2")));
        }
        if !own.iter().any(IpAddr::is_ipv6) {
            own.push(parsed(&format!("fd98:{number:x}::2")));
        }
        let node = Node::new(&self.space, number, name, own, disk);
        machines.push(node.downgrade());
        node
    }

    /// A client that speaks from this address.
    pub(crate) fn client(&self, source: &str) -> Client {
        Client::new(&self.space, parsed(source))
    }

    /// What the sinks have seen until now.
    pub(crate) fn seen(&self) -> Seen {
        self.inbox.seen()
    }

    /// Waits until the sinks have taken that many messages in all.
    pub(crate) fn wait_for(&self, mails: usize) -> Seen {
        self.wait_until(PATIENCE, &format!("{mails} messages"), |seen| seen.mails.len() >= mails)
    }

    /// Waits for anything else; `what` names it in the failure, which shows the machines' logs.
    pub(crate) fn wait_until(&self, patience: Duration, what: &str, test: impl Fn(&Seen) -> bool) -> Seen {
        self.inbox.wait_until(patience, test).unwrap_or_else(|seen| {
            panic!(
                "{what}: not seen within {patience:?}; there were {seen:#?}
{}",
                self.logs()
            )
        })
    }

    /// Waits without insisting: an error is what there was instead.
    pub(crate) fn look_until(&self, patience: Duration, test: impl Fn(&Seen) -> bool) -> Result<Seen, Seen> {
        self.inbox.wait_until(patience, test)
    }

    fn logs(&self) -> String {
        let machines = self.machines.lock().expect("no one panicked with the machines");
        let nodes = machines.iter().filter_map(WeakNode::upgrade);
        nodes.map(|node| format!("--- log of {} ---\n{}", node.name(), node.log())).collect()
    }

    /// Lets a test start its count of messages again.
    pub(crate) fn forget_mails(&self) {
        self.inbox.forget();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.sockets.close();
    }
}

fn listen(space: &Space, address: &str) -> TcpListener {
    let address: SocketAddr = address.parse().unwrap_or_else(|_| panic!("{address} is not IP:PORT"));
    space.run(|| TcpListener::bind(address)).unwrap_or_else(|error| panic!("a server on {address}: {error}"))
}

fn parsed(address: &str) -> IpAddr {
    address.parse().unwrap_or_else(|_| panic!("{address} is not an IP address"))
}

/// The whole of both address families is local to the world, less what is routed to a node.
fn own_every_address() {
    node::sysctl("net/ipv6/conf/all/disable_ipv6", "0");
    node::sysctl("net/ipv4/ip_forward", "1");
    node::sysctl("net/ipv6/conf/all/forwarding", "1");
    node::sysctl("net/ipv4/ip_nonlocal_bind", "1");
    node::sysctl("net/ipv6/ip_nonlocal_bind", "1");
    node::ip(
        "link set lo up\n\
         route add local 0.0.0.0/0 dev lo table local\n\
         route add local ::/0 dev lo table local\n",
    );
}
