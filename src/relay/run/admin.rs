//! What a relay is operated by: its control socket, and its numbers over HTTP.

use std::path::Path;
use std::sync::Arc;

use nix::unistd::Group;
use tokio::sync::mpsc;

use super::life;
use crate::relay::admin::control::Control;
use crate::relay::admin::http;
use crate::relay::admin::live::Live;
use crate::relay::config::local::{FILE, Local};
use crate::relay::listen::Server;

/// Begins to serve both; `spool` is the folder that the socket lies in unless something else is said.
pub(super) fn serve(server: &Arc<Server>, spool: &Path, reload: mpsc::Sender<life::Request>) -> Result<(), String> {
    let now = server.now();
    let Local { control, control_group, metrics, .. } = &now.local;
    let live = Arc::new(Live::new(Arc::clone(server), reload));
    let path = control.clone().unwrap_or_else(|| spool.join("control"));
    let group = control_group.as_deref().map(group).transpose()?;
    let failed = |error| format!("cannot make the control socket {}: {error}", path.display());
    Control::bind(&path, group).map_err(failed)?.serve(live.clone()).map_err(failed)?;
    if let Some(address) = *metrics {
        let open = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            tokio::net::TcpListener::from_std(listener)
        };
        let listener = open().map_err(|error| format!("cannot serve metrics at {address}: {error}"))?;
        tokio::spawn(http::serve(listener, live));
    }
    Ok(())
}

fn group(name: &str) -> Result<u32, String> {
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(format!("{FILE}: control-group: this host has no group `{name}`")),
        Err(error) => Err(format!("cannot look up the group `{name}`: {error}")),
    }
}
