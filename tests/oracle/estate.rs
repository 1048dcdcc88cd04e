//! An estate as plain data; `dsl` writes it as a `routing.dsl`.

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Estate {
    pub(crate) mtas: Vec<Mta>,
    pub(crate) systems: Vec<System>,
    pub(crate) domains: Vec<Declaration>,
    pub(crate) connectors: Vec<Connector>,
    pub(crate) contacts: Vec<Contact>,
}

/// A place that mail can be handed to: an index into the estate, or everybody else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    Mta(usize),
    System(usize),
    #[default]
    Internet,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Postfix,
    Exim,
    #[default]
    Relay,
}

impl Target {
    pub(crate) const ALL: [Target; 3] = [Target::Postfix, Target::Exim, Target::Relay];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Target::Postfix => "postfix",
            Target::Exim => "exim",
            Target::Relay => "relay",
        }
    }
}

/// What the meaning does not ask after is kept as it is written: sizes, durations, endpoints, kinds of maps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mta {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) maps: Option<&'static str>,
    pub(crate) hostname: String,
    /// An empty list is the default.
    pub(crate) listen: Vec<String>,
    pub(crate) trust: Vec<String>,
    pub(crate) addresses: Vec<String>,
    pub(crate) postmaster: Option<String>,
    /// Certificate and key.
    pub(crate) tls: Option<(String, String)>,
    pub(crate) max_size: Option<String>,
    pub(crate) queue_lifetime: Option<String>,
    pub(crate) subaddress: Option<char>,
    pub(crate) smtputf8: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct System {
    pub(crate) name: String,
    pub(crate) domains: Vec<String>,
    pub(crate) accounts: Vec<Vec<String>>,
    pub(crate) addresses: Vec<String>,
    pub(crate) forwards: Vec<(String, Node)>,
    pub(crate) authoritative: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Domain,
    Shared,
    Relay {
        verify: bool,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Unresolved {
    #[default]
    Reject,
    Via {
        connector: usize,
        verify: bool,
    },
}

/// One `domain`, `shared domain` or `relay domain` statement. An empty `on` is every MTA, an empty `mx` the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Declaration {
    pub(crate) kind: Kind,
    pub(crate) pattern: String,
    pub(crate) unresolved: Unresolved,
    pub(crate) on: Vec<usize>,
    pub(crate) mx: Vec<Node>,
}

/// How a connector protects itself, from the weakest up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Off,
    #[default]
    Opportunistic,
    Required,
    Verified,
}

impl Level {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::Opportunistic => "opportunistic",
            Level::Required => "required",
            Level::Verified => "verified",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientTls {
    pub(crate) level: Level,
    pub(crate) name: Option<String>,
    pub(crate) ca: Option<String>,
}

/// An empty `from` is the default; a pattern without a cost has the connector's. One without hosts and `dns` leads to the
/// MTA itself or, where it does not lead to one, to a host that stands for any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Connector {
    pub(crate) name: String,
    pub(crate) from: Vec<usize>,
    pub(crate) to: Node,
    pub(crate) spaces: Vec<(String, Option<u32>)>,
    pub(crate) cost: Option<u32>,
    pub(crate) hosts: Vec<String>,
    pub(crate) balanced: bool,
    pub(crate) dns: bool,
    pub(crate) protocol: Option<&'static str>,
    pub(crate) tls: Option<ClientTls>,
    /// The user, and the file with the password.
    pub(crate) auth: Option<(String, String)>,
    pub(crate) source_address: Option<String>,
    pub(crate) concurrency: Option<u32>,
    pub(crate) max_size: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) primary: String,
    pub(crate) secondaries: Vec<String>,
}

impl Estate {
    pub(crate) fn node_name(&self, node: Node) -> &str {
        match node {
            Node::Mta(m) => &self.mtas[m].name,
            Node::System(s) => &self.systems[s].name,
            Node::Internet => "internet",
        }
    }

    pub(crate) fn mta_names(&self, mtas: &[usize]) -> Vec<String> {
        mtas.iter().map(|&m| self.mtas[m].name.clone()).collect()
    }
}
