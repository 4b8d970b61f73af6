//! The `podreach` command.

mod cli;

fn main() -> cli::ExitStatus {
    cli::run(std::env::args_os())
}
