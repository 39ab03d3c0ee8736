//! A session on a server that only reads looks for one that also writes.
//!
//! It asks one server after the other with the four-letter word `isro`, on a connection beside its
//! own, with growing pauses. Source: Java's `ClientCnxn.SendThread.pingRwServer`.

use alloc::vec::Vec;
use bytes::Bytes;

use super::{Phase, Session};
use crate::client::{Effect, Input};
use crate::limits::{CLIENT_SEARCH_MAX_MS, CLIENT_SEARCH_MIN_MS, CLIENT_SEARCH_WAIT_MS};
use crate::process::Out;
use crate::types::{ConnId, Mono};

/// The question, and the answer of a server that also writes.
const ISRO: &[u8] = b"isro";
const WRITES: &[u8] = b"rw";

/// How far the search is.
#[derive(Clone, Debug, Hash)]
pub(super) struct Search {
    pause_ms: u64,
    /// Which server is asked next, and when; or until when the one that is asked may answer.
    server: usize,
    due: Mono,
    probe: Option<Probe>,
}

/// A server that is being asked.
#[derive(Clone, Debug, Hash)]
struct Probe {
    conn: ConnId,
    server: usize,
    answer: Vec<u8>,
}

impl Search {
    /// Begins with this server.
    pub(super) fn new(now: Mono, server: usize) -> Search {
        let pause_ms = CLIENT_SEARCH_MIN_MS;
        Search { pause_ms, server, due: now.plus_ms(pause_ms), probe: None }
    }

    pub(super) fn deadline(&self) -> Mono {
        self.due
    }

    pub(super) fn is_on(&self, conn: ConnId) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.conn == conn)
    }

    /// Ends the search.
    pub(super) fn stop(self, out: &mut Out<Effect>) {
        if let Some(probe) = self.probe {
            out.push(Effect::Disconnect { conn: probe.conn });
        }
    }
}

impl Session {
    /// What a search wants of the clock: the next question, or the end of one without an answer.
    pub(super) fn search_on(&mut self, now: Mono, out: &mut Out<Effect>) {
        let Some(search) = self.search.as_mut().filter(|search| search.due <= now) else { return };
        if let Some(probe) = search.probe.take() {
            out.push(Effect::Disconnect { conn: probe.conn });
            return self.pause_search(now);
        }
        let (conn, server) = (ConnId::outgoing(self.next_conn), search.server);
        self.next_conn += 1;
        search.server = (server + 1) % self.settings.server_count;
        search.due = now.plus_ms(CLIENT_SEARCH_WAIT_MS);
        search.probe = Some(Probe { conn, server, answer: Vec::new() });
        out.push(Effect::Connect { conn, server });
    }

    /// What comes from the server that is being asked.
    pub(super) fn on_probe(&mut self, now: Mono, input: Input, out: &mut Out<Effect>) {
        let Some(probe) = self.search.as_mut().and_then(|search| search.probe.as_mut()) else {
            return;
        };
        match input {
            Input::ConnUp { conn } => {
                out.push(Effect::Send { conn, frame: Bytes::from_static(ISRO) });
            }
            Input::Bytes { conn, chunk } => {
                probe.answer.extend(chunk.iter().take(WRITES.len()));
                if probe.answer.len() < WRITES.len() {
                    return;
                }
                let (server, writes) = (probe.server, probe.answer.starts_with(WRITES));
                out.push(Effect::Disconnect { conn });
                self.pause_search(now);
                if writes && matches!(self.phase, Phase::Connected(_)) {
                    self.next_server = server;
                    self.give_up(now, out);
                }
            }
            Input::ConnDown { .. } => self.pause_search(now),
            Input::Start
            | Input::Tick
            | Input::Submit { .. }
            | Input::SubmitUnrooted { .. }
            | Input::Forget { .. }
            | Input::Close => {}
        }
    }

    fn pause_search(&mut self, now: Mono) {
        if let Some(search) = &mut self.search {
            search.probe = None;
            search.due = now.plus_ms(search.pause_ms);
            search.pause_ms = (2 * search.pause_ms).min(CLIENT_SEARCH_MAX_MS);
        }
    }
}
