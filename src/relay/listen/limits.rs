//! How many sessions there are: in all, and from one network.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use tokio::sync::Notify;

/// The running sessions, counted.
#[derive(Debug, Default)]
pub struct Sessions {
    counts: Mutex<Counts>,
    /// Told whenever the last one ends.
    none: Notify,
}

#[derive(Debug, Default)]
struct Counts {
    all: u32,
    networks: HashMap<IpAddr, u32, foldhash::fast::RandomState>,
}

/// Why there is no place for one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    Everywhere,
    ForTheNetwork,
}

/// The place of one running session, which is free again once this is dropped.
#[derive(Debug)]
pub struct Place {
    sessions: Arc<Sessions>,
    network: Option<IpAddr>,
}

impl Sessions {
    /// Takes a place: one of `most`.
    pub fn enter(self: &Arc<Sessions>, most: u32) -> Result<Place, Full> {
        let mut counts = self.counts();
        if counts.all >= most {
            return Err(Full::Everywhere);
        }
        counts.all += 1;
        Ok(Place { sessions: Arc::clone(self), network: None })
    }

    /// How many there are.
    pub fn all(&self) -> u32 {
        self.counts().all
    }

    /// Waits until there is none.
    pub async fn empty(&self) {
        let mut told = pin!(self.none.notified());
        loop {
            // From here on nothing is missed.
            told.as_mut().enable();
            if self.all() == 0 {
                return;
            }
            told.as_mut().await;
            told.set(self.none.notified());
        }
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        // A count is one number: nobody can have left it half done.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Counts the session as one of its network's, of which there may be `most`.
    pub fn count_in(&mut self, client: IpAddr, most: u32) -> Result<(), Full> {
        let network = network(client);
        let mut counts = self.sessions.counts();
        let count = counts.networks.entry(network).or_default();
        if *count >= most {
            return Err(Full::ForTheNetwork);
        }
        *count += 1;
        drop(counts);
        self.network = Some(network);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.sessions.counts();
        counts.all = counts.all.saturating_sub(1);
        if counts.all == 0 {
            self.sessions.none.notify_waiters();
        }
        let Some(network) = self.network else { return };
        if let Some(count) = counts.networks.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                counts.networks.remove(&network);
            }
        }
    }
}

/// The network that a client is counted in: IPv4 /24, IPv6 /64.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(ip) => IpAddr::from((u32::from(ip) & !0xff).to_be_bytes()),
        IpAddr::V6(ip) => IpAddr::from((u128::from(ip) & !u128::from(u64::MAX)).to_be_bytes()),
    }
}
