//! What is true in a run, kept up to date in O(1) a step, for all invariants to read.
//!
//! Durable state is *shadowed*: writes are noted when a server issues them and count when the
//! simulated disk made them durable. Deliberately not here: any judgement; the rules do that.
//! Source: the notation at the head of part B of the correctness notes (`hist_i`, `del_i`, `C`).

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use zablab_core::config::{Config, ElectionAlg, Ensemble};
use zablab_core::membership::quorums_of;
use zablab_core::policy::Correct;
use zablab_core::quorum::Quorums;
use zablab_core::sorted::SortedMap;
use zablab_core::storage::{Recovered, Write};
use zablab_core::trace::{Event, Role};
use zablab_core::types::{Epoch, Epochs, ServerId, Ticket, Zxid};
use zablab_core::wire::quorum::PacketKind;

use super::histories::{Conflict, Histories, History, hash_of};

/// What a disk holds, as far as the protocol is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Disk {
    /// Both epoch files.
    pub(super) epochs: Epochs,
    /// Snapshot and log together.
    pub(super) history: History,
}

/// One period in which one server was LEADING.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(super) struct Tenure {
    /// Who.
    pub(super) server: ServerId,
    /// Which period of that server, counted over all its restarts.
    pub(super) number: u32,
}

/// What only a leader has.
#[derive(Clone, Debug, Hash)]
pub(super) struct Leading {
    /// Since when.
    pub(super) tenure: Tenure,
    /// Which epoch, once it chose one.
    pub(super) epoch: Option<Epoch>,
    /// The last transaction that it counted an acknowledgement of, by server.
    pub(super) acked: SortedMap<ServerId, Zxid>,
}

/// What only a learner has.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Following {
    /// Whom it follows.
    pub(super) leader: ServerId,
    /// The epoch that its LEADERINFO named.
    pub(super) epoch: Epoch,
    /// True if that epoch was new to it, so that its ACKEPOCH is a promise.
    pub(super) promising: bool,
}

/// One server.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    /// True if what a start finds must be what its writes have left; not before the first start,
    /// nor after its disk was tampered with.
    pub(super) known: bool,
    /// How often it was LEADING.
    tenures: u32,
    /// What a crash cannot take from it.
    pub(super) durable: Disk,
    /// The disk after each write that is issued but not durable.
    pending: VecDeque<(Ticket, Disk)>,
    /// What the disk held when it was wiped; the protocol cannot be blamed for its loss.
    pub(super) wiped: History,
    /// The greatest epoch that it ever promised durably, whatever became of its disk.
    pub(super) promised: Epoch,
    /// True while it is STANDALONE.
    alone: bool,
    /// Set while it leads.
    pub(super) leading: Option<Leading>,
    /// Set while it has a leader that sent LEADERINFO.
    pub(super) following: Option<Following>,
    /// Whom it followed last, crashes or not, until it leads: whose history its disk may claim.
    pub(super) adopting: Option<Following>,
    /// The transactions in its tree.
    pub(super) tree: History,
    /// The transactions that it delivered (`del_i`): those that its clients may have seen.
    pub(super) delivered: History,
    /// True from its establishment (UPTODATE for a learner) to the end of the role.
    pub(super) serving: bool,
    /// Whom it counts: by the configuration in force here, and the one that it has seen. None as
    /// long as that is the one of the start.
    quorums: Option<Quorums>,
    /// The one in force, and its version: only where the ensemble may change.
    config: (u64, Quorums),
    /// A later one that it has seen.
    next: Option<(u64, Quorums)>,
}

impl Server {
    /// What the disk will hold when all writes are durable, so what a reload would find.
    pub(super) fn issued(&self) -> Disk {
        self.pending.back().map_or(self.durable, |(_, disk)| *disk)
    }

    /// True if it commits by its own decision, not because a leader said so.
    pub(super) fn decides(&self) -> bool {
        self.leading.is_some() || self.alone
    }

    fn leave_role(&mut self) {
        self.alone = false;
        self.leading = None;
        self.following = None;
        self.serving = false;
    }
}

/// One durable change of a disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// The disk before.
    pub(super) before: Disk,
    /// The disk after.
    pub(super) after: Disk,
}

