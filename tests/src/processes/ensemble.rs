//! An ensemble of real processes, started by `zablab up` and ended with the test.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::tools::{Folder, four_letter, free_ports, mode, wait_for, zablab};

/// How long servers may take to serve: an election, and a machine with much else to do.
pub const SERVING_FOR: Duration = Duration::from_secs(90);
const END_FOR: Duration = Duration::from_secs(20);

/// The running servers.
pub struct Ensemble {
    folder: Folder,
    servers: u16,
    client_port: u16,
    up: Option<Child>,
    /// Servers that were killed and started again, not children of `up`.
    again: Vec<Child>,
    pids: BTreeMap<u16, u32>,
}

impl Ensemble {
    /// Starts that many servers and waits until all serve.
    pub fn start(servers: u16) -> Ensemble {
        let mut ensemble = Ensemble {
            folder: Folder::new(),
            servers,
            // The last one is for the page.
            client_port: free_ports(servers + 1),
            up: None,
            again: Vec::new(),
            pids: BTreeMap::new(),
        };
        ensemble.up();
        ensemble
    }

    /// The same with these lines at the end of each `zoo.cfg`.
    pub fn configured(servers: u16, lines: &str) -> Ensemble {
        let mut ensemble = Ensemble::start(servers);
        ensemble.end();
        for id in ensemble.ids() {
            let path = ensemble.server_folder(id).join("zoo.cfg");
            let text = fs::read_to_string(&path).expect("up wrote it");
            fs::write(&path, text + lines).expect("the folder takes files");
            ensemble.spawn(id);
        }
        let serving = wait_for(SERVING_FOR, || {
            let serves = |id| four_letter(ensemble.port(id), "isro").is_some_and(|is| is == "rw");
            ensemble.ids().all(serves).then_some(())
        });
        serving.expect("they serve with these lines");
        ensemble
    }

    /// Ends what still runs and starts all servers on the data that is there.
    pub fn restart(&mut self) {
        self.end();
        self.up();
    }

    /// The numbers of all servers.
    pub fn ids(&self) -> impl Iterator<Item = u16> + use<> {
        1..=self.servers
    }

    /// The client port of a server.
    pub fn port(&self, id: u16) -> u16 {
        self.client_port + id - 1
    }

    /// The connect string of these servers.
    pub fn hosts(&self, ids: impl IntoIterator<Item = u16>) -> String {
        let hosts: Vec<String> =
            ids.into_iter().map(|id| format!("127.0.0.1:{}", self.port(id))).collect();
        hosts.join(",")
    }

    /// The connect string of all servers.
    pub fn all_hosts(&self) -> String {
        self.hosts(self.ids())
    }

    /// The server that leads, once there is one.
    pub fn leader(&self) -> u16 {
        let leads = |id: &u16| mode(self.port(*id)).as_deref() == Some("leader");
        wait_for(SERVING_FOR, || self.ids().find(leads)).expect("somebody leads")
    }

    /// Some server that follows.
    pub fn follower(&self) -> u16 {
        let leader = self.leader();
        self.ids().find(|id| *id != leader).expect("there are several servers")
    }

