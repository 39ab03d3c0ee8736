//! The checkers are checked: a good run breaks nothing, and each bad one what it is made to break.

mod access;
mod broadcast;
mod clients;
mod local;
mod paxos;
mod reads;
mod watches;

use bytes::Bytes;
use expect_test::{Expect, expect};
use zablab_core::client::CallId;
use zablab_core::quorum::Quorums;
use zablab_core::storage::{Recovered, Write};
use zablab_core::trace::{Event, Reason, Role};
use zablab_core::tree::Database;
use zablab_core::types::{ElectionEpoch, Epoch, Epochs, ServerId, SessionId, Ticket, Zxid};
use zablab_core::wire::client::{Request, Response};
use zablab_core::wire::election::Vote;
use zablab_core::wire::quorum::PacketKind;

use super::{Checker, Invariant, Limits};
use crate::client::Outcome;
use crate::step::ClientId;

const CREATE: i32 = 1;
const VOTERS: [i64; 3] = [1, 2, 3];
const LIMITS: Limits = Limits { tick_ms: 2000, init_ticks: 10, sync_ticks: 5 };

/// A run written by hand: every hook is a step of its own.
struct Run {
    checker: Checker,
    step: u64,
    ticket: u64,
}

fn z(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch(epoch), counter)
}

fn recovered(last: Zxid, accepted: u32, current: u32) -> Recovered {
    Recovered {
        database: Database { last_zxid: last, ..Database::default() },
        epochs: Epochs { accepted: Epoch(accepted), current: Epoch(current) },
        recent: Vec::new(),
        oldest: Zxid::ZERO,
        notes: Vec::new(),
    }
}

impl Run {
    /// Three voters, up, with empty disks.
    fn new() -> Run {
        let checker = Checker::new(Quorums::majority(VOTERS.map(ServerId)), LIMITS);
        let mut run = Run { checker, step: 0, ticket: 0 };
        for id in VOTERS {
            run.start(id, Zxid::ZERO, 0, 0);
        }
        run
    }

    fn next(&mut self) -> &mut Checker {
        self.step += 1;
        self.checker.begin_step(self.step);
        &mut self.checker
    }

    fn start(&mut self, id: i64, last: Zxid, accepted: u32, current: u32) {
        self.next().on_start(ServerId(id), &recovered(last, accepted, current));
    }

    fn event(&mut self, id: i64, event: Event) {
        self.next().on_event(ServerId(id), &event);
    }

    fn sent(&mut self, id: i64, to: i64, kind: PacketKind, zxid: Zxid) {
        self.event(id, Event::PacketSent { to: ServerId(to), kind, zxid });
    }

    fn received(&mut self, id: i64, from: i64, kind: PacketKind, zxid: Zxid) {
        self.event(id, Event::PacketReceived { from: ServerId(from), kind, zxid });
    }

    fn issue(&mut self, id: i64, write: Write) {
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        self.next().on_persist_issued(ServerId(id), ticket, &write);
    }

    fn sync(&mut self, id: i64) {
        let through = Ticket(self.ticket);
        self.next().on_durable(ServerId(id), through);
    }

    fn persist(&mut self, id: i64, write: Write) {
        self.issue(id, write);
        self.sync(id);
    }

    fn accept(&mut self, id: i64, epoch: u32) {
        self.persist(id, Write::SetAcceptedEpoch(Epoch(epoch)));
    }

    fn adopt(&mut self, id: i64, epoch: u32) {
        self.persist(id, Write::SetCurrentEpoch(Epoch(epoch)));
    }

    fn append(&mut self, id: i64, zxid: Zxid) {
        self.persist(id, record(zxid));
    }

    fn cut(&mut self, id: i64, after: Zxid) {
        self.persist(id, Write::Truncate { after });
    }

    fn role(&mut self, id: i64, role: Role) {
        self.event(id, Event::RoleChanged { role, leader: None });
    }

