//! An estate that is sound but for accidents: servers and domains. `connectors` and `people` add the rest.
//!
//! MTAs stand in a row. The last ones reach every system themselves; one in front of them may hand everything of ours to
//! one further on, so that no mail can come back. Everything has a default route.

use std::collections::BTreeSet;

use proptest::test_runner::TestRng;

use super::Size;
use super::draw::Draw;
use super::pools::{OURS, RELAYED, TRUSTED};
use crate::oracle::address::domain;
use crate::oracle::estate::{Connector, Declaration, Estate, Kind, Level, Mta, Node, System, Target, Unresolved};

pub(super) struct Builder<'r> {
    pub(super) draw: Draw<'r>,
    pub(super) size: Size,
    pub(super) estate: Estate,
    /// Domains of ours.
    pub(super) ours: Vec<String>,
    /// Patterns whose recipients are all taken.
    pub(super) relayed: Vec<String>,
    /// By MTA: the one that it hands on to, where it does not reach the systems itself.
    pub(super) behind: Vec<Option<usize>>,
    /// By system: it will list its accounts.
    pub(super) closed: Vec<bool>,
    pub(super) hosts: usize,
    /// Address spaces that some group has.
    pub(super) spaces: BTreeSet<String>,
    /// Some MTA has no default route.
    pub(super) secluded: bool,
    /// Addresses that somebody has.
    pub(super) taken: BTreeSet<String>,
}

pub(super) fn build(rng: &mut TestRng, size: Size) -> Estate {
    let mut builder = Builder {
        draw: Draw(rng),
        size,
        estate: Estate::default(),
        ours: Vec::new(),
        relayed: Vec::new(),
        behind: Vec::new(),
        closed: Vec::new(),
        hosts: 0,
        spaces: BTreeSet::new(),
        secluded: false,
        taken: BTreeSet::new(),
    };
    builder.names();
    builder.mtas();
    builder.systems();
    builder.connectors();
    builder.domains();
    builder.relay_domains();
    builder.people();
    builder.maps();
    if strict_by_dns(&builder.estate) {
        let files = |name: &str| format!("/etc/mail/{name}.pem");
        builder.estate.mtas.iter_mut().for_each(|mta| mta.tls = Some((files("certificate"), files("key"))));
    }
    builder.estate
}

/// Whether a connector wants TLS of whatever host MX records lead to: it may be one of our own MTAs.
pub(super) fn strict_by_dns(estate: &Estate) -> bool {
    let strict = |c: &Connector| c.dns && c.tls.as_ref().is_some_and(|tls| tls.level >= Level::Required);
    estate.connectors.iter().any(strict)
}

