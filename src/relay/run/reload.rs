//! A reload: everything is read and made anew, and takes effect at once, or nothing does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;

use super::listeners::Listeners;
use super::load;
use super::start::client;
use super::watch::Marks;
use crate::relay::config::local::{FILE, Local};
use crate::relay::event::Event;
use crate::relay::listen::Server;
use crate::relay::route::Router;

/// A relay that runs.
pub(super) struct Relay {
    pub(super) file: PathBuf,
    /// The spool's folder, for copies of tables.
    pub(super) private: PathBuf,
    pub(super) server: Arc<Server>,
    /// The queue's view of where recipients go.
    pub(super) router: Arc<ArcSwap<Router>>,
    pub(super) listeners: Listeners,
    pub(super) watched: Watched,
}

/// The files that count, as they were last loaded.
pub(super) struct Watched {
    loaded: Marks,
    /// As they were a moment ago: what still changes is not read yet.
    last: Marks,
}

impl Watched {
    pub(super) fn new(marks: Marks) -> Watched {
        Watched { last: marks.clone(), loaded: marks }
    }

    /// Whether they have changed since, and are quiet now.
    pub(super) fn have_changed(&mut self) -> bool {
        let now = self.loaded.again();
        let quiet = now == self.last;
        self.last = now;
        quiet && self.last != self.loaded
    }
}

impl Relay {
    /// Gives what is told to whoever asked for it.
    pub(super) async fn reload(&mut self) -> Result<String, String> {
        let started = Instant::now();
        let what = self.file.display().to_string();
        // Seen before it is read: what changes meanwhile is read again.
        self.watched = Watched::new(self.watched.loaded.again());
        let outcome = self.replace().await;
        let metrics = &self.server.metrics;
        match outcome {
            Ok(()) => {
                metrics.reloads.inc();
                self.server.log.write(&Event::Reloaded { what: &what, took: started.elapsed() });
                Ok(format!("read {what} anew"))
            }
            Err(problems) => {
                metrics.reloads_failed.inc();
                let why = problems.join("\n");
                self.server.log.write(&Event::ReloadFailed { what: &what, why: &why });
                Err(why)
            }
        }
    }

    /// What counts from a start to its end, and has changed.
    fn tell_of_later(&self, new: &Local) {
        let now = self.server.now();
        let old = &now.local;
        let same = [
            ("spool", old.spool == new.spool),
            ("control", (&old.control, &old.control_group) == (&new.control, &new.control_group)),
            ("metrics", old.metrics == new.metrics),
            ("user", (&old.user, &old.group) == (&new.user, &new.group)),
            ("log", old.log == new.log),
        ];
        for (field, _) in same.iter().filter(|(_, same)| !same) {
            let why = format!("the change of `{field}` in {FILE} counts from the next start on");
            self.server.log.write(&Event::Error { part: "reload", why: &why });
        }
    }

    async fn replace(&mut self) -> Result<(), Vec<String>> {
        let (file, private) = (self.file.clone(), self.private.clone());
        let read = move || {
            let files = load::files(&file)?;
            let marks = Marks::of(load::watched(&file, &files.config));
            let now = load::now(&file, files)?;
            // At a start that is done later; a reload has the time, and the old tables.
            load::settle(&now.router, &private, &file)?;
            Ok((now, marks))
        };
        let read = tokio::task::spawn_blocking(read).await;
        let (now, marks) = read.unwrap_or_else(|error| Err(vec![error.to_string()]))?;
        let addresses = now.router.config().server.listen.clone();
        let opened = self.listeners.open(&addresses)?;
        let client = client(now.router.config(), load::folder(&self.file)).map_err(|error| vec![error])?;
        self.tell_of_later(&now.local);
        let queue = self.server.queue.clone();
        self.server.hops.replace(client);
        self.router.store(Arc::clone(&now.router));
        queue.set_schedule(load::schedule(now.router.config(), &now.local), load::limits(&now.local));
        self.server.replace(now);
        self.server.log.reopen();
        // What waits is looked at again while mail goes on.
        tokio::task::spawn_blocking(move || queue.reroute());
        self.watched = Watched::new(marks);
        self.listeners.set(&self.server, &addresses, opened).map_err(|error| vec![error.to_string()])
    }
}
