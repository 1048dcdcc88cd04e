//! What the tests on real MTAs share: where `tests/setup.sh` puts Exim, and where cargo puts the program.

use std::path::Path;

use mailswitch::lab::World;

/// Exim's packages, unpacked: it and Postfix cannot both be installed.
pub(crate) const EXIM_ROOT: &str = "/opt/mailswitch-lab/exim";

/// A world whose machines have Postfix as the host has it, and Exim.
pub(crate) fn world() -> World {
    World::over(&[EXIM_ROOT.into()]).expect("root, and the right to make namespaces")
}

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_mailswitch"))
}