    /// A server becomes leader and chooses its epoch.
    fn lead(&mut self, id: i64, epoch: u32) {
        self.role(id, Role::Looking);
        self.role(id, Role::Leading);
        self.event(id, Event::EpochProposed { epoch: Epoch(epoch) });
        self.accept(id, epoch);
    }

    /// A server hears of a leader's epoch and promises to follow it.
    fn promise(&mut self, id: i64, leader: i64, epoch: u32, last: Zxid) {
        self.role(id, Role::Looking);
        self.role(id, Role::Following);
        self.sent(leader, id, PacketKind::LeaderInfo, z(epoch, 0));
        self.received(id, leader, PacketKind::LeaderInfo, z(epoch, 0));
        self.accept(id, epoch);
        self.sent(id, leader, PacketKind::AckEpoch, last);
        self.received(leader, id, PacketKind::AckEpoch, last);
    }

    /// A server takes over the epoch, all of whose history it has.
    fn follow(&mut self, id: i64, leader: i64, epoch: u32) {
        self.received(id, leader, PacketKind::NewLeader, z(epoch, 0));
        self.adopt(id, epoch);
        self.sent(id, leader, PacketKind::Ack, z(epoch, 0));
    }

    fn establish(&mut self, id: i64, epoch: u32) {
        self.event(id, Event::Established { epoch: Epoch(epoch) });
    }

    fn up_to_date(&mut self, id: i64, leader: i64) {
        self.received(id, leader, PacketKind::UpToDate, Zxid::ZERO);
    }

    /// A whole election by the book: the leader and one follower, both ending with `last`.
    fn elect(&mut self, leader: i64, follower: i64, epoch: u32, last: Zxid) {
        self.lead(leader, epoch);
        self.promise(follower, leader, epoch, last);
        self.adopt(leader, epoch);
        self.follow(follower, leader, epoch);
        self.establish(leader, epoch);
        self.up_to_date(follower, leader);
    }

    fn acked(&mut self, leader: i64, by: i64, zxid: Zxid) {
        self.event(leader, Event::Acked { zxid, by: ServerId(by) });
    }

    fn commit(&mut self, leader: i64, zxid: Zxid) {
        self.event(leader, Event::Committed { zxid });
    }

    fn apply(&mut self, id: i64, zxid: Zxid) {
        let session = SessionId(0);
        self.event(id, Event::Applied { zxid, op: CREATE, session, error: 0 });
    }

    /// A whole write by the book, up to its application at the leader and one follower.
    fn write(&mut self, leader: i64, follower: i64, zxid: Zxid) {
        self.append(leader, zxid);
        self.acked(leader, leader, zxid);
        self.append(follower, zxid);
        self.sent(follower, leader, PacketKind::Ack, zxid);
        self.acked(leader, follower, zxid);
        self.commit(leader, zxid);
        self.sent(leader, follower, PacketKind::Commit, zxid);
        self.apply(leader, zxid);
        self.commit(follower, zxid);
        self.apply(follower, zxid);
    }

    fn told(&mut self, zxid: Zxid) {
        self.called(1, 7);
        self.answered(7, zxid);
    }

    /// A client begins a write.
    fn called(&mut self, client: u32, call: u64) {
        let write = Request::Multi(Vec::new());
        self.checker.on_client_call(ClientId(client), CallId(call), &write);
    }

    /// A write is answered OK.
    fn answered(&mut self, call: u64, zxid: Zxid) {
        self.returned(1, call, zxid, Response::Empty);
    }

    /// A call of a client is answered OK.
    fn returned(&mut self, client: u32, call: u64, zxid: Zxid, response: Response) {
        let outcome = Outcome { zxid: Some(zxid), result: Ok(response) };
        self.next().on_client_return(ClientId(client), CallId(call), &outcome);
    }

    fn crash(&mut self, id: i64) {
        self.next().on_crash(ServerId(id));
    }

    fn vote(&mut self, id: i64, zxid: Zxid, epoch: u32) {
        let (leader, peer_epoch) = (ServerId(id), Epoch(epoch));
        let vote = Vote { leader, zxid, election_epoch: ElectionEpoch(1), peer_epoch };
        self.event(id, Event::VoteChanged { vote, reason: Reason::OwnVote });
    }

