//! The commands around a server, and the four-letter words.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use super::ensemble::Ensemble;
use super::tools::{Folder, four_letter, free_ports, zablab};

/// A standalone server in the background, as `zablab start` leaves it.
struct Standalone {
    folder: Folder,
    port: u16,
}

impl Standalone {
    fn new(more: &str) -> Standalone {
        let (folder, port) = (Folder::new(), free_ports(1));
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("the folder is new");
        let text = format!(
            "tickTime=2000\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\n\
             admin.enableServer=false\n{more}",
            data.display()
        );
        let standalone = Standalone { folder, port };
        fs::write(standalone.config(), text).expect("the folder takes files");
        standalone
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("zoo.cfg")
    }

    fn run(&self, command: &str) -> Output {
        let output = Command::new(zablab()).arg(command).arg(self.config()).output();
        output.expect("the binary starts")
    }

    /// Runs a command and demands its exit code; gives what it printed.
    fn expect(&self, command: &str, code: i32) -> String {
        let output = self.run(command);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{command}: {printed}{errors}");
        printed
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        self.run("stop");
    }
}

#[test]
fn start_status_restart_and_stop_say_what_zk_server_says() {
    let server = Standalone::new("");
    let not_running = "Error contacting service. It is probably not running.";
    assert!(server.expect("status", 1).contains(not_running));
    assert_eq!(server.expect("start", 0), "Starting zookeeper ... STARTED\n");
    let pid_path = server.folder.path().join("data").join("zookeeper_server.pid");
    let pid = fs::read_to_string(&pid_path).expect("start writes it");
    let again = format!("Starting zookeeper ... already running as process {}.\n", pid.trim());
    assert_eq!(server.expect("start", 1), again);
    let port = server.port;
    let status = server.expect("status", 0);
    let expected =
        format!("Client port found: {port}. Client address: 127.0.0.1. Client SSL: false.\n");
    assert_eq!(status, format!("{expected}Mode: standalone\n"));
    server.expect("restart", 0);
    let other_pid = fs::read_to_string(&pid_path).expect("restart writes it");
    assert_ne!(pid, other_pid);
    assert_eq!(server.expect("stop", 0), "Stopping zookeeper ... STOPPED\n");
    assert!(!pid_path.exists());
    let nothing = server.expect("stop", 0);
    assert!(nothing.starts_with("Stopping zookeeper ... no zookeeper to stop"), "{nothing}");
    assert!(server.expect("status", 1).contains(not_running));
}

#[test]
fn only_whitelisted_words_are_answered() {
    let server = Standalone::new("");
    server.expect("start", 0);
    let answer = |word| four_letter(server.port, word).expect("the server listens");
    assert!(answer("srvr").contains("Mode: standalone\n"));
    for word in ["ruok", "stat", "mntr", "conf", "isro"] {
        let refused = format!("{word} is not executed because it is not in the whitelist.\n");
        assert_eq!(answer(word), refused);
    }
}

#[test]
fn four_letter_words_answer_on_an_ensemble() {
    let ensemble = Ensemble::start(3);
    let leader = ensemble.leader();
    for id in ensemble.ids() {
        let port = ensemble.port(id);
        let answer = |word| four_letter(port, word).expect("the server listens");
        let mode = if id == leader { "leader" } else { "follower" };
        assert_eq!(answer("ruok"), "imok");
        assert_eq!(answer("isro"), "rw");
        assert!(answer("srvr").contains(&format!("Mode: {mode}\n")));
        assert!(answer("stat").contains("Clients:\n"));
        assert!(answer("mntr").contains(&format!("zk_server_state\t{mode}\n")));
        let conf = answer("conf");
        assert!(conf.contains(&format!("clientPort={port}\n")), "{conf}");
        assert!(conf.contains(&format!("serverId={id}\n")), "{conf}");
        assert!(conf.contains("membership: \n"), "{conf}");
    }
    assert_eq!(ensemble.metric(leader, "zk_synced_followers"), 2);
}

#[test]
fn status_names_each_servers_role() {
    let ensemble = Ensemble::start(3);
    let leader = ensemble.leader();
    for id in ensemble.ids() {
        let config = ensemble.server_folder(id).join("zoo.cfg");
        let output = Command::new(zablab()).arg("status").arg(config).output();
        let output = output.expect("the binary starts");
        let mode = if id == leader { "Mode: leader\n" } else { "Mode: follower\n" };
        assert!(String::from_utf8_lossy(&output.stdout).ends_with(mode), "{output:?}");
    }
}
