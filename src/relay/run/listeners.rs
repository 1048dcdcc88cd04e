//! The addresses that a relay listens on, as they come and go with its configuration.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::relay::listen::{Server, socket};

#[derive(Default)]
pub(super) struct Listeners(BTreeMap<SocketAddr, AbortHandle>);

/// Sockets of addresses that are new.
pub(super) struct Opened(Vec<(SocketAddr, TcpListener)>);

impl Opened {
    pub(super) fn new(addresses: &[SocketAddr], sockets: Vec<TcpListener>) -> Opened {
        Opened(addresses.iter().copied().zip(sockets).collect())
    }
}

impl Listeners {
    /// Opens what is new among the addresses: all of it or nothing.
    pub(super) fn open(&self, addresses: &[SocketAddr]) -> Result<Opened, Vec<String>> {
        let new: Vec<SocketAddr> = addresses.iter().copied().filter(|a| !self.0.contains_key(a)).collect();
        Ok(Opened::new(&new, socket::open(&new)?))
    }

    /// Listens on these addresses and on no others. Sessions that began at one that goes go on.
    pub(super) fn set(&mut self, server: &Arc<Server>, addresses: &[SocketAddr], opened: Opened) -> io::Result<()> {
        self.0.retain(|address, task| {
            let stays = addresses.contains(address);
            if !stays {
                task.abort();
            }
            stays
        });
        for (address, socket) in opened.0 {
            let socket = tokio::net::TcpListener::from_std(socket)?;
            let task = tokio::spawn(Arc::clone(server).listen(address, socket));
            self.0.insert(address, task.abort_handle());
        }
        Ok(())
    }

    /// Listens nowhere any more.
    pub(super) fn close(&mut self) {
        std::mem::take(&mut self.0).into_values().for_each(|task| task.abort());
    }
}