impl Builder<'_> {
    /// The MTAs that reach every system themselves.
    pub(super) fn direct(&self) -> Vec<usize> {
        (0..self.behind.len()).filter(|&mta| self.behind[mta].is_none()).collect()
    }

    /// As a `from` or `on` says it: all of them may stay unsaid.
    pub(super) fn said(&mut self, mtas: &[usize]) -> Vec<usize> {
        let all = mtas.len() == self.behind.len();
        if all && self.draw.percent(75) { Vec::new() } else { mtas.to_vec() }
    }

    fn names(&mut self) {
        let mtas = self.draw.from(1, self.size.mtas);
        // Where there are many people, some of them have accounts.
        let many = self.size.people >= 100;
        let systems = if self.draw.percent(6) && !many { 0 } else { self.draw.from(1, self.size.systems) };
        for mta in 0..mtas {
            let last = mta + 1 == mtas;
            let front = !last && self.draw.percent(45);
            let behind = front.then(|| self.draw.from(mta + 1, mtas - 1));
            self.behind.push(behind);
        }
        self.closed = (0..systems).map(|_| self.draw.percent(60)).collect();
        if many {
            self.closed[0] = true;
        }
        let many = self.draw.from(1, self.size.domains);
        self.ours = self.draw.some(&OURS, many).into_iter().map(str::to_owned).collect();
        let some = self.draw.below(3);
        self.relayed = self.draw.some(&RELAYED, some).into_iter().map(str::to_owned).collect();
    }

    fn mtas(&mut self) {
        let separator =
            self.draw.maybe(80, |draw| draw.pick(&['+', '+', '+', '+', '+', '-', '-', '=', '_', '.', '#', '~']));
        let utf8 = self.draw.percent(45);
        let agreed = self.draw.percent(92);
        let one_target = self.draw.maybe(40, |draw| draw.pick(&Target::ALL));
        for number in 0..self.behind.len() {
            let mut mta = self.mta(number);
            mta.target = one_target.unwrap_or_else(|| self.draw.pick(&Target::ALL));
            mta.subaddress = separator.filter(|_| agreed || self.draw.percent(50));
            mta.smtputf8 = utf8 && (agreed || self.draw.percent(50));
            self.estate.mtas.push(mta);
        }
    }

    fn mta(&mut self, number: usize) -> Mta {
        let draw = &mut self.draw;
        let name = format!("{}{number}", draw.pick(&["mta", "hub", "edge-", "Mx_"]));
        let hostname = match draw.below(10) {
            0..=4 => format!("mx{number}.{}", draw.pick(&self.ours)),
            5..=8 => format!("mx{number}.mail.example"),
            _ => self.ours.get(number).cloned().unwrap_or_else(|| format!("MTA{number}.Mail.Example")),
        };
        let some = draw.below(4);
        let mut trust = draw.some(&TRUSTED, some);
        if draw.percent(80) {
            trust.push("10.99.0.0/16");
        }
        let mut addresses = Vec::new();
        if self.behind[number].is_some() || draw.percent(70) {
            addresses.push(format!("192.0.2.{}", 10 + number));
        }
        if !addresses.is_empty() && draw.percent(30) {
            addresses.push(format!("2001:db8:1::{}", 10 + number));
        }
        Mta {
            name,
            hostname,
            listen: listen(draw),
            trust: trust.into_iter().map(str::to_owned).collect(),
            addresses,
            tls: draw.maybe(40, |_| ("/etc/mail/certificate.pem".to_owned(), "/etc/mail/key.pem".to_owned())),
            max_size: draw.maybe(30, |draw| draw.pick(&["10MB", "25MB", "50MB", "1GB"]).to_owned()),
            queue_lifetime: draw.maybe(30, |draw| draw.pick(&["1h", "90m", "4h", "2d", "5d"]).to_owned()),
            ..Mta::default()
        }
    }

    /// Last, since a text table cannot hold everything.
    fn maps(&mut self) {
        for mta in 0..self.estate.mtas.len() {
            let kinds: &[&str] = match self.estate.mtas[mta].target {
                Target::Postfix if self.fits_in_text() => &["cdb", "lmdb", "texthash", "texthash"],
                Target::Postfix => &["cdb", "lmdb"],
                Target::Exim => &["cdb", "lsearch"],
                Target::Relay => &["cdb"],
            };
            self.estate.mtas[mta].maps = self.draw.maybe(40, |draw| draw.pick(kinds));
        }
    }

    fn fits_in_text(&self) -> bool {
        let two_lines = |c: &Connector| c.max_size.is_some() || c.auth.is_some();
        !self.estate.connectors.iter().any(two_lines) && !self.taken.iter().any(|address| address.starts_with('#'))
    }

    fn systems(&mut self) {
        for number in 0..self.closed.len() {
            let draw = &mut self.draw;
            let own =
                [format!("s{number}.example"), format!("*.s{number}.example"), format!("in{number}.{}", self.ours[0])];
            let some = draw.pick(&[0, 1, 1, 1, 2, 3]);
            let mut system = System {
                name: format!("{}{number}", draw.pick(&["s", "unix", "Exchange-", "store_"])),
                domains: draw.some(&own, some),
                addresses: draw.maybe(50, |_| format!("192.0.2.{}", 100 + number)).into_iter().collect(),
                ..System::default()
            };
            if draw.percent(30) {
                system.authoritative = system.domains.clone();
                system.authoritative.extend(draw.some(&self.ours, 2));
            }
            self.estate.systems.push(system);
        }
        for number in 0..self.closed.len() {
            self.forwards(number);
        }
    }

    /// Where a system sends what it does not hold: nowhere that could send it back.
    fn forwards(&mut self, number: usize) {
        let later: Vec<usize> = (number + 1..self.closed.len()).filter(|&system| !self.closed[system]).collect();
        match self.draw.below(10) {
            0 => {
                let pattern = self.draw.pick(&["*.partner.example", "elsewhere.example", "*.test"]).to_owned();
                self.estate.systems[number].forwards.push((pattern, Node::Internet));
            }
            1 | 2 => {
                let last = Node::Mta(self.behind.len() - 1);
                let pattern = self.draw.pick(&["*", "*.example", "faraway.test"]).to_owned();
                let system = &mut self.estate.systems[number];
                system.forwards.push((pattern, last));
                system.addresses = vec![format!("192.0.2.{}", 100 + number)];
                system.authoritative = system.domains.iter().chain(&self.ours).cloned().collect();
            }
            3 | 4 if !later.is_empty() => {
                let to = self.draw.pick(&later);
                let shared = self.draw.pick(&self.ours);
                let system = &mut self.estate.systems[number];
                system.authoritative.retain(|pattern| *pattern != shared);
                if !system.forwards.iter().any(|(pattern, _)| *pattern == shared) {
                    system.forwards.push((shared.clone(), Node::System(to)));
                }
                let end = &mut self.estate.systems[to];
                if !end.authoritative.contains(&shared) {
                    end.authoritative.push(shared);
                }
            }
            _ => {}
        }
    }

    fn domains(&mut self) {
        for name in self.ours.clone() {
            let direct = self.direct();
            let on = if self.draw.percent(15) { vec![self.draw.pick(&direct)] } else { direct };
            let kind = self.draw.pick(&[Kind::Domain, Kind::Shared]);
            let unresolved = self.unresolved(&on, &name);
            let mx = if self.draw.percent(20) { self.draw.some(&on, 2) } else { Vec::new() };
            let mx = mx.into_iter().map(Node::Mta).collect();
            let on = self.said(&on);
            let everywhere = on.is_empty();
            self.estate.domains.push(Declaration { kind, pattern: name.clone(), unresolved, on, mx });
            let direct = self.direct();
            for front in (0..self.behind.len()).filter(|mta| !everywhere && !direct.contains(mta)) {
                self.in_front(front, &name, kind);
            }
        }
    }

    /// What an MTA of ours in front of another takes of a domain of ours.
    fn in_front(&mut self, front: usize, name: &str, kind: Kind) {
        let hands_on = self
            .estate
            .connectors
            .iter()
            .position(|connector| connector.from == [front] && matches!(connector.to, Node::Mta(_)));
        let via = hands_on
            .map_or(Unresolved::Reject, |connector| Unresolved::Via { connector, verify: self.draw.percent(30) });
        let (kind, unresolved) = match self.draw.below(10) {
            0..=2 => return,
            3 | 4 => (kind, Unresolved::Reject),
            5 | 6 => (kind, via),
            _ => (Kind::Relay { verify: self.draw.percent(40) }, Unresolved::Reject),
        };
        let pattern = name.to_owned();
        self.estate.domains.push(Declaration { kind, pattern, unresolved, on: vec![front], mx: Vec::new() });
    }

    /// Through a connector to a system that keeps what it does not know: an open one, or one that is asked first.
    fn unresolved(&mut self, on: &[usize], name: &str) -> Unresolved {
        if self.draw.percent(50) {
            return Unresolved::Reject;
        }
        let mut ways = Vec::new();
        for (number, connector) in self.estate.connectors.iter().enumerate() {
            let starts = connector.from.is_empty() || on.iter().all(|mta| connector.from.contains(mta));
            if let Node::System(system) = connector.to
                && starts
            {
                ways.push((number, system));
            }
        }
        if ways.is_empty() {
            return Unresolved::Reject;
        }
        let (connector, system) = self.draw.pick(&ways);
        let verify = self.closed[system] || self.draw.percent(40);
        let end = &mut self.estate.systems[system];
        let forwards = end.forwards.iter().any(|(pattern, _)| domain(pattern) == domain(name));
        if !forwards && !end.authoritative.iter().any(|pattern| pattern == name) && self.draw.percent(80) {
            end.authoritative.push(name.to_owned());
        }
        Unresolved::Via { connector, verify }
    }

    fn relay_domains(&mut self) {
        for pattern in self.relayed.clone() {
            let direct = self.direct();
            let on = if self.draw.percent(50) { direct.clone() } else { vec![self.draw.pick(&direct)] };
            let on = self.said(&on);
            let kind = Kind::Relay { verify: self.draw.percent(50) };
            self.estate.domains.push(Declaration { kind, pattern, on, ..Declaration::default() });
        }
    }
}

/// Port 25 is always among them, so that one client can ask all.
fn listen(draw: &mut Draw<'_>) -> Vec<String> {
    let mut listen: Vec<&str> = match draw.below(10) {
        0..=5 => return Vec::new(),
        6 | 7 => vec!["0.0.0.0:25"],
        8 => vec!["0.0.0.0:25", "[::]:25"],
        _ => vec!["0.0.0.0:2525", "0.0.0.0:25"],
    };
    if draw.percent(60) {
        listen.push("0.0.0.0:10587");
    }
    listen.into_iter().map(str::to_owned).collect()
}
