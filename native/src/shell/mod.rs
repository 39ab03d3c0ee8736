//! The client of the command line: one command, the lines of standard input, or a prompt.
//!
//! What commands mean is the servers'; how a session finds them is the core's
//! [`zablab_core::client::Session`]. Here are words, calls, and what is printed.

mod answer;
mod calls;
mod command;
mod complete;
mod connection;
mod prompt;
mod quota;
mod read;
mod reconfig;
mod screen;
pub mod time;
mod trouble;
mod watching;
mod words;
mod write;

use std::io::{self, IsTerminal};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use tokio::signal;
use tokio::time::{sleep, timeout};
use zablab_core::client::{ConnectString, SessionState};

use self::answer::Answer;
use self::command::{Command, Own};
use self::complete::Completion;
use self::connection::{Connection, Target};
use self::prompt::{Prompt, Typed};
use self::screen::Screen;
use self::trouble::Trouble;
use crate::admin::four_letter::VERSION;
use crate::net::Connector;

/// How long a prompt waits for the first connection before it says that there is none.
const GREET_FOR: Duration = Duration::from_millis(500);
/// How often a state is looked at while waiting for it.
const PAUSE: Duration = Duration::from_millis(10);
/// Commands before this one that `history` shows.
const HISTORY_SHOWN: usize = 10;

/// How to talk to the servers.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The connect string.
    pub server: String,
    /// The session timeout to ask for, in ms.
    pub timeout_ms: u32,
    /// Whether a server that only reads will do.
    pub read_only: bool,
    /// Whether to wait for a server.
    pub patient: bool,
    /// Whether to print JSON.
    pub json: bool,
    /// How connections are made secure, if they are.
    pub tls: Option<Arc<Connector>>,
    /// One command; none for a prompt, or for the lines of standard input.
    pub words: Vec<String>,
}

/// The session, which `connect` replaces.
#[derive(Clone, Debug)]
struct Current(Arc<RwLock<Arc<Connection>>>);

impl Current {
    fn read(&self) -> RwLockReadGuard<'_, Arc<Connection>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self) -> Arc<Connection> {
        Arc::clone(&self.read())
    }

    fn set(&self, connection: Connection) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(connection);
    }
}

/// Runs the client to its end and gives the exit code.
///
/// # Errors
/// The connect string is none, or the terminal cannot be used.
pub fn run(setup: Setup) -> Result<u8, String> {
    let hosts = ConnectString::parse(&setup.server).map_err(|error| error.to_string())?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let code = runtime.block_on(async {
        let mut shell = Shell::new(setup, hosts);
        let code = shell.run().await;
        shell.current.get().close().await;
        code
    });
    // A thread may wait for a terminal for ever.
    runtime.shutdown_background();
    code
}

/// What a line came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Ended {
    code: u8,
    quits: bool,
}

struct Shell {
    setup: Setup,
    is_interactive: bool,
    screen: Arc<Screen>,
    current: Current,
    /// Every line so far, the present one last; its index is its number.
    history: Vec<String>,
}

impl Shell {
    fn new(setup: Setup, hosts: ConnectString) -> Shell {
        let is_one = !setup.words.is_empty();
        let out = io::stdout().is_terminal();
        let is_interactive = !is_one && out && io::stdin().is_terminal();
        // Who reads text line by line learns of lost connections from the commands.
        let tells_states = !is_one && (is_interactive || setup.json);
        let screen = Arc::new(Screen::new(setup.json, tells_states, out));
        let connection = open(&setup, hosts, &screen);
        let current = Current(Arc::new(RwLock::new(Arc::new(connection))));
        Shell { setup, is_interactive, screen, current, history: Vec::new() }
    }

    async fn run(&mut self) -> Result<u8, String> {
        if !self.setup.words.is_empty() {
            let words = self.setup.words.clone();
            self.history.push(words.join(" "));
            return Ok(self.execute(&words).await.code);
        }
        let mut prompt = match self.is_interactive {
            false => Prompt::input(),
            true => {
                self.greet().await?;
                let (current, runtime) = (self.current.clone(), tokio::runtime::Handle::current());
                let completion = Completion { current, runtime };
                let editor = Prompt::editor(completion, &self.screen);
                editor.map_err(|error| format!("the terminal cannot be used: {error}"))?
            }
        };
        let mut code = 0;
        loop {
            match prompt.next(self.prompt()).await {
                Typed::End => break,
                Typed::Interrupted => {}
                Typed::Line(line) if line.trim().is_empty() => {}
                Typed::Line(line) => {
                    let ended = self.line(line).await;
                    code = ended.code;
                    if ended.quits {
                        break;
                    }
                }
            }
        }
        Ok(if self.is_interactive { 0 } else { code })
    }

    /// Says what is going on before the first prompt.
    async fn greet(&self) -> Result<(), String> {
        let server = &self.setup.server;
        self.screen.remark(&format!("Connecting to {server}"));
        let patience = match self.setup.patient {
            true => Duration::from_millis(self.setup.timeout_ms.into()),
            false => GREET_FOR,
        };
        if !self.connects_within(patience).await && self.setup.patient {
            return Err(format!("no server of {server} took the session"));
        }
        self.screen.remark("Type help for the commands; Tab completes, Ctrl-D ends.");
        Ok(())
    }

    async fn connects_within(&self, patience: Duration) -> bool {
        let connection = self.current.get();
        let connected = timeout(patience, async {
            while !connection.is_connected() {
                sleep(PAUSE).await;
            }
        });
        connected.await.is_ok()
    }

