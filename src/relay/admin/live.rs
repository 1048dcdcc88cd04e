//! The running relay as its operators see it.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::protocol::{Action, Part, Recipients, Snapshot, Status, Traced};
use super::{HEADER, Key, Relay};
use crate::relay::event::Event;
use crate::relay::event::time::Utc;
use crate::relay::listen::Server;
use crate::relay::queue;
use crate::relay::route::Asker;
use crate::relay::route::trace::End;
use crate::relay::spool::Content;

mod view;

/// Somebody who asks for a reload, and waits for what becomes of it.
pub type Request = oneshot::Sender<Result<String, String>>;

/// A relay that runs.
pub struct Live {
    server: Arc<Server>,
    reload: mpsc::Sender<Request>,
    started: Utc,
}

impl Live {
    /// It started now; `reload` is where it is asked to read its files anew.
    pub fn new(server: Arc<Server>, reload: mpsc::Sender<Request>) -> Live {
        Live { server, reload, started: Utc::now() }
    }
}

impl Relay for Live {
    fn ready(&self) -> Result<(), String> {
        let server = &self.server;
        let words = if server.is_stopping() {
            "draining"
        } else if server.spool.is_failed() {
            "the spool cannot be written"
        } else if server.spool.free() < server.now().local.limits.free_disk {
            "the disk is nearly full"
        } else {
            return Ok(());
        };
        Err(words.to_owned())
    }

    fn metrics(&self) -> String {
        let Server { metrics, spool, queue, log, sessions, .. } = &*self.server;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        metrics.sessions_open.set(sessions.all().into());
        metrics.disk_free.set(number(spool.free()));
        metrics.spool_failed.set(spool.is_failed().into());
        metrics.log_lost.set(number(log.lost()));
        let (lanes, _) = queue.lanes(usize::MAX);
        metrics.set_queue(lanes.into_iter().map(view::lane).map(|lane| (lane.connector, lane.active, lane.waiting)));
        metrics.text()
    }

    fn status(&self) -> Status {
        let server = &self.server;
        Status {
            release: env!("CARGO_PKG_VERSION").to_owned(),
            hostname: server.now().settings.hostname.as_str().to_owned(),
            pid: std::process::id(),
            started: self.started,
            configured: server.configured(),
            not_ready: self.ready().err(),
            sessions: server.sessions.all().into(),
            entries: server.queue.len() as u64,
            free: server.spool.free(),
        }
    }

    fn snapshot(&self, most: usize) -> Snapshot {
        let Server { metrics, queue, sessions, .. } = &*self.server;
        let (lanes, lane_count) = queue.lanes(most);
        Snapshot {
            time: Utc::now(),
            totals: metrics.totals(),
            sessions: sessions.all().into(),
            connections: metrics.open_connections(),
            entries: queue.len() as u64,
            lane_count: lane_count as u64,
            lanes: lanes.into_iter().map(view::lane).collect(),
            hosts: queue.hosts(most).into_iter().map(view::host).collect(),
        }
    }

    fn keys(&self) -> Vec<Key> {
        self.server.queue.keys().into_iter().map(|(id, part)| Key { id, part }).collect()
    }

    fn part(&self, key: Key) -> Option<Part> {
        self.server.queue.view(key.id, key.part).map(view::part)
    }

    fn recipients(&self, key: Key) -> Result<Option<Recipients>, String> {
        let queue = &self.server.queue;
        let Some(envelope) = queue.envelope(key.id, key.part).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        Ok(queue.view(key.id, key.part).map(|known| view::recipients(envelope, &known)))
    }

    fn header(&self, key: Key) -> Result<Option<String>, String> {
        let stored = self.server.queue.stored(key.id, key.part).map_err(|error| error.to_string())?;
        let Some((_, content)) = stored else { return Ok(None) };
        let mut first = vec![0; HEADER];
        let read = match content {
            Content::Bytes(bytes) => {
                let most = bytes.len().min(HEADER);
                first[..most].copy_from_slice(&bytes[..most]);
                most
            }
            Content::File(body) => body.read_at(&mut first, 0).map_err(|error| error.to_string())?,
        };
        Ok(Some(view::header(&first[..read])))
    }

    fn act(&self, key: Key, action: Action, uid: u32) -> Result<bool, String> {
        let order = match action {
            Action::Hold => queue::Action::Hold,
            Action::Release => queue::Action::Release,
            Action::Retry => queue::Action::Retry,
            Action::Remove => queue::Action::Remove,
            Action::Bounce => queue::Action::Bounce,
        };
        let done = self.server.queue.act(key.id, key.part, order);
        if done {
            self.server.log.write(&Event::Managed { action: action.as_str(), id: key.id, uid });
        }
        Ok(done)
    }

    fn trace(&self, address: &str, from: Option<IpAddr>) -> Result<Traced, String> {
        let router = Arc::clone(&self.server.now().router);
        let asker = from.map_or(Asker::Trusted, Asker::Client);
        let trace = router.trace(asker, address).map_err(|error| error.to_string())?;
        let (mut lane, mut hosts) = (None, Vec::new());
        if let End::Sent { recipient, tiers, .. } = &trace.end {
            let key = tiers.iter().map(|tier| tier.join(",")).collect::<Vec<_>>().join(";");
            let (lanes, _) = self.server.queue.lanes(usize::MAX);
            let ours = |lane: &queue::LaneView| {
                let domain = recipient.rsplit_once('@').map_or("", |(_, domain)| domain);
                lane.route.key == key && (lane.domain.is_empty() || lane.domain == domain)
            };
            lane = lanes.into_iter().find(ours).map(view::lane);
            hosts = self.server.queue.hosts(usize::MAX);
            // Those that are found by a domain may be any other domain's.
            let by_name = |name: &str| router.config().routing.connectors.iter().any(|c| c.name == name && !c.dns);
            hosts.retain(|host| tiers.iter().flatten().any(|name| **name == *host.connector && by_name(name)));
        }
        Ok(Traced { trace, lane, hosts: hosts.into_iter().map(view::host).collect() })
    }

    fn reload(&self) -> Result<String, String> {
        let (request, answer) = oneshot::channel();
        let ending = |_| "the relay is ending".to_owned();
        self.reload.blocking_send(request).map_err(|_| ending(()))?;
        answer.blocking_recv().map_err(|_| ending(()))?
    }

    fn used(&self, command: &str, uid: u32, pid: i32) {
        self.server.log.write(&Event::Control { command, uid, pid });
    }
}
