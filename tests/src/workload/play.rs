//! A workload played on servers, round by round: what each of them says, and what it should.
//!
//! A round is what one client does at once. After it every client is asked for a sign of life, so
//! that all that the round led to is heard before the next one begins.

use std::collections::BTreeMap;

use zablab_core::types::{SessionId, Xid};
use zablab_core::wire::client::{
    ErrorCode, OpCode, Request, Response, STATE_SYNC_CONNECTED, XID_PING,
};

use super::talk::{Item, SHORT_TIMEOUT_MS, Server, TIMEOUT_MS, Talk};
use super::{Ask, Intruder, Step, Workload, is_success};
use crate::model::{ClientId, Outcome, Told, World};

/// The address of all clients.
const ADDRESS: &str = "127.0.0.1";
/// How long a session with the short timeout may live on, in ms.
const EXPIRY_MS: u64 = 3 * SHORT_TIMEOUT_MS as u64;

/// What a server should say.
#[derive(Clone, PartialEq, Debug)]
pub struct Expected {
    /// What.
    pub item: Item,
    /// An event that is withheld since 3.9.2, as the client may not read the znode.
    pub withheld: bool,
    /// What the client asked, if this is a reply.
    pub ask: Option<Ask>,
}

/// A round, and what was said in it.
#[derive(Clone, Debug)]
pub struct Round {
    /// What was done, for people.
    pub what: String,
    /// What each client should be told.
    pub expected: Vec<Vec<Expected>>,
    /// What each client was told by each server.
    pub told: Vec<Vec<Vec<Item>>>,
}

/// How often something was asked, and with success.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// All of them.
    pub all: u64,
    /// Those that succeeded.
    pub succeeded: u64,
}

/// A workload under way on some servers at once.
pub struct Play<S> {
    workload: Workload,
    world: World,
    talks: Vec<Talk<S>>,
    clients: usize,
    next_xid: i32,
    /// Whether something must not be asked here.
    avoids: fn(ClientId, &Ask, &World) -> bool,
    /// Whether nothing is asked before this is answered.
    is_waited_for: fn(&Ask) -> bool,
    /// A step that was drawn but belongs to the next round.
    next: Option<Step>,
    /// The operations so far, parts of a multi not counted; none for what nobody knows.
    pub counts: BTreeMap<Option<OpCode>, Count>,
}

impl<S: Server> Play<S> {
    /// From a seed, on servers without data.
    pub fn new(
        seed: u64,
        clients: usize,
        servers: Vec<S>,
        avoids: fn(ClientId, &Ask, &World) -> bool,
    ) -> Play<S> {
        Play {
            workload: Workload::new(seed, clients),
            world: World::new(),
            talks: servers.into_iter().map(|server| Talk::new(server, clients)).collect(),
            clients,
            next_xid: 1,
            avoids,
            is_waited_for: |_| false,
            next: None,
            counts: BTreeMap::new(),
        }
    }

    /// The same, but what is meant here ends what its client asks in one go.
    pub fn waiting_for(self, is_waited_for: fn(&Ask) -> bool) -> Play<S> {
        Play { is_waited_for, ..self }
    }

    /// Connects all clients.
    pub fn begin(&mut self) -> Round {
        let mut round = self.round("everybody connects");
        for client in 0..self.clients {
            self.connect(client, &mut round);
        }
        self.settle(&mut round);
        round
    }

    /// Plays one round.
    pub fn step(&mut self) -> Round {
        match self.next_step() {
            Step::Ask(client, ask) => self.ask(client, ask),
            Step::Renew(client) => {
                let mut round = self.round(format!("client {client} calls again"));
                for talk in &mut self.talks {
                    talk.server.put_aside(client);
                }
                self.reconnect(client, true, &mut round);
                round.expect(client, Item::End, None);
                for (talk, told) in self.talks.iter_mut().zip(&mut round.told) {
                    if talk.server.old_is_closed() {
                        told[client].push(Item::End);
                    }
                }
                self.settle(&mut round);
                round
            }
            Step::Return(client) => {
                let mut round = self.round(format!("client {client} goes and comes back"));
                for talk in &mut self.talks {
                    talk.server.hang_up(client);
                }
                self.reconnect(client, true, &mut round);
                self.settle(&mut round);
                round
            }
            Step::Intrude(intruder) => {
                let mut round = self.round(format!("{intruder:?}"));
                if intruder != Intruder::Future {
                    round.expect(0, Item::Session(0, SessionId(0), false), None);
                }
                round.expect(0, Item::End, None);
                for (talk, told) in self.talks.iter_mut().zip(&mut round.told) {
                    told[0].extend(talk.intrude(intruder, &self.world));
                }
                // ZooKeeper cuts the session's connection off before it looks at the password.
                if let Intruder::Password(client) = intruder {
                    self.reconnect(client, true, &mut round);
                }
                round
            }
            Step::Expire(client) => self.expire(client),
        }
    }

