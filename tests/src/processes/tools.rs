//! The programs that the tests run, and where they are.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Between two looks at something that cannot call us back.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a four-letter word may take.
const WORD_FOR: Duration = Duration::from_secs(5);

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("tests is a folder of the workspace").to_owned()
}

/// The server's binary, built in the profile of this test program, so that it is never stale.
pub fn zablab() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let this = std::env::current_exe().expect("the system knows this program");
        let folder = this.ancestors().nth(2).expect("cargo puts tests into <profile>/deps");
        let name = folder.file_name().expect("it is named after the profile").to_string_lossy();
        let profile = if name == "debug" { "dev" } else { &name };
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        build.args(["build", "--quiet", "--workspace", "--bin", "zablab", "--profile", profile]);
        let target = folder.parent().expect("profiles are inside the target folder");
        build.arg("--target-dir").arg(target).current_dir(root());
        assert!(build.status().is_ok_and(|status| status.success()), "zablab does not build");
        folder.join("zablab")
    })
}

/// ZooKeeper's own command line.
///
/// Debian's script, or with `ZK_JARS` (a class path) whatever ZooKeeper that names.
///
/// # Panics
/// If neither is there: a test that skips itself would look like one that passes.
pub fn zk_cli() -> Command {
    let script = Path::new("/usr/share/zookeeper/bin/zkCli.sh");
    let mut command = match std::env::var_os("ZK_JARS") {
        Some(class_path) => {
            let mut java = Command::new("java");
            java.arg("-cp").arg(class_path).arg("org.apache.zookeeper.ZooKeeperMain");
            java
        }
        None => {
            let java = Path::new("/usr/bin/java").exists();
            assert!(
                java && script.exists(),
                "Java or zkCli.sh is missing; install them with: \
                 apt-get install -y --no-install-recommends default-jre-headless zookeeper"
            );
            Command::new(script)
        }
    };
    command.stdin(Stdio::piped());
    command
}

/// What a server of ZooKeeper needs besides it, as Debian has it.
const SERVER_JARS: [&str; 11] = [
    "zookeeper.jar",
    "zookeeper-jute.jar",
    "slf4j-api.jar",
    "slf4j-nop.jar",
    "netty-all.jar",
    "commons-cli.jar",
    "snappy-java.jar",
    "metrics-core.jar",
    "jetty9-util.jar",
    "jetty9-server.jar",
    "jetty9-servlet.jar",
];

/// ZooKeeper's own server with these properties; its `zoo.cfg` is to be added.
///
/// # Panics
/// If there is none.
pub fn java_server(properties: &[String]) -> Command {
    let class_path = std::env::var("ZK_JARS").unwrap_or_else(|_| {
        let jars = SERVER_JARS.map(|jar| format!("/usr/share/java/{jar}"));
        assert!(
            Path::new(&jars[0]).exists(),
            "ZooKeeper is missing; install it with: \
             apt-get install -y --no-install-recommends default-jre-headless zookeeper"
        );
        jars.join(":")
    });
    let mut java = Command::new("java");
    java.arg("-Xmx512m").args(properties).arg("-cp").arg(class_path);
    java.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain");
    java
}

/// What Apache Curator needs besides ZooKeeper.
const CURATOR_JARS: [&str; 4] =
    ["curator-recipes.jar", "curator-framework.jar", "curator-client.jar", "guava.jar"];

/// Java with Apache Curator; a program in one source file is to be added.
///
/// # Panics
/// If it is not there.
pub fn curator() -> Command {
    let jar = |name: &&str| format!("/usr/share/java/{name}");
    let jars: Vec<String> = CURATOR_JARS.iter().chain(&SERVER_JARS).map(jar).collect();
    assert!(
        Path::new(&jars[0]).exists() && Path::new("/usr/bin/javac").exists(),
        "Curator or the Java compiler is missing; install them with: \
         apt-get install -y --no-install-recommends default-jdk-headless libcurator-recipes-java"
    );
    let mut java = Command::new("java");
    java.arg("-cp").arg(jars.join(":"));
    java
}

/// A script of `tests/process` in a Python that has kazoo.
///
/// # Panics
/// If there is none.
pub fn python(script: &str) -> Command {
    let own = root().join("target/venv/bin/python");
    let python = std::env::var_os("KAZOO_PYTHON").map_or(own, PathBuf::from);
    assert!(
        python.exists(),
        "{} is missing; make it with: python3 -m venv target/venv && \
         target/venv/bin/pip install kazoo==2.11.0 pure-sasl==0.6.2",
        python.display()
    );
    let mut command = Command::new(python);
    command.arg(root().join("tests/process").join(script));
    command
}

