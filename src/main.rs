//! Parses arguments, picks a face, gives an exit code. Nothing else lives here.

use std::process::ExitCode;

fn main() -> ExitCode {
    obiscope::cli::main()
}
