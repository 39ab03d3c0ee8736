//! An ensemble of either program, whose members change, and clients of its first server.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use zablab_core::types::{SessionId, Xid, Zxid};
use zablab_core::wire::client::{
    ConnectRequest, ConnectResponse, ReplyHeader, Request, Response, WatcherEvent, XID_AUTH,
    XID_EVENT, XID_PING, encode_request,
};

use super::sockets::{ANSWER_FOR, Program, SERVING_FOR, read_frame};
use crate::processes::tools::{Folder, free_ports, java_server, mode, wait_for, zablab};
use crate::workload::talk::Item;

/// The servers that run. All others that are named are nowhere.
pub const RUNNING: [u16; 3] = [1, 2, 3];
/// The server that the clients use.
pub const ANCHOR: u16 = 1;
/// Who leads at first: the others wait for it.
pub const FIRST_LEADER: u16 = 3;
/// Numbers of servers are below it; each has its ports.
pub const IDS_END: u16 = 9;

/// The servers and their clients.
pub struct Cluster {
    program: Program,
    /// The first client port; quorum ports and election ports are 1000 and 2000 above.
    port: u16,
    processes: Vec<Child>,
    clients: Vec<Client>,
    folder: Folder,
}

struct Client {
    stream: TcpStream,
    session: SessionId,
    password: Bytes,
    xid: i32,
}

/// What a client is told.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    /// The events before the reply, without their zxids.
    pub before: Vec<Item>,
    /// The zxid of the reply, and what it says.
    pub reply: (Zxid, Result<Response, i32>),
}

impl Cluster {
    /// Starts the servers that run and waits until they serve; so many clients connect.
    pub fn start(program: Program, lines: &str, clients: usize) -> Cluster {
        let (folder, port) = (Folder::new(), free_ports(IDS_END));
        let mut cluster =
            Cluster { program, port, processes: Vec::new(), clients: Vec::new(), folder };
        let (first, others) = (ANCHOR, [2, FIRST_LEADER]);
        for id in others {
            cluster.spawn(id, lines);
        }
        cluster.wait_for_mode(FIRST_LEADER, "leader");
        cluster.spawn(first, lines);
        cluster.wait_for_mode(first, "follower");
        cluster.wait_for_mode(2, "follower");
        for _ in 0..clients {
            let stream = cluster.open();
            let session = SessionId(0);
            let password = Bytes::from_static(&[0; 16]);
            let mut client = Client { stream, session, password, xid: 0 };
            client.connect(program);
            cluster.clients.push(client);
        }
        cluster
    }

    /// A text with the numbers of this ensemble's ports in the place of their names.
    pub fn filled(&self, text: &str) -> String {
        let ports = self.ports();
        ports.iter().fold(text.to_owned(), |text, (name, port)| text.replace(name, port))
    }

    /// The other way round.
    pub fn named(&self, text: &str) -> String {
        let ports = self.ports();
        ports.iter().fold(text.to_owned(), |text, (name, port)| text.replace(port, name))
    }

    fn ports(&self) -> Vec<(String, String)> {
        let kinds = [("client", 0), ("quorum", 1000), ("election", 2000)];
        let of = |id| kinds.map(|(kind, more)| (format!("{kind}{id}"), self.port + id + more));
        let ports = (1..IDS_END).flat_map(of);
        ports.map(|(name, port)| (format!(":{name}"), format!(":{port}"))).collect()
    }

    /// Waits until a server serves in this mode.
    pub fn wait_for_mode(&self, id: u16, wanted: &str) {
        let mut last = None;
        let is_so = wait_for(SERVING_FOR, || {
            last = mode(self.port + id);
            (last.as_deref() == Some(wanted)).then_some(())
        });
        let program = self.program;
        assert!(is_so.is_some(), "{program:?}: server {id} is no {wanted}, but {last:?}");
    }

    /// Waits until one of these leads.
    pub fn wait_for_leader(&self, among: &[u16]) -> u16 {
        let leads = |id: &&u16| mode(self.port + **id).as_deref() == Some("leader");
        let leader = wait_for(SERVING_FOR, || among.iter().find(leads));
        *leader.unwrap_or_else(|| panic!("{:?}: none of {among:?} leads", self.program))
    }

