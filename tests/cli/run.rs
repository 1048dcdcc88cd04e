//! Runs the binary in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The binary, with none of the environment that colours depend on.
pub(crate) fn mailswitch() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailswitch"));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "CI"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn finish(output: Output) -> Ran {
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
    Ran { code: output.status.code().unwrap(), stdout, stderr }
}

pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Ran {
    finish(mailswitch().current_dir(folder).args(arguments).output().unwrap())
}

/// A folder with these files; gone when the value is.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn with(files: &[(&str, &[u8])]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (name, content) in files {
            let path = folder.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    /// With the estate of the language's own example.
    pub(crate) fn contoso() -> Folder {
        Folder::with(&[("routing.dsl", include_bytes!("contoso.dsl"))])
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run_in(self.0.path(), arguments)
    }
}
