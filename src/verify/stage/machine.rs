//! One MTA on a machine of its own: its addresses, the files that the source says are there, its emitted folder.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::PASSWORD;
use super::names::{self, Names};
use crate::lab::{Error, Exim, Identity, Node, Postfix, Relay, Result, World, authority_pem, poll, site_authority_pem};
use crate::name::HostName;
use crate::plan::{Endpoint, MtaId, NextHop, Node as Place, Plan, TargetKind};
use crate::verify::{Means, Part};

/// Where this program lies on the machine.
const PROGRAM: &str = "/usr/local/bin/mailswitch";

pub(in crate::verify) struct Machine {
    pub(in crate::verify) node: Node,
    listen: Vec<Endpoint>,
    pub(in crate::verify) version: String,
    /// What its own checker says.
    pub(in crate::verify) problems: Vec<String>,
    /// It ends when this is dropped.
    running: Running,
}

enum Running {
    Postfix(Postfix),
    Exim(Exim),
    Relay(Relay),
}

/// An error where two MTAs have one address: each needs its own to be reached by.
pub(super) fn are_apart(plan: &Plan) -> Result<()> {
    let mut owners: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for mta in &plan.mtas {
        let listens = mta.listen.iter().map(|endpoint| endpoint.value.ip);
        for ip in mta.address.iter().map(|address| address.value).chain(listens) {
            let name = mta.name.as_str();
            let other = *owners.entry(ip).or_insert(name);
            if other != name && !ip.is_unspecified() && !ip.is_loopback() {
                return Err(Error::new(format!(
                    "`{other}` and `{name}` both have the address {ip}: one network cannot hold both"
                )));
            }
        }
    }
    Ok(())
}

/// The machine, with the addresses that the source gives it, and its name in the world.
pub(super) fn node(plan: &Plan, id: MtaId, world: &World, names: &Names<'_>) -> Result<Node> {
    let mta = plan.mta(id);
    let listens: Vec<IpAddr> = mta.listen.iter().map(|endpoint| endpoint.value.ip).collect();
    let sources = plan.connectors_from(id).filter_map(|c| plan.connector(c).source_address.map(|ip| ip.value));
    let called: Vec<&HostName> = called(plan, id).collect();
    let by_ip = called.iter().filter_map(|name| match name {
        HostName::Ip(ip) => Some(*ip),
        HostName::Domain(_) => None,
    });
    let mut own: Vec<String> = Vec::new();
    let declared = mta.address.iter().map(|address| address.value).chain(listens.iter().copied());
    for ip in declared.chain(sources).chain(by_ip).filter(|ip| !ip.is_unspecified() && !ip.is_loopback()) {
        if !own.contains(&ip.to_string()) {
            own.push(ip.to_string());
        }
    }
    let node = world.node(&mta.name, &own.iter().map(String::as_str).collect::<Vec<_>>())?;
    // Its names lead to what it listens on, and not to what the laboratory adds beside an address that others know.
    let everywhere = |v6: bool| listens.iter().any(|ip| ip.is_unspecified() && ip.is_ipv6() == v6);
    let given = |ip: &IpAddr| own.is_empty() || own.contains(&ip.to_string());
    let reached = |ip: &&IpAddr| listens.contains(ip) || (everywhere(ip.is_ipv6()) && given(ip));
    if own.iter().any(|ip| !ip.contains(':')) && !own.iter().any(|ip| ip.contains(':')) {
        node.narrow_ipv6(&over_ipv6(plan, id))?;
    }
    let mut known = BTreeSet::from([mta.hostname.value.as_str()]);
    known.extend(called.iter().filter_map(|name| match name {
        HostName::Domain(domain) => Some(domain.as_str()),
        HostName::Ip(_) => None,
    }));
    for name in known {
        for address in node.addresses().iter().filter(reached) {
            names.tell(name, *address)?;
        }
    }
    Ok(node)
}

