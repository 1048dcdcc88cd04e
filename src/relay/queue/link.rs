//! How the queue reaches next hops: what a worker needs of a connection. Tests have scripted ones.

use std::future::Future;
use std::sync::Arc;

use crate::relay::config::Connector;
use crate::relay::deliver::{Client, Connection, Secured, Source, Target, Trouble, connect, targets};

/// The way to hosts.
pub trait Hop: Send + Sync + 'static {
    type Link: Link;

    /// The hosts of a connector in the order in which they are tried, for recipients of a domain.
    fn targets(
        &self,
        connector: &Arc<Connector>,
        domain: &str,
    ) -> impl Future<Output = Result<Vec<Target>, Trouble>> + Send;

    fn connect(
        &self,
        connector: &Arc<Connector>,
        target: &Target,
    ) -> impl Future<Output = Result<Self::Link, Trouble>> + Send;
}

/// A connection that is ready for messages.
pub trait Link: Send + 'static {
    /// Sends what the source has, until that has nothing more and all is answered.
    fn run(&mut self, source: &mut dyn Source) -> impl Future<Output = Result<(), Trouble>> + Send;

    fn is_open(&mut self) -> bool;

    fn tls(&self) -> Option<Secured>;

    /// What a log should say of how it came about.
    fn notes(&self) -> &[String];

    /// Waits, between runs, until the host closes it.
    fn closed(&mut self) -> impl Future<Output = ()> + Send;

    fn quit(self) -> impl Future<Output = ()> + Send;
}

impl Hop for Client {
    type Link = Connection;

    async fn targets(&self, connector: &Arc<Connector>, domain: &str) -> Result<Vec<Target>, Trouble> {
        targets(self, connector, domain).await
    }

    async fn connect(&self, connector: &Arc<Connector>, target: &Target) -> Result<Connection, Trouble> {
        connect(self, connector, target).await
    }
}

impl Link for Connection {
    async fn run(&mut self, source: &mut dyn Source) -> Result<(), Trouble> {
        Connection::run(self, source).await
    }

    fn is_open(&mut self) -> bool {
        Connection::is_open(self)
    }

    fn tls(&self) -> Option<Secured> {
        Connection::tls(self)
    }

    fn notes(&self) -> &[String] {
        Connection::notes(self)
    }

    async fn closed(&mut self) {
        Connection::closed(self).await;
    }

    async fn quit(self) {
        Connection::quit(self).await;
    }
}
