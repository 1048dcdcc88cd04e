//! Workers: each finds a host for its lane, and sends what is in line there over one connection: all of
//! it, or a few messages where others share the load with that host.

use std::sync::Arc;
use std::time::Duration;

use super::Queue;
use super::board::{Job, Ticket, Verdict, Way};
use super::failure::{Failure, Tried};
use super::feed::Feed;
use super::hosts::Failed;
use super::link::{Hop, Link};
use super::ways::{Found, Host};
use crate::relay::deliver::Kind;

/// How long an open connection waits for another message.
const IDLE: Duration = Duration::from_secs(2);

/// What a worker does after a connection.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    /// It is one worker too many.
    End,
}

/// What is done where a worker panics: its lane and its messages go on without it.
struct OnPanic<F: Fn()>(F);

impl<F: Fn()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}

impl<H: Hop> Queue<H> {
    /// Works for a lane until that has nothing to do.
    pub(super) async fn work(self, at: u32) {
        let _fallen = OnPanic(|| self.with(|board, now| board.worker_ends(at, now)));
        while let Some(job) = self.with(|board, now| board.assign(at, now)) {
            let then = match job {
                Job::Line(way) => self.serve_line(at, &way).await,
                Job::Again(way, ticket, tried) => self.serve_again(at, &way, ticket, tried).await,
            };
            // Where lanes wait for a worker, this one has had its turn.
            if then == Then::End || self.with(|board, _| board.is_crowded()) {
                self.with(|board, now| board.worker_ends(at, now));
                return;
            }
        }
    }

    async fn serve_line(&self, at: u32, way: &Way) -> Then {
        match self.find(at, way, &[]).await {
            Found::Host(host) => return self.serve(at, host, None, None).await,
            Found::Nothing { why, until } => {
                if self.with(|board, now| board.lane_down(at, &why, until, now)).is_none() {
                    return Then::End;
                }
            }
            Found::Never(why) => self.return_line(at, &why),
            Found::Full => return self.full(at),
        }
        Then::GoOn
    }

    async fn serve_again(&self, at: u32, way: &Way, ticket: Ticket, tried: Vec<Tried>) -> Then {
        match self.find(at, way, &tried).await {
            Found::Host(host) => return self.serve(at, host, Some(ticket), Some(tried)).await,
            // It has failures of its own to tell.
            Found::Nothing { .. } => self.deferred(ticket),
            Found::Never(why) => self.return_all(ticket, &why),
            Found::Full => {
                self.with(|board, now| board.settle(ticket.slot, Verdict::default(), now));
                return self.full(at);
            }
        }
        Then::GoOn
    }

    fn full(&self, at: u32) -> Then {
        self.with(|board, now| board.lane_full(at, now));
        Then::End
    }

    /// Sends over one connection for as long as there is something to send.
    async fn serve(&self, at: u32, host: Box<Host<H::Link>>, first: Option<Ticket>, again: Option<Vec<Tried>>) -> Then {
        let Host { mut link, connector, target, key, permit, shares } = *host;
        let tried = Tried { connector: Arc::clone(&key.0), address: key.1 };
        let stays = again.is_none();
        let _fallen = OnPanic(|| self.closed(at, &key));
        let mut feed = Feed::new(self, at, &connector, &target, &permit, shares, link.tls(), tried, first, again);
        loop {
            let result = link.run(&mut feed).await;
            if let Err(trouble) = &result {
                let why = Arc::new(Failure::trouble(trouble).at(&connector.name, &target.name, target.addr));
                self.closed(at, &key);
                let useless = feed.was_useless() && trouble.kind != Kind::Local;
                return match useless.then(|| self.failed(at, &key, &target, &why, false)) {
                    Some(Failed::Full) => self.full(at),
                    Some(Failed::Dead { .. }) | None => Then::GoOn,
                };
            }
            let stays = stays && link.is_open() && !feed.is_spent();
            if !stays || !self.stays(at, &mut link, &permit).await {
                break;
            }
        }
        self.closed(at, &key);
        drop(feed);
        tokio::spawn(async move {
            link.quit().await;
            drop(permit);
        });
        Then::GoOn
    }

    fn closed(&self, at: u32, key: &super::hosts::Key) {
        self.with(|board, _| board.closed(at, key));
        self.shared.metrics.connector(&key.0).open.dec();
    }

    /// Waits for another message. Answers whether there may be one.
    async fn stays(&self, at: u32, link: &mut H::Link, permit: &super::room::Permit) -> bool {
        let Some(bell) = self.with(|board, _| board.idle(at)) else {
            return self.with(|board, _| board.has_work(at)) && !permit.is_wanted();
        };
        let rung = tokio::select! {
            () = bell.notified() => true,
            () = link.closed() => false,
            () = permit.wanted() => false,
            () = tokio::time::sleep(IDLE) => false,
        };
        self.with(|board, _| board.busy(at));
        rung
    }

    /// A lane that leads nowhere: everything in line goes back to its sender.
    fn return_line(&self, at: u32, why: &Arc<Failure>) {
        while let Some(ticket) = self.with(|board, _| board.next(at)) {
            self.return_all(ticket, why);
        }
    }
}
