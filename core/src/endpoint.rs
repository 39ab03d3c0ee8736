//! A whole server over bytes: framing and handshakes around the typed [`Peer`].
//!
//! Every connection is of one of three kinds, and each kind cuts its stream in its own way. Bytes
//! that cannot be understood end their connection, never the server. Not here: any decision.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::hash::{Hash, Hasher};

use crate::config::Config;
use crate::peer::Peer;
use crate::policy::Policy;
use crate::process::{Effect, Input, Out, PortKind, Process};
use crate::shared::Shared;
use crate::storage::Recovered;
use crate::storage::snapshot::BodyDecoder;
use crate::trace::Role;
use crate::tree::Database;
use crate::types::{ConnId, ElectionEpoch, Mono, Now, Path, ServerId, SessionId, Zxid};
use crate::view::{ClientTimes, ServerView, Stats};
use crate::wire::election::{InitialMessage, Notification};
use crate::wire::frame::FrameBuffer;
use crate::wire::quorum::{PacketKind, QuorumPacket};
use crate::wire::{SET_TRACE_MASK, four_letter_word};
use crate::zab::history::History;

/// A server.
#[derive(Clone, Debug, Hash)]
pub struct Endpoint<P: Policy> {
    peer: Peer<P>,
    connections: BTreeMap<ConnId, Stream>,
}

/// One connection's stream, and how it is cut.
#[derive(Clone, Debug, Hash)]
enum Stream {
    /// Frames, or one four-letter word.
    Client { buffer: FrameBuffer, spoke: bool },
    /// A greeting (not on a connection that was dialed), then notifications.
    Election { buffer: FrameBuffer, greeted: bool },
    /// Packets without a length; behind a SNAP the tree.
    Quorum { buffer: FrameBuffer, snapshot: Option<Box<BodyDecoder>> },
}

/// What the next bytes of a stream were.
enum Next {
    /// Nothing whole.
    Nothing,
    /// With the number behind it, 0 for a word that takes none.
    Word([u8; 4], i64),
    Frame(Bytes),
    Greeting(InitialMessage),
    Notification(Notification),
    Packet(QuorumPacket),
    Snapshot(Database),
    /// They break the protocol.
    Broken,
}

impl<P: Policy> Endpoint<P> {
    /// A server as it comes up: its configuration, what recovery read from its disk, the seed of
    /// its random numbers, and the decisions it makes.
    ///
    /// # Panics
    /// If `config` names an ensemble without this server.
    pub fn new(config: Config, recovered: Recovered, seed: u64, policy: P) -> Self {
        let peer = Peer::new(Shared::new(config, recovered, seed, policy));
        Endpoint { peer, connections: BTreeMap::new() }
    }

    /// What the nonces of SASL are made with: 32 bytes of real randomness. Only before
    /// [`Input::Start`]. Without it they can be foretold, which only a simulation may bear.
    pub fn set_nonce_key(&mut self, key: [u8; 32]) {
        self.peer.shared.clients.set_nonce_key(key);
    }

    /// Begins with this election round instead of 0, as if it had voted before. Only before
    /// [`Input::Start`].
    pub fn preset_round(&mut self, round: ElectionEpoch) {
        self.peer.round = round;
    }

    /// Sets the zxid counter with which it first leads. Its history jumps there when it adopts the
    /// epoch, as if so many transactions had been, and learners follow by SNAP. For simulations
    /// that must see a counter run out.
    pub fn preset_counter(&mut self, counter: u32) {
        self.peer.shared.first_counter = Some(counter);
    }

    /// Its tree and sessions, as of the last applied transaction.
    pub fn database(&self) -> &Database {
        &self.peer.shared.database
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.peer.shared.config
    }

    /// What each client's connection did last.
    pub fn client_times(&self) -> Vec<(ConnId, ClientTimes)> {
        self.peer.shared.clients.times()
    }

    /// Which sessions watch the data of which path here.
    pub fn data_watches(&self) -> Vec<(Path, Vec<SessionId>)> {
        self.peer.shared.clients.data_watches()
    }

    /// Counts the frames and times of each client's connection anew.
    pub fn reset_client_times(&mut self) {
        self.peer.shared.clients.reset_times();
    }

    /// Counts the frames of all clients, how long their requests take, and the sizes of proposals
    /// anew.
    pub fn reset_stats(&mut self) {
        let Stats { elections, proposals, commits, .. } = self.peer.shared.stats;
        let Stats { syncs_diff, syncs_trunc, syncs_snap, .. } = self.peer.shared.stats;
        self.peer.shared.stats = Stats {
            elections,
            proposals,
            commits,
            syncs_diff,
            syncs_trunc,
            syncs_snap,
            proposal_size_last: -1,
            proposal_size_min: -1,
            proposal_size_max: -1,
            ..Stats::default()
        };
    }

