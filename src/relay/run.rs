//! The running relay: how it starts, is told of changes, and ends.
//!
//! 1. The configuration is read and looked over; sockets are opened; privileges are dropped.
//! 2. As whom it will run, it reads all that a reload reads again, and the spool, whose lock it takes.
//! 3. The queue starts with what the spool held, and the listeners; the service manager is told.
//! 4. SIGHUP, a changed file or the control socket reloads; SIGTERM or SIGINT ends it, and a second one at once.

use std::path::{Path, PathBuf};

use tokio::runtime::Builder;

use super::config::local::{Format, Local};
use super::event::{self, Event, Log, To};
use super::listen::socket;

mod admin;
mod drain;
pub mod hops;
mod life;
mod listeners;
mod load;
pub mod privileges;
mod reload;
mod start;
pub mod watch;

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `relay.yaml`
    pub file: PathBuf,
    /// The folder of the spool, whatever `local.yaml` says.
    pub spool: Option<PathBuf>,
}

/// Why a relay does not run, one line a problem.
#[derive(Debug)]
pub enum Stopped {
    /// What it was given to read is not good.
    Config(Vec<String>),
    /// The host does not let it.
    Start(Vec<String>),
}

impl From<String> for Stopped {
    fn from(problem: String) -> Stopped {
        Stopped::Start(vec![problem])
    }
}

/// Runs a relay until it is asked to end. What is odd and does not keep it from that is told to its log.
pub fn run(asked: &Asked) -> Result<(), Stopped> {
    privileges::raise_files();
    let files = load::files(&asked.file).map_err(Stopped::Config)?;
    let spool = spool_folder(asked, &files.local);
    let sockets = socket::open(&files.config.server.listen).map_err(Stopped::Start)?;
    become_another(&files.local, &spool)?;
    let log = log(&files.local)?;
    files.warnings.iter().for_each(|why| log.write(&Event::Warning { why }));
    if privileges::are_all() {
        log.write(&Event::Warning { why: "the relay runs as root and need not: name a `user` in local.yaml" });
    }
    let threads = Builder::new_multi_thread().enable_all().build();
    let threads = threads.map_err(|error| format!("cannot start threads: {error}"))?;
    let ended = threads.block_on(async {
        let (relay, news) = start::start(asked.file.clone(), files, &spool, sockets, &log)?;
        life::live(relay, news).await;
        Ok(())
    });
    threads.shutdown_background();
    log.close();
    ended
}

/// Where the spool lies: what is said, systemd's StateDirectory, or its usual place.
pub fn spool_folder(asked: &Asked, local: &Local) -> PathBuf {
    let given = || std::env::var_os("STATE_DIRECTORY").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let said = asked.spool.clone().or_else(|| local.spool.clone());
    said.or_else(given).unwrap_or_else(|| PathBuf::from("/var/lib/mailswitch"))
}

/// The spool's folder has to be that user's before it is nobody else's to give.
fn become_another(local: &Local, spool: &Path) -> Result<(), String> {
    let Some(identity) = privileges::find(local.user.as_deref(), local.group.as_deref())? else { return Ok(()) };
    if !spool.exists() {
        std::fs::create_dir(spool).map_err(|error| format!("cannot make the folder {}: {error}", spool.display()))?;
        identity.give(spool)?;
    }
    identity.assume()
}

fn log(local: &Local) -> Result<Log, String> {
    let format = match local.log.format {
        Format::Human => event::Format::Human,
        Format::Json => event::Format::Json,
    };
    let to = local.log.file.clone().map_or(To::Stderr, To::File);
    Log::start(format, to).map_err(|error| {
        let file = local.log.file.as_deref().unwrap_or(Path::new("standard error"));
        format!("cannot log to {}: {error}", file.display())
    })
}
