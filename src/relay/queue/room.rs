//! Room for connections: of a connector with a limit, all of them are counted together, whatever lanes they serve.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::relay::config::Connector;

/// The connectors that have a limit, with it: one with another limit is another one.
#[derive(Default)]
pub(super) struct Rooms {
    rooms: Mutex<HashMap<(String, u32), Arc<Room>>>,
}

/// One connector's room.
struct Room {
    places: Arc<Semaphore>,
    waiting: AtomicU32,
    /// Somebody waits.
    wanted: Notify,
}

/// A place for one connection.
pub(super) struct Permit(Option<(Arc<Room>, OwnedSemaphorePermit)>);

impl Rooms {
    /// A place that is free.
    pub(super) fn try_enter(&self, connector: &Connector) -> Option<Permit> {
        let Some(most) = connector.concurrency else { return Some(Permit(None)) };
        let room = self.room(&connector.name, most.max(1));
        let place = Arc::clone(&room.places).try_acquire_owned().ok()?;
        Some(Permit(Some((room, place))))
    }

    /// Waits for a place.
    pub(super) async fn enter(&self, connector: &Connector) -> Permit {
        let Some(most) = connector.concurrency else { return Permit(None) };
        let room = self.room(&connector.name, most.max(1));
        let waits = Waits::new(&room);
        let place = Arc::clone(&room.places).acquire_owned().await;
        drop(waits);
        Permit(place.ok().map(|place| (room, place)))
    }

    fn room(&self, name: &str, most: u32) -> Arc<Room> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Room {
            places: Arc::new(Semaphore::new(most as usize)),
            waiting: AtomicU32::new(0),
            wanted: Notify::new(),
        };
        Arc::clone(rooms.entry((name.to_owned(), most)).or_insert_with(|| Arc::new(new())))
    }
}

/// Somebody waits, for as long as this is there.
struct Waits<'a>(&'a Room);

impl Waits<'_> {
    fn new(room: &Room) -> Waits<'_> {
        room.waiting.fetch_add(1, Ordering::Relaxed);
        room.wanted.notify_waiters();
        Waits(room)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Permit {
    /// Whether another lane waits for the place.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.as_ref().is_some_and(|(room, _)| room.waiting.load(Ordering::Relaxed) > 0)
    }

    /// Waits until one does.
    pub(super) async fn wanted(&self) {
        let Some((room, _)) = &self.0 else { return std::future::pending().await };
        // Who began to wait before now rings no more.
        let rings = room.wanted.notified();
        if !self.is_wanted() {
            rings.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection that becomes idle makes way for a lane that began to wait while it was busy, and for one that does later.
    #[tokio::test(start_paused = true)]
    async fn a_place_is_wanted_whenever_somebody_began_to_wait() {
        let room = Rooms::default().room("narrow", 1);
        let place = Arc::clone(&room.places).try_acquire_owned().ok();
        let permit = Permit(place.map(|place| (Arc::clone(&room), place)));
        let second = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(second, permit.wanted()).await.is_err());
        let waits = Waits::new(&room);
        assert!(tokio::time::timeout(second, permit.wanted()).await.is_ok());
        drop(waits);
        let (wanted, ()) =
            tokio::join!(tokio::time::timeout(second, permit.wanted()), async { drop(Waits::new(&room)) });
        assert!(wanted.is_ok());
    }
}
