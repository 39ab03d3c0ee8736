//! The commands of the binary.

mod config_file;
mod control;
mod layout;
mod serve;
mod up;

use std::fmt;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tracing::level_filters::LevelFilter;

/// A ZooKeeper server.
#[derive(Debug, Parser)]
#[command(name = "zablab", version)]
pub struct Cli {
    /// What to log: off, error, warn, info, debug or trace.
    #[arg(long, global = true, default_value = "info")]
    pub log: LevelFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one server in the foreground.
    Serve(ServeArgs),
    /// Start one server in the background.
    Start(ConfigArgs),
    /// Stop the server that `start` started.
    Stop(ConfigArgs),
    /// Stop, then start.
    Restart(ConfigArgs),
    /// Say what the server does.
    Status(ConfigArgs),
    /// Run an ensemble on this machine until it is interrupted.
    Up(UpArgs),
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration, a `zoo.cfg`.
    pub config: PathBuf,
    /// End when standard input ends, so that a parent takes this server with it.
    #[arg(long)]
    pub exit_with_parent: bool,
}

/// Arguments of the commands that mean a server in the background.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The configuration, a `zoo.cfg`.
    pub config: PathBuf,
}

/// Arguments of `up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// How many servers vote.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    pub servers: u16,
    /// How many servers only observe; they come after those that vote.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=99))]
    pub observers: u16,
    /// The client port of server 1; server n has the (n-1)th after it. The ports between servers
    /// are 1000 (quorum) and 2000 (election) higher.
    #[arg(long, default_value_t = 2181, value_parser = clap::value_parser!(u16).range(1..))]
    pub client_port: u16,
    /// The port of the page.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    pub http: u16,
    /// Where configurations, data and logs are kept for the next start.
    #[arg(long, default_value = "zablab-data")]
    pub data: PathBuf,
    /// The folder of the page; without it `../share/zablab/page` beside the folder of this
    /// program, then the page built into it, then a list of the servers.
    #[arg(long)]
    pub page: Option<PathBuf>,
}

/// Why a command failed: one line, and the exit code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The process's exit code.
    pub code: u8,
    /// What to tell the user; nothing more if it is empty.
    pub message: String,
}

impl Failure {
    fn general(message: impl fmt::Display) -> Failure {
        Failure { code: 1, message: message.to_string() }
    }

    /// The configuration cannot be used.
    fn config(message: impl fmt::Display) -> Failure {
        Failure { code: 2, message: message.to_string() }
    }

    /// The data directory cannot be used.
    fn data(message: impl fmt::Display) -> Failure {
        Failure { code: 3, message: message.to_string() }
    }

    /// For a command that has already said what is wrong.
    fn said() -> Failure {
        Failure::general("")
    }
}

/// Runs the command.
///
/// # Errors
/// What the user is told in one line.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(args) => serve::serve(&args),
        Command::Start(args) => control::start(&args.config, cli.log),
        Command::Stop(args) => control::stop(&args.config),
        Command::Restart(args) => control::restart(&args.config, cli.log),
        Command::Status(args) => control::status(&args.config),
        Command::Up(args) => up::up(&args, cli.log),
    }
}