    /// A client asks. `None` if it is cut off instead of being answered.
    pub fn ask(&mut self, client: usize, request: &Request) -> Option<Told> {
        let Client { stream, xid, .. } = &mut self.clients[client];
        *xid += 1;
        let xid = match request {
            Request::Ping => XID_PING,
            Request::Auth(_) => XID_AUTH,
            _ => Xid(*xid),
        };
        // Who was cut off learns that when it reads.
        let _ = stream.write_all(&encode_request(xid, request));
        let mut before = Vec::new();
        loop {
            let (header, body) = ReplyHeader::decode(read_frame(stream, self.program)?)
                .expect("each frame has a header");
            if header.xid == XID_EVENT {
                let event = WatcherEvent::decode(body).expect("an event");
                let WatcherEvent { kind, state, path } = event;
                before.push(Item::Event { kind, state, path: path.to_string(), zxid: -1 });
                continue;
            }
            assert_eq!(header.xid, xid, "{:?}: {request:?}", self.program);
            let result = match header.err {
                0 => Ok(Response::decode(request.op(), body).expect("a response")),
                code => Err(code),
            };
            return Some(Told { before, reply: (header.zxid, result) });
        }
    }

    /// All clients connect again with their sessions, once the first server serves.
    pub fn reconnect(&mut self) {
        let program = self.program;
        for at in 0..self.clients.len() {
            let session = self.clients[at].session;
            let again = wait_for(SERVING_FOR, || {
                self.clients[at].stream = self.open();
                self.clients[at].try_connect(program)
            });
            assert_eq!(again, Some(session), "{program:?}: the session of client {at}");
        }
    }

    fn open(&self) -> TcpStream {
        let open = || TcpStream::connect(("127.0.0.1", self.port + ANCHOR)).ok();
        let stream = wait_for(SERVING_FOR, open).expect("the first server listens");
        stream.set_nodelay(true).expect("it is a socket");
        stream.set_read_timeout(Some(ANSWER_FOR)).expect("it is a socket");
        stream
    }

    fn spawn(&mut self, id: u16, lines: &str) {
        let folder = self.folder.path().join(format!("server-{id}"));
        let data = folder.join("data");
        fs::create_dir_all(&data).expect("the folder takes folders");
        fs::write(data.join("myid"), id.to_string()).expect("the folder takes files");
        let config = folder.join("zoo.cfg");
        let members = RUNNING.map(|id| format!("server.{}\n", member(id, ""))).concat();
        let members = self.filled(&members);
        let text = format!(
            "tickTime=500\ninitLimit=40\nsyncLimit=20\nmaxSessionTimeout=600000\n\
             maxClientCnxns=0\nadmin.enableServer=false\ndataDir={}\n{lines}\n{members}",
            data.display()
        );
        fs::write(&config, text).expect("the folder takes files");
        let log = fs::File::create(folder.join("server.log")).expect("the folder takes files");
        let errors = log.try_clone().expect("a file can have two handles");
        let mut command = match self.program {
            Program::Zablab => {
                let mut command = Command::new(zablab());
                command.arg("serve");
                command
            }
            // Short lives are not worth the work of its second compiler.
            Program::ZooKeeper => java_server(&[
                "-XX:TieredStopAtLevel=1".to_owned(),
                "-XX:+UseSerialGC".to_owned(),
                "-Dzookeeper.forceSync=no".to_owned(),
                "-Dzookeeper.DigestAuthenticationProvider.superDigest=\
                 super:xQJmxLMiHGwaqBvst5y6rkB6HQs="
                    .to_owned(),
            ]),
        };
        command.arg(config).current_dir(folder);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        self.processes.push(command.spawn().expect("the server starts"));
    }
}

/// The line of a server behind `server.`, with the names of its ports.
pub fn member(id: u16, role: &str) -> String {
    format!("{id}=127.0.0.1:quorum{id}:election{id}{role};127.0.0.1:client{id}")
}

impl Client {
    fn connect(&mut self, program: Program) {
        self.session = self.try_connect(program).expect("a new session is not refused");
    }

    /// The session, if there is an answer.
    fn try_connect(&mut self, program: Program) -> Option<SessionId> {
        const TIMEOUT_MS: i32 = 600_000;
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid::ZERO,
            timeout_ms: TIMEOUT_MS,
            session: self.session,
            password: Some(self.password.clone()),
            read_only: Some(false),
        };
        self.stream.write_all(&request.encode()).ok()?;
        let response = ConnectResponse::decode(read_frame(&mut self.stream, program)?);
        let response = response.expect("a connect response");
        self.password = response.password.expect("a session has a password");
        Some(response.session)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may have died by itself, which the test has noticed.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Numbers for zxids that are the same for both programs if only their epochs differ.
#[derive(Default)]
pub struct Epochs(BTreeMap<i64, usize>);

impl Epochs {
    /// The place of its epoch among those that were met, and its counter.
    pub fn name(&mut self, zxid: i64) -> (usize, i64) {
        let (epoch, counter) = (zxid >> 32, zxid & 0xffff_ffff);
        let next = self.0.len();
        (*self.0.entry(epoch).or_insert(next), counter)
    }
}
