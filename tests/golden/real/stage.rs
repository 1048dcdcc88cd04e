//! The world that a case is played in: its MTAs, a sink for every way out, names for all of them.

mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use mailswitch::lab::{Auth, Exim, Identity, Node, Postfix, Relay, Sink, World, authority_pem};
use mailswitch::name::{Host, HostName, Mailbox, Pattern};
use mailswitch::plan::route::Router;
use mailswitch::plan::route::outcome::Fate;
use mailswitch::plan::{Connector, ConnectorId, MtaId, NextHop, Node as Place, Plan, Protocol, TargetKind, TlsLevel};

use super::Part;
use super::classes::class_routes;
use crate::golden::case::Case;
use crate::golden::routes::{Route, asked_at, outcomes};
use crate::support::{program, world};

use names::{Names, host_label, host_label_alone};

/// Where bounces go.
pub(crate) const SENDERS: &str = "senders.example";
/// In every password file.
pub(crate) const PASSWORD: &str = "s3cret of the connector";
/// Not in anybody's trust.
const STRANGER: &str = "203.0.113.250";

pub(crate) struct Stage {
    pub(crate) plan: Plan,
    pub(crate) routes: Vec<Route>,
    pub(crate) world: World,
    pub(crate) machines: Vec<Machine>,
    /// By connector: the labels of its sinks.
    pub(crate) sinks: BTreeMap<ConnectorId, BTreeSet<String>>,
    /// `instead C of D`: D by C.
    instead: BTreeMap<String, String>,
    pub(crate) problems: Vec<String>,
}

pub(crate) struct Machine {
    pub(crate) node: Node,
    pub(crate) server: SocketAddr,
    /// It ends when this is dropped.
    running: Running,
}

enum Running {
    Postfix(Postfix),
    Exim(Exim),
    Relay(Relay),
}

