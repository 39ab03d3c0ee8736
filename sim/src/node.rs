//! One server of a world: its process while it runs, and what outlives the process.

use std::collections::BTreeSet;

use zablab_core::config::Config;
use zablab_core::endpoint::Endpoint;
use zablab_core::policy::Policy;
use zablab_core::process::PortKind;
use zablab_core::types::ConnId;

use crate::agenda::Entry;
use crate::clock::Clock;
use crate::disk::Disk;
use crate::given::{Given, ServerGiven};
use zablab_core::types::ServerId;

/// One server.
#[derive(Clone, Debug)]
pub struct Node<P: Policy> {
    /// What it reads at every start.
    pub config: Config,
    /// The running process.
    pub(crate) process: Option<Endpoint<P>>,
    /// Its clocks.
    pub(crate) clock: Clock,
    /// Its disk.
    pub(crate) disk: Disk,
    /// The ports on which it accepts connections.
    pub(crate) listening: BTreeSet<PortKind>,
    /// How many connections it has accepted since its start.
    pub(crate) accepted: u64,
    /// How often it was started.
    pub(crate) starts: u32,
    /// Its timer on the agenda.
    pub(crate) timer: Option<Entry>,
}

impl<P: Policy> Node<P> {
    /// A server that is down, as the world begins.
    pub(crate) fn new(given: &Given, sid: ServerId, server: &ServerGiven) -> Node<P> {
        Node {
            config: given.config(sid),
            process: None,
            clock: Clock::new(server.clock_ppm, given.timing.wall),
            disk: Disk::default(),
            listening: BTreeSet::new(),
            accepted: 0,
            starts: 0,
            timer: None,
        }
    }

    /// The process, while it runs.
    pub fn process(&self) -> Option<&Endpoint<P>> {
        self.process.as_ref()
    }

    /// True while the process runs.
    pub fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// The disk.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The clocks.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The name of the next connection that it accepts.
    pub(crate) fn next_conn(&mut self) -> ConnId {
        self.accepted += 1;
        ConnId(self.accepted)
    }
}
