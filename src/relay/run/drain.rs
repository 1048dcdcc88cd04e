//! The end of a relay: nothing new is taken, what was begun is finished, and the spool is written.

use std::time::Duration;

use tokio::time::timeout;

use super::life::News;
use super::reload::Relay;
use crate::relay::event::Event;

/// Ends a relay, in order and within bounds; a second signal ends it at once. Whatever is cut off was not acknowledged, or
/// is in the spool.
pub(super) async fn drain(mut relay: Relay, mut news: News, why: &str) {
    let server = relay.server;
    server.log.write(&Event::Draining { why });
    relay.listeners.close();
    server.stop();
    let patience = Duration::from_secs(server.now().local.timeouts.drain.into());
    let finish = async {
        // New mail may come until the last session has ended; but what is being sent needs time for its answer, too.
        let _ = timeout(patience / 2, server.sessions.empty()).await;
        server.queue.drain(patience).await;
    };
    tokio::select! {
        _ = timeout(patience, finish) => {}
        _ = news.end() => {}
    }
    let messages = server.queue.len() as u64;
    server.spool.close();
    server.log.write(&Event::Stopped { messages });
}
