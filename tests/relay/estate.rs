//! Estates of one or two MTAs, built for a target and put on a machine of the lab.

use std::fs;
use std::process::Command;

use mailswitch::lab::{Node, Relay};
use tempfile::TempDir;

use crate::support::program;

/// What a host would have in its `local.yaml` for a test: quick retries.
pub(crate) const LOCAL: &str = "\
log:
  format: json
queue:
  retry: [1]
";

/// Whether the suites are to take their time: `MAILSWITCH_LONG=1`.
pub(crate) fn long() -> bool {
    std::env::var_os("MAILSWITCH_LONG").is_some()
}

/// The emitted folders, below `out`.
pub(crate) struct Built {
    folder: TempDir,
}

impl Built {
    pub(crate) fn path(&self, mta: &str) -> std::path::PathBuf {
        self.folder.path().join("out").join(mta)
    }

    /// Puts it on a machine as a relay and starts it on port 25; `local` is the host's own `local.yaml`.
    pub(crate) fn relay(&self, node: &Node, local: &str) -> Relay {
        let relay = Relay::install(node, &self.path("hub"), program()).unwrap();
        relay.local(local).unwrap();
        relay.start(&[25]).unwrap();
        relay
    }
}

pub(crate) fn build(source: &str, target: &str) -> Built {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("routing.dsl"), source).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailswitch"));
    let arguments = ["build", "--format", "plain", "--target", target, "-o", "out"];
    let output = command.args(arguments).current_dir(folder.path()).env("NO_COLOR", "1").output().unwrap();
    assert!(output.status.success(), "{}\n{source}", String::from_utf8_lossy(&output.stderr));
    Built { folder }
}

/// Two open systems behind a hub that trusts the load.
pub(crate) const TWO_SYSTEMS: &str = "
mta hub {
    target     relay
    hostname   hub.contoso.com
    trust      10.0.0.0/8
    postmaster bob@unix.contoso.com
}
system unix {
    domain unix.contoso.com
}
system store {
    domain store.contoso.com
}
connector to-unix {
    to         unix
    smart-host [100.64.1.1]:25
}
connector to-store {
    to         store
    smart-host [100.64.1.2]:25
}
connector internet {
    address-space *
    dns
}
";
