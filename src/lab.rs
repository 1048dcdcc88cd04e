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
//! let world = World::new()?;                                       // or World::over(&[folder]), see there
//! world.host("exchange.corp.contoso.com", "192.0.2.10")?;          // A or AAAA
//! world.mx("example.org", 10, "mx.example.org");
//! world.sink("192.0.2.10:25", Sink::smtp("exchange").starttls(Identity::trusted(&["exchange.corp.contoso.com"])?))?;
//! let hub = world.node("hub", &["198.51.100.1"])?;                 // its addresses; none: one of the lab's
//! hub.write("/etc/mailswitch/relay.password", b"secret", 0o640)?;  // any path of that machine
//! let postfix = Postfix::install(&hub, bundle)?;                   // or Exim::install, Relay::install
//! assert_eq!(postfix.check()?.text(), "");
//! postfix.start(&[25])?;                                           // returns when these ports listen
//! let client = world.client("10.0.0.5")?;                          // the address that the MTA sees
//! client.probe(hub.smtp(), "x@example.net", &["bob@contoso.com"])?; // a reply for each recipient
//! client.send(hub.smtp(), "x@example.net", &["bob@contoso.com"], "Subject: hi\n\nhello\n")?;
//! let mail = &world.wait_for(1)?.mails[0];                         // what the sinks took
//! ```
//!
//! It needs root, and the programs of the MTAs, on the host or in a layer. Without them it says what is missing.

#![expect(clippy::disallowed_methods, reason = "a laboratory has files, sockets, programs and a clock")]

pub mod client;
pub mod daemon;
mod dns;
mod error;
mod exim;
pub mod inbox;
pub mod log;
mod milter;
pub mod node;
mod postfix;
pub mod relay;
mod root;
mod session;
pub mod sink;
pub mod space;
mod tls;
mod trouble;
pub mod wire;

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

pub use client::{Client, Conversation, Reply};
pub use error::{Error, Result};
pub use exim::Exim;
pub use inbox::{Inbox, Seen};
pub use milter::Milter;
pub use node::Node;
pub use postfix::Postfix;
pub use relay::Relay;
pub use sink::{Auth, Sink};
pub use space::Space;
pub use tls::{Identity, authority_pem, site_authority_pem};
pub use trouble::{How, Step};

use dns::Dns;
use error::{Explain, lock};
use node::WeakNode;
use sink::Sockets;

/// How long mail is waited for by default. On a quiet machine it comes in a fraction of a second.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at what nobody tells of.
const PAUSE: Duration = Duration::from_millis(10);

/// Addresses of the world's own, from the range that RFC 2544 keeps for laboratories.
const GATEWAY: &str = "198.18.255.1";
const RESOLVER: &str = "198.18.255.53";

pub struct World {
    space: Space,
    layers: Vec<PathBuf>,
    dns: Dns,
    inbox: Inbox,
    sockets: Sockets,
    machines: Mutex<Vec<WeakNode>>,
}

impl World {
    pub fn new() -> Result<World> {
        World::over(&[])
    }

    /// A world on whose machines these folders lie over the host's root, the first one on top: unpacked packages, or
    /// the whole root of another release.
    pub fn over(layers: &[PathBuf]) -> Result<World> {
        let layers = layers.iter().map(|folder| root::layer(folder)).collect::<Result<_>>()?;
        let space = Space::network()?;
        let resolver = space.run(|| -> Result<UdpSocket> {
            own_every_address()?;
            UdpSocket::bind((RESOLVER, 53)).explain("cannot serve names")
        })??;
        Ok(World {
            space,
            layers,
            dns: Dns::serve(resolver)?,
            inbox: Inbox::default(),
            sockets: Sockets::default(),
            machines: Mutex::default(),
        })
    }

    /// The network itself, for sockets and threads of one's own in it.
    pub fn space(&self) -> Space {
        self.space.clone()
    }

    /// An address record. A name may have several.
    pub fn host(&self, name: &str, address: &str) -> Result<()> {
        self.dns.host(name, parsed(address)?);
        Ok(())
    }

    pub fn mx(&self, domain: &str, preference: u16, host: &str) {
        self.dns.mx(domain, preference, host);
    }

    /// Leaves the next questions about a name without an answer.
    pub fn mute(&self, name: &str, questions: usize) {
        self.dns.mute(name, questions);
    }

    /// Starts a server on `IP:PORT`.
    pub fn sink(&self, address: &str, sink: Sink) -> Result<()> {
        self.sink_in(&self.space, address, sink)
    }

    /// Starts a server on an MTA's own machine, as for a connector to `127.0.0.1:2525`.
    pub fn sink_at(&self, node: &Node, address: &str, sink: Sink) -> Result<()> {
        self.sink_in(node.space(), address, sink)
    }

    fn sink_in(&self, space: &Space, address: &str, sink: Sink) -> Result<()> {
        self.sockets.serve(listen(space, address)?, sink, self.inbox.clone())
    }

    /// Starts a milter on `IP:PORT`. It lets everything pass.
    pub fn milter(&self, address: &str) -> Result<Milter> {
        let milter = Milter::default();
        self.sockets.serve_milter(listen(&self.space, address)?, milter.clone())?;
        Ok(milter)
    }

