//! The estate that all are measured with, and the MTAs that run what is emitted for it, each on a machine of its own
//! whose spool is on a real disk.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use mailswitch::lab::daemon::Daemon;
use mailswitch::lab::{Exim, Node, Postfix, Relay, World};
use tempfile::TempDir;

use crate::meter::Cgroup;
use crate::support::program;

/// Where the smart host is, on the MTA's own machine: nothing but the loopback lies between.
pub(crate) const SINK: &str = "127.0.3.1:2526";
/// Where nobody listens.
const DEAD: &str = "127.0.3.2:2527";
/// Where the relay tells whether it is ready.
pub(crate) const METRICS: &str = "127.0.0.1:9125";
/// The limits that the rows with many connections need.
const LOCAL: &str = "metrics: 127.0.0.1:9125\nlimits:\n  sessions: 20000\n";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Postfix,
    Exim,
    Relay,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Postfix => "postfix",
            Kind::Exim => "exim",
            Kind::Relay => "relay",
        }
    }
}

/// The source of an estate of so many contacts, `0ann@contoso.com` → `0ann@unix.contoso.com` and so on, compiled for
/// each target that is asked for.
pub(crate) struct Estate {
    folder: TempDir,
}

impl Estate {
    pub(crate) fn new(contacts: usize) -> io::Result<Estate> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("routing.dsl"), source())?;
        let mut csv = BufWriter::new(File::create(folder.path().join("contacts.csv"))?);
        writeln!(csv, "name,primary,secondary\nann,ann@unix.contoso.com,ann@contoso.com")?;
        // `smtp-source` counts from 1.
        for n in 0..=contacts {
            writeln!(csv, "ann {n},{n}ann@unix.contoso.com,{n}ann@contoso.com")?;
        }
        csv.flush()?;
        Ok(Estate { folder })
    }

    /// The emitted folder alone; the source goes.
    pub(crate) fn keep(self, kind: Kind) -> io::Result<TempDir> {
        self.build(kind)?;
        let kept = tempfile::tempdir()?;
        fs::rename(self.folder.path().join(kind.name()).join("hub"), kept.path().join("hub"))?;
        Ok(kept)
    }

    pub(crate) fn build(&self, kind: Kind) -> io::Result<PathBuf> {
        let out = self.folder.path().join(kind.name());
        let mut command = Command::new(program());
        command.current_dir(self.folder.path()).args(["build", "--target", kind.name(), "-o"]).arg(&out);
        let output = command.output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(out.join("hub"))
    }
}

fn source() -> String {
    format!(
        "mta hub {{
    target     postfix
    hostname   hub.contoso.com
    trust      127.0.0.0/8
    postmaster ann@contoso.com
}}
system unix {{
    domain unix.contoso.com
}}
system dead {{
    domain dead.contoso.com
}}
shared domain contoso.com
connector to-unix {{
    to         unix
    smart-host [{}]:{}
    tls        off
}}
connector to-dead {{
    to         dead
    smart-host [{}]:{}
    tls        off
}}
connector internet {{
    address-space *
    dns
}}
contacts from \"contacts.csv\"
",
        host(SINK).0,
        host(SINK).1,
        host(DEAD).0,
        host(DEAD).1
    )
}

fn host(endpoint: &str) -> (&str, &str) {
    endpoint.split_once(':').unwrap_or((endpoint, "25"))
}

/// An MTA on its machine.
pub(crate) struct Mta {
    pub(crate) kind: Kind,
    pub(crate) node: Node,
    pub(crate) cgroup: Option<Cgroup>,
    daemon: Option<Daemon>,
    disk: PathBuf,
}

impl Mta {
    /// Starts one; its spool lies in a folder of its own below `disk`.
    pub(crate) fn start(world: &World, kind: Kind, bundle: &Path, disk: &Path) -> io::Result<Mta> {
        let mut mta = Mta::install(world, kind, bundle, disk)?;
        mta.run()?;
        Ok(mta)
    }

    pub(crate) fn install(world: &World, kind: Kind, bundle: &Path, disk: &Path) -> io::Result<Mta> {
        let disk = disk.join(kind.name());
        fs::create_dir_all(&disk)?;
        let node = world.node_with(kind.name(), &[], Some(&disk))?;
        match kind {
            Kind::Postfix => {
                let check = Postfix::install(&node, bundle)?.check()?;
                assert!(check.success, "postfix check: {}", check.text());
                let output = node.command("/usr/lib/postfix/configure-instance.sh", &["-"], "")?;
                assert!(output.success, "configure-instance.sh: {}", output.text());
            }
            Kind::Exim => drop(Exim::install(&node, bundle)?),
            Kind::Relay => Relay::install(&node, bundle, program())?.local(LOCAL)?,
        }
        Ok(Mta { kind, node, cgroup: Cgroup::new(kind.name()), daemon: None, disk })
    }

    /// Returns when it listens.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        let program: &[&str] = match self.kind {
            Kind::Postfix => &["postfix", "start-fg"],
            // Messages are delivered as they come; a queue runner is for those that waited.
            Kind::Exim => &["/usr/sbin/exim4", "-C", "/etc/exim4/exim.conf", "-bdf", "-q10m"],
            Kind::Relay => &Relay::COMMAND,
        };
        let processes = self.cgroup.as_ref().map(|group| group.path.join("cgroup.procs").display().to_string());
        let mut command = Vec::new();
        if let Some(processes) = &processes {
            command.extend(["sh", "-c", "echo 0 >\"$0\" && exec \"$@\"", processes]);
        }
        command.extend(program);
        self.daemon = Some(Daemon::start(&self.node, &command, &[25])?);
        Ok(())
    }

    /// As `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.daemon.take();
    }

    /// The process namespace of all its processes.
    pub(crate) fn namespace(&self) -> String {
        self.daemon.as_ref().expect("it runs").process_namespace().expect("it runs")
    }
}

impl Drop for Mta {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.disk);
    }
}
