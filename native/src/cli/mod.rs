//! The commands of the binary.

mod config_file;
mod control;
mod layout;
mod serve;
mod up;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use tracing::level_filters::LevelFilter;

use crate::net::{ClientFiles, Connector};
use crate::shell;

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
    /// Talk to servers as a client: one command, the lines of standard input, or a prompt.
    #[command(after_help = CLIENT_HELP)]
    Cli(ClientArgs),
}

const CLIENT_HELP: &str = "\
The commands are those of zkCli.sh; `zablab cli help` lists them.

Without a command, a prompt is shown at a terminal; otherwise each line of standard input is a
command, and a command that fails does not keep the next ones from running.

With --json each command prints one object in a line: {\"result\": ...} or {\"error\": ...}; watches
print {\"event\": ...}. Data that is not UTF-8 is given in base64, and \"encoding\" says so.

Exit codes, of the last command: 0 done, 1 the server said no, 2 the arguments are not those of a
command, 3 no server was there.";

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

/// Arguments of `cli`.
#[derive(Debug, Args)]
pub struct ClientArgs {
    /// The servers, and where the tree begins for this client: host:port,host:port/path.
    #[arg(long, value_name = "HOSTS", default_value = "localhost:2181")]
    pub server: String,
    /// The session timeout to ask for, in ms.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    pub timeout: u32,
    /// Use a server that only reads while no other is found.
    #[arg(long)]
    pub read_only: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Speak TLS, with servers whose certificates those of --ca have signed.
    #[arg(long, requires = "ca")]
    pub tls: bool,
    /// The certificates to trust, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub ca: Option<PathBuf>,
    /// The certificate that proves who this client is, in PEM, with its key or without.
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub cert: Option<PathBuf>,
    /// The key of --cert, if it is in a file of its own.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Let commands wait for a server as long as the timeout, instead of failing once all were
    /// tried.
    #[arg(long)]
    pub wait_for_connection: bool,
    /// A command of zkCli.sh.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
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
        Command::Cli(args) => talk(args),
    }
}

fn talk(args: ClientArgs) -> Result<(), Failure> {
    // Without --tls there is no --ca.
    let files = args.ca.map(|ca| ClientFiles { ca, cert: args.cert, key: args.key });
    let connector = files.as_ref().map(Connector::load).transpose().map_err(Failure::config)?;
    let setup = shell::Setup {
        server: args.server,
        timeout_ms: args.timeout,
        read_only: args.read_only,
        patient: args.wait_for_connection,
        json: args.json,
        tls: connector.map(Arc::new),
        words: args.command,
    };
    match shell::run(setup).map_err(Failure::config)? {
        0 => Ok(()),
        code => Err(Failure { code, message: String::new() }),
    }
}
