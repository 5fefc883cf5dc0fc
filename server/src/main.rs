//! The program `console`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::main()
}
