//! The queue's clock, and its end.

use std::future::Future;
use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::link::Hop;
use super::{Queue, Shared};

/// The clock is looked at once in this time at least.
const LONGEST: Duration = Duration::from_secs(60);

/// Notifications that wait to be written while what is too old is looked for.
const ASIDE: usize = 256;

/// How long the clock stands where there are more.
const PAUSE: Duration = Duration::from_millis(20);

/// Does what is due, when it is due, for as long as there is a queue.
pub(super) async fn keep_time<H: Hop>(shared: Weak<Shared<H>>) {
    loop {
        let Some(queue) = shared.upgrade().map(|shared| Queue { shared }) else { return };
        let busy = queue.shared.tasks.load(Ordering::Acquire) >= ASIDE;
        let (next, now) = queue.with(|board, now| {
            board.tick(now, busy);
            (board.next_time(), now)
        });
        let least = if busy { PAUSE } else { Duration::ZERO };
        let wait = Duration::from_millis(next.saturating_sub(now)).clamp(least, LONGEST);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = queue.shared.alarm.notified() => {}
        }
        drop(queue);
    }
}

impl<H: Hop> Queue<H> {
    /// Does something besides, that the end of the relay waits for.
    pub(super) fn aside(&self, what: impl Future<Output = ()> + Send + 'static) {
        self.shared.tasks.fetch_add(1, Ordering::AcqRel);
        let queue = self.clone();
        self.shared.runtime.spawn(async move {
            what.await;
            queue.shared.tasks.fetch_sub(1, Ordering::AcqRel);
            queue.shared.ended.notify_waiters();
        });
    }

    /// Starts nothing new, and waits until what is under way is over, but no longer than this. Answers whether it is.
    pub async fn drain(&self, most: Duration) -> bool {
        let ended = self.shared.ended.notified();
        tokio::pin!(ended);
        self.with(|board, _| board.drain());
        let all = async {
            loop {
                ended.as_mut().enable();
                if self.with(|board, _| board.is_quiet()) && self.shared.tasks.load(Ordering::Acquire) == 0 {
                    return;
                }
                ended.as_mut().await;
                ended.set(self.shared.ended.notified());
            }
        };
        tokio::time::timeout(most, all).await.is_ok()
    }
}
