//! A local ensemble of real server processes, for trying things out.
//!
//! It writes configurations, starts the servers, and takes them with it when it ends, however it
//! ends: each child holds one end of a pipe and stops when the other end goes away. A server that
//! ends by itself, or by the user's hand, is reported and not started again.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tracing::level_filters::LevelFilter;
use zablab_core::config::HostPort;

use super::layout::{self, HOST, Member};
use super::{Failure, UpArgs};
use crate::admin::ask;
use crate::admin::http::{self, ServerLink};
use crate::admin::page::Page;
use crate::storage;

/// How long the servers may take until all of them serve.
const SERVING_FOR: Duration = Duration::from_secs(60);
/// How long servers may take to end before they are killed.
const END_FOR: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(100);

/// Runs an ensemble until it is interrupted.
///
/// # Errors
/// One line for the user.
pub fn up(args: &UpArgs, log: LevelFilter) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::general)?;
    let result = runtime.block_on(run(args, log));
    runtime.shutdown_background();
    result
}

async fn run(args: &UpArgs, log: LevelFilter) -> Result<(), Failure> {
    let mut interrupted = Interrupt::new().map_err(Failure::general)?;
    let members = layout::members(args).map_err(Failure::config)?;
    let page_listener = bind(args.http, "the page").await?;
    for member in &members {
        for (port, purpose) in member.ports() {
            bind(port, &format!("the {purpose} port of server {}", member.id)).await?;
        }
    }
    let page = Page::find(args.page.as_deref()).map_err(Failure::config)?;
    for member in &members {
        if let Some(pid) = storage::holder(&member.data_dir()) {
            let folder = member.folder.display();
            return Err(Failure::data(format!("process {pid} already runs on {folder}")));
        }
    }
    layout::write(&members).map_err(Failure::general)?;

    let mut servers = Servers::start(&members, log)?;
    let result = tokio::select! {
        result = serve_until_empty(&mut servers, &members, page, page_listener) => result,
        () = interrupted.wait() => Ok(()),
    };
    servers.end().await;
    result
}

async fn serve_until_empty(
    servers: &mut Servers,
    members: &[Member],
    page: Option<Page>,
    listener: TcpListener,
) -> Result<(), Failure> {
    servers.wait_until_serving().await?;
    let links = servers.links(members);
    let port = listener.local_addr().map_err(Failure::general)?.port();
    tokio::spawn(http::serve(listener, page, Arc::new(links)));
    say(format_args!("ready http://{HOST}:{port}/"));
    loop {
        let Some(Ended { id, pid, status }) = servers.ended.recv().await else {
            // Nothing is left to watch; the page and the command stay.
            return std::future::pending().await;
        };
        say(format_args!("server {id} (pid {pid}) ended: {status}"));
    }
}

/// The processes, and what comes of them.
struct Servers {
    processes: Vec<Process>,
    ended: mpsc::UnboundedReceiver<Ended>,
}

struct Process {
    member: Member,
    pid: u32,
    /// Closing it asks the process to end.
    stdin: ChildStdin,
    watcher: tokio::task::JoinHandle<()>,
}

struct Ended {
    id: u16,
    pid: u32,
    status: ExitStatus,
}

impl Servers {
    fn start(members: &[Member], log: LevelFilter) -> Result<Servers, Failure> {
        let (sender, ended) = mpsc::unbounded_channel();
        let mut processes = Vec::new();
        for member in members {
            let mut child = spawn(member, log)
                .map_err(|error| Failure::general(format!("server {}: {error}", member.id)))?;
            let pid = child.id().expect("nobody has waited for it yet");
            let stdin = child.stdin.take().expect("a pipe was asked for");
            let (id, sender) = (member.id, sender.clone());
            let watcher = tokio::spawn(async move {
                if let Ok(status) = child.wait().await {
                    // Nobody listens any more when the command itself ends.
                    let _ = sender.send(Ended { id, pid, status });
                }
            });
            processes.push(Process { member: member.clone(), pid, stdin, watcher });
        }
        Ok(Servers { processes, ended })
    }

    /// Waits until every server serves clients, and prints a line for each as it does.
    async fn wait_until_serving(&mut self) -> Result<(), Failure> {
        let give_up = Instant::now() + SERVING_FOR;
        let mut waiting: Vec<&Process> = self.processes.iter().collect();
        while let Some(process) = waiting.first() {
            if let Ok(Ended { id, status, .. }) = self.ended.try_recv() {
                let log_path = self.processes[usize::from(id) - 1].member.log_path();
                let why = last_line(&log_path);
                return Err(Failure::general(format!(
                    "server {id} ended ({status}): {why} (see {})",
                    log_path.display()
                )));
            }
            if let Some(mode) = ask::mode(&client_addr(&process.member)).await {
                let Process { member, pid, .. } = process;
                let (id, port, log) = (member.id, member.client_port, member.log_path());
                let log = log.display();
                say(format_args!("server {id}: {mode:<10} pid {pid:<7} {HOST}:{port} {log}"));
                waiting.remove(0);
                continue;
            }
            if Instant::now() > give_up {
                let (id, log) = (process.member.id, process.member.log_path());
                let (seconds, log) = (SERVING_FOR.as_secs(), log.display());
                let why = format!("server {id} does not serve after {seconds} s (see {log})");
                return Err(Failure::general(why));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    fn links(&self, members: &[Member]) -> Vec<ServerLink> {
        let pids = self.processes.iter().map(|process| process.pid);
        let link = |(member, pid): (&Member, u32)| ServerLink {
            id: member.id,
            pid,
            client: client_addr(member),
            log: member.log_path(),
        };
        members.iter().zip(pids).map(link).collect()
    }

    /// Asks all to end, waits, then kills what is left.
    async fn end(self) {
        let mut watchers = Vec::new();
        for process in self.processes {
            drop(process.stdin);
            watchers.push(process.watcher);
        }
        let all = async {
            for watcher in &mut watchers {
                let _ = watcher.await;
            }
        };
        if timeout(END_FOR, all).await.is_err() {
            // Dropping the child kills it; its task owns it.
            for watcher in &watchers {
                watcher.abort();
            }
        }
    }
}

fn spawn(member: &Member, log: LevelFilter) -> io::Result<Child> {
    let output = OpenOptions::new().create(true).append(true).open(member.log_path())?;
    Command::new(std::env::current_exe()?)
        .args(["--log", &log.to_string(), "serve", "--exit-with-parent"])
        .arg(member.config_path())
        .stdin(Stdio::piped())
        .stdout(output.try_clone()?)
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
}

/// Prints a line. Whoever started the command may have stopped reading; the servers run on.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Takes the port, to say in one clear line if somebody else has it.
async fn bind(port: u16, purpose: &str) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind((HOST, port)).await;
    bound.map_err(|error| {
        Failure::general(format!("{HOST}:{port}, {purpose}, cannot be used: {error}"))
    })
}

fn client_addr(member: &Member) -> HostPort {
    HostPort { host: HOST.into(), port: member.client_port }
}

fn last_line(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().last().unwrap_or("it said nothing").to_owned()
}

/// The two signals that end the command.
struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    fn new() -> io::Result<Interrupt> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Interrupt { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