    fn prompt(&self) -> String {
        let state = match self.current.get().state() {
            SessionState::Connecting => "CONNECTING",
            SessionState::Connected { .. } => "CONNECTED",
            SessionState::ConnectedReadOnly { .. } => "CONNECTEDREADONLY",
            SessionState::Expired | SessionState::Closed => "CLOSED",
            SessionState::AuthFailed => "AUTH_FAILED",
        };
        format!("[zk: {}({state}) {}] ", self.setup.server, self.history.len())
    }

    async fn line(&mut self, line: String) -> Ended {
        self.history.push(line.clone());
        match words::split(&line) {
            Ok(words) => self.execute(&words).await,
            Err(wrong) => self.failed(&Trouble::Usage(wrong)),
        }
    }

    async fn execute(&mut self, words: &[String]) -> Ended {
        let mut command = match Command::parse(words) {
            Ok(command) => command,
            Err(trouble) => return self.failed(&trouble),
        };
        if let Command::Own(Own::Redo(number)) = command {
            command = match self.redo(number) {
                Ok(command) => command,
                Err(trouble) => return self.failed(&trouble),
            };
        }
        let connection = self.current.get();
        let result = match &command {
            Command::Own(Own::Quit) => return Ended { code: 0, quits: true },
            Command::Own(own) => self.own(own).await,
            _ if !connection.is_alive() => Err(Trouble::NotConnected),
            asking => self.interruptible(asking, &connection).await,
        };
        match result {
            Ok(answer) => {
                self.screen.answer(&answer);
                Ended { code: 0, quits: false }
            }
            Err(trouble) => self.failed(&trouble),
        }
    }

    fn failed(&self, trouble: &Trouble) -> Ended {
        self.screen.trouble(trouble);
        Ended { code: trouble.exit_code(), quits: false }
    }

    /// At a prompt, Ctrl-C ends the waiting and not the program.
    async fn interruptible(
        &self,
        command: &Command,
        connection: &Connection,
    ) -> Result<Answer, Trouble> {
        let interrupted = async {
            match self.is_interactive {
                true => signal::ctrl_c().await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            result = command.run(connection) => result.unwrap_or(Ok(Answer::Done)),
            _ = interrupted => {
                Err(Trouble::Failed("Interrupted; perhaps it is done, perhaps not".into()))
            }
        }
    }

    /// The command with this number, which takes the place of the present one in the history.
    fn redo(&mut self, number: usize) -> Result<Command, Trouble> {
        let present = self.history.len() - 1;
        let out_of_range = || Trouble::Usage("Command index out of range".into());
        let line = self.history[..present].get(number).cloned().ok_or_else(out_of_range)?;
        let words = words::split(&line).map_err(Trouble::Usage)?;
        let command = Command::parse(&words)?;
        if matches!(command, Command::Own(Own::Redo(_))) {
            return Err(Trouble::Usage("No redoing redos".into()));
        }
        self.history[present] = line;
        Ok(command)
    }

    async fn own(&mut self, own: &Own) -> Result<Answer, Trouble> {
        match own {
            Own::Quit | Own::Redo(_) => Ok(Answer::Done),
            Own::Version => {
                Ok(Answer::Text("version", format!("ZooKeeper CLI version: zablab {VERSION}")))
            }
            Own::History => {
                let first = self.history.len().saturating_sub(HISTORY_SHOWN + 1);
                let shown = self.history.iter().enumerate().skip(first);
                let lines = shown.map(|(number, line)| format!("{number} - {line}")).collect();
                Ok(Answer::Lines("history", lines))
            }
            Own::PrintWatches(None) => {
                let is = if self.screen.tells_watches() { "on" } else { "off" };
                Ok(Answer::Text("printwatches", format!("printwatches is {is}")))
            }
            Own::PrintWatches(Some(tells)) => {
                self.screen.set_tells_watches(*tells);
                Ok(Answer::Done)
            }
            Own::Close => {
                self.current.get().close().await;
                Ok(Answer::Done)
            }
            Own::Connect(server) => {
                let server = server.clone().unwrap_or_else(|| self.setup.server.clone());
                let hosts = ConnectString::parse(&server);
                let hosts = hosts.map_err(|error| Trouble::Usage(error.to_string()))?;
                self.current.get().close().await;
                self.setup.server = server;
                self.current.set(open(&self.setup, hosts, &self.screen));
                // The next command waits anyway; the next prompt is to tell.
                self.connects_within(GREET_FOR).await;
                Ok(Answer::Done)
            }
            Own::Help(None) => {
                let all = command::all();
                let lines = all.iter().map(|spec| format!("\t{}", spec.line())).collect();
                Ok(Answer::Lines("help", lines))
            }
            Own::Help(Some(name)) => {
                let all = command::all();
                let spec = all.iter().find(|spec| spec.name == name);
                let unknown = || Trouble::Usage(format!("Command not found {name}"));
                Ok(Answer::Text("help", spec.ok_or_else(unknown)?.help()))
            }
        }
    }
}

fn open(setup: &Setup, hosts: ConnectString, screen: &Arc<Screen>) -> Connection {
    let Setup { timeout_ms, read_only, patient, .. } = *setup;
    let (screen, tls) = (Arc::clone(screen), setup.tls.clone());
    let target = Target { hosts, timeout_ms, read_only, patient, tls };
    Connection::open(target, move |notice| screen.notice(&notice))
}
