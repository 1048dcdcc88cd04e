//! The files of one MTA's folder.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::connectors::{self, Details, Service, Transport};
use super::meaning::{Dest, GroupId, Meaning};
use super::peers::{self, Peer};
use super::places::{self, Places};
use super::quote::{self, Unquotable};
use super::tables::{Kind, Table};
use super::version::{self, Release};
use super::{replies, secrets, settings, view};
use crate::emit::{Context, EmitError, File, template};
use crate::name::HostName;
use crate::plan::route::Status;
use crate::plan::{EmitMode, Maps, Mta, MtaId};
use crate::source::Span;

mod access;
mod master;
mod rules;

const MAIN: &str = include_str!("../../../templates/postfix/main.cf.hbs");
const MASTER: &str = include_str!("../../../templates/postfix/master.cf.hbs");
const RULES: &str = include_str!("../../../templates/postfix/rules.hbs");

/// Everything that the files of one MTA are made of.
struct Bundle<'a> {
    context: Context<'a>,
    mta: &'a Mta,
    release: Release,
    kind: Kind,
    places: Places<'a>,
    services: Vec<(Service, Details)>,
    transports: BTreeMap<GroupId, Transport>,
    peers: Vec<Peer>,
    peer_addresses: BTreeMap<std::net::IpAddr, usize>,
}

pub(super) fn files(context: Context<'_>, id: MtaId) -> Result<Vec<File>, EmitError> {
    Bundle::new(context, id)?.files()
}

/// The parameters of `main.cf` that the compiler sets.
pub(super) fn parameters(context: Context<'_>, id: MtaId) -> Result<BTreeSet<String>, EmitError> {
    let mut bundle = Bundle::new(context, id)?;
    let settings = bundle.view_main(false)?;
    let text = bundle.render("main.cf", MAIN, &settings)?;
    bundle.places = Places::default();
    settings::parameters(&text).map_err(EmitError)
}

fn unquotable(error: Unquotable) -> EmitError {
    EmitError(format!("Postfix has no spelling for `{}`", error.0))
}