    /// The same on an MTA's own machine, as for `milter 127.0.0.1:8891`.
    pub fn milter_at(&self, node: &Node, address: &str) -> Result<Milter> {
        let milter = Milter::default();
        self.sockets.serve_milter(listen(node.space(), address)?, milter.clone())?;
        Ok(milter)
    }

    /// A machine for an MTA, with these addresses; where a family has none, with one of the lab's.
    pub fn node(&self, name: &str, addresses: &[&str]) -> Result<Node> {
        self.make_node(name, addresses, &self.layers, None)
    }

    /// A machine whose `/var/spool` is a folder on a real disk.
    pub fn node_with(&self, name: &str, addresses: &[&str], disk: Option<&Path>) -> Result<Node> {
        self.make_node(name, addresses, &self.layers, disk)
    }

    /// A machine with other layers than the world's.
    pub fn node_over(&self, name: &str, addresses: &[&str], layers: &[PathBuf]) -> Result<Node> {
        let layers = layers.iter().map(|folder| root::layer(folder)).collect::<Result<Vec<_>>>()?;
        self.make_node(name, addresses, &layers, None)
    }

    fn make_node(&self, name: &str, addresses: &[&str], layers: &[PathBuf], disk: Option<&Path>) -> Result<Node> {
        let mut machines = lock(&self.machines);
        let number = u8::try_from(machines.len()).explain("a world has up to 256 machines")?;
        let mut own = addresses.iter().map(|address| parsed(address)).collect::<Result<Vec<_>>>()?;
        if !own.iter().any(IpAddr::is_ipv4) {
            own.push(parsed(&format!("198.18.{number}.2"))?);
        }
        if !own.iter().any(IpAddr::is_ipv6) {
            own.push(parsed(&format!("fd98:{number:x}::2"))?);
        }
        let node = Node::new(&self.space, number, name, own, layers, disk)?;
        machines.push(node.downgrade());
        Ok(node)
    }

    /// A client that speaks from this address.
    pub fn client(&self, source: &str) -> Result<Client> {
        Ok(Client::new(&self.space, parsed(source)?))
    }

    /// What the sinks have seen until now.
    pub fn seen(&self) -> Seen {
        self.inbox.seen()
    }

    /// Waits until the sinks have taken that many messages in all.
    pub fn wait_for(&self, mails: usize) -> Result<Seen> {
        self.wait_until(PATIENCE, &format!("{mails} messages"), |seen| seen.mails.len() >= mails)
    }

    /// Waits for anything else; `what` names it in the error, which shows the machines' logs.
    pub fn wait_until(&self, patience: Duration, what: &str, test: impl Fn(&Seen) -> bool) -> Result<Seen> {
        self.inbox.wait_until(patience, test).map_err(|seen| {
            let logs = self.logs();
            Error::new(format!("{what}: not seen within {patience:?}; there were {seen:#?}\n{logs}"))
        })
    }

    /// Waits without insisting: an error is what there was instead.
    pub fn look_until(&self, patience: Duration, test: impl Fn(&Seen) -> bool) -> Result<Seen, Seen> {
        self.inbox.wait_until(patience, test)
    }

    fn logs(&self) -> String {
        let nodes: Vec<Node> = lock(&self.machines).iter().filter_map(WeakNode::upgrade).collect();
        nodes.iter().map(|node| format!("--- log of {} ---\n{}", node.name(), node.log())).collect()
    }

    /// Starts the count of messages again.
    pub fn forget_mails(&self) {
        self.inbox.forget();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.sockets.close();
    }
}

fn listen(space: &Space, address: &str) -> Result<TcpListener> {
    let parsed: SocketAddr = address.parse().map_err(|_| Error::new(format!("{address} is not IP:PORT")))?;
    space.run(|| TcpListener::bind(parsed))?.explain(format_args!("cannot listen on {address}"))
}

fn parsed(address: &str) -> Result<IpAddr> {
    address.parse().map_err(|_| Error::new(format!("{address} is not an IP address")))
}

/// The whole of both address families is local to the world, less what is routed to a node.
fn own_every_address() -> Result<()> {
    node::sysctl("net/ipv6/conf/all/disable_ipv6", "0")?;
    node::sysctl("net/ipv4/ip_forward", "1")?;
    node::sysctl("net/ipv6/conf/all/forwarding", "1")?;
    node::sysctl("net/ipv4/ip_nonlocal_bind", "1")?;
    node::sysctl("net/ipv6/ip_nonlocal_bind", "1")?;
    node::ip(
        "link set lo up\n\
         route add local 0.0.0.0/0 dev lo table local\n\
         route add local ::/0 dev lo table local\n",
    )
}

/// Asks again and again, until there is an answer or the time is over.
pub fn poll<T>(patience: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let end = Instant::now() + patience;
    loop {
        let answer = ask()?;
        if answer.is_some() || Instant::now() > end {
            return Ok(answer);
        }
        std::thread::sleep(PAUSE);
    }
}
