//! One server of a world: its process while it runs, and what outlives the process.

use zablab_core::config::Config;
use zablab_core::endpoint::Endpoint;
use zablab_core::paxos::Paxos;
use zablab_core::process::PortKind;
use zablab_core::sorted::SortedSet;
use zablab_core::types::{ConnId, Mono, ServerId};

use crate::agenda::Entry;
use crate::clock::Clock;
use crate::disk::Disk;
use crate::given::{Given, ServerGiven};
use crate::io::{self, Batch, Busy, GivenDiskError, Io, NoConfig};
use crate::paxos::RunningPaxos;
use crate::teaching::Teaching;

/// One server.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) config: Config,
    pub(crate) running: Option<Running>,
    /// In the place of `running`, if it is a Paxos process.
    pub(crate) paxos: Option<Box<RunningPaxos>>,
    pub(crate) clock: Clock,
    pub(crate) disk: Disk,
    /// How long a sync takes, in µs.
    pub(crate) sync_us: u64,
    /// True if the next sync fails.
    pub(crate) sync_fails: bool,
    /// A copy of the disk, if one was made.
    pub(crate) copy: Option<Disk>,
    /// How often it was started.
    pub(crate) starts: u32,
    pub(crate) timer: Option<Entry>,
    /// When the timer was set.
    pub(crate) timer_since: Mono,
    pub(crate) io_done: Option<Entry>,
    pub(crate) snapshot_done: Option<Entry>,
}

/// What the disk of a server has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskWork {
    /// Everything is durable.
    Nothing,
    /// A batch, or a reload, is under way.
    UnderWay,
    /// Something waits for a sync.
    Waiting,
    /// The next sync is going to fail.
    Failing,
}

/// What ends with the process.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) process: Endpoint<Teaching>,
    pub(crate) io: Io,
    /// The ports on which it accepts connections.
    pub(crate) listening: SortedSet<PortKind>,
    /// How many connections it has accepted.
    pub(crate) accepted: u64,
    /// Why it wants to end, if it does.
    pub(crate) halted: Option<String>,
}

impl Node {
    /// A server that is down, as the world begins.
    ///
    /// # Errors
    /// If no server could have left the disk that is given.
    pub(crate) fn new(
        given: &Given,
        sid: ServerId,
        server: &ServerGiven,
    ) -> Result<Node, GivenDiskError> {
        let mut disk = match &server.paxos {
            Some(paxos) => paxos.disk(),
            None => io::fill(&server.disk)?,
        };
        if given.timing.reconfig {
            io::put_config(&mut disk)?;
        }
        Ok(Node {
            config: given.config(sid),
            running: None,
            paxos: None,
            clock: Clock::new(server.clock_ppm, given.timing.wall),
            disk,
            sync_us: given.timing.sync_us,
            sync_fails: false,
            copy: None,
            starts: 0,
            timer: None,
            timer_since: Mono(0),
            io_done: None,
            snapshot_done: None,
        })
    }

    /// What it reads at every start; `me` may be wrong.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The process, while it runs.
    pub fn process(&self) -> Option<&Endpoint<Teaching>> {
        self.running.as_ref().map(|running| &running.process)
    }

    /// The process while it runs, if it is one of Paxos.
    pub fn paxos(&self) -> Option<&Paxos<Teaching>> {
        self.paxos.as_ref().map(|running| &running.process)
    }

    /// True while the process runs.
    pub fn is_up(&self) -> bool {
        self.running.is_some() || self.paxos.is_some()
    }

    /// True if it was taken out of the ensemble: it goes on if it runs, but starts no more.
    pub fn is_left_out(&self) -> bool {
        matches!(io::read_config(&self.disk, &self.config), Err(NoConfig::LeftOut { .. }))
    }

    /// The copy of the disk, if one was made.
    pub fn copy(&self) -> Option<&Disk> {
        self.copy.as_ref()
    }

    /// The disk.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// When its timer was set and when it fires, in the world's time, if one is set.
    pub fn timer(&self) -> Option<(Mono, Mono)> {
        self.timer.map(|entry| (self.timer_since, entry.due))
    }

    /// What its disk has to do.
    pub fn disk_work(&self) -> DiskWork {
        let io = self.running.as_ref().map(|running| &running.io);
        let paxos_writes = self.paxos.as_ref().is_some_and(|running| running.io.busy().is_some());
        if self.sync_fails {
            DiskWork::Failing
        } else if paxos_writes || io.is_some_and(|io| io.busy().is_some()) {
            DiskWork::UnderWay
        } else if io.is_some_and(Io::has_queue) || self.disk.unsynced() > 0 {
            DiskWork::Waiting
        } else {
            DiskWork::Nothing
        }
    }

    /// Whether its log is being cut.
    pub(crate) fn is_cutting(&self) -> bool {
        let busy = self.running.as_ref().and_then(|running| running.io.busy());
        matches!(busy, Some(Busy::Writes { what: Batch::Cut, .. }))
    }

    /// The clocks.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl Running {
    /// The name of the next connection that it accepts.
    pub(crate) fn next_conn(&mut self) -> ConnId {
        self.accepted += 1;
        ConnId(self.accepted)
    }
}
