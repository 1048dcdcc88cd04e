//! Which host a worker connects to: the cheapest connectors first, each one's hosts in their order, and neither those that
//! are dead nor those that the message has tried. Connectors of equal cost and balanced hosts take turns.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::Queue;
use super::board::Way;
use super::failure::{Failure, Tried};
use super::hosts::{Claim, Failed, Hosts, Key};
use super::link::{Hop, Link};
use super::room::Permit;
use super::turns::begin;
use crate::relay::config::Connector;
use crate::relay::deliver::{Target, Trouble};
use crate::relay::event::Event;
use crate::relay::route::Route;

/// How long the other connectors of a tier are waited for, where one of them is known to serve.
const GRACE: Duration = Duration::from_millis(250);

/// What a worker found.
pub(super) enum Found<L> {
    Host(Box<Host<L>>),
    /// No host can be had until then.
    Nothing {
        why: Arc<Failure>,
        until: Option<u64>,
    },
    /// There is none, and there will be none.
    Never(Arc<Failure>),
    /// A host that others are connected to takes no more connections.
    Full,
}

/// A host that is connected.
pub(super) struct Host<L> {
    pub(super) link: L,
    pub(super) connector: Arc<Connector>,
    pub(super) target: Target,
    pub(super) key: Key,
    pub(super) permit: Permit,
    /// Others share the load with it.
    pub(super) shares: bool,
}

/// A connector of a tier, with its hosts.
struct Choice<'a> {
    /// In the tier.
    at: usize,
    connector: &'a Arc<Connector>,
    targets: Result<Vec<Target>, Trouble>,
}

impl<L> Found<L> {
    /// With that others share the load with the host, or not.
    fn shared(mut self, shares: bool) -> Found<L> {
        if let Found::Host(host) = &mut self {
            host.shares = shares;
        }
        self
    }
}

impl Choice<'_> {
    /// Whether it is of use to go there now. That there will never be a host is an answer, too.
    fn may(&self, hosts: &Hosts, now: u64, tried: &[Tried]) -> bool {
        match &self.targets {
            Ok(targets) => targets.iter().any(|target| may(self.connector, target, hosts, now, tried)),
            Err(trouble) => trouble.permanent,
        }
    }
}

/// What was met on the way.
#[derive(Default)]
struct Met {
    why: Option<Arc<Failure>>,
    until: Option<u64>,
}

impl Met {
    fn dead(&mut self, why: Arc<Failure>, until: u64) {
        self.why = Some(why);
        self.until = Some(self.until.map_or(until, |other| other.min(until)));
    }
}

impl<H: Hop> Queue<H> {
    /// The first host of a lane that can be had.
    pub(super) async fn find(&self, at: u32, (route, domain): &Way, tried: &[Tried]) -> Found<H::Link> {
        let mut met = Met::default();
        let turn = self.with(|board, _| board.turn(at, !tried.is_empty()));
        for tier in &route.tiers {
            let shares = Route::shares(tier);
            let mut asked = self.look_up(tier, domain);
            while !asked.is_empty() {
                let mut choices = self.answers(&mut asked, tried).await;
                if shares {
                    self.take_turns(&mut choices, turn, tried);
                }
                for Choice { connector, targets, .. } in choices {
                    let targets = match targets {
                        Ok(targets) => targets,
                        Err(trouble) if trouble.permanent => return Found::Never(lookup(connector, &trouble)),
                        Err(trouble) => {
                            met.why = Some(lookup(connector, &trouble));
                            continue;
                        }
                    };
                    if let Some(found) = self.first(at, connector, targets, tried, &mut met).await {
                        return found.shared(shares);
                    }
                }
            }
        }
        let nowhere = || Arc::new(Failure::own(crate::relay::reply::Status(4, 4, 4), "no host is left to try"));
        Found::Nothing { why: met.why.unwrap_or_else(nowhere), until: met.until }
    }

