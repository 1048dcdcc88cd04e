//! The way to next hops: it stays where it is while a reload replaces what it goes by.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::relay::config::Connector;
use crate::relay::deliver::{self, Client, Connection, Target, Trouble, connect, probe, targets};
use crate::relay::queue::Hop;
use crate::relay::route::Route;
use crate::relay::verify;

#[derive(Clone)]
pub struct Hops(Arc<ArcSwap<Client>>);

impl Hops {
    pub fn new(client: Client) -> Hops {
        Hops(Arc::new(ArcSwap::from_pointee(client)))
    }

    /// Connections that are made from now on go by this one.
    pub fn replace(&self, client: Client) {
        self.0.store(Arc::new(client));
    }

    /// Asks the next hop for a recipient.
    pub async fn probe(self, route: Arc<Route>, recipient: String) -> verify::Verdict {
        let client = self.0.load_full();
        match probe(&client, &route.tiers, &recipient).await {
            deliver::Verdict::Accepted => verify::Verdict::Taken,
            deliver::Verdict::Refused(reply) => verify::Verdict::Refused(reply),
            deliver::Verdict::Unknown(trouble) => match &trouble.reply {
                Some(reply) if reply.is_transient() => verify::Verdict::Later(reply.clone()),
                _ => verify::Verdict::Unasked(trouble.to_string()),
            },
        }
    }
}

impl Hop for Hops {
    type Link = Connection;

    async fn targets(&self, connector: &Arc<Connector>, domain: &str) -> Result<Vec<Target>, Trouble> {
        targets(&self.0.load_full(), connector, domain).await
    }

    async fn connect(&self, connector: &Arc<Connector>, target: &Target) -> Result<Connection, Trouble> {
        connect(&self.0.load_full(), connector, target).await
    }
}
