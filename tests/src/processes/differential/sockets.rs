//! A server in a process of its own, and connections to it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;

use crate::processes::tools::{Folder, free_ports, java_server, mode, wait_for, zablab};
use crate::workload::talk::Server;

/// How long a server may take to serve: Java on a machine with much else to do.
pub const SERVING_FOR: Duration = Duration::from_secs(60);
/// How long a server may take for one answer.
pub const ANSWER_FOR: Duration = Duration::from_secs(20);
/// How long ZooKeeper is waited for to close a connection that another one replaces.
const CLOSED_FOR: Duration = Duration::from_secs(2);
/// The longest frame that is believed.
const FRAME_MAX: usize = 4 << 20;

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Program {
    /// Ours.
    Zablab,
    /// ZooKeeper's own.
    ZooKeeper,
}

/// A running server.
pub struct Sockets {
    program: Program,
    process: Child,
    port: u16,
    connections: BTreeMap<usize, TcpStream>,
    aside: Option<TcpStream>,
    _folder: Folder,
}

impl Sockets {
    /// Starts one without data, and waits until it serves.
    ///
    /// `more` are lines for its `zoo.cfg`; ZooKeeper gets those that it reads from the command
    /// line there, too.
    pub fn start(program: Program, more: &[&str]) -> Sockets {
        let (folder, port) = (Folder::new(), free_ports(1));
        let config = folder.path().join("zoo.cfg");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("the folder is new");
        fs::write(&config, zoo_cfg(port, &data, more)).expect("the folder takes files");
        let log = folder.path().join("server.log");
        let log = fs::File::create(log).expect("the folder takes files");
        let errors = log.try_clone().expect("a file can have two handles");
        let mut command = match program {
            Program::Zablab => {
                let mut command = Command::new(zablab());
                command.arg("serve");
                command
            }
            Program::ZooKeeper => {
                let given = more.iter().filter(|line| !line.starts_with("authProvider"));
                let given = given.map(|line| format!("-D{line}"));
                let fixed = [
                    // What is compared needs no disk.
                    "-Dzookeeper.forceSync=no",
                    "-Dzookeeper.extendedTypesEnabled=true",
                    "-Dzookeeper.DigestAuthenticationProvider.superDigest=\
                     super:xQJmxLMiHGwaqBvst5y6rkB6HQs=",
                ];
                let properties: Vec<String> =
                    fixed.map(str::to_owned).into_iter().chain(given).collect();
                java_server(&properties)
            }
        };
        command.arg(config).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let process = command.spawn().expect("the server starts");
        let connections = BTreeMap::new();
        let sockets = Sockets { program, process, port, connections, aside: None, _folder: folder };
        let serves = wait_for(SERVING_FOR, || mode(port));
        assert!(serves.is_some(), "{program:?} does not serve");
        sockets
    }

    fn connection(&mut self, client: usize) -> &mut TcpStream {
        self.connections.get_mut(&client).expect("the client has connected")
    }
}

/// The same for both servers. Of the properties, each reads those that it knows.
fn zoo_cfg(port: u16, data: &Path, more: &[&str]) -> String {
    format!(
        "tickTime=200\nmaxSessionTimeout=600000\nmaxClientCnxns=0\ndataDir={}\n\
         clientPort={port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n\
         extendedTypesEnabled=true\n\
         DigestAuthenticationProvider.superDigest=super:xQJmxLMiHGwaqBvst5y6rkB6HQs=\n{}\n",
        data.display(),
        more.join("\n")
    )
}

/// The next frame; none if the other side has closed the connection.
pub fn read_frame(stream: &mut TcpStream, program: Program) -> Option<Bytes> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error)
            if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) =>
        {
            return None;
        }
        Err(error) => panic!("{program:?} neither answers nor closes: {error}"),
    }
    let length = u32::from_be_bytes(length) as usize;
    assert!(length <= FRAME_MAX, "{program:?} sends a frame of {length} bytes");
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).expect("a frame that began goes on");
    Some(frame.into())
}

impl Server for Sockets {
    fn name(&self) -> String {
        format!("{:?}", self.program)
    }

    fn open(&mut self, client: usize, bytes: &Bytes) {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        stream.set_nodelay(true).expect("it is a socket");
        stream.set_read_timeout(Some(ANSWER_FOR)).expect("it is a socket");
        self.connections.insert(client, stream);
        self.send(client, bytes);
    }

    fn send(&mut self, client: usize, bytes: &Bytes) {
        // Who was cut off learns that when it reads.
        let _ = self.connection(client).write_all(bytes);
    }

    fn receive(&mut self, client: usize) -> Option<Bytes> {
        let program = self.program;
        read_frame(self.connection(client), program)
    }

    fn hang_up(&mut self, client: usize) {
        self.connections.remove(&client);
    }

    fn put_aside(&mut self, client: usize) {
        self.aside = self.connections.remove(&client);
    }

    fn old_is_closed(&mut self) -> bool {
        let mut old = self.aside.take().expect("one was put aside");
        if self.program == Program::Zablab {
            return read_frame(&mut old, self.program).is_none();
        }
        // ZooKeeper loses track of a session's connection if the one before it ends late.
        old.set_read_timeout(Some(CLOSED_FOR)).expect("it is a socket");
        !matches!(old.read(&mut [0]), Ok(1..))
    }

    fn pass(&mut self, ms: u64) {
        std::thread::sleep(Duration::from_millis(ms));
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        // It may have died by itself, which the test has noticed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