    /// Asks for the hosts of all connectors of a tier at once: only so is it known which of them can serve.
    fn look_up<'a>(
        &'a self,
        tier: &'a [Arc<Connector>],
        domain: &'a str,
    ) -> FuturesUnordered<impl Future<Output = Choice<'a>> + Send> {
        let ask = |(at, connector)| async move {
            Choice { at, connector, targets: self.shared.hop.targets(connector, domain).await }
        };
        tier.iter().enumerate().map(ask).collect()
    }

    /// What is known of a tier soon after one of its connectors can serve, in the tier's order: a name server that says
    /// nothing holds up its own connector alone.
    async fn answers<'a>(
        &self,
        asked: &mut FuturesUnordered<impl Future<Output = Choice<'a>> + Send>,
        tried: &[Tried],
    ) -> Vec<Choice<'a>> {
        let mut answers = Vec::with_capacity(asked.len());
        while let Some(choice) = asked.next().await {
            let serves = self.with(|board, now| choice.may(&board.hosts, now, tried));
            answers.push(choice);
            if serves {
                let rest = async {
                    while let Some(choice) = asked.next().await {
                        answers.push(choice);
                    }
                };
                // What has not answered by then is asked for when these have failed.
                let _ = tokio::time::timeout(GRACE, rest).await;
                break;
            }
        }
        answers.sort_by_key(|choice| choice.at);
        answers
    }

    /// Puts the connector first whose turn it is, and the host of a balanced one.
    fn take_turns(&self, choices: &mut [Choice<'_>], turn: u64, tried: &[Tried]) {
        self.with(|board, now| {
            let rest = begin(choices, turn, |choice| choice.may(&board.hosts, now, tried));
            for Choice { connector, targets, .. } in choices.iter_mut().filter(|choice| choice.connector.balanced) {
                let Ok(targets) = targets else { continue };
                let mut hosts = by_host(std::mem::take(targets));
                begin(&mut hosts, rest, |host| {
                    host.iter().any(|target| may(connector, target, &board.hosts, now, tried))
                });
                *targets = hosts.concat();
            }
        });
    }

    async fn first(
        &self,
        at: u32,
        connector: &Arc<Connector>,
        targets: Vec<Target>,
        tried: &[Tried],
        met: &mut Met,
    ) -> Option<Found<H::Link>> {
        let name: Arc<str> = connector.name.as_str().into();
        for target in targets {
            if has_tried(tried, &name, &target) {
                continue;
            }
            let key = (Arc::clone(&name), target.addr);
            let probe = match self.with(|board, now| board.claim(at, &key, now)) {
                Claim::Dead { until, last } => {
                    met.dead(last, until);
                    continue;
                }
                claim => claim == Claim::Probe,
            };
            let permit = self.enter(connector).await;
            match self.shared.hop.connect(connector, &target).await {
                Ok(link) => {
                    self.opened(at, &key, &target, probe);
                    self.look_at_link(&key, &target, &link);
                    let host = Host { link, connector: Arc::clone(connector), target, key, permit, shares: false };
                    return Some(Found::Host(Box::new(host)));
                }
                Err(trouble) => {
                    let why = Arc::new(Failure::trouble(&trouble).at(&name, &target.name, target.addr));
                    match self.failed(at, &key, &target, &why, probe) {
                        Failed::Full => return Some(Found::Full),
                        Failed::Dead { until, .. } => met.dead(why, until),
                    }
                }
            }
        }
        None
    }

    /// Waits for a place at a connector.
    async fn enter(&self, connector: &Connector) -> Permit {
        let rooms = &self.shared.rooms;
        if let Some(permit) = rooms.try_enter(connector) {
            return permit;
        }
        let parked = self.with(|board, now| board.park(now));
        let permit = rooms.enter(connector).await;
        if parked {
            self.with(|board, _| board.unpark());
        }
        permit
    }

    fn opened(&self, at: u32, key: &Key, target: &Target, probe: bool) {
        let (since, now) = self.with(|board, now| (board.opened(at, key, probe), now));
        let per = self.shared.metrics.connector(&key.0);
        per.connections.inc();
        per.open.inc();
        if let Some(since) = since {
            per.dead_hosts.dec();
            let away = std::time::Duration::from_millis(now.saturating_sub(since));
            let event = Event::HostBack { connector: &key.0, host: &target.name, address: key.1, away };
            self.shared.log.write(&event);
        }
    }

    /// Counts and tells how a connection came about.
    fn look_at_link(&self, key: &Key, target: &Target, link: &H::Link) {
        if link.tls().is_some() {
            self.shared.metrics.connector(&key.0).tls.inc();
        }
        for note in link.notes() {
            let why = format!("{} [{}] by {}: {note}", target.name, target.addr, key.0);
            self.shared.log.write(&Event::Error { part: "delivery", why: &why });
        }
    }

    /// A host that cannot be had, or does nothing with what it gets.
    pub(super) fn failed(&self, at: u32, key: &Key, target: &Target, why: &Arc<Failure>, probe: bool) -> Failed {
        let (failed, now) = self.with(|board, now| (board.host_failed(at, key, why, probe, now), now));
        if let Failed::Dead { until, new } = failed {
            if new {
                self.shared.metrics.connector(&key.0).dead_hosts.inc();
            }
            let wait = std::time::Duration::from_millis(until.saturating_sub(now));
            let words = why.to_string();
            let event = Event::HostDead { connector: &key.0, host: &target.name, address: key.1, why: &words, wait };
            self.shared.log.write(&event);
        }
        failed
    }
}

/// The addresses of each host, in their order; the hosts in one that is always the same.
fn by_host(mut targets: Vec<Target>) -> Vec<Vec<Target>> {
    let order = |a: &Target, b: &Target| (&a.name, a.addr.port()).cmp(&(&b.name, b.addr.port()));
    targets.sort_by(order);
    targets.chunk_by(|a, b| order(a, b).is_eq()).map(<[Target]>::to_vec).collect()
}

/// Whether a host is neither dead nor tried.
fn may(connector: &Connector, target: &Target, hosts: &Hosts, now: u64, tried: &[Tried]) -> bool {
    let name = connector.name.as_str();
    !has_tried(tried, name, target) && !hosts.is_left_alone(&(name.into(), target.addr), now)
}

fn has_tried(tried: &[Tried], connector: &str, target: &Target) -> bool {
    tried.iter().any(|tried| *tried.connector == *connector && tried.address == target.addr)
}

fn lookup(connector: &Connector, trouble: &Trouble) -> Arc<Failure> {
    Arc::new(Failure::trouble(trouble).by(&connector.name))
}