    /// Its decisions.
    pub fn policy(&self) -> &P {
        &self.peer.shared.policy
    }

    /// The recent end of its history: what is applied, and what is only in the log.
    pub fn history(&self) -> &History {
        &self.peer.shared.history
    }

    /// What it does.
    pub fn role(&self) -> Role {
        self.peer.role()
    }

    /// Whether it answers clients.
    pub fn is_serving(&self) -> bool {
        self.peer.shared.clients.is_serving()
    }

    /// Whether its next timer brings it on by itself.
    pub fn goes_on_by_timer(&self) -> bool {
        self.peer.goes_on_by_timer()
    }

    /// The server that it follows, or leads as.
    pub fn leader(&self) -> Option<ServerId> {
        self.peer.leader()
    }

    /// The last transaction that it knows to be committed while it serves.
    pub fn committed(&self) -> Option<Zxid> {
        self.peer.committed()
    }

    fn on_up(
        &mut self,
        now: Now,
        conn: ConnId,
        port: PortKind,
        (remote, subject): (String, Option<String>),
        out: &mut Out<Effect>,
    ) {
        let buffer = FrameBuffer::default();
        let stream = match port {
            PortKind::Client => Stream::Client { buffer, spoke: false },
            PortKind::Election => Stream::Election { buffer, greeted: conn.is_outgoing() },
            PortKind::Quorum => Stream::Quorum { buffer, snapshot: None },
        };
        self.connections.insert(conn, stream);
        match port {
            PortKind::Client => self.peer.on_client_up(conn, remote, subject, out),
            PortKind::Election if conn.is_outgoing() => self.peer.on_election_dialed(conn, out),
            PortKind::Election => {}
            PortKind::Quorum => self.peer.on_quorum_up(now, conn, out),
        }
    }

    /// A connection that could not be opened was never up: its kind is not known here.
    fn on_down(&mut self, now: Now, conn: ConnId, out: &mut Out<Effect>) {
        match self.connections.remove(&conn) {
            Some(Stream::Client { .. }) => self.peer.on_client_down(conn),
            Some(Stream::Election { .. }) => self.peer.on_election_down(conn),
            Some(Stream::Quorum { .. }) => self.peer.on_quorum_down(now, conn, out),
            None => {
                self.peer.on_election_down(conn);
                self.peer.on_quorum_down(now, conn, out);
            }
        }
    }

    fn on_bytes(&mut self, now: Now, conn: ConnId, chunk: Bytes, out: &mut Out<Effect>) {
        let Some(stream) = self.connections.get_mut(&conn) else { return };
        stream.buffer().push(chunk);
        if let Stream::Quorum { .. } = stream {
            self.peer.on_quorum_heard(now, conn);
        }
        self.read_on(now, conn, out);
    }

    /// Takes everything whole off the stream. A handler may end the connection in between.
    fn read_on(&mut self, now: Now, conn: ConnId, out: &mut Out<Effect>) {
        while !self.peer.is_paused(conn) {
            let Some(stream) = self.connections.get_mut(&conn) else { return };
            let seen = out.effects.len();
            match stream.next(self.peer.shared.config.jute_max_buffer) {
                Next::Nothing => return,
                Next::Word(word, argument) => {
                    self.connections.remove(&conn);
                    self.peer.on_client_down(conn);
                    out.push(Effect::Command { conn, word, argument });
                    return;
                }
                Next::Frame(frame) => self.peer.on_client_frame(now, conn, frame, out),
                Next::Greeting(greeting) => self.peer.on_greeting(conn, &greeting, out),
                Next::Notification(notification) => {
                    self.peer.on_notification(now, conn, &notification, out);
                }
                Next::Packet(packet) => self.peer.on_quorum_packet(now, conn, packet, out),
                Next::Snapshot(database) => self.peer.on_snapshot(now, conn, database, out),
                Next::Broken => {
                    self.on_down(now, conn, out);
                    out.push(Effect::Disconnect { conn });
                    return;
                }
            }
            self.forget_disconnected(seen, out);
        }
    }

    /// What the peer hung up is no stream any more.
    fn forget_disconnected(&mut self, seen: usize, out: &Out<Effect>) {
        for effect in &out.effects[seen..] {
            if let Effect::Disconnect { conn } = effect {
                self.connections.remove(conn);
            }
        }
    }

