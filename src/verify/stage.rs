//! The world that an estate is put in: its MTAs, a server for every way out, names for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::lab::inbox::Visit;
use crate::lab::{Client, Result, World};
use crate::plan::route::Router;
use crate::plan::route::decide::Asker;
use crate::plan::route::outcome::{Fate, Ways};
use crate::plan::{ConnectorId, MtaId, NextHop, Plan, Question};
use crate::verify::ask::Ask;
use crate::verify::tiers::stand_ins_for;
use crate::verify::weather::Weather;
use crate::verify::{Means, Part, Progress};

mod doors;
pub(super) mod machine;
pub(super) mod names;

use doors::{Doors, domain_of, exchanger_of};
use machine::Machine;
use names::Names;

/// Where bounces go.
pub(super) const SENDERS: &str = "senders.example";
/// In every password file.
pub(super) const PASSWORD: &str = "s3cret of the connector";

pub(super) struct Stage<'r> {
    pub(super) router: &'r Router<'r>,
    pub(super) weather: &'r Weather,
    pub(super) machines: Vec<Machine>,
    /// Whether each MTA has a route to the senders.
    returns: Vec<bool>,
    doors: Doors,
    /// Last, so that the machines end before it.
    pub(super) world: World,
}

impl<'r> Stage<'r> {
    pub(super) fn new(
        router: &'r Router<'r>,
        parts: &[Part],
        asks: &[Ask],
        weather: &'r Weather,
        means: &Means,
        watch: &(dyn Fn(Progress) + Sync),
    ) -> Result<Stage<'r>> {
        let plan = router.plan;
        machine::are_apart(plan)?;
        let world = World::over(&means.layers)?;
        let (doors, machines) = {
            let names = Names::new(&world, plan);
            let nodes = plan.mta_ids().map(|id| machine::node(plan, id, &world, &names)).collect::<Result<Vec<_>>>()?;
            let doors = Doors::new(router, asks, &names, weather)?;
            doors.open(&world, plan, weather)?;
            machine::open_milters(plan, &world, &nodes, &names)?;
            for (connector, socket) in &doors.on_loopback {
                for mta in &plan.connector(*connector).from {
                    let utf8 = plan.mta(*mta).takes_utf8();
                    if let Some(sink) = doors.on_own_machine(*socket, utf8, weather)? {
                        world.sink_at(&nodes[mta.index()], &socket.to_string(), sink)?;
                    }
                }
            }
            let start = |(id, node, part)| {
                watch(Progress::Starting { mta: id });
                Machine::start(plan, id, node, part, means)
            };
            let all = plan.mta_ids().zip(nodes).zip(parts).map(|((id, node), part)| (id, node, part));
            (doors, together(all.collect(), start)?)
        };
        let returns = plan.mta_ids().map(|mta| returns(router, mta)).collect();
        Ok(Stage { router, weather, machines, returns, doors, world })
    }

    pub(super) fn plan(&self) -> &Plan {
        self.router.plan
    }

    pub(super) fn can_return(&self, mta: MtaId) -> bool {
        self.returns[mta.index()]
    }

    /// What the MTAs' own checkers say.
    pub(super) fn problems(&self) -> Vec<String> {
        self.machines.iter().flat_map(|machine| machine.problems.iter().cloned()).collect()
    }

    pub(super) fn versions(&self) -> BTreeMap<MtaId, String> {
        self.plan().mta_ids().zip(&self.machines).map(|(id, machine)| (id, machine.version.clone())).collect()
    }

    /// The labels of the servers where a connector's mail comes out, in this weather.
    pub(super) fn arrives_at(&self, id: ConnectorId, recipient: &str) -> BTreeSet<String> {
        let domain = domain_of(recipient);
        let own = self.up(id, &domain);
        if !own.is_empty() {
            return own;
        }
        let others = stand_ins_for(self.router, id, &domain);
        others.into_iter().map(|other| self.up(other, &domain)).find(|up| !up.is_empty()).unwrap_or_default()
    }

    /// Those of a connector alone: the first that is up, or all of them where they share the load.
    fn up(&self, id: ConnectorId, domain: &str) -> BTreeSet<String> {
        if matches!(self.plan().connector(id).hop, NextHop::Dns(_)) {
            return BTreeSet::from([exchanger_of(domain)]);
        }
        let Some(ways) = self.doors.ways.get(&id) else { return BTreeSet::new() };
        let up = ways.hosts.iter().filter(|way| way.up).map(|way| way.label.clone());
        if ways.balanced { up.collect() } else { up.take(1).collect() }
    }

    /// The connector, of those that may take this recipient, to whose server a message came.
    pub(super) fn taken_by(&self, id: ConnectorId, recipient: &str, sink: &str) -> Option<ConnectorId> {
        let domain = domain_of(recipient);
        let others = stand_ins_for(self.router, id, &domain);
        std::iter::once(id).chain(others).find(|&one| self.up(one, &domain).contains(sink))
    }

    /// Whether one of the MTAs that have a connector was a server's client.
    pub(super) fn came_by(&self, id: ConnectorId, visit: &Visit) -> bool {
        let owns = |mta: &MtaId, ip: &IpAddr| self.machines[mta.index()].node.addresses().contains(ip);
        // A server on a loopback has one machine's clients only.
        let from = |ip: &IpAddr| ip.is_loopback() || self.plan().connector(id).from.iter().any(|mta| owns(mta, ip));
        visit.client.as_ref().is_some_and(from)
    }

    /// A client that the MTA trusts, or a stranger to it, and where it finds the MTA.
    pub(super) fn client(&self, mta: MtaId, anyone: bool) -> Result<Option<(Client, SocketAddr)>> {
        let Some(source) = names::client(self.plan(), mta, anyone) else { return Ok(None) };
        let Some(server) = self.machines[mta.index()].server(source.is_ipv6()) else { return Ok(None) };
        Ok(Some((self.world.client(&source.to_string())?, server)))
    }
}

/// Whether an MTA's reports to the senders arrive.
fn returns(router: &Router<'_>, mta: MtaId) -> bool {
    let sender = Question::parse(&format!("sender@{SENDERS}"));
    let outcomes = sender.map(|sender| router.outcomes(mta, Asker::Trusted, &sender, Ways::default()));
    outcomes.is_ok_and(|all| all.iter().all(|outcome| outcome.fate == Fate::Delivered))
}

/// Does the work for all at once, and gives its results in their order.
fn together<T: Send, U: Send>(items: Vec<T>, work: impl Fn(T) -> Result<U> + Sync) -> Result<Vec<U>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = items.into_iter().map(|item| scope.spawn(|| work(item))).collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        // All have ended before the first error is told.
        joined.collect::<Vec<_>>().into_iter().collect()
    })
}
