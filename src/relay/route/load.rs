//! A router from its configuration: every name in it becomes what it stands for, once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;

use super::who::Clients;
use super::{Own, Route, Router, Tables};
use crate::name::PatternMap;
use crate::relay::check::{Place, Problem, Rows, TABLES, look_over};
use crate::relay::config::{Config, Connector, DomainRule, Refused, Routing};
use crate::relay::reply::Status;
use crate::relay::table::{Damaged, Table};

type Loaded<T> = Result<T, Vec<Problem>>;

pub(super) fn from_folder(config: Config, folder: &Path) -> Loaded<Router> {
    // Whoever names a table outside the folder is told so before it is opened.
    errors(look_over(&config))?;
    let names = &config.routing.tables;
    let open =
        |rows: &Rows| Table::open(&folder.join((rows.name)(names))).map_err(|error| vec![rows.useless(names, &error)]);
    let [contacts, accounts, recipients] = &TABLES;
    let tables = Tables { contacts: open(contacts)?, accounts: open(accounts)?, recipients: open(recipients)? };
    with_tables(config, tables)
}

pub(super) fn with_tables(config: Config, tables: Tables) -> Loaded<Router> {
    let routing = &config.routing;
    let mut routes = Routes::new(routing);
    let mut own = PatternMap::default();
    for (number, rule) in routing.domains.iter().enumerate() {
        let place = format!("routing.domains[{number}]");
        own.insert_if_absent(&rule.domain, routes.own(rule).ok_or_else(|| unclear(&place))?);
    }
    let mut systems = HashMap::new();
    for (number, system) in routing.systems.iter().enumerate() {
        let place = format!("routing.systems[{number}]");
        systems.insert(system.name.clone(), routes.route(&system.tiers).ok_or_else(|| unclear(&place))?);
    }
    let mut spaces = PatternMap::default();
    for (number, space) in routing.spaces.iter().enumerate() {
        let place = format!("routing.spaces[{number}]");
        spaces.insert_if_absent(&space.domain, routes.route(&space.tiers).ok_or_else(|| unclear(&place))?);
    }
    let mut refused = PatternMap::default();
    for (number, entry) in routing.refused.iter().enumerate() {
        let place = format!("routing.refused[{number}]");
        refused.insert_if_absent(&entry.domain, by_form(entry).ok_or_else(|| unclear(&place))?);
    }
    let clients = Clients::new(routing);
    Ok(Router { tables, clients, own, systems, spaces, refused, config })
}

/// The errors among what is wrong with a configuration: a warning is nothing to stop for.
fn errors(problems: Vec<Problem>) -> Loaded<()> {
    let errors: Vec<Problem> = problems.into_iter().filter(|problem| problem.error).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Does something with each table; all that is wrong with them comes together.
pub(super) fn each_table(
    config: &Config,
    tables: &Tables,
    work: impl Fn(&Rows, &Table) -> Result<(), Damaged>,
) -> Loaded<()> {
    let all = [&tables.contacts, &tables.accounts, &tables.recipients];
    let wrong = TABLES.iter().zip(all).filter_map(|(rows, table)| {
        let error = work(rows, table).err()?;
        Some(rows.useless(&config.routing.tables, &error))
    });
    errors(wrong.collect())
}

fn unclear(place: &str) -> Vec<Problem> {
    vec![problem(place.to_owned(), "it does not say where its recipients go".into())]
}

fn problem(place: String, message: String) -> Problem {
    Problem { error: true, place: Place::Value(place), message }
}

fn by_form(refused: &Refused) -> Option<[Option<Status>; 4]> {
    let mut statuses = [None; 4];
    let all = [&refused.plain, &refused.routes_past, &refused.utf8, &refused.utf8_routes_past];
    for (status, said) in statuses.iter_mut().zip(all) {
        if let Some(said) = said {
            *status = Some(said.parse().ok()?);
        }
    }
    Some(statuses)
}

/// The routes that were made already: equal ones are one.
struct Routes {
    connectors: HashMap<String, Arc<Connector>>,
    made: BTreeMap<String, Arc<Route>>,
}

impl Routes {
    fn new(routing: &Routing) -> Routes {
        let connectors = routing.connectors.iter().map(|c| (c.name.clone(), Arc::new(c.clone()))).collect();
        Routes { connectors, made: BTreeMap::new() }
    }

    fn own(&mut self, rule: &DomainRule) -> Option<Own> {
        if rule.relay {
            return Some(Own::Relay { verify: rule.verify });
        }
        match (&rule.reject, &rule.via) {
            (Some(status), _) => status.parse().ok().map(Own::Reject),
            (None, Some(via)) => Some(Own::Via { route: self.route(&[vec![via.clone()]])?, verify: rule.verify }),
            (None, None) => None,
        }
    }

    /// `None` where a connector is missing.
    fn route(&mut self, tiers: &[Vec<String>]) -> Option<Arc<Route>> {
        let key = tiers.iter().map(|tier| tier.join(",")).collect::<Vec<_>>().join(";");
        if let Some(made) = self.made.get(&key) {
            return Some(Arc::clone(made));
        }
        let tier = |names: &Vec<String>| names.iter().map(|name| self.connectors.get(name).cloned()).collect();
        let tiers: Vec<Vec<Arc<Connector>>> = tiers.iter().map(tier).collect::<Option<_>>()?;
        let max_size = limit(tiers.first()?);
        let dns = tiers.iter().flatten().any(|connector| connector.dns);
        let route = Arc::new(Route { key: key.clone(), tiers, max_size, dns });
        self.made.insert(key, Arc::clone(&route));
        Some(route)
    }
}

/// The most that one of these connectors takes; no limit where one of them has none.
fn limit(tier: &[Arc<Connector>]) -> Option<u64> {
    let limits: Option<Vec<u64>> = tier.iter().map(|connector| connector.max_size).collect();
    limits?.into_iter().max()
}