    /// One number of the word mntr.
    pub fn metric(&self, id: u16, key: &str) -> u64 {
        let text = four_letter(self.port(id), "mntr").expect("the server answers");
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('\t'));
        let value = value.unwrap_or_else(|| panic!("{key} is not in\n{text}"));
        value.parse().unwrap_or_else(|_| panic!("{key} is {value}"))
    }

    /// `kill -9`.
    pub fn kill(&mut self, id: u16) {
        let pid = self.pids.remove(&id).expect("it runs");
        if let Some(at) = self.again.iter().position(|child| child.id() == pid) {
            let mut child = self.again.remove(at);
            child.kill().expect("it is our child");
            child.wait().expect("it is our child");
        } else {
            signal("KILL", pid);
        }
        let gone = || mode(self.port(id)).is_none().then_some(());
        wait_for(END_FOR, gone).expect("a killed server does not answer");
    }

    /// Starts a killed server again and waits until it serves.
    pub fn serve(&mut self, id: u16) {
        self.spawn(id);
        let port = self.port(id);
        let serves = wait_for(SERVING_FOR, || mode(port));
        serves.unwrap_or_else(|| panic!("server {id} does not serve again"));
    }

    /// Starts one more server, which nobody knows yet, and gives its number.
    pub fn join(&mut self, lines: &str) -> u16 {
        self.servers += 1;
        let id = self.servers;
        let data = self.server_folder(id).join("data");
        fs::create_dir_all(&data).expect("the folder takes folders");
        fs::write(data.join("myid"), format!("{id}\n")).expect("the folder takes files");
        let mut text = format!(
            "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir={}\nclientPort={}\n\
             4lw.commands.whitelist=*\nadmin.enableServer=false\n{lines}",
            data.display(),
            self.port(id)
        );
        for member in self.ids() {
            let line = self.member(member, "participant");
            let (line, _) = line.split_once(';').expect("it has a client's part");
            text = format!("{text}{line}\n");
        }
        fs::write(self.server_folder(id).join("zoo.cfg"), text).expect("the folder takes files");
        self.spawn(id);
        id
    }

    /// The line of a server in a configuration; its ports are those of `up`.
    pub fn member(&self, id: u16, role: &str) -> String {
        let port = self.port(id);
        let (quorum, election) = (port + 1000, port + 2000);
        format!("server.{id}=127.0.0.1:{quorum}:{election}:{role};127.0.0.1:{port}")
    }

    /// Waits until a server serves in this mode.
    pub fn wait_for_mode(&self, id: u16, wanted: &str) {
        let is_so = || (mode(self.port(id)).as_deref() == Some(wanted)).then_some(());
        wait_for(SERVING_FOR, is_so).unwrap_or_else(|| panic!("server {id} is no {wanted}"));
    }

    /// What a server says that does not start.
    pub fn refused(&self, id: u16) -> String {
        let mut serve = Command::new(zablab());
        serve.arg("serve").arg(self.server_folder(id).join("zoo.cfg"));
        let output = serve.output().expect("the binary starts");
        assert!(!output.status.success(), "server {id} starts");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Starts a server that does not run.
    pub fn spawn(&mut self, id: u16) {
        let config = self.server_folder(id).join("zoo.cfg");
        let log = fs::File::create(self.server_folder(id).join("again.log"));
        let log = log.expect("the folder takes files");
        let mut serve = Command::new(zablab());
        serve.arg("serve").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = serve.spawn().expect("the binary starts");
        self.pids.insert(id, child.id());
        self.again.push(child);
    }

    /// Removes all data of a killed server but its number.
    pub fn wipe(&self, id: u16) {
        assert!(!self.pids.contains_key(&id), "a running server would not notice");
        let data = self.server_folder(id).join("data").join("version-2");
        fs::remove_dir_all(data).expect("it has written something");
    }

    /// What a server that `up` does not keep has logged.
    pub fn log(&self, id: u16) -> String {
        let path = self.server_folder(id).join("again.log");
        fs::read_to_string(path).expect("it was started again, or joined")
    }

    /// Where its `zoo.cfg`, its `data` and its log are.
    pub fn server_folder(&self, id: u16) -> PathBuf {
        self.folder.path().join(format!("server-{id}"))
    }

    fn up(&mut self) {
        let mut command = Command::new(zablab());
        command.arg("up").arg("--data").arg(self.folder.path());
        command.args(["--servers", &self.servers.to_string()]);
        command.args(["--client-port", &self.client_port.to_string()]);
        command.args(["--http", &self.port(self.servers + 1).to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut up = command.spawn().expect("the binary starts");
        let stdout = up.stdout.take().expect("its output is piped");
        self.up = Some(up);
        let lines = lines_of(BufReader::new(stdout));
        let end = Instant::now() + SERVING_FOR;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = match lines.recv_timeout(left) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => panic!("up does not get ready"),
                Err(RecvTimeoutError::Disconnected) => panic!("up ended before it was ready"),
            };
            if line.starts_with("ready http://127.0.0.1:") {
                break;
            }
            if let Some((id, pid)) = server_line(&line) {
                self.pids.insert(id, pid);
            }
        }
        let known: Vec<u16> = self.pids.keys().copied().collect();
        assert_eq!(known, self.ids().collect::<Vec<_>>(), "up names each server's process");
    }

    fn end(&mut self) {
        for mut child in self.again.drain(..) {
            // It may have ended by itself; that is for the test to find out.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.pids.clear();
        let Some(mut up) = self.up.take() else { return };
        signal("TERM", up.id());
        if wait_for(END_FOR, || up.try_wait().ok().flatten()).is_none() {
            let _ = up.kill();
            let _ = up.wait();
            assert!(std::thread::panicking(), "up does not end when it is asked to");
        }
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("logs are in {}", self.folder.path().display());
        }
        self.end();
    }
}

/// Number and process in a line like `server 1: leader     pid 4711    127.0.0.1:2181 …`.
fn server_line(line: &str) -> Option<(u16, u32)> {
    let (id, rest) = line.strip_prefix("server ")?.split_once(": ")?;
    let (_, rest) = rest.split_once(" pid ")?;
    Some((id.parse().ok()?, rest.split_whitespace().next()?.parse().ok()?))
}

/// Lines as they come; the channel closes with the output.
pub fn lines_of(reader: impl BufRead + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in reader.lines().map_while(Result::ok) {
            // Read on even if nobody listens any more: the program may not like a closed pipe.
            let _ = sender.send(line);
        }
    });
    lines
}

/// The standard library signals only children, and those only with KILL.
fn signal(name: &str, pid: u32) {
    let status = Command::new("/bin/sh").args(["-c", &format!("kill -{name} {pid}")]).status();
    assert!(status.is_ok_and(|status| status.success()), "process {pid} cannot be signalled");
}