    /// Clients that were not read for a while may have whole frames in their buffers.
    fn resume_paused(&mut self, now: Now, seen: usize, out: &mut Out<Effect>) {
        let mut at = seen;
        while at < out.effects.len() {
            if let Effect::ResumeReads { conn } = out.effects[at] {
                self.read_on(now, conn, out);
            }
            at += 1;
        }
    }
}

impl<P: Policy> Process for Endpoint<P> {
    type Input = Input;
    type Effect = Effect;
    type View = ServerView;

    fn handle(&mut self, now: Now, input: Input, out: &mut Out<Effect>) {
        let seen = out.effects.len();
        match input {
            Input::Start => self.peer.start(now, out),
            Input::ConnUp { conn, port, remote, subject } => {
                self.on_up(now, conn, port, (remote, subject), out);
            }
            Input::ConnDown { conn } => self.on_down(now, conn, out),
            Input::Bytes { conn, chunk } => self.on_bytes(now, conn, chunk, out),
            Input::Drained { conn, through } => self.peer.on_drained(now, conn, through, out),
            Input::Datagram { from, bytes } => self.peer.on_datagram(now, from, &bytes, out),
            Input::Tick => self.peer.on_tick(now, out),
            Input::Persisted { through } => self.peer.on_persisted(now, through, out),
            Input::PersistFailed { ticket, error } => {
                let why = format!("write {ticket} failed and is not tried again: {error}");
                self.peer.halt(why, out);
            }
            Input::Reloaded { ticket, recovered } => {
                self.peer.on_reloaded(now, ticket, *recovered, out);
            }
            Input::LogRead { conn, records } => self.peer.on_log_read(conn, records, out),
            Input::SnapshotDone { .. } | Input::SnapshotFailed { .. } => {
                self.peer.shared.on_snapshot_ended();
            }
        }
        self.peer.keep_up(out);
        self.forget_disconnected(seen, out);
        self.resume_paused(now, seen, out);
    }

    fn deadline(&self) -> Option<Mono> {
        self.peer.deadline()
    }

    fn view(&self) -> ServerView {
        self.peer.view()
    }

    fn fingerprint(&self, mut hasher: &mut dyn Hasher) {
        self.hash(&mut hasher);
    }
}

impl Stream {
    fn buffer(&mut self) -> &mut FrameBuffer {
        match self {
            Stream::Client { buffer, .. }
            | Stream::Election { buffer, .. }
            | Stream::Quorum { buffer, .. } => buffer,
        }
    }

    fn next(&mut self, frame_max: usize) -> Next {
        match self {
            Stream::Client { buffer, spoke } => next_of_client(buffer, spoke, frame_max),
            Stream::Election { buffer, greeted: greeted @ false } => {
                let greeting = InitialMessage::decode(buffer);
                *greeted = matches!(greeting, Ok(Some(_)));
                to_next(greeting, Next::Greeting)
            }
            Stream::Election { buffer, greeted: true } => {
                to_next(Notification::decode(buffer), Next::Notification)
            }
            Stream::Quorum { buffer, snapshot: snapshot @ None } => {
                let packet = QuorumPacket::decode(buffer);
                if let Ok(Some(packet)) = &packet
                    && packet.kind == PacketKind::Snap
                {
                    *snapshot = Some(Box::default());
                }
                to_next(packet, Next::Packet)
            }
            Stream::Quorum { buffer, snapshot: snapshot @ Some(_) } => {
                let Some(decoder) = snapshot else { return Next::Nothing };
                let mut chunk = buffer.take(buffer.len());
                let database = decoder.push(&mut chunk);
                buffer.push(chunk);
                if matches!(database, Ok(Some(_))) {
                    *snapshot = None;
                }
                to_next(database, Next::Snapshot)
            }
        }
    }
}

fn next_of_client(buffer: &mut FrameBuffer, spoke: &mut bool, frame_max: usize) -> Next {
    if !*spoke {
        let Some(word) = buffer.peek().first_chunk::<4>() else { return Next::Nothing };
        let word = *word;
        if &word == SET_TRACE_MASK {
            let Some(mask) = buffer.peek()[4..].first_chunk::<8>() else { return Next::Nothing };
            let mask = i64::from_be_bytes(*mask);
            *spoke = true;
            return Next::Word(word, mask);
        }
        *spoke = true;
        if four_letter_word(word) {
            return Next::Word(word, 0);
        }
    }
    to_next(buffer.next_frame(frame_max), Next::Frame)
}

fn to_next<T, E>(decoded: Result<Option<T>, E>, make: impl FnOnce(T) -> Next) -> Next {
    match decoded {
        Ok(Some(value)) => make(value),
        Ok(None) => Next::Nothing,
        Err(_) => Next::Broken,
    }
}
