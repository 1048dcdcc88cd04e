//! Connectors: groups that lead to one place, in which a dearer one is never weaker than a cheaper.

use super::build::Builder;
use super::pools::SPACES;
use crate::oracle::estate::{ClientTls, Connector, Level, Node};

/// What the connectors of a group agree in, since most targets need that.
#[derive(Debug, Clone, Default)]
struct Profile {
    to: Node,
    from: Vec<usize>,
    spaces: Vec<String>,
    protocol: Option<&'static str>,
    auth: bool,
    source_address: Option<String>,
    max_size: Option<String>,
    /// By address space, what it costs beside the connector's rank.
    extra: Vec<u32>,
    /// The first looks up MX records.
    dns: bool,
}

/// Ranks lie so far apart that no extra makes a cheaper connector the dearer one.
const RANK: u32 = 4;

impl Builder<'_> {
    pub(super) fn connectors(&mut self) {
        for mta in 0..self.behind.len() {
            if let Some(next) = self.behind[mta] {
                self.hands_on(mta, next);
            }
        }
        let direct = self.direct();
        for system in 0..self.closed.len() {
            self.leads_to_system(system, &direct);
        }
        self.default_routes();
        for _ in 0..self.draw.pick(&[0, 0, 1, 1, 2]) {
            self.special();
        }
        for pattern in self.relayed.clone() {
            self.for_relay_domain(pattern);
        }
        self.estate.connectors.iter_mut().enumerate().for_each(|(number, connector)| {
            connector.name = format!("{}{number}", connector.name);
        });
    }

    fn hands_on(&mut self, mta: usize, next: usize) {
        let mut spaces = self.ours.clone();
        spaces.extend(self.estate.systems.iter().flat_map(|system| system.domains.clone()));
        spaces.sort();
        spaces.dedup();
        if self.draw.percent(40) {
            spaces.push("*".to_owned());
        }
        let max_size = self.draw.maybe(10, |_| "20MB".to_owned());
        let tls = self.estate.mtas[next].tls.is_some();
        let profile = Profile {
            to: Node::Mta(next),
            from: vec![mta],
            extra: vec![0; spaces.len()],
            spaces,
            max_size,
            ..Profile::default()
        };
        let mut connector = self.connector(&profile, 0, Level::Opportunistic);
        let level =
            if tls { self.draw.pick(&[Level::Opportunistic, Level::Required, Level::Required]) } else { Level::Off };
        connector.tls = self.draw.maybe(40, |_| ClientTls { level, ..ClientTls::default() });
        connector.hosts.clear();
        connector.balanced = false;
        self.estate.connectors.push(connector);
    }

    fn leads_to_system(&mut self, system: usize, direct: &[usize]) {
        let from = self.said(direct);
        let domains = self.estate.systems[system].domains.clone();
        let spaces = if self.draw.percent(50) { domains } else { Vec::new() };
        let protocol = self.draw.pick(&[None, None, None, Some("smtp"), Some("smtps"), Some("lmtp"), Some("lmtp")]);
        let members = self.draw.pick(&[1, 1, 1, 1, 2, 2, 3]);
        self.group(Profile { to: Node::System(system), from, spaces, protocol, ..Profile::default() }, members);
    }

    /// Another connector to a system, dearer than all that lead there and like the last of them.
    fn also_to_system(&mut self, system: usize, spaces: Vec<String>) {
        let last = self.estate.connectors.iter().rfind(|connector| connector.to == Node::System(system)).cloned();
        let Some(last) = last else { return };
        let hosts = vec![self.host(last.source_address.is_some())];
        let level = last.tls.as_ref().map_or(Level::Opportunistic, |tls| tls.level);
        let connector = Connector {
            name: "also-".to_owned(),
            spaces: spaces.into_iter().map(|pattern| (pattern, None)).collect(),
            cost: Some(last.cost.unwrap_or(1) + 10 * RANK),
            tls: self.tls(level, &hosts),
            hosts,
            balanced: false,
            ..last
        };
        self.estate.connectors.push(connector);
    }

    /// `*` for each MTA, unless the one behind it takes everything.
    fn default_routes(&mut self) {
        let by_another = |mta: &usize| {
            self.estate
                .connectors
                .iter()
                .any(|c| c.from == [*mta] && c.spaces.iter().any(|(pattern, _)| pattern == "*"))
        };
        let all: Vec<usize> = (0..self.behind.len()).filter(|mta| !by_another(mta)).collect();
        let sets: Vec<Vec<usize>> =
            if self.draw.percent(50) { vec![all] } else { all.into_iter().map(|mta| vec![mta]).collect() };
        for set in sets {
            // Some estates reach nobody but their own systems.
            if self.draw.percent(5) {
                self.secluded = true;
                continue;
            }
            let from = self.said(&set);
            let mut spaces = vec!["*".to_owned()];
            spaces.extend(self.free_space().filter(|_| self.draw.percent(20)));
            let dns = self.draw.percent(45);
            let members = self.draw.pick(&[1, 1, 1, 2, 2, 3]);
            let protocol = self.draw.pick(&[None, None, None, Some("smtp"), Some("smtps")]).filter(|_| !dns);
            self.group(Profile { from, spaces, dns, protocol, ..Profile::default() }, members);
        }
    }

    /// To a partner, or to an open system.
    fn special(&mut self) {
        let some = self.draw.from(1, 2);
        let spaces: Vec<String> = (0..some).filter_map(|_| self.free_space()).collect();
        if spaces.is_empty() {
            return;
        }
        match self.open_system().filter(|_| self.draw.percent(40)) {
            Some(system) => self.also_to_system(system, spaces),
            None => {
                let direct = self.direct();
                let from = if self.draw.percent(50) { self.said(&direct) } else { vec![self.draw.pick(&direct)] };
                let members = self.draw.pick(&[1, 1, 1, 2]);
                self.group(Profile { from, spaces, ..Profile::default() }, members);
            }
        }
    }

    /// An address space that no connector has.
    fn free_space(&mut self) -> Option<String> {
        let free: Vec<&str> = SPACES.into_iter().filter(|space| !self.spaces.contains(*space)).collect();
        let space = (!free.is_empty()).then(|| self.draw.pick(&free).to_owned())?;
        self.spaces.insert(space.clone());
        Some(space)
    }

    fn for_relay_domain(&mut self, pattern: String) {
        match self.open_system() {
            _ if self.draw.percent(40) => {}
            Some(system) => self.also_to_system(system, vec![pattern]),
            None => {
                let direct = self.direct();
                let from = self.said(&direct);
                self.group(Profile { from, spaces: vec![pattern], ..Profile::default() }, 1);
            }
        }
    }

    /// An open system that sends nothing back to an MTA of ours.
    fn open_system(&mut self) -> Option<usize> {
        let sends_back =
            |&system: &usize| self.estate.systems[system].forwards.iter().any(|(_, to)| matches!(to, Node::Mta(_)));
        let open: Vec<usize> =
            (0..self.closed.len()).filter(|&system| !self.closed[system]).filter(|s| !sends_back(s)).collect();
        (!open.is_empty()).then(|| self.draw.pick(&open))
    }

    fn group(&mut self, mut profile: Profile, members: usize) {
        let mut level =
            self.draw.pick(&[Level::Off, Level::Opportunistic, Level::Opportunistic, Level::Required, Level::Verified]);
        if profile.protocol == Some("smtps") {
            level = level.max(Level::Opportunistic);
        }
        if profile.dns {
            level = level.min(Level::Required);
        }
        profile.auth = level == Level::Verified && self.draw.percent(50);
        profile.max_size = self.draw.maybe(15, |draw| draw.pick(&["5MB", "8000KB", "100MB"]).to_owned());
        profile.source_address = self.source_address(&profile.from);
        let costs = members > 1 || self.draw.percent(30);
        profile.extra = profile.spaces.iter().map(|_| if costs { self.draw.below(3) as u32 } else { 0 }).collect();
        let mut rank = if costs { self.draw.below(3) as u32 } else { 0 };
        for member in 0..members {
            let dearer = member > 0 && self.draw.percent(60);
            // `smtp_fallback_relay` is behind an MX lookup, never beside it.
            if dearer || member > 0 && profile.dns {
                rank += 1;
                level = level.max(self.draw.pick(&[Level::Off, Level::Opportunistic, Level::Required]));
            }
            let mut connector = self.connector(&profile, rank, level);
            if profile.dns && member == 0 {
                (connector.dns, connector.balanced) = (true, false);
                connector.hosts.clear();
                connector.auth = None;
            }
            self.estate.connectors.push(connector);
        }
    }

    /// One of the MTA's own addresses, or another one that it has.
    fn source_address(&mut self, from: &[usize]) -> Option<String> {
        let &[mta] = from else { return None };
        let own = self.estate.mtas[mta].addresses.first().cloned();
        self.draw.maybe(30, |draw| match own {
            Some(own) if draw.percent(70) => own,
            _ => format!("192.0.2.{}", 200 + mta),
        })
    }

    fn connector(&mut self, profile: &Profile, rank: u32, level: Level) -> Connector {
        let many = self.draw.pick(&[1, 1, 1, 2, 2, 3]);
        let mut hosts: Vec<String> = (0..many).map(|_| self.host(profile.source_address.is_some())).collect();
        hosts.dedup();
        let cost = 1 + rank * RANK;
        let plain = rank == 0 && profile.extra.iter().all(|extra| *extra == 0);
        let unsaid = plain && self.draw.percent(80);
        let spaces = profile
            .spaces
            .iter()
            .zip(&profile.extra)
            .map(|(pattern, extra)| (pattern.clone(), (*extra > 0).then_some(cost + extra)));
        let user = self.draw.pick(&["hub", "hub@partner.example", "o'hub$1"]);
        Connector {
            name: self.draw.pick(&["to-", "c", "smtp", "relay-", "Local_", "virtual"]).to_owned(),
            from: profile.from.clone(),
            to: profile.to,
            spaces: spaces.collect(),
            cost: (!unsaid).then_some(cost),
            balanced: hosts.len() > 1 && self.draw.percent(30),
            tls: self.tls(level, &hosts),
            hosts,
            dns: false,
            protocol: profile.protocol,
            auth: profile.auth.then(|| (user.to_owned(), "/etc/mail/password".to_owned())),
            source_address: profile.source_address.clone(),
            concurrency: self.draw.maybe(15, |draw| draw.from(1, 20) as u32),
            max_size: profile.max_size.clone(),
        }
    }

    fn tls(&mut self, level: Level, hosts: &[String]) -> Option<ClientTls> {
        if level == Level::Opportunistic && self.draw.percent(60) {
            return None;
        }
        let verified = level == Level::Verified;
        let nameless = hosts.iter().any(|host| host.starts_with('['));
        let name = verified && (nameless || self.draw.percent(30));
        let ca = verified && self.draw.percent(50);
        Some(ClientTls {
            level,
            name: name.then(|| "verified.hosts.example".to_owned()),
            ca: ca.then(|| "/etc/mail/ca.pem".to_owned()),
        })
    }

    /// A host of its own; now and then one that another connector has too.
    fn host(&mut self, v4: bool) -> String {
        self.hosts += 1;
        let number = if self.hosts > 1 && self.draw.percent(2) { self.hosts - 1 } else { self.hosts };
        let host = match self.draw.below(if v4 { 5 } else { 6 }) {
            0..=2 => format!("h{number}.hosts.example"),
            3 | 4 => format!("[198.51.100.{}]", number % 250 + 1),
            _ => format!("[2001:db8:100::{number:x}]"),
        };
        match self.draw.maybe(40, |draw| draw.pick(&[26, 587, 2525, 10025])) {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }
}