impl<'a> Bundle<'a> {
    fn new(context: Context<'a>, id: MtaId) -> Result<Bundle<'a>, EmitError> {
        let mta = context.plan.mta(id);
        let release = version::release(mta.target.value.version)
            .ok_or_else(|| EmitError(format!("no such release of Postfix for `{}`", mta.name)))?;
        let kind = match mta.maps.map(|m| m.value) {
            Some(Maps::Texthash) => Kind::Texthash,
            Some(Maps::Lmdb) => Kind::Lmdb,
            _ => Kind::Cdb,
        };
        let mut meaning = Meaning::new(context, id);
        let places = places::collect(&mut meaning);
        let used = used(&places);
        let named = connectors::services(context, &meaning.groups, &used);
        let mut transports = BTreeMap::new();
        let mut services = Vec::new();
        for service in &named {
            for &group in &service.groups {
                let tiers = meaning.groups.get(group.0).cloned().unwrap_or_default();
                transports.insert(group, connectors::transport(context, service, group, &tiers));
            }
            services.push(
                connectors::details(context, id, (service, &named), &meaning.groups, kind, release)
                    .map_err(unquotable)?,
            );
        }
        let services = named.into_iter().zip(services).collect();
        let (peers, peer_addresses) = peers::peers(&meaning);
        Ok(Bundle { context, mta, release, kind, places, services, transports, peers, peer_addresses })
    }

    fn files(&self) -> Result<Vec<File>, EmitError> {
        let whole = self.mta.emits() == EmitMode::Complete;
        let (main, master) = if whole { ("main.cf", "master.cf") } else { ("main.cf.part", "master.cf.part") };
        let mut files = vec![
            text(main, self.render("main.cf", MAIN, &self.view_main(true)?)?),
            text(master, self.render("master.cf", MASTER, &self.view_master())?),
        ];
        for (name, rules) in self.rules() {
            files.push(text(name, self.render("rules", RULES, &rules)?));
        }
        for (name, table) in self.tables() {
            files.push(self.kind.file(&name, &table)?);
        }
        for (name, table) in [("domains", &self.places.domains), ("contacts", &self.places.contacts)] {
            files.push(self.kind.file(name, table)?);
        }
        let passwords: Vec<_> = self.services.iter().flat_map(|(_, d)| d.passwords.iter().cloned()).collect();
        if !passwords.is_empty() {
            files.push(secrets::wanted(&passwords, self.kind)?);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    fn render(&self, name: &str, text: &str, view: &impl Serialize) -> Result<String, EmitError> {
        template::render(text, view).map_err(|e| EmitError(format!("{name} of `{}`: {e}", self.mta.name)))
    }

    fn place(&self, span: Span) -> String {
        quote::comment(&self.context.sources.place(span))
    }

    fn parameter(&self, name: &str, value: impl Into<String>, span: Span) -> view::Parameter {
        view::Parameter { name: name.to_owned(), value: value.into(), place: Some(self.place(span)) }
    }

    fn view_main(&self, with_settings: bool) -> Result<view::Main, EmitError> {
        let classes = self.classes();
        let separator = self.mta.separator().map(|c| quote::main_value(&c.to_string()).map_err(unquotable));
        Ok(view::Main {
            mta: quote::comment(&self.mta.name),
            place: self.place(self.mta.span),
            whole: self.mta.emits() == EmitMode::Complete,
            compatibility_level: self.release.compatibility_level(),
            hostname: self.parameter("myhostname", self.mta.hostname.value.as_str(), self.mta.hostname.span),
            identity: self.identity(),
            unknown_words: places::words(Status::UNKNOWN),
            unroutable_words: places::words(Status::UNROUTABLE),
            tables: view::Tables { domains: self.kind.reference("domains") },
            virtual_alias_maps: self.virtual_alias_maps(),
            transport_maps: self.transport_maps(),
            default_transport_maps: self.default_transport_maps(),
            separator: separator.transpose()?,
            smtputf8: if self.mta.takes_utf8() { "yes" } else { "no" },
            utf8: self.mta.takes_utf8(),
            trust: self.mta.trust.iter().map(|net| network(net.value)).collect(),
            classes: classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", "),
            restriction_classes: classes,
            inbound: self.inbound()?,
            hardening: self.hardening(),
            mandatory_protocols: if self.release.compares_protocols() {
                ">=TLSv1.2"
            } else {
                "!SSLv2, !SSLv3, !TLSv1, !TLSv1.1"
            },
            tls_of_senders: self.tls_of_senders(),
            limits: self.limits(),
            settings: self.mta.settings.as_ref().filter(|_| with_settings).map(|s| view::Settings {
                file: quote::comment(&s.value.name),
                place: self.place(s.span),
                text: s.value.text.trim_end().to_owned(),
            }),
        })
    }

    fn identity(&self) -> Vec<view::Parameter> {
        let addresses: Vec<String> = self.mta.address.iter().map(|a| a.value.to_string()).collect();
        let first = self.mta.address.first();
        first.map(|a| self.parameter("proxy_interfaces", addresses.join(", "), a.span)).into_iter().collect()
    }

    fn virtual_alias_maps(&self) -> String {
        let mut maps = vec![self.kind.reference("contacts")];
        if !self.places.leading_contacts.is_empty() {
            maps.push("regexp:$config_directory/leading_contacts".to_owned());
        }
        maps.join(", ")
    }

    /// A tie is a table of its own for each pool: whatever its key, the answer is one of the pool's orders.
    fn transport_maps(&self) -> String {
        let mut maps = vec![self.kind.reference("accounts"), self.kind.reference("spaces")];
        if !self.places.leading_accounts.is_empty() {
            maps.push("regexp:$config_directory/leading_accounts".to_owned());
        }
        for transport in self.transports.values() {
            let Transport::Shared { pool, orders } = transport else { continue };
            let accounts = self.pools("accounts", self.places.accounts.iter().map(|(_, dest)| dest));
            let spaces = self.pools("spaces", self.places.spaces.values());
            for (name, named) in [("accounts", accounts), ("spaces", spaces)] {
                let keys = self.kind.reference(&format!("{name}_{pool}"));
                if named.contains(&keys) {
                    maps.push(format!("pipemap:{{{keys}, {}}}", self.shared(pool, orders.len())));
                }
            }
        }
        maps.join(",\n    ")
    }

    /// Which order of a pool: random, and then what that order is.
    fn shared(&self, pool: &str, orders: usize) -> String {
        let names: Vec<String> = (0..orders).map(|i| format!("{pool}.{i}")).collect();
        format!("randmap:{{{}}}, {}", names.join(", "), self.kind.reference("pools"))
    }

    /// A tie at `*`: trivial-rewrite(8) keeps what `*` in transport_maps said for 30 seconds, so that one mate would
    /// get everything for that long; this table is asked for every recipient, with the sender as its key.
    fn default_transport_maps(&self) -> Option<String> {
        let Some(Dest::Send(group)) = self.places.any else { return None };
        match self.transports.get(&group)? {
            Transport::One(_) => None,
            Transport::Shared { pool, orders } => {
                Some(format!("pipemap:{{static:any, {}}}", self.shared(pool, orders.len())))
            }
        }
    }

    /// The tables of ties among these, by pool.
    fn pools<'d>(&self, name: &str, all: impl Iterator<Item = &'d Dest>) -> BTreeSet<String> {
        let pool = |dest: &Dest| match dest {
            Dest::Send(group) => self.pool(*group),
            Dest::Refuse(_) => None,
        };
        all.filter_map(pool).map(|pool| self.kind.reference(&format!("{name}_{pool}"))).collect()
    }

    fn inbound(&self) -> Result<Vec<view::Parameter>, EmitError> {
        let mut all = Vec::new();
        if let Some(tls) = &self.mta.tls {
            let file = |name: &str, path: &str| Ok(self.parameter(name, quote::main_value(path)?, tls.span));
            all.push(self.parameter("smtpd_tls_security_level", "may", tls.span));
            all.push(file("smtpd_tls_cert_file", &tls.value.certificate).map_err(unquotable)?);
            all.push(file("smtpd_tls_key_file", &tls.value.key).map_err(unquotable)?);
        }
        if let Some(size) = self.mta.max_size {
            all.push(self.parameter("message_size_limit", size.value.to_string(), size.span));
        }
        if let Some(lifetime) = self.mta.queue_lifetime {
            for name in ["maximal_queue_lifetime", "bounce_queue_lifetime"] {
                all.push(self.parameter(name, format!("{}s", lifetime.value), lifetime.span));
            }
        }
        if let Some(milter) = &self.mta.milter {
            let host = match &milter.value.name {
                HostName::Domain(domain) => domain.to_string(),
                HostName::Ip(ip) => format!("[{ip}]"),
            };
            let port = milter.value.port.unwrap_or(8891);
            all.push(self.parameter("smtpd_milters", format!("inet:{host}:{port}"), milter.span));
        }
        Ok(all)
    }

    fn hardening(&self) -> Vec<view::Parameter> {
        let mut all = Vec::new();
        let mut set = |name: &str, value: &str| {
            all.push(view::Parameter { name: name.to_owned(), value: value.to_owned(), place: None });
        };
        if self.release.forbids_pipelining() {
            set("smtpd_forbid_unauth_pipelining", "yes");
        } else {
            set("smtpd_data_restrictions", "reject_unauth_pipelining");
        }
        if self.release.forbids_bare_newline() {
            let way = if self.release.normalizes_bare_newline() { "normalize" } else { "yes" };
            set("smtpd_forbid_bare_newline", way);
            set("smtpd_forbid_bare_newline_exclusions", "");
        }
        all
    }

    fn tls_of_senders(&self) -> Vec<view::Parameter> {
        let no = |name: &str| view::Parameter { name: name.to_owned(), value: "no".to_owned(), place: None };
        let waive = self.release.lets_senders_waive_tls().then(|| no("tls_required_enable"));
        let require = self.release.lets_senders_require_tls().then(|| no("requiretls_enable"));
        waive.into_iter().chain(require).collect()
    }

    /// qmgr(8) would start more deliveries than a service has processes.
    fn limits(&self) -> Vec<view::Parameter> {
        let limited = self.services.iter().filter_map(|(service, details)| Some((service, details.concurrency?)));
        limited
            .filter_map(|(service, limit)| {
                let connector = service.connectors.first().map(|&c| self.context.plan.connector(c))?;
                let span = connector.concurrency.map_or(connector.span, |c| c.span);
                let name = format!("{}_destination_concurrency_limit", service.name);
                Some(self.parameter(&name, limit.to_string(), span))
            })
            .collect()
    }

    fn tables(&self) -> Vec<(String, Table<'_>)> {
        let mut all: BTreeMap<String, Table<'_>> = BTreeMap::new();
        for (name, table) in [("refused", &self.places.refused), ("verify", &self.places.verify)] {
            if !table.is_empty() {
                all.insert(name.to_owned(), table.clone());
            }
        }
        self.transport_tables(&mut all);
        for peer in &self.peers {
            all.insert(peer.class.clone(), peer.table.clone());
        }
        for (service, details) in &self.services {
            if !details.policy.is_empty() {
                all.insert(format!("tls_{}", service.name), details.policy.clone());
            }
            if let Some(additions) = details.replies {
                let replies = replies::replies(self.mta.hostname.value.as_str(), additions);
                all.insert(format!("replies_{}", service.name), replies);
            }
        }
        all.into_iter().collect()
    }

    fn transport_tables<'t>(&'t self, all: &mut BTreeMap<String, Table<'t>>) {
        for name in ["accounts", "spaces"] {
            all.insert(name.to_owned(), Table::default());
        }
        let spaces = self.places.spaces.iter().map(|(key, dest)| ("spaces", key.as_str(), *dest));
        let accounts = self.places.accounts.iter().map(|(key, dest)| ("accounts", key.as_ref(), *dest));
        for (name, key, dest) in spaces.chain(accounts) {
            match dest {
                Dest::Send(group) if self.pool(group).is_some() => {
                    let tie = format!("{name}_{}", self.pool(group).unwrap_or_default());
                    all.entry(tie).or_default().insert(key, "any");
                }
                _ => all.entry(name.to_owned()).or_default().insert(key, self.value(dest)),
            }
        }
        if let Some(any) = self.places.any
            && self.default_transport_maps().is_none()
        {
            all.entry("spaces".to_owned()).or_default().insert("*", self.value(any));
        }
        for transport in self.transports.values() {
            if let Transport::Shared { pool, orders } = transport {
                for (i, order) in orders.iter().enumerate() {
                    all.entry("pools".to_owned()).or_default().insert(format!("{pool}.{i}"), order);
                }
            }
        }
    }

