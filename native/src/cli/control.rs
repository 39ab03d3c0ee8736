//! `start`, `stop`, `restart` and `status`: what `zkServer.sh` does, in its words and exit codes.
//!
//! Unlike the script, a process is not taken for our server because its number is in the pid
//! file: a running server holds the lock of its data directory, and the lock names its process.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use zablab_core::config::{HostPort, PlainPort, ServerConfig};

use super::{Failure, config_file};
use crate::admin::ask;
use crate::storage;

const PID_FILE: &str = "zookeeper_server.pid";
const LOG_FILE: &str = "zablab.log";
/// How long `start` waits until the client port is open before it trusts a living process.
const START_FOR: Duration = Duration::from_secs(10);
/// How long `stop` waits until the process has ended before it kills.
const STOP_FOR: Duration = Duration::from_secs(10);
const CONNECT_FOR: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);

/// Starts a server in the background.
///
/// # Errors
/// It runs already, or it does not come up.
pub fn start(config_path: &Path, log: LevelFilter) -> Result<(), Failure> {
    let config = load(config_path)?;
    say("Starting zookeeper ... ")?;
    let data_dir = Path::new(&config.data_dir);
    if let Some(pid) = storage::holder(data_dir) {
        println!("already running as process {pid}.");
        return Err(Failure::said());
    }
    let log_path = log_file(&config);
    // As the script does; `serve` alone refuses a directory whose parent is missing.
    fs::create_dir_all(data_dir).map_err(Failure::data)?;
    let pid_path = data_dir.join(PID_FILE);
    let started = spawn(config_path, &log_path, log).and_then(|mut server| {
        let up = comes_up(&mut server, &config.core.client_addr);
        if up { fs::write(&pid_path, server.id().to_string()) } else { Err(io::Error::other("")) }
    });
    match started {
        Ok(()) => {
            println!("STARTED");
            Ok(())
        }
        Err(error) => {
            println!("FAILED TO START");
            Err(Failure::general(format!("{error} (see {})", log_path.display())))
        }
    }
}

/// Stops the server that `start` started.
///
/// # Errors
/// Only if the process cannot be signalled; nothing to stop is no error.
pub fn stop(config_path: &Path) -> Result<(), Failure> {
    let config = load(config_path)?;
    say("Stopping zookeeper ... ")?;
    let data_dir = Path::new(&config.data_dir);
    let pid_path = data_dir.join(PID_FILE);
    let Ok(pid) = fs::read_to_string(&pid_path) else {
        println!("no zookeeper to stop (could not find file {})", pid_path.display());
        return Ok(());
    };
    let running = || storage::holder(data_dir).filter(|holder| holder.to_string() == pid.trim());
    if let Some(pid) = running() {
        signal(pid, "TERM").map_err(Failure::general)?;
        let killed_at = Instant::now() + STOP_FOR;
        while running().is_some() && Instant::now() < killed_at {
            sleep(PAUSE);
        }
        if running().is_some() {
            signal(pid, "KILL").map_err(Failure::general)?;
        }
    }
    fs::remove_file(&pid_path).map_err(Failure::general)?;
    println!("STOPPED");
    Ok(())
}

/// [`stop`], then [`start`].
///
/// # Errors
/// Those of both.
pub fn restart(config_path: &Path, log: LevelFilter) -> Result<(), Failure> {
    stop(config_path)?;
    start(config_path, log)
}

/// Prints the mode of the server that answers on the client port.
///
/// # Errors
/// It serves nobody.
pub fn status(config_path: &Path) -> Result<(), Failure> {
    let config = load(config_path)?;
    let addr = reachable(&config.core.client_addr);
    let (host, port) = (&addr.host, addr.port);
    let is_secure = config.tls.as_ref().is_some_and(|tls| tls.plain == PlainPort::None);
    println!("Client port found: {port}. Client address: {host}. Client SSL: {is_secure}.");
    if is_secure {
        return Err(Failure::general("status asks in plain text: give the server a clientPort"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::general)?;
    let Some(mode) = runtime.block_on(ask::mode(&addr)) else {
        println!("Error contacting service. It is probably not running.");
        return Err(Failure::said());
    };
    println!("Mode: {mode}");
    Ok(())
}

fn load(config_path: &Path) -> Result<ServerConfig, Failure> {
    eprintln!("Using config: {}", config_path.display());
    config_file::load(config_path)
}

/// Without a line's end, so it must be pushed out.
fn say(words: &str) -> Result<(), Failure> {
    print!("{words}");
    io::stdout().flush().map_err(Failure::general)
}

fn log_file(config: &ServerConfig) -> PathBuf {
    let folder = std::env::var_os("ZOO_LOG_DIR").filter(|folder| !folder.is_empty());
    folder.map_or(PathBuf::from(&config.data_dir), PathBuf::from).join(LOG_FILE)
}

/// The server in a process group of its own, so that the terminal's signals do not reach it.
fn spawn(config_path: &Path, log_path: &Path, level: LevelFilter) -> io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(log_path)?;
    Command::new(std::env::current_exe()?)
        .args(["--log", &level.to_string(), "serve"])
        .arg(config_path)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
}

fn comes_up(server: &mut Child, client_addr: &HostPort) -> bool {
    let addr = reachable(client_addr);
    let trusted_at = Instant::now() + START_FOR;
    while Instant::now() < trusted_at {
        if !matches!(server.try_wait(), Ok(None)) {
            return false;
        }
        if is_open(&addr) {
            return true;
        }
        sleep(PAUSE);
    }
    true
}

fn is_open(addr: &HostPort) -> bool {
    let Ok(mut addresses) = (addr.host.as_str(), addr.port).to_socket_addrs() else {
        return false;
    };
    addresses.any(|address| TcpStream::connect_timeout(&address, CONNECT_FOR).is_ok())
}

/// The address to connect to; a server on all addresses is asked on this machine's own.
fn reachable(addr: &HostPort) -> HostPort {
    let any = addr.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
    let host = if any { "localhost".into() } else { addr.host.clone() };
    HostPort { host, port: addr.port }
}

/// By the shell's own `kill`: the standard library cannot signal a process that it did not start.
fn signal(pid: u32, name: &str) -> Result<(), String> {
    let command = format!("kill -{name} {pid}");
    match Command::new("/bin/sh").args(["-c", &command]).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command}: {status}")),
        Err(error) => Err(format!("{command}: {error}")),
    }
}
