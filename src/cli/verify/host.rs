//! The machine that a verification runs on: which MTAs it has, and that nothing is left behind on it.

use std::path::{Path, PathBuf};

use nix::sys::signal::{SigSet, Signal};
use tempfile::TempDir;

use crate::cli::outcome::Failure;
use crate::plan::TargetKind;

/// Where packages put their programs.
const POSTFIX: &[&str] = &["usr/sbin/postfix"];
const EXIM: &[&str] = &["usr/sbin/exim4", "usr/sbin/exim"];

pub(super) struct Host {
    layers: Vec<PathBuf>,
    /// This very program.
    pub(super) program: PathBuf,
    /// Everything that the run keeps on disk is below it.
    _scratch: TempDir,
}

impl Host {
    pub(super) fn prepare(layers: &[PathBuf]) -> Result<Host, Failure> {
        for layer in layers {
            if !layer.is_dir() {
                return Err(Failure::new(format!("--over {}: there is no such folder", layer.display())));
            }
        }
        let program = std::env::current_exe()
            .map_err(|error| Failure::new(format!("cannot find the file of this program: {error}")))?;
        let scratch = tempfile::Builder::new().prefix("mailswitch-verify-").tempdir();
        let scratch = scratch.map_err(|error| Failure::new(format!("cannot make a temporary folder: {error}")))?;
        // What the laboratory makes lies below it, so that one removal takes all of it.
        let _ = tempfile::env::override_temp_dir(scratch.path());
        end_on_signals(scratch.path())?;
        Ok(Host { layers: layers.to_vec(), program, _scratch: scratch })
    }

    pub(super) fn has(&self, kind: TargetKind) -> bool {
        let any = |programs: &[&str]| programs.iter().any(|program| self.finds(Path::new(program)));
        match kind {
            TargetKind::Postfix => any(POSTFIX),
            TargetKind::Exim => any(EXIM),
            TargetKind::Relay => true,
        }
    }

    fn finds(&self, program: &Path) -> bool {
        self.layers.iter().map(PathBuf::as_path).chain([Path::new("/")]).any(|root| root.join(program).is_file())
    }
}

pub(super) fn name(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Postfix => "Postfix",
        TargetKind::Exim => "Exim",
        TargetKind::Relay => "the relay",
    }
}

/// An interrupted run leaves nothing: its processes end with this one, and its folder is removed before.
fn end_on_signals(scratch: &Path) -> Result<(), Failure> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    // Threads made later have them blocked too; the programs that they start have not.
    signals.thread_block().map_err(|error| Failure::new(format!("cannot wait for signals: {error}")))?;
    let scratch = scratch.to_owned();
    std::thread::spawn(move || {
        if let Ok(signal) = signals.wait() {
            let _ = std::fs::remove_dir_all(&scratch);
            std::process::exit(128 + signal as i32);
        }
    });
    Ok(())
}
