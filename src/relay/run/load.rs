//! What a relay runs by, read off the disk: at its start, and again at each reload.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::privileges::most_sessions;
use super::watch;
use crate::relay::check::{Problem, look_over};
use crate::relay::config::local::{self, Local};
use crate::relay::config::{Config, parse};
use crate::relay::listen::{Now, tls};
use crate::relay::queue::Limits;
use crate::relay::queue::retry::Schedule;
use crate::relay::route::Router;
use crate::relay::session::Settings;

/// Both files, looked over.
pub(super) struct Files {
    pub(super) config: Config,
    pub(super) local: Local,
    /// What is odd about them and does not keep the relay from running, one line each.
    pub(super) warnings: Vec<String>,
}

/// The folder of a `relay.yaml`.
pub(super) fn folder(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads `relay.yaml` and `local.yaml`, or tells all that is wrong with them.
pub(super) fn files(file: &Path) -> Result<Files, Vec<String>> {
    let name = file.display().to_string();
    let text = std::fs::read(file).map_err(|error| vec![format!("cannot read {name}: {error}")])?;
    let text = String::from_utf8(text).map_err(|_| vec![format!("{name}: error: it is not UTF-8")])?;
    let config = parse(&text).map_err(|malformed| vec![Problem::malformed(malformed, "relay.yaml").in_file(&name)])?;
    let (mut local, beside) = Local::load(folder(file), Some(&config));
    let beside_name = folder(file).join(local::FILE).display().to_string();
    let own = look_over(&config);
    let all = own.iter().map(|p| (p, &name)).chain(beside.iter().map(|p| (p, &beside_name)));
    let (errors, warnings): (Vec<_>, Vec<_>) = all.partition(|(problem, _)| problem.error);
    let told = |problems: Vec<(&Problem, &String)>| problems.iter().map(|(p, name)| p.in_file(name)).collect();
    if !errors.is_empty() {
        return Err(told(errors));
    }
    let mut warnings = told(warnings);
    warnings.extend(fewer_sessions(&mut local));
    Ok(Files { config, local, warnings })
}

/// No more sessions than the host has files for.
fn fewer_sessions(local: &mut Local) -> Option<String> {
    let (wanted, most) = (local.limits.sessions, most_sessions());
    local.limits.sessions = wanted.min(most);
    (wanted > most).then(|| {
        format!(
            "there will be {most} sessions at most, not {wanted}: this process may not open more files (LimitNOFILE)"
        )
    })
}

/// Everything that sessions go by.
pub(super) fn now(file: &Path, files: Files) -> Result<Now, Vec<String>> {
    let Files { config, local, .. } = files;
    let settings = Arc::new(settings(&config, &local));
    let mut wrong = Vec::new();
    let tls =
        config.server.tls.as_ref().and_then(|tls| tls::load(tls, folder(file)).map_err(|error| wrong.push(error)).ok());
    let router = Router::load(config, folder(file));
    let router = router.map_err(|problems| wrong.extend(told(&problems, file)));
    match router {
        Ok(router) if wrong.is_empty() => Ok(Now { router: Arc::new(router), local, settings, tls }),
        _ => Err(wrong),
    }
}

/// Takes the tables out of everybody's reach, in the folder `private`, and looks at every record of them.
pub(super) fn settle(router: &Router, private: &Path, file: &Path) -> Result<(), Vec<String>> {
    let settled = router.settle(private).and_then(|()| router.check_tables());
    settled.map_err(|problems| told(&problems, file))
}

/// Problems of a `relay.yaml`, one line each.
pub(super) fn told(problems: &[Problem], file: &Path) -> Vec<String> {
    let name = file.display().to_string();
    problems.iter().map(|problem| problem.in_file(&name)).collect()
}

fn settings(config: &Config, local: &Local) -> Settings {
    let (server, limits, timeouts) = (&config.server, &local.limits, &local.timeouts);
    Settings {
        max_size: server.max_size,
        smtputf8: config.routing.smtputf8,
        starttls: server.tls.is_some(),
        max_recipients: limits.recipients,
        max_errors: limits.errors,
        line: limits.line as usize,
        command_timeout: Duration::from_secs(timeouts.command.into()),
        data_timeout: Duration::from_secs(timeouts.content.into()),
        ..Settings::new(server.hostname.as_str())
    }
}

/// The times that the queue goes by.
pub(super) fn schedule(config: &Config, local: &Local) -> Schedule {
    Schedule::new(&local.queue.retry, local.queue.warning, config.server.queue_lifetime)
}

pub(super) fn limits(local: &Local) -> Limits {
    Limits { concurrency: local.queue.concurrency, ..Limits::default() }
}

/// The files whose change is a reload.
pub(super) fn watched(file: &Path, config: &Config) -> Vec<PathBuf> {
    watch::files(file, folder(file), config)
}