    fn next_step(&mut self) -> Step {
        self.next.take().unwrap_or_else(|| self.draw())
    }

    fn draw(&mut self) -> Step {
        loop {
            let step = self.workload.next(&self.world);
            match &step {
                Step::Ask(client, ask) if (self.avoids)(*client, ask, &self.world) => {}
                _ => return step,
            }
        }
    }

    fn round(&self, what: impl Into<String>) -> Round {
        let nothing = vec![Vec::new(); self.clients];
        Round {
            what: what.into(),
            expected: vec![Vec::new(); self.clients],
            told: vec![nothing; self.talks.len()],
        }
    }

    /// What one client asks in one go.
    fn ask(&mut self, client: ClientId, first: Ask) -> Round {
        let (mut asks, mut round) = (Vec::new(), self.round(""));
        let mut ask = first;
        let (alone, outcome) = loop {
            let (xid, alone) = (ask.xid(self.next_xid), is_alone(&ask));
            self.next_xid += 1;
            let outcome = ask.outcome(client, &mut self.world);
            self.count(&ask, &outcome);
            round.expect_told(&outcome.told);
            round.expect(client, Item::expected(xid, &outcome), Some(ask.clone()));
            let ends = alone || outcome.closes || (self.is_waited_for)(&ask);
            asks.push((xid, ask));
            if ends {
                break (alone, outcome);
            }
            match self.draw() {
                Step::Ask(next, more) if next == client && !is_alone(&more) => ask = more,
                other => {
                    self.next = Some(other);
                    break (alone, outcome);
                }
            }
        };
        round.what = format!("client {client}: {asks:?}");
        for (talk, told) in self.talks.iter_mut().zip(&mut round.told) {
            *told = talk.round(client, &asks, outcome.closes);
        }
        if outcome.closes {
            round.expect(client, Item::End, None);
        }
        let pinged = (0..self.clients).filter(|other| !(outcome.closes && *other == client));
        pinged.for_each(|other| round.expect(other, self.pong(), None));
        if alone {
            round.sort();
        }
        if outcome.closes {
            match asks.last() {
                Some((_, Ask::Request(Request::CloseSession))) => self.connect(client, &mut round),
                _ => self.reconnect(client, true, &mut round),
            }
        }
        round
    }

    /// A client goes, and its session ends in time.
    fn expire(&mut self, client: ClientId) -> Round {
        let mut round = self.round(format!("the session of client {client} runs out"));
        self.reconnect(client, false, &mut round);
        for talk in &mut self.talks {
            talk.server.hang_up(client);
        }
        let told = self.world.expire(client);
        round.expect_told(&told);
        for talk in &mut self.talks {
            talk.server.pass(EXPIRY_MS);
        }
        let others = (0..self.clients).filter(|other| *other != client);
        for other in others {
            round.expect(other, self.pong(), None);
            for (talk, told) in self.talks.iter_mut().zip(&mut round.told) {
                talk.settle(other, &mut told[other]);
            }
        }
        round.sort();
        self.connect(client, &mut round);
        round
    }

    fn connect(&mut self, client: ClientId, round: &mut Round) {
        let number = self.talks[0].sessions() as i64 + 1;
        self.world.connect(client, SessionId(number), ADDRESS);
        round.expect(client, Item::Session(TIMEOUT_MS, SessionId(number), true), None);
        for (talk, told) in self.talks.iter_mut().zip(&mut round.told) {
            told[client].push(talk.connect(client));
        }
    }

