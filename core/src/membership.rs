//! Which configuration is in force at this server, and which one it has seen proposed.
//!
//! While there is a later one that was seen, every quorum is one of both. A configuration is
//! durable before anything leaves that depends on it: it is written in front of the proposal that
//! brings it, or of the acknowledgement of NEWLEADER. Without `reconfigEnabled` nothing changes.
//! Source: Java's `QuorumPeer.setLastSeenQuorumVerifier`, `processReconfig`; Shraer, Reed, Malkhi,
//! Junqueira, "Dynamic Reconfiguration of Primary/Backup Clusters" (2012).
//! Not here: the request ([`crate::request::reconfig`]) and the agreement ([`crate::zab`]).

use crate::config::{Ensemble, PeerRole, ServerEntry};
use crate::policy::Policy;
use crate::process::{Effect, Out, PortKind};
use crate::quorum::Quorums;
use crate::shared::Shared;
use crate::storage::{ConfigInForce, Write};
use crate::trace::Event;
use crate::txn::{LogRecord, Txn};
use crate::types::{ServerId, Zxid};
use alloc::boxed::Box;

/// The quorums of what is in force and what may come.
pub fn quorums_of(current: Option<&Ensemble>, next: Option<&Ensemble>) -> Quorums {
    let Some(current) = current else { return Quorums::default() };
    match next {
        Some(next) => current.quorums().and(next.quorums()),
        None => current.quorums(),
    }
}

/// The configuration that a transaction brings, if it is a reconfiguration.
pub fn brought_by(record: &LogRecord) -> Option<Ensemble> {
    let Txn::SetData { data, reconfig: true, .. } = &record.txn else { return None };
    let text = core::str::from_utf8(data.as_deref()?).ok()?;
    Ensemble::parse(text).ok()
}

impl<P: Policy> Shared<P> {
    /// The later configuration that was seen, if there is one.
    pub fn next(&self) -> Option<&Ensemble> {
        self.config.next.as_ref()
    }

    /// The last configuration that was seen: the one in force if no later one is proposed.
    pub fn last_seen(&self) -> &Ensemble {
        self.next().unwrap_or_else(|| self.ensemble())
    }

    /// The line of a server, in the configuration in force or in the next one.
    pub fn entry_of(&self, sid: ServerId) -> Option<&ServerEntry> {
        self.ensemble().line_of(self.next(), sid)
    }

    /// Whether this server votes by the configuration in force.
    pub fn is_voter(&self) -> bool {
        self.ensemble().is_voter(self.me())
    }

    /// A configuration was proposed. It is handed to the disk before whatever depends on it.
    pub fn see_config(&mut self, seen: Ensemble, out: &mut Out<Effect>) {
        if !self.config.rules.reconfig || *self.last_seen() == seen {
            return;
        }
        let version = Zxid(seen.version);
        let next = Some(seen).filter(|seen| seen.version > self.ensemble().version);
        if next.is_none() && self.config.next.is_none() {
            return;
        }
        self.disk.persist(Write::SetNextConfig(next.clone()), out);
        self.config.next = next;
        self.count_anew();
        out.milestone(Event::ConfigSeen { version });
    }

    /// The configuration of a record that is about to be logged was proposed.
    pub fn see_config_of(&mut self, record: &LogRecord, out: &mut Out<Effect>) {
        if let Some(seen) = brought_by(record) {
            self.see_config(seen, out);
        }
    }

    /// A configuration is in force. Returns whether its members, not only its version, are others.
    pub fn activate(&mut self, config: Ensemble, out: &mut Out<Effect>) -> bool {
        if !self.config.rules.reconfig || config.version <= self.ensemble().version {
            return false;
        }
        let (me, version) = (self.me(), config.version);
        let is_done = self.next().is_some_and(|next| next.version <= version);
        self.was_member |= config.servers.contains_key(&me);
        if self.was_member {
            let file = self.config.file.clone();
            let in_force = ConfigInForce { ensemble: config.clone(), me, file };
            self.disk.persist(Write::SetConfig(Box::new(in_force)), out);
        } else if is_done {
            // Who is to join starts again with what an operator wrote, which has a line for it.
            self.disk.persist(Write::SetNextConfig(None), out);
        }
        if is_done {
            self.config.next = None;
        }
        let before = self.config.ensemble.replace(config);
        self.count_anew();
        self.show_config();
        out.milestone(Event::ConfigActivated { version: Zxid(version) });
        let after = self.ensemble();
        let is_other = before.is_none_or(|before| {
            before.servers != after.servers || before.hierarchy != after.hierarchy
        });
        self.take_own_line(out);
        is_other
    }

    /// The znode of the configuration says what is in force; no transaction says so of the first
    /// one, nor of one that was learned while electing.
    pub fn show_config(&mut self) {
        if let Some(ensemble) = &self.config.ensemble {
            let text = ensemble.to_text();
            self.database.tree.show_config(text.into(), Zxid(ensemble.version));
        }
    }

    /// Its ports and its role are those of the configuration. Who is in none keeps the ports, and
    /// follows without a vote.
    fn take_own_line(&mut self, out: &mut Out<Effect>) {
        let Some(own) = &self.config.own else { return };
        let named = self.ensemble().servers.get(&self.me());
        let role = PeerRole::Participant;
        let entry = named.cloned().unwrap_or_else(|| ServerEntry { role, ..own.clone() });
        if let Some(client) = &entry.client
            && *client != self.config.client_addr
        {
            self.config.client_addr = client.clone();
            out.push(Effect::Unlisten { port: PortKind::Client });
            out.push(Effect::Listen { port: PortKind::Client, addr: client.clone() });
        }
        if entry.election != own.election {
            out.push(Effect::Unlisten { port: PortKind::Election });
            let addr = entry.election.clone();
            out.push(Effect::Listen { port: PortKind::Election, addr });
        }
        self.config.own = Some(entry);
    }

    fn count_anew(&mut self) {
        self.quorums = quorums_of(self.config.ensemble.as_ref(), self.config.next.as_ref());
    }
}
