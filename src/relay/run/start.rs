//! The start of a relay, from what was read to the first connection that it takes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::hops::Hops;
use super::life::News;
use super::listeners::{Listeners, Opened};
use super::load::{self, Files};
use super::reload::{Relay, Watched};
use super::watch::Marks;
use super::{Stopped, admin};
use crate::relay::config::Config;
use crate::relay::deliver::{Client, Settings, System, Tcp, own_addresses};
use crate::relay::event::{Event, Log};
use crate::relay::listen::{Parts, Server};
use crate::relay::metrics::Metrics;
use crate::relay::queue::{self, Queue};
use crate::relay::spool::{self, Alarm, Host, Spool, SpoolError, Synced};
use crate::relay::verify::{self, Verifier};

/// Opens everything, and starts to serve.
pub(super) fn start(
    file: PathBuf,
    files: Files,
    spool_folder: &Path,
    sockets: Vec<TcpListener>,
    log: &Log,
) -> Result<(Relay, News), Stopped> {
    let started = Instant::now();
    let (ask, requests) = mpsc::channel(1);
    // The first of all: a signal that comes before would end the relay.
    let news = News::new(requests).map_err(|error| format!("cannot wait for signals: {error}"))?;
    let metrics = Arc::new(Metrics::new());
    let addresses = files.config.server.listen.clone();
    let watched = Watched::new(Marks::of(load::watched(&file, &files.config)));
    let spool::Opened { spool, messages, .. } = open(spool_folder, log, &metrics)?;
    let hops = Hops::new(client(&files.config, load::folder(&file))?);
    let now = load::now(&file, files).map_err(Stopped::Config)?;
    let verifier = verifier(spool_folder)?;
    let router = Arc::new(ArcSwap::new(Arc::clone(&now.router)));
    let parts = queue::Parts {
        hop: hops.clone(),
        spool: spool.clone(),
        log: log.clone(),
        metrics: Arc::clone(&metrics),
        router: Arc::clone(&router),
        schedule: load::schedule(now.router.config(), &now.local),
        limits: load::limits(&now.local),
        now: unix_millis(),
    };
    let queue = Queue::start(parts);
    let recovered = messages.len() as u64;
    queue.recover(messages);
    log.write(&Event::Recovered { messages: recovered, took: started.elapsed() });
    let parts = Parts { spool, queue: queue.clone(), hops, verifier, log: log.clone(), metrics };
    let server = Arc::new(Server::new(now, parts));
    admin::serve(&server, spool_folder, ask)?;
    let mut listeners = Listeners::default();
    let listening = listeners.set(&server, &addresses, Opened::new(&addresses, sockets));
    listening.map_err(|error| format!("cannot listen: {error}"))?;
    tell(&server, &addresses.iter().map(ToString::to_string).collect::<Vec<_>>());
    // The tables are copied, and the spool is read, while mail comes in already.
    let (first, private, told, name) = (router.load_full(), spool_folder.to_owned(), log.clone(), file.clone());
    tokio::task::spawn_blocking(move || {
        let settled = load::settle(&first, &private, &name);
        settled.unwrap_or_else(|wrong| told.write(&Event::Error { part: "tables", why: &wrong.join("\n") }));
    });
    tokio::task::spawn_blocking(move || queue.reroute());
    let relay = Relay { file, private: spool_folder.to_owned(), server, router, listeners, watched };
    Ok((relay, news))
}

fn tell(server: &Server, listen: &[String]) {
    let now = server.now();
    let (version, hostname) = (env!("CARGO_PKG_VERSION"), now.settings.hostname.as_str());
    server.log.write(&Event::Started { version, hostname, listen });
}

/// Opens the spool, and tells of what is lost in it.
fn open(folder: &Path, log: &Log, metrics: &Metrics) -> Result<spool::Opened, String> {
    let alarm = log.clone();
    let told = move |error: &SpoolError| alarm.write(&Event::SpoolFailed { why: &error.to_string() });
    let (sync, batch) = (metrics.spool_sync.clone(), metrics.spool_batch.clone());
    let synced = move |took, transactions: usize| {
        sync.observe(took);
        batch.count(transactions as u64);
    };
    let (alarm, synced) = (Alarm(Arc::new(told)), Synced(Arc::new(synced)));
    let options = spool::Options { alarm, synced, ..spool::Options::new(unix_millis()) };
    let opened = Spool::open(folder, Arc::new(Host), options);
    let opened = opened.map_err(|error| format!("cannot use {} as the spool: {error}", folder.display()))?;
    for damage in &opened.damage {
        log.write(&Event::Error { part: "spool", why: &damage.what });
    }
    Ok(opened)
}

/// What next hops said of recipients, today and before.
fn verifier(folder: &Path) -> Result<Verifier, String> {
    let verifier = Verifier::open(folder, verify::Options::default(), unix_millis() / 1000);
    verifier.map_err(|error| format!("cannot use the answers of next hops in {}: {error}", folder.display()))
}

pub(super) fn unix_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

/// How the relay presents itself to next hops.
pub(super) fn client(config: &Config, folder: &Path) -> Result<Client, String> {
    let mut settings = Settings::new(config.server.hostname.as_str());
    settings.addresses = own_addresses(&config.server.listen, settings.mx_port);
    settings.folder = folder.to_owned();
    let resolve = System::new().map_err(|error| format!("cannot use DNS: {error}"))?;
    Ok(Client::new(settings, Arc::new(resolve), Arc::new(Tcp)))
}