/// The program in `tests/process/tokio_client`.
///
/// # Panics
/// If it was not built.
pub fn tokio_client() -> Command {
    let program = root().join("target/tokio_client/debug/tokio_client");
    assert!(
        program.exists(),
        "{} is missing; build it with: cargo build --target-dir target/tokio_client \
         --manifest-path tests/process/tokio_client/Cargo.toml",
        program.display()
    );
    Command::new(program)
}

/// What ZooKeeper's client needs besides its server's jars to speak TLS; Debian's `netty-all` is
/// empty.
const NETTY_JARS: [&str; 8] = [
    "netty-buffer.jar",
    "netty-codec.jar",
    "netty-common.jar",
    "netty-handler.jar",
    "netty-resolver.jar",
    "netty-transport.jar",
    "netty-transport-native-epoll.jar",
    "netty-transport-native-unix-common.jar",
];

/// ZooKeeper's own command line, with what it needs for TLS.
///
/// # Panics
/// If it is not there.
pub fn zk_cli_with_netty() -> Command {
    if std::env::var_os("ZK_JARS").is_some() {
        return zk_cli();
    }
    let jar = |name: &&str| format!("/usr/share/java/{name}");
    let jars: Vec<String> = NETTY_JARS.iter().chain(&SERVER_JARS).map(jar).collect();
    assert!(
        Path::new(&jars[0]).exists(),
        "netty is missing; install it with: \
         apt-get install -y --no-install-recommends default-jre-headless zookeeper"
    );
    let mut java = Command::new("java");
    java.arg("-cp").arg(jars.join(":")).arg("org.apache.zookeeper.ZooKeeperMain");
    java
}

/// A client in a process of its own, which ends with its value at the latest.
pub struct Client(Child);

impl Client {
    /// Starts it; its pipes are given as they were asked for.
    ///
    /// # Panics
    /// If there is no such program.
    pub fn start(command: &mut Command) -> (Client, Option<ChildStdin>, Option<ChildStdout>) {
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        (Client(child), stdin, stdout)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// Unless it does so in time, and with success.
    pub fn finish(mut self, limit: Duration) {
        let ended = wait_for(limit, || self.0.try_wait().expect("it is our child"));
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It has usually ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command to its end and gives all that it printed.
///
/// # Panics
/// If it fails or takes longer than `limit`.
pub fn finish(mut command: Command, input: &str, limit: Duration) -> String {
    let folder = Folder::new();
    let path = folder.path().join("output");
    let output = fs::File::create(&path).expect("the folder takes files");
    let both = output.try_clone().expect("a file can have two handles");
    command.stdin(Stdio::piped()).stdout(output).stderr(both);
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("its input is piped");
    // A program that ends without reading all is judged by its status.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let status = wait_for(limit, || child.try_wait().expect("it is our child"));
    if status.is_none() {
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
    }
    let printed =
        String::from_utf8_lossy(&fs::read(&path).expect("it was made above")).into_owned();
    assert!(status.is_some_and(|status| status.success()), "{command:?}: {status:?}\n{printed}");
    printed
}

/// Runs a command that fails, and gives what it says of that.
///
/// # Panics
/// If it does not fail, or not in time.
pub fn run_to_failure(command: &mut Command, limit: Duration) -> String {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let status = wait_for(limit, || child.try_wait().expect("it is our child"));
    if status.is_none() {
        child.kill().expect("it is our child");
    }
    let output = child.wait_with_output().expect("it is our child");
    assert!(status.is_some_and(|status| !status.success()), "{command:?}: {status:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asks until there is an answer or the time is up.
pub fn wait_for<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        let answer = ask();
        if answer.is_some() || Instant::now() > end {
            return answer;
        }
        std::thread::sleep(PAUSE);
    }
}

/// The answer to a four-letter word; `None` if nobody listens.
pub fn four_letter(port: u16, word: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(WORD_FOR)).ok()?;
    stream.write_all(word.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// `Mode:` as the word srvr has it; `None` while the server does not serve.
pub fn mode(port: u16) -> Option<String> {
    let answer = four_letter(port, "srvr")?;
    let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "))?;
    Some(mode.to_owned())
}

/// A client port P of which the next `count`, and as many from P + 1000 and P + 2000 on, are free;
/// `up` uses these. Below the range from which systems take the ports of outgoing connections.
pub fn free_ports(count: u16) -> u16 {
    static TRIES: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 97) as u16 * 100;
    for _ in 0..200 {
        let step = TRIES.fetch_add(1, Ordering::Relaxed) * 10;
        let port = 12_000 + (start + step) % 16_000;
        let ports = (0..count).flat_map(|n| [port + n, port + n + 1000, port + n + 2000]);
        let mut free = ports.map(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        if free.all(|free| free) {
            return port;
        }
    }
    panic!("no free ports between 12000 and 30000");
}

/// A folder that goes with its value.
pub struct Folder(PathBuf);

impl Folder {
    /// A new empty one.
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("zablab-test-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the system's folder for temporary files takes folders");
        Folder(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // After a failure the logs are worth more than the space.
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