    /// Ends the run and compares all that was broken.
    fn breaks(mut self, expected: Expect) {
        self.next().on_end();
        let lines =
            self.checker.violations().iter().map(|violation| wrapped(&violation.to_string()));
        expected.assert_eq(&lines.collect::<String>());
    }
}

/// The text in lines of at most 80 columns, all but the first one indented.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        if column > 0 && column + word.len() > 80 {
            lines.push_str("\n   ");
            column = 3;
        }
        if column > 0 {
            lines.push(' ');
        }
        lines.push_str(word);
        column += word.len() + 1;
    }
    lines + "\n"
}

fn record(zxid: Zxid) -> Write {
    Write::Append { zxid, record: Bytes::from(format!("txn {zxid}")) }
}

/// Elections, writes, lost and surviving tails, TRUNC, SNAP and a wiped disk, all by the book.
#[test]
fn a_good_run_breaks_nothing() {
    let mut run = Run::new();
    run.vote(3, Zxid::ZERO, 0);
    run.elect(3, 2, 1, Zxid::ZERO);
    run.write(3, 2, z(1, 1));
    run.told(z(1, 1));
    // The leader logs one more, which nobody else gets, and all crash.
    run.append(3, z(1, 2));
    run.issue(3, record(z(1, 3)));
    for id in VOTERS {
        run.crash(id);
    }
    run.start(1, Zxid::ZERO, 0, 0);
    run.start(2, z(1, 1), 1, 1);
    run.lead(2, 2);
    run.promise(1, 2, 2, Zxid::ZERO);
    run.adopt(2, 2);
    run.append(1, z(1, 1));
    run.apply(1, z(1, 1));
    run.follow(1, 2, 2);
    run.establish(2, 2);
    run.up_to_date(1, 2);
    run.write(2, 1, z(2, 1));
    // The old leader comes back with a longer tail: what was not synced has survived.
    run.start(3, z(1, 3), 1, 1);
    run.vote(3, z(1, 3), 1);
    run.promise(3, 2, 2, z(1, 3));
    run.cut(3, z(1, 1));
    run.checker.on_reload(ServerId(3), &recovered(z(1, 1), 2, 1));
    run.event(3, Event::Truncated { after: z(1, 1) });
    run.append(3, z(2, 1));
    run.apply(3, z(2, 1));
    run.follow(3, 2, 2);
    run.up_to_date(3, 2);
    run.crash(1);
    run.checker.on_wiped(ServerId(1));
    run.start(1, Zxid::ZERO, 0, 0);
    run.promise(1, 2, 2, Zxid::ZERO);
    let state = Database { last_zxid: z(2, 1), ..Database::default() };
    run.persist(1, Write::InstallSnapshot { state: Box::new(state) });
    run.event(1, Event::SnapshotInstalled { zxid: z(2, 1) });
    run.follow(1, 2, 2);
    run.up_to_date(1, 2);
    run.write(2, 1, z(2, 2));
    run.told(z(2, 2));
    run.breaks(expect![[""]]);
}

/// Three servers with one committed write, led by 3 in epoch 1 and followed by 2.
fn after_one_write() -> Run {
    let mut run = Run::new();
    run.elect(3, 2, 1, Zxid::ZERO);
    run.write(3, 2, z(1, 1));
    run
}

/// A bad run tells of each invariant once, where it broke first, and knows them all by name.
#[test]
fn the_first_violation_of_each_is_kept() {
    let mut run = Run::new();
    run.adopt(1, 1);
    run.accept(2, 2);
    run.accept(2, 1);
    let broken: Vec<_> = run.checker.violations().iter().map(|v| (v.invariant, v.step)).collect();
    assert_eq!(broken, [(Invariant::L6, 5)]);
    assert!(Invariant::ALL.iter().all(|one| one.id().len() >= 2 && one.sentence().ends_with('.')));
}