/// Whom an MTA speaks to over IPv6 whatever its own addresses are: smart hosts without a name, its clients, MTAs that listen
/// on nothing else.
fn over_ipv6(plan: &Plan, id: MtaId) -> Vec<Ipv6Addr> {
    let hosts = plan.connectors_from(id).filter_map(|connector| match &plan.connector(connector).hop {
        NextHop::SmartHosts { hosts, .. } => Some(hosts),
        _ => None,
    });
    let hosts = hosts.flatten().filter_map(|host| match host.value.name {
        HostName::Ip(ip) => Some(ip),
        HostName::Domain(_) => None,
    });
    let clients = [false, true].into_iter().filter_map(|anyone| names::client(plan, id, anyone));
    let only_ipv6 = plan.mtas.iter().filter(|mta| mta.listen.iter().all(|endpoint| endpoint.value.ip.is_ipv6()));
    let mtas = only_ipv6.flat_map(|mta| {
        let listens = mta.listen.iter().map(|endpoint| endpoint.value.ip);
        listens.chain(mta.address.iter().map(|address| address.value))
    });
    let ipv6 = hosts.chain(clients).chain(mtas).filter_map(|ip| match ip {
        IpAddr::V6(ip) if !ip.is_unspecified() && !ip.is_loopback() => Some(ip),
        _ => None,
    });
    ipv6.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What the connectors to an MTA call it.
fn called(plan: &Plan, id: MtaId) -> impl Iterator<Item = &HostName> {
    let to = plan.connectors.iter().filter(move |connector| connector.to.value == Place::Mta(id));
    let hosts = to.filter_map(|connector| match &connector.hop {
        NextHop::SmartHosts { hosts, .. } => Some(hosts),
        _ => None,
    });
    hosts.flatten().map(|host| &host.value.name)
}

/// Each MTA's filter, which lets everything pass.
pub(super) fn open_milters(plan: &Plan, world: &World, nodes: &[Node], names: &Names<'_>) -> Result<()> {
    for (mta, node) in plan.mtas.iter().zip(nodes) {
        let Some(milter) = &mta.milter else { continue };
        let ip = match &milter.value.name {
            HostName::Ip(ip) => *ip,
            HostName::Domain(domain) => names.address(domain.as_str())?,
        };
        let Some(port) = milter.value.port else { continue };
        let address = SocketAddr::new(ip, port).to_string();
        if ip.is_loopback() {
            world.milter_at(node, &address)?;
        } else {
            world.milter(&address)?;
        }
    }
    Ok(())
}

impl Machine {
    pub(super) fn start(plan: &Plan, id: MtaId, node: Node, part: &Part, means: &Means) -> Result<Machine> {
        let mta = plan.mta(id);
        let listen: Vec<Endpoint> = mta.listen.iter().map(|endpoint| endpoint.value).collect();
        let mut ports: Vec<u16> = listen.iter().map(|endpoint| endpoint.port).collect();
        ports.dedup();
        let mut problems = Vec::new();
        let mut clean = |command: &str, success: bool, said: &str| {
            if !success || !said.trim().is_empty() {
                problems.push(format!("{}: {command} says: {}", mta.name, said.trim()));
            }
        };
        let files = || part.files.iter().map(|file| (file.path.clone(), file.content.clone(), 0o644));
        let (running, version) = match part.kind {
            TargetKind::Postfix => {
                let postfix = Postfix::install_files(&node, files())?;
                furnish(plan, id, &node, None)?;
                if plan.connectors_from(id).any(|connector| plan.connector(connector).auth.is_some()) {
                    node.copy_program(&means.program, PROGRAM)?;
                    let output = node.command(PROGRAM, &["secrets", "/etc/postfix"], "")?;
                    clean("mailswitch secrets", output.success, if output.success { "" } else { &output.stderr });
                }
                let check = postfix.check()?;
                clean("postfix check", check.success, &check.text());
                let settings = postfix.postconf_n()?;
                clean("postconf -n", settings.success, &settings.stderr);
                let version = format!("Postfix {}", postfix.postconf("mail_version")?);
                postfix.start(&ports)?;
                (Running::Postfix(postfix), version)
            }
            TargetKind::Exim => {
                let exim = Exim::install_files(&node, files())?;
                furnish(plan, id, &node, Some(exim.user()))?;
                let said = exim.bv()?;
                clean("exim -bV", said.success, &said.stderr);
                let version = said.stdout.lines().next().and_then(|line| line.split(' ').nth(2)).unwrap_or("?");
                let version = format!("Exim {version}");
                exim.start(&ports)?;
                (Running::Exim(exim), version)
            }
            TargetKind::Relay => {
                let relay = Relay::install_files(&node, files(), &means.program)?;
                furnish(plan, id, &node, None)?;
                let check = relay.check()?;
                clean("mailswitch relay check", check.success, if check.success { "" } else { &check.stdout });
                relay.start(&ports)?;
                (Running::Relay(relay), format!("mailswitch {}", env!("CARGO_PKG_VERSION")))
            }
        };
        Ok(Machine { node, listen, version, problems, running })
    }

    /// Where clients of a family find it; none where it listens on its loopback only.
    pub(in crate::verify) fn server(&self, v6: bool) -> Option<SocketAddr> {
        let first = self.node.addresses().iter().find(|ip| ip.is_ipv6() == v6);
        self.listen.iter().find_map(|endpoint| {
            let fits = endpoint.ip.is_ipv6() == v6 && !endpoint.ip.is_loopback();
            let ip = if endpoint.ip.is_unspecified() { *first? } else { endpoint.ip };
            fits.then(|| SocketAddr::new(ip, endpoint.port))
        })
    }

    /// What is in its queue; nothing where it is empty.
    pub(in crate::verify) fn queue(&self) -> Result<String> {
        let queue = match &self.running {
            Running::Postfix(postfix) => postfix.queue(),
            Running::Exim(exim) => exim.queue(),
            Running::Relay(relay) => relay.queue(),
        };
        Ok(queue?.trim().to_owned())
    }

    /// Waits until the queue is empty; what is left in it otherwise. Exim keeps a report that it cannot return for a while
    /// (spec 14, `ignore_bounce_errors_after`).
    pub(in crate::verify) fn drained(&self, patience: Duration, can_return: bool) -> Result<Option<String>> {
        let is_kept = |line: &str| !can_return && line.contains(" <> *** frozen ***");
        // In `exim -bp` a message's recipients are below its line.
        let is_left = |queue: &str| queue.split("\n\n").any(|message| !message.is_empty() && !is_kept(message));
        let left = poll(patience, || Ok((!is_left(&self.queue()?)).then_some(())))?;
        let tell = || Ok(format!("{} has this left in its queue: {}", self.node.name(), self.queue()?));
        if left.is_none() { tell().map(Some) } else { Ok(None) }
    }
}

/// The files that the source says are on the MTA's host; those that are secret are its owner's.
fn furnish(plan: &Plan, id: MtaId, node: &Node, owner: Option<&str>) -> Result<()> {
    let mta = plan.mta(id);
    let secret = |path: &str, bytes: &[u8]| {
        node.write(checked(path)?, bytes, 0o640)?;
        owner.map_or(Ok(()), |owner| node.give(path, owner))
    };
    if let Some(tls) = &mta.tls {
        let identity = Identity::trusted(&[mta.hostname.value.as_str()])?;
        node.write(checked(&tls.value.certificate)?, identity.certificate_pem.as_bytes(), 0o644)?;
        secret(&tls.value.key, identity.key_pem.as_bytes())?;
    }
    for connector in plan.connectors_from(id).map(|connector| plan.connector(connector)) {
        if let Some(ca) = &connector.tls.ca {
            let both = site_authority_pem()? + &authority_pem()?;
            node.write(checked(&ca.value)?, both.as_bytes(), 0o644)?;
        }
        if let Some(auth) = &connector.auth {
            secret(&auth.value.file, PASSWORD.as_bytes())?;
        }
    }
    Ok(())
}

/// The machine's files are its own, but the kernel's are everybody's: a source cannot have those written to.
fn checked(path: &str) -> Result<&str> {
    let kernels = ["/proc", "/sys", "/dev"].iter().any(|folder| std::path::Path::new(path).starts_with(folder));
    let plain = path.starts_with('/') && !path.split('/').any(|part| part == "..");
    if plain && !kernels {
        Ok(path)
    } else {
        Err(Error::new(format!("{path} is no place for a certificate or a password")))
    }
}
