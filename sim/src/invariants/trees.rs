//! Z16 where it needs trees: servers that have applied the same history hold the same state.
//!
//! The other rules know histories and not what they do; a server whose tree lacks what its log
//! says would satisfy them. The tree's digest and the sessions are compared with those of the
//! first server that stood there. Deliberately not here: what replaying the history gives.
//! Source: part B.1 of the correctness notes; ZooKeeper's digests of trees (ZOOKEEPER-3114).

use std::hash::{Hash, Hasher};

use zablab_core::sorted::SortedMap;
use zablab_core::tree::Database;
use zablab_core::types::{ServerId, Zxid};

use super::facts::Facts;
use super::{Invariant, Report};
use crate::fingerprint::Fnv;

/// The state after each transaction behind which a serving server ever stood.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Trees {
    first: SortedMap<Zxid, (State, ServerId)>,
}

/// A state, as far as it is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
struct State {
    tree: u64,
    sessions: u64,
}

impl State {
    fn of(database: &Database) -> State {
        let mut sessions = Fnv::default();
        database.sessions.iter().for_each(|session| session.hash(&mut sessions));
        State { tree: database.tree.digest(), sessions: sessions.finish() }
    }
}

impl Trees {
    /// A server has applied something, or begins to serve.
    pub(super) fn stands(
        &mut self,
        facts: &Facts,
        id: ServerId,
        database: &Database,
        report: &mut Report,
    ) {
        let (server, zxid) = (facts.server(id), database.last_zxid);
        // Other rules judge a server whose history is not that of the others.
        let is_known = facts.histories.last(server.tree) == zxid && facts.is_committed(server.tree);
        if !server.serving || !is_known {
            return;
        }
        let state = State::of(database);
        let (first, other) = *self.first.entry(zxid).or_insert((state, id));
        if first != state {
            let what = if first.tree == state.tree { "sessions are" } else { "tree is" };
            let why = format!(
                "servers {id} and {other} both applied all up to {zxid:?}, but their {what} not \
                 the same"
            );
            report.broken(Invariant::Z16, [id, other], why);
        }
    }
}