impl Machine {
    /// Waits until the queue is empty; what is left in it otherwise.
    pub(crate) fn drained(&self, patience: Duration) -> Option<String> {
        let end = Instant::now() + patience;
        loop {
            let queue = match &self.running {
                Running::Postfix(postfix) => postfix.queue().unwrap(),
                Running::Exim(exim) => exim.queue().unwrap(),
                Running::Relay(relay) => relay.queue().unwrap(),
            };
            if queue.trim().is_empty() {
                return None;
            }
            if Instant::now() > end {
                return Some(format!("{} has this left in its queue: {queue}", self.node.name()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A sink to be.
#[derive(Default)]
struct Door {
    protocol: Option<Protocol>,
    /// What its certificate must name; none: no TLS.
    names: BTreeSet<String>,
    auth: bool,
    refused: BTreeSet<String>,
}

impl Stage {
    pub(crate) fn new(case: &Case, parts: &[Part]) -> Stage {
        let (plan, mut routes) = (case.plan(), case.routes());
        routes.extend(class_routes(&plan, &routes));
        let world = world();
        let mut stage = Stage {
            plan,
            routes,
            world,
            machines: Vec::new(),
            sinks: BTreeMap::new(),
            instead: BTreeMap::new(),
            problems: Vec::new(),
        };
        let script = case.read("world.txt").unwrap_or_default();
        let down = stage.script(&script);
        stage.open_sinks(&down);
        for (id, part) in stage.plan.mta_ids().zip(parts) {
            stage.start(id, part);
        }
        stage
    }

    fn script(&mut self, script: &str) -> BTreeSet<String> {
        let mut down = BTreeSet::new();
        for line in script.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["down", host] => drop(down.insert(host.to_owned())),
                ["instead", first, "of", second] => drop(self.instead.insert(second.to_owned(), first.to_owned())),
                ["milter"] => self.open_milters(),
                _ => panic!("world.txt: {line}"),
            }
        }
        down
    }

    fn open_milters(&self) {
        for milter in self.plan.mtas.iter().filter_map(|mta| mta.milter.as_ref()) {
            let (HostName::Ip(ip), Some(port)) = (&milter.value.name, milter.value.port) else {
                panic!("the case's milter has an IP address and a port");
            };
            self.world.milter(&SocketAddr::new(*ip, port).to_string()).unwrap();
        }
    }

    /// The labels of the sinks where a connector's mail arrives.
    pub(crate) fn arrives_at(&self, connector: &str, recipient: &str) -> BTreeSet<String> {
        let id = self.connector_id(connector);
        if matches!(self.plan.connector(id).hop, NextHop::Dns(_)) {
            return BTreeSet::from([format!("mx of {}", domain_of(recipient))]);
        }
        self.sinks.get(&id).cloned().unwrap_or_default()
    }

    /// A connector by its name, or the one that `world.txt` has instead of it.
    pub(crate) fn connector(&self, name: &str) -> &Connector {
        self.plan.connector(self.connector_id(name))
    }

    fn connector_id(&self, name: &str) -> ConnectorId {
        let name = self.instead.get(name).map_or(name, String::as_str);
        let id = self.plan.connector_ids().find(|&id| self.plan.connector(id).name == name);
        id.unwrap_or_else(|| panic!("no connector is called {name}"))
    }

    fn open_sinks(&mut self, down: &BTreeSet<String>) {
        let names = Names::new(&self.world);
        let mut doors: BTreeMap<SocketAddr, (String, Door)> = BTreeMap::new();
        for id in self.plan.connector_ids() {
            let connector = self.plan.connector(id);
            let NextHop::SmartHosts { hosts, .. } = &connector.hop else { continue };
            for host in hosts.iter().map(|host| &host.value) {
                let (address, label) = (names.socket(host, connector.protocol()), host_label(host));
                self.sinks.entry(id).or_default().insert(label.clone());
                if !down.contains(host_label_alone(host).as_str()) {
                    describe(&mut doors.entry(address).or_insert((label, Door::default())).1, connector, host);
                }
            }
        }
        let ours = self.point_at_ours();
        for domain in self.foreign_domains().difference(&ours) {
            let exchanger = format!("in.{domain}");
            self.world.mx(domain, 10, &exchanger);
            let address = SocketAddr::new(names.address(&exchanger), 25);
            let door = Door { names: BTreeSet::from([exchanger]), ..Door::default() };
            doors.insert(address, (format!("mx of {domain}"), door));
        }
        self.refuse(&names, &mut doors);
        let utf8 = self.plan.mtas.iter().any(|mta| mta.takes_utf8());
        for (address, (label, door)) in doors {
            self.world.sink(&address.to_string(), sink(&label, &door, utf8)).unwrap();
        }
    }

    /// MX records for the domains that our own MTAs take from the Internet. An MTA's hostname needs none.
    fn point_at_ours(&self) -> BTreeSet<String> {
        let router = Router::new(&self.plan);
        let mut ours: BTreeSet<String> =
            self.plan.mtas.iter().map(|mta| mta.hostname.value.as_str().to_owned()).collect();
        for domain in self.plan.domains.iter().filter_map(|decl| match &decl.pattern.value {
            Pattern::Exact(domain) => Some(domain.as_str()),
            _ => None,
        }) {
            for (node, _) in router.mx(domain).unwrap_or_default() {
                if let Place::Mta(id) = *node {
                    ours.insert(domain.to_owned());
                    self.world.mx(domain, 10, self.plan.mta(id).hostname.value.as_str());
                }
            }
        }
        ours
    }

    /// The domains that mail goes to by MX lookup.
    fn foreign_domains(&self) -> BTreeSet<String> {
        let mut domains = BTreeSet::from([SENDERS.to_owned()]);
        for route in &self.routes {
            for outcome in &route.outcomes {
                let (Some(recipient), Some(connector)) = (&outcome.recipient, &outcome.connector) else { continue };
                let by_dns = |c: &&Connector| c.name == *connector && matches!(c.hop, NextHop::Dns(_));
                if self.plan.connectors.iter().any(|c| by_dns(&c)) {
                    domains.insert(domain_of(recipient));
                }
            }
        }
        domains
    }

    /// What a complete system does not hold, its sinks refuse.
    fn refuse(&self, names: &Names<'_>, doors: &mut BTreeMap<SocketAddr, (String, Door)>) {
        let router = Router::new(&self.plan);
        for route in &self.routes {
            for outcome in asked_at(&self.plan, route).into_iter().flat_map(|mta| outcomes(&router, mta, route)) {
                let (Fate::Rejected | Fate::Bounced, Some(id), Some(recipient)) =
                    (outcome.fate, outcome.connector, &outcome.recipient)
                else {
                    continue;
                };
                let connector = self.plan.connector(id);
                let NextHop::SmartHosts { hosts, .. } = &connector.hop else { continue };
                for host in hosts {
                    if let Some((_, door)) = doors.get_mut(&names.socket(&host.value, connector.protocol())) {
                        door.refused.insert(recipient.as_str().to_owned());
                    }
                }
            }
        }
    }

    fn start(&mut self, id: MtaId, part: &Part) {
        let mta = self.plan.mta(id);
        let leaving = self.plan.connectors.iter().filter(|connector| connector.from.contains(&id));
        let listening = mta.listen.iter().map(|endpoint| endpoint.value.ip).filter(|ip| !ip.is_unspecified());
        let mut addresses: Vec<String> = Vec::new();
        let own = mta.address.iter().map(|address| address.value);
        for ip in own.chain(listening).chain(leaving.filter_map(|c| c.source_address.map(|ip| ip.value))) {
            if !ip.is_loopback() && !addresses.contains(&ip.to_string()) {
                addresses.push(ip.to_string());
            }
        }
        let node = self.world.node(&mta.name, &addresses.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        // The name leads to the addresses that the others know, and not to what the lab adds.
        let said = node.addresses().iter().filter(|ip| addresses.is_empty() || addresses.contains(&ip.to_string()));
        for address in said {
            self.world.host(mta.hostname.value.as_str(), &address.to_string()).unwrap();
        }
        self.furnish(id, &node);
        let mut ports: Vec<u16> = mta.listen.iter().map(|endpoint| endpoint.value.port).collect();
        ports.dedup();
        let server = SocketAddr::new(node.smtp().ip(), ports[0]);
        let running = match part.kind {
            TargetKind::Postfix => Running::Postfix(self.postfix(id, &node, &part.folder, &ports)),
            TargetKind::Exim => Running::Exim(self.exim(&node, &part.folder, &ports)),
            TargetKind::Relay => Running::Relay(self.relay(&node, &part.folder, &ports)),
        };
        self.machines.push(Machine { node, server, running });
    }

    /// The files that the source says are on the MTA's host.
    fn furnish(&self, id: MtaId, node: &Node) {
        let mta = self.plan.mta(id);
        if let Some(tls) = &mta.tls {
            let identity = Identity::trusted(&[mta.hostname.value.as_str()]).unwrap();
            node.write(&tls.value.certificate, identity.certificate_pem.as_bytes(), 0o644).unwrap();
            node.write(&tls.value.key, identity.key_pem.as_bytes(), 0o640).unwrap();
            node.give(&tls.value.key, "Debian-exim").unwrap();
        }
        for connector in self.plan.connectors.iter().filter(|connector| connector.from.contains(&id)) {
            if let Some(ca) = &connector.tls.ca {
                node.write(&ca.value, authority_pem().unwrap().as_bytes(), 0o644).unwrap();
            }
            if let Some(auth) = &connector.auth {
                node.write(&auth.value.file, PASSWORD.as_bytes(), 0o640).unwrap();
                node.give(&auth.value.file, "Debian-exim").unwrap();
            }
        }
    }

    fn postfix(&mut self, id: MtaId, node: &Node, folder: &Path, ports: &[u16]) -> Postfix {
        let postfix = Postfix::install(node, folder).unwrap();
        if self.plan.connectors.iter().any(|connector| connector.from.contains(&id) && connector.auth.is_some()) {
            // The machine has nothing of the folder where the program was built.
            let program = std::fs::read(env!("CARGO_BIN_EXE_mailswitch")).unwrap();
            node.write_program("/usr/local/bin/mailswitch", &program).unwrap();
            let output = node.command("/usr/local/bin/mailswitch", &["secrets", "/etc/postfix"], "").unwrap();
            self.clean("mailswitch secrets", output.success, if output.success { "" } else { &output.stderr });
        }
        let check = postfix.check().unwrap();
        self.clean("postfix check", check.success, &check.text());
        let settings = postfix.postconf_n().unwrap();
        self.clean("postconf -n", settings.success, &settings.stderr);
        postfix.start(ports).unwrap();
        postfix
    }

    fn exim(&mut self, node: &Node, folder: &Path, ports: &[u16]) -> Exim {
        let exim = Exim::install(node, folder).unwrap();
        let version = exim.bv().unwrap();
        self.clean("exim -bV", version.success, &version.stderr);
        exim.start(ports).unwrap();
        exim
    }

    fn relay(&mut self, node: &Node, folder: &Path, ports: &[u16]) -> Relay {
        let relay = Relay::install(node, folder, program()).unwrap();
        let check = relay.check().unwrap();
        self.clean("relay check", check.success, &check.stdout);
        relay.start(ports).unwrap();
        relay
    }

    fn clean(&mut self, command: &str, success: bool, said: &str) {
        if !success || !said.is_empty() {
            self.problems.push(format!("{command} says: {said}"));
        }
    }

    /// A client that an MTA trusts, or a stranger to it.
    pub(crate) fn client(&self, mta: MtaId, anyone: bool) -> Option<IpAddr> {
        if anyone {
            return Some(STRANGER.parse().unwrap());
        }
        let net = self.plan.mta(mta).trust.first()?.value;
        match net {
            IpNet::V4(net) if net.prefix_len() < 31 => Some(Ipv4Addr::from(u32::from(net.broadcast()) - 1).into()),
            net => Some(net.addr()),
        }
    }
}

fn describe(door: &mut Door, connector: &Connector, host: &Host) {
    door.protocol = Some(connector.protocol());
    door.auth |= connector.auth.is_some();
    if connector.tls.level != TlsLevel::Off || connector.protocol() == Protocol::Smtps {
        let name = connector.tls.name.as_ref().map(|name| name.value.as_str().to_owned());
        door.names.insert(name.unwrap_or_else(|| host_label_alone(host)));
    }
}

fn sink(label: &str, door: &Door, utf8: bool) -> Sink {
    let names: Vec<&str> = door.names.iter().map(String::as_str).collect();
    let mut sink = match door.protocol.unwrap_or(Protocol::Smtp) {
        Protocol::Smtp => Sink::smtp(label),
        Protocol::Lmtp => Sink::lmtp(label),
        Protocol::Smtps => Sink::smtps(label, Identity::trusted(&names).unwrap()),
    };
    if !names.is_empty() && door.protocol != Some(Protocol::Smtps) {
        sink = sink.starttls(Identity::trusted(&names).unwrap());
    }
    if door.auth {
        sink = sink.auth(Auth::Accepts);
    }
    if utf8 {
        sink = sink.smtputf8();
    }
    door.refused.iter().fold(sink, |sink, recipient| sink.rcpt_for(recipient, "550 5.1.1 nobody has this address"))
}

pub(crate) fn domain_of(recipient: &str) -> String {
    Mailbox::parse(recipient).map(|mailbox| mailbox.domain().to_owned()).unwrap_or_default()
}
