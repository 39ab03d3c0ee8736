//! The server, and the commands around it.
//!
//! Everything that decides is in `zablab-core`; here are sockets, files, clocks and processes.
//! `driver` is the place where both meet.
#![forbid(unsafe_code)]

mod admin;
mod cli;
mod driver;
mod inbox;
mod journal;
mod net;
mod shell;
mod storage;
#[cfg(test)]
mod testing;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    tracing_subscriber::fmt()
        .with_max_level(cli.log)
        .with_target(false)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    match cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                eprintln!("zablab: {}", failure.message);
            }
            ExitCode::from(failure.code)
        }
    }
}