/// The state of all servers and the order that they agreed on.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// How leaders are elected.
    pub(super) election: ElectionAlg,
    /// Who votes, by the latest configuration that is in force anywhere.
    pub(super) quorums: Quorums,
    /// Its version.
    in_force: u64,
    /// Every configuration that was proposed, by version.
    configs: SortedMap<u64, Quorums>,
    /// Every log there ever was.
    pub(super) histories: Histories,
    /// The committed order (`C`, also `G`): at index n the first n transactions of it.
    committed: Vec<History>,
    /// Every server that was ever started.
    servers: SortedMap<ServerId, Server>,
    /// The history with which a leader began an epoch (`I_e`).
    initial: SortedMap<(ServerId, Epoch), History>,
}

impl Facts {
    /// Before the first start.
    pub(super) fn new(quorums: Quorums) -> Self {
        Facts {
            election: ElectionAlg::Fast,
            quorums,
            in_force: 0,
            configs: SortedMap::new(),
            histories: Histories::new(),
            committed: vec![History::EMPTY],
            servers: SortedMap::new(),
            initial: SortedMap::new(),
        }
    }

    /// Feeds all of it to a hasher, histories by what is in them.
    pub(super) fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Facts { histories, servers, initial, in_force, .. } = self;
        in_force.hash(hasher);
        let digest = |history: History| histories.digest(history);
        (histories.digest_of_all(), digest(self.committed())).hash(hasher);
        for (id, server) in servers {
            let Server { known, tenures, alone, serving, leading, following, adopting, .. } =
                server;
            (id, known, tenures, alone, serving, leading, following, adopting).hash(hasher);
            (&server.config, &server.quorums).hash(hasher);
            let Server { durable, pending, wiped, tree, delivered, promised, .. } = server;
            (durable.epochs, digest(durable.history), promised).hash(hasher);
            for (ticket, disk) in pending {
                (ticket, disk.epochs, digest(disk.history)).hash(hasher);
            }
            (digest(*wiped), digest(*tree), digest(*delivered)).hash(hasher);
        }
        for (of, history) in initial {
            (of, digest(*history)).hash(hasher);
        }
    }

    /// True if these, each named once, are a quorum of the configuration in force.
    pub(super) fn is_quorum(&self, servers: impl Iterator<Item = ServerId> + Clone) -> bool {
        self.quorums.is_quorum(&Correct, servers)
    }

    /// Whom this server counts: by the configuration in force there, and the next one if it has
    /// seen one.
    pub(super) fn quorums_of(&self, server: ServerId) -> &Quorums {
        let own = self.servers.get(&server).and_then(|server| server.quorums.as_ref());
        own.unwrap_or(&self.quorums)
    }

    /// True if these, each named once, are a quorum for this server.
    pub(super) fn is_quorum_of(
        &self,
        server: ServerId,
        servers: impl Iterator<Item = ServerId> + Clone,
    ) -> bool {
        self.quorums_of(server).is_quorum(&Correct, servers)
    }

    /// Whether these are a quorum of the configuration in force, and all that each of them counts.
    pub(super) fn can_lead(&self, up: impl Iterator<Item = ServerId> + Clone) -> bool {
        self.is_quorum(up.clone()) && up.clone().all(|id| self.is_quorum_of(id, up.clone()))
    }

    /// A process starts with these configurations.
    pub(super) fn configured(&mut self, id: ServerId, config: &Config) {
        if !config.rules.reconfig {
            return;
        }
        let version = config.ensemble.as_ref().map_or(0, |ensemble| ensemble.version);
        let server = self.server_mut(id);
        server.quorums = Some(quorums_of(config.ensemble.as_ref(), config.next.as_ref()));
        server.config = (version, quorums_of(config.ensemble.as_ref(), None));
        server.next = config.next.as_ref().map(|next| (next.version, next.quorums()));
        self.note_configs(config.ensemble.iter().chain(&config.next));
    }

    /// What these versions mean, the same everywhere; but each operator writes a first one.
    fn note_configs<'a>(&mut self, configs: impl Iterator<Item = &'a Ensemble>) {
        let agreed = configs.filter(|config| config.version > 0);
        self.configs.extend(agreed.map(|config| (config.version, config.quorums())));
    }

    /// A configuration was seen, or is in force.
    fn take_config(&mut self, id: ServerId, version: u64, is_in_force: bool) {
        let Some(quorums) = self.configs.get(&version).cloned() else { return };
        if is_in_force && version > self.in_force {
            self.in_force = version;
            self.quorums = quorums.clone();
        }
        let server = self.server_mut(id);
        match is_in_force {
            true => server.config = (version, quorums),
            false => server.next = Some((version, quorums)),
        }
        let (current, in_force) = &server.config;
        server.next = server.next.take().filter(|(next, _)| next > current);
        let next = server.next.as_ref().map(|(_, quorums)| quorums.clone());
        server.quorums = Some(match next {
            Some(next) => in_force.clone().and(next),
            None => in_force.clone(),
        });
    }

    /// One server; the hooks see to it that every server has an entry.
    pub(super) fn server(&self, server: ServerId) -> &Server {
        self.servers.get(&server).expect("a server is entered by its first hook")
    }

    /// All servers.
    pub(super) fn servers(&self) -> impl Iterator<Item = (ServerId, &Server)> + Clone {
        self.servers.iter().map(|(id, server)| (*id, server))
    }

    /// The whole committed order.
    pub(super) fn committed(&self) -> History {
        *self.committed.last().expect("it begins with the empty history")
    }

    /// True if every transaction of this history is committed, in this order.
    pub(super) fn is_committed(&self, history: History) -> bool {
        self.committed.get(self.histories.len(history)) == Some(&history)
    }

    /// True if this server was ever started.
    pub(super) fn knows(&self, server: ServerId) -> bool {
        self.servers.contains_key(&server)
    }

    /// How many transactions are committed.
    pub(super) fn committed_len(&self) -> usize {
        self.committed.len() - 1
    }

    /// What was committed in earlier epochs than this one.
    pub(super) fn committed_before(&self, epoch: Epoch) -> History {
        self.histories.cut(self.committed(), Zxid::new(epoch, 0))
    }

    /// The committed transactions that a history begins with.
    pub(super) fn committed_part(&self, history: History) -> History {
        self.histories.longest(history, |beginning| self.is_committed(beginning))
    }

    /// The history with which this leader began this epoch, if it did.
    pub(super) fn initial(&self, leader: ServerId, epoch: Epoch) -> Option<History> {
        self.initial.get(&(leader, epoch)).copied()
    }

    /// What the log of this server says about a transaction: the history that ends with it.
    /// Observers may apply what they do not log; then the first log that had it speaks.
    pub(super) fn logged(&self, server: ServerId, zxid: Zxid) -> Option<History> {
        let own = self.histories.up_to(self.server(server).issued().history, zxid);
        own.or_else(|| self.histories.first_with(zxid))
    }

    /// The transaction before this one in the history of a server; `None` if that is unknown.
    pub(super) fn before(&self, server: ServerId, zxid: Zxid) -> Option<Zxid> {
        let history = self.logged(server, zxid)?;
        let known = !self.histories.begins_unknown(history);
        known.then(|| self.histories.last(self.histories.parent(history)))
    }

    /// True while clients of this server are served.
    pub(super) fn serves(&self, server: ServerId) -> bool {
        self.server(server).serving
    }

    /// Makes sure that a server has an entry.
    pub(super) fn enter(&mut self, server: ServerId) {
        self.servers.entry(server).or_default();
    }

    fn server_mut(&mut self, server: ServerId) -> &mut Server {
        self.servers.entry(server).or_default()
    }

    /// A process starts. Returns false if the disk is none that a crash could have left.
    pub(super) fn start(&mut self, id: ServerId, recovered: &Recovered) -> bool {
        let histories = &mut self.histories;
        let server = self.servers.entry(id).or_default();
        let last = recovered.database.last_zxid;
        let possible = server.pending.iter().map(|(_, disk)| *disk).rev();
        let found = possible.chain([server.durable]).map(repaired(last)).find(|disk| {
            disk.epochs == recovered.epochs
                && histories.last(disk.history) == last
                && histories.ends_with(disk.history, &recovered.recent)
        });
        let disk = found.unwrap_or_else(|| Disk {
            epochs: recovered.epochs,
            history: histories.of_disk(last, recovered.oldest, &recovered.recent),
        });
        let explained = found.is_some() || !server.known;
        server.known = true;
        server.promised = server.promised.max(disk.epochs.accepted);
        server.durable = disk;
        server.pending.clear();
        server.tree = disk.history;
        explained
    }

    /// A running process has read its disk again. Returns false if that is not what is durable.
    pub(super) fn reload(&mut self, id: ServerId, recovered: &Recovered) -> bool {
        let server = self.servers.entry(id).or_default();
        let disk = server.durable;
        server.tree = disk.history;
        repaired(recovered.database.last_zxid)(disk).epochs == recovered.epochs
            && self.histories.last(disk.history) == recovered.database.last_zxid
            && self.histories.ends_with(disk.history, &recovered.recent)
    }

    /// A write was handed to the disk. Returns how an appended record disagrees with other logs.
    pub(super) fn issue(
        &mut self,
        id: ServerId,
        ticket: Ticket,
        write: &Write,
    ) -> Option<Conflict> {
        let server = self.servers.entry(id).or_default();
        let mut disk = server.issued();
        let mut conflict = None;
        match write {
            Write::Append { zxid, record } => {
                (disk.history, conflict) =
                    self.histories.append(disk.history, *zxid, hash_of(record));
            }
            Write::Truncate { after } => disk.history = self.histories.cut(disk.history, *after),
            Write::SetAcceptedEpoch(epoch) => disk.epochs.accepted = *epoch,
            Write::SetCurrentEpoch(epoch) => disk.epochs.current = *epoch,
            Write::InstallSnapshot { state } if server.leading.is_some() => {
                disk.history = self.histories.jump(disk.history, state.last_zxid);
            }
            Write::InstallSnapshot { state } => {
                disk.history = self.histories.of_snapshot(state.last_zxid);
            }
            Write::SetNextConfig(_) | Write::SetConfig(_) => {}
        }
        server.pending.push_back((ticket, disk));
        let config = match write {
            Write::SetNextConfig(config) => config.as_ref(),
            Write::SetConfig(in_force) => Some(&in_force.ensemble),
            _ => None,
        };
        self.note_configs(config.into_iter());
        conflict
    }

    /// The next write up to `through` became durable; `None` when there is no more.
    pub(super) fn next_durable(&mut self, id: ServerId, through: Ticket) -> Option<Change> {
        let server = self.server_mut(id);
        let (ticket, after) = *server.pending.front()?;
        if ticket > through {
            return None;
        }
        server.pending.pop_front();
        server.promised = server.promised.max(after.epochs.accepted);
        let before = std::mem::replace(&mut server.durable, after);
        Some(Change { before, after })
    }

    /// The disk lost the writes up to this ticket.
    pub(super) fn fail(&mut self, id: ServerId, through: Ticket) {
        self.server_mut(id).pending.retain(|(ticket, _)| *ticket > through);
    }

    /// A process ended; which of its pending writes survive shows at the next start.
    pub(super) fn crash(&mut self, id: ServerId) {
        self.server_mut(id).leave_role();
    }

    /// A disk was emptied from outside while its process was down.
    pub(super) fn wipe(&mut self, id: ServerId) {
        let votes = self.quorums.is_voter(id);
        let server = self.server_mut(id);
        server.wiped = server.durable.history;
        server.durable = Disk::default();
        server.pending.clear();
        // Nobody counted on the promise of a server that does not vote.
        if !votes {
            server.promised = Epoch(0);
        }
    }

    /// A byte of what is durable has changed: a start may find less of it, or nothing.
    pub(super) fn damage(&mut self, id: ServerId) {
        let server = self.server_mut(id);
        server.wiped = server.durable.history;
        server.known = false;
    }

    /// The disk was replaced by another one while its process was down.
    pub(super) fn replace(&mut self, id: ServerId) {
        self.wipe(id);
        self.server_mut(id).known = false;
    }

    /// Takes over what an event says; the rules have read it against the facts before it.
    pub(super) fn event(&mut self, id: ServerId, event: &Event) {
        match event {
            Event::RoleChanged { role, .. } => self.role_changed(id, *role),
            Event::RoleLeft { .. } | Event::Halted { .. } => self.server_mut(id).leave_role(),
            // Between two roles the tree takes in the whole log, without an election, too.
            Event::LeaderDesignated { .. } => {
                let server = self.server_mut(id);
                server.tree = server.issued().history;
            }
            Event::ConfigSeen { version } => self.take_config(id, version.0, false),
            Event::ConfigActivated { version } => self.take_config(id, version.0, true),
            Event::EpochProposed { epoch } => {
                let history = self.server(id).issued().history;
                self.initial.insert((id, *epoch), history);
                if let Some(leading) = &mut self.server_mut(id).leading {
                    leading.epoch = Some(*epoch);
                }
            }
            Event::HistoryAdopted { epoch, .. } if self.server(id).leading.is_some() => {
                let history = self.server(id).issued().history;
                self.initial.insert((id, *epoch), history);
                self.server_mut(id).tree = history;
            }
            Event::Established { epoch } => {
                if let Some(history) = self.initial(id, *epoch) {
                    self.commit_all(history);
                }
                self.serve(id);
            }
            Event::PacketReceived { from, kind: PacketKind::LeaderInfo, zxid } => {
                let server = self.server_mut(id);
                let epoch = zxid.epoch();
                // Not what is issued: the promise may be on its way to the disk in this very step.
                let promising = epoch > server.durable.epochs.accepted;
                server.following = Some(Following { leader: *from, epoch, promising });
                server.adopting = server.following;
            }
            Event::PacketReceived { kind: PacketKind::UpToDate, .. } => self.serve(id),
            Event::Acked { zxid, by } => {
                if let Some(leading) = &mut self.server_mut(id).leading {
                    let last = leading.acked.entry(*by).or_default();
                    *last = (*last).max(*zxid);
                }
            }
            Event::Committed { zxid } => self.commit(id, *zxid),
            Event::Applied { zxid, .. } => {
                if let Some(history) = self.logged(id, *zxid) {
                    let server = self.server_mut(id);
                    server.tree = history;
                    if server.serving {
                        server.delivered = history;
                    }
                }
            }
            Event::Truncated { after } => {
                let tree = self.histories.cut(self.server(id).tree, *after);
                self.server_mut(id).tree = tree;
            }
            Event::SnapshotInstalled { zxid } => {
                let tree = self.histories.of_snapshot(*zxid);
                self.server_mut(id).tree = tree;
            }
            _ => {}
        }
    }

    fn role_changed(&mut self, id: ServerId, role: Role) {
        let server = self.server_mut(id);
        server.leave_role();
        match role {
            Role::Leading => {
                server.tenures += 1;
                let tenure = Tenure { server: id, number: server.tenures };
                server.leading = Some(Leading { tenure, epoch: None, acked: SortedMap::new() });
                // What it claims from now on is its own; nobody promised the other one's epoch.
                server.adopting = None;
            }
            Role::Standalone => {
                server.alone = true;
                let history = server.durable.history;
                self.commit_all(history);
                self.serve(id);
            }
            // Between two roles the tree takes in the whole log (ZOOKEEPER-2845).
            Role::Looking => server.tree = server.issued().history,
            Role::Settling | Role::Following | Role::Observing | Role::Halted => {}
        }
    }

    fn serve(&mut self, id: ServerId) {
        let server = self.server_mut(id);
        server.serving = true;
        server.delivered = server.tree;
    }

    /// A leader committed one transaction; it counts if it is the next of the order. A learner
    /// only repeats what it was told.
    fn commit(&mut self, id: ServerId, zxid: Zxid) {
        if !self.server(id).decides() {
            return;
        }
        let Some(history) = self.logged(id, zxid) else {
            return;
        };
        if self.histories.parent(history) == self.committed() && history != History::EMPTY {
            self.committed.push(history);
        }
    }

    /// A leader was established with this history: all of it is committed from now on, if it
    /// continues the order.
    fn commit_all(&mut self, history: History) {
        if !self.histories.is_prefix(self.committed(), history) {
            return;
        }
        let mut rest = Vec::new();
        let mut at = history;
        while at != self.committed() {
            rest.push(at);
            at = self.histories.parent(at);
        }
        self.committed.extend(rest.into_iter().rev());
    }
}

/// The disk after what a start may repair: a crash between a history that was adopted and the
/// epoch that claims it leaves currentEpoch behind, and recovery raises it to the history's.
fn repaired(last: Zxid) -> impl Fn(Disk) -> Disk {
    move |mut disk| {
        disk.epochs.current = disk.epochs.current.max(last.epoch().min(disk.epochs.accepted));
        disk
    }
}
