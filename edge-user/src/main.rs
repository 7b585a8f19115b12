//! The program `edge`.

use std::process::ExitCode;

fn main() -> ExitCode {
    edge_user::cli::main()
}
