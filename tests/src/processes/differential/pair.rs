//! ZooKeeper and our server, asked one thing at a time: the answers must be the same.
//!
//! Of what is allowed to differ only the zxid of an event can be met here; it is not compared.

use zablab_core::tree::acl::{ALL, world_anyone};
use zablab_core::types::Path;
use zablab_core::wire::client::{CreateMode, CreateRequest, Request, Response};

use super::sockets::{Program, Sockets};
use super::{OURS, THEIRS};
use crate::workload::Ask;
use crate::workload::talk::{Item, Server, Talk};

/// Both, and how often they were asked.
pub struct Pair {
    talks: [Talk<Sockets>; 2],
    clients: usize,
    xid: i32,
    /// How many requests both answered.
    pub asked: u64,
    /// How many of them succeeded.
    pub succeeded: u64,
}

impl Pair {
    /// Two servers with these lines in their `zoo.cfg`, and so many clients with sessions.
    pub fn start(more: &[&str], clients: usize) -> Pair {
        let talk = |program| Talk::new(Sockets::start(program, more), clients);
        let talks = [Program::Zablab, Program::ZooKeeper].map(talk);
        let mut pair = Pair { talks, clients, xid: 0, asked: 0, succeeded: 0 };
        for client in 0..clients {
            pair.connect(client);
        }
        pair
    }

    /// A client connects with a new session.
    pub fn connect(&mut self, client: usize) {
        let [ours, theirs] = self.talks.each_mut().map(|talk| talk.connect(client));
        assert_eq!(ours, theirs);
    }

    /// A client asks; what it is answered.
    ///
    /// # Panics
    /// Unless every client is told the same by both servers.
    pub fn ask(&mut self, client: usize, request: Request) -> Result<Response, i32> {
        self.xid += 1;
        let ask = Ask::Request(request);
        let asks = [(ask.xid(self.xid), ask)];
        let ends = matches!(asks[0].1, Ask::Request(Request::CloseSession));
        let told = self.talks.each_mut().map(|talk| talk.round(client, &asks, ends));
        let told = told.map(|told| told.into_iter().map(comparable).collect::<Vec<_>>());
        assert_eq!(told[OURS], told[THEIRS], "ours (left) and theirs after {asks:?}");
        let mine = told[OURS][client].iter();
        let xid = asks[0].0.0;
        let mut replies = mine.filter_map(|item| match item {
            Item::Reply { xid: of, result, .. } if *of == xid => Some(result.clone()),
            _ => None,
        });
        let reply = replies.next().expect("a request is answered");
        self.asked += 1;
        self.succeeded += u64::from(reply.is_ok());
        reply
    }

    /// A client makes a znode that everybody may use.
    pub fn create(
        &mut self,
        client: usize,
        path: impl Into<Path>,
        mode: CreateMode,
        data: &str,
    ) -> Result<Response, i32> {
        let request = create_of(path.into(), mode, data);
        self.ask(
            client,
            match mode {
                CreateMode::Container => Request::CreateContainer(request),
                _ => Request::Create2(request),
            },
        )
    }

    /// Each server is listened to until it has told a client of something; what it was, in order.
    ///
    /// # Panics
    /// Unless both tell the same within some seconds.
    pub fn hear(&mut self, client: usize) -> Vec<Item> {
        const PAUSE_MS: u64 = 50;
        const PAUSES: u32 = 200;
        let told = self.talks.each_mut().map(|talk| {
            let mut told = Vec::new();
            for _ in 0..PAUSES {
                talk.settle(client, &mut told);
                if told.iter().any(|item| matches!(item, Item::Event { .. })) {
                    break;
                }
                talk.server.pass(PAUSE_MS);
            }
            told.retain(|item| matches!(item, Item::Event { .. }));
            comparable(told)
        });
        let [ours, theirs] = told;
        assert_eq!(ours, theirs, "ours (left) and theirs");
        assert!(!ours.is_empty(), "nothing happens");
        ours
    }

    /// Lets time pass, and hears nobody of anything.
    pub fn pass(&mut self, ms: u64) {
        self.talks[OURS].server.pass(ms);
        for talk in &mut self.talks {
            for client in 0..self.clients {
                let mut told = Vec::new();
                talk.settle(client, &mut told);
                assert!(!told.iter().any(|item| matches!(item, Item::Event { .. })), "{told:?}");
            }
        }
    }

    /// The connections to one of the servers, for what is no request with a body that is known.
    pub fn servers(&mut self) -> [&mut Sockets; 2] {
        self.talks.each_mut().map(|talk| &mut talk.server)
    }
}

/// A request to make a znode that everybody may use.
pub fn create_of(path: Path, mode: CreateMode, data: &str) -> CreateRequest {
    let acl = vec![world_anyone(ALL)];
    CreateRequest { path, data: Some(data.to_owned().into()), acl, flags: mode.to_wire() }
}

/// Events in an order of their own, as a session's znodes go in none, and without their zxid.
fn comparable(mut told: Vec<Item>) -> Vec<Item> {
    for item in &mut told {
        match item {
            Item::Event { zxid, .. } => *zxid = -1,
            Item::Reply { .. } | Item::Session(..) | Item::End => {}
        }
    }
    told.sort_by_key(|item| match item {
        Item::Event { path, kind, .. } => (0, path.clone(), *kind),
        Item::Reply { .. } | Item::Session(..) | Item::End => (1, String::new(), 0),
    });
    told
}
