//! The `mailswitch` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    mailswitch::cli::main()
}
