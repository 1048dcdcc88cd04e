//! The life of a relay between its start and its end: signals, changed files, requests.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use super::drain::drain;
use super::reload::Relay;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What a reload came to: what was read, or what is wrong.
pub(super) type Reloaded = Result<String, String>;

/// Somebody who asks for a reload, and waits for what becomes of it.
pub(super) type Request = oneshot::Sender<Reloaded>;

/// What a relay is told while it runs.
pub(super) struct News {
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
    requests: mpsc::Receiver<Request>,
}

impl News {
    pub(super) fn new(requests: mpsc::Receiver<Request>) -> std::io::Result<News> {
        Ok(News {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            requests,
        })
    }

    /// Waits until the relay is asked to end; gives the signal's name.
    pub(super) async fn end(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Until it is asked to end, and has.
pub(super) async fn live(mut relay: Relay, mut news: News) {
    tell(&[NotifyState::Ready]);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let why = loop {
        tokio::select! {
            _ = news.terminate.recv() => break "SIGTERM",
            _ = news.interrupt.recv() => break "SIGINT",
            _ = news.hang_up.recv() => drop(reload(&mut relay).await),
            _ = look.tick() => if relay.watched.have_changed() {
                drop(reload(&mut relay).await);
            },
            Some(request) = news.requests.recv() => {
                // Who asked may be gone.
                let _ = request.send(reload(&mut relay).await);
            }
        }
    };
    tell(&[NotifyState::Stopping]);
    drain(relay, news, why).await;
}

async fn reload(relay: &mut Relay) -> Reloaded {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
    let outcome = relay.reload().await;
    tell(&[NotifyState::Ready]);
    outcome
}

/// Tells the service manager, if there is one that listens.
fn tell(state: &[NotifyState<'_>]) {
    // A relay does its work whether anybody hears of it or not.
    let _ = sd_notify::notify(state);
}