    fn reconnect(&mut self, client: ClientId, lasting: bool, round: &mut Round) {
        let session = self.world.session(client);
        let timeout_ms = if lasting { TIMEOUT_MS } else { SHORT_TIMEOUT_MS };
        self.world.reconnect(client, ADDRESS);
        round.expect(client, Item::Session(timeout_ms, session, true), None);
        for (talk, told) in self.talks.iter_mut().zip(&mut round.told) {
            told[client].push(talk.reconnect(client, session, timeout_ms));
        }
    }

    fn settle(&mut self, round: &mut Round) {
        for client in 0..self.clients {
            round.expect(client, self.pong(), None);
            for (talk, told) in self.talks.iter_mut().zip(&mut round.told) {
                talk.settle(client, &mut told[client]);
            }
        }
    }

    fn pong(&self) -> Item {
        let (zxid, result) = (self.world.zxid(), Ok(Response::Empty));
        Item::Reply { xid: XID_PING.0, zxid, result, length: 0 }
    }

    fn count(&mut self, ask: &Ask, outcome: &Outcome) {
        let count = self.counts.entry(OpCode::from_wire(ask.op())).or_default();
        count.all += 1;
        count.succeeded += u64::from(is_success(&outcome.reply));
    }

    /// How many operations were asked for.
    pub fn asked(&self) -> u64 {
        self.counts.values().map(|count| count.all).sum()
    }

    /// The operations, one a line.
    pub fn table(&self) -> String {
        let mut lines = Vec::new();
        for (op, Count { all, succeeded }) in &self.counts {
            let name = op.map_or("unknown".to_owned(), |op| format!("{op:?}"));
            let share = 100.0 * *succeeded as f64 / *all as f64;
            lines.push(format!("{name:<22}{all:>9}{succeeded:>9}{share:>7.1} %"));
        }
        lines.join("\n")
    }
}

/// What must be a round of its own: credentials, and what nobody knows, are answered before what
/// was asked earlier, and the znodes of a session go in no order.
fn is_alone(ask: &Ask) -> bool {
    let alone = [OpCode::Auth, OpCode::CloseSession].map(Some);
    matches!(ask, Ask::Unknown(_)) || alone.contains(&OpCode::from_wire(ask.op()))
}

impl Round {
    fn expect(&mut self, client: ClientId, item: Item, ask: Option<Ask>) {
        self.expected[client].push(Expected { item, withheld: false, ask });
    }

    fn expect_told(&mut self, told: &[Told]) {
        for Told { client, kind, path, zxid, withheld } in told {
            let (kind, state) = (kind.to_wire(), STATE_SYNC_CONNECTED);
            let item = Item::Event { kind, state, path: path.clone(), zxid: *zxid };
            let expected = Expected { item, withheld: *withheld, ask: None };
            self.expected[*client].push(expected);
        }
    }

    /// Puts the events of each client in an order of their own.
    fn sort(&mut self) {
        let key = |item: &Item| match item {
            Item::Event { path, kind, .. } => (0, path.clone(), *kind),
            _ => (1, String::new(), 0),
        };
        for expected in &mut self.expected {
            expected.sort_by_key(|expected| key(&expected.item));
        }
        for told in self.told.iter_mut().flatten() {
            told.sort_by_key(key);
        }
    }

    /// Panics unless a server said exactly what it should.
    pub fn check(&self, server: usize) {
        for (client, expected) in self.expected.iter().enumerate() {
            let expected = expected.iter().filter(|expected| !expected.withheld);
            let expected: Vec<&Item> = expected.map(|expected| &expected.item).collect();
            let told: Vec<&Item> = self.told[server][client].iter().collect();
            assert_eq!(
                told, expected,
                "client {client} was told (left) in the round\n{}",
                self.what
            );
        }
    }
}

impl Item {
    /// What the world says a client is answered.
    fn expected(xid: Xid, outcome: &Outcome) -> Item {
        let mut result = outcome.reply.clone().map_err(ErrorCode::to_wire);
        let length = result.as_ref().map_or(0, super::talk::length);
        if let Ok(response) = &mut result {
            super::talk::sort(response);
        }
        Item::Reply { xid: xid.0, zxid: outcome.zxid, result, length }
    }
}
