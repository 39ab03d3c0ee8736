//! A whole server over bytes: framing and handshakes around the typed peer.

use alloc::string::String;
use core::hash::Hasher;

use crate::config::Config;
use crate::policy::Policy;
use crate::process::{Effect, Input, Out, Process};
use crate::storage::Recovered;
use crate::tree::Database;
use crate::types::{Mono, Now};
use crate::view::ServerView;

/// A server.
#[derive(Clone, Debug)]
pub struct Endpoint<P: Policy> {
    policy: P,
    config: Config,
    database: Database,
}

/// Why a server cannot start with what it was given.
pub type StartError = String;

impl<P: Policy> Endpoint<P> {
    /// A server as it comes up: its configuration, what recovery read from its disk, the seed of
    /// its random numbers, and the decisions it makes.
    pub fn new(config: Config, recovered: Recovered, seed: u64, policy: P) -> Self {
        let _ = seed;
        Endpoint { policy, config, database: recovered.database }
    }

    /// Its tree and sessions, as of the last applied transaction.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its decisions.
    pub fn policy(&self) -> &P {
        &self.policy
    }
}

impl<P: Policy> Process for Endpoint<P> {
    type Input = Input;
    type Effect = Effect;
    type View = ServerView;

    fn handle(&mut self, _now: Now, _input: Input, _out: &mut Out<Effect>) {}

    fn deadline(&self) -> Option<Mono> {
        None
    }

    fn view(&self) -> ServerView {
        unimplemented!("written next")
    }

    fn fingerprint(&self, _hasher: &mut dyn Hasher) {}
}