    fn pool(&self, group: GroupId) -> Option<&str> {
        match self.transports.get(&group)? {
            Transport::Shared { pool, .. } => Some(pool),
            Transport::One(_) => None,
        }
    }

    /// What a transport table says for a destination.
    fn value(&self, dest: Dest) -> Cow<'_, str> {
        match dest {
            Dest::Refuse(status) => Cow::Owned(format!("error:{} {}", status.0, places::words(status))),
            Dest::Send(group) => match self.transports.get(&group) {
                Some(Transport::One(value)) => Cow::Borrowed(value),
                Some(Transport::Shared { orders, .. }) => Cow::Borrowed(orders.first().map_or("", String::as_str)),
                None => Cow::Owned(format!("error:5.1.2 {}", places::words(Status::UNROUTABLE))),
            },
        }
    }
}

/// The groups that some key leads to.
fn used(places: &Places<'_>) -> BTreeSet<GroupId> {
    let leading = places.leading_accounts.iter().map(|(_, dest)| dest);
    let accounts = places.accounts.iter().map(|(_, dest)| dest);
    let all = accounts.chain(places.spaces.values()).chain(&places.any).chain(leading);
    all.filter_map(|dest| match dest {
        Dest::Send(group) => Some(*group),
        Dest::Refuse(_) => None,
    })
    .collect()
}

/// A network as `mynetworks` writes it (postconf(5), mynetworks).
fn network(net: ipnet::IpNet) -> String {
    match net.trunc() {
        ipnet::IpNet::V4(net) => net.to_string(),
        ipnet::IpNet::V6(net) => format!("[{}]/{}", net.addr(), net.prefix_len()),
    }
}

fn text(path: &str, content: String) -> File {
    File { path: path.to_owned(), content: content.into_bytes() }
}
