//! A server as a frame shows it: its view, its disk and the newest entries of its log.

use zablab_core::config::PeerRole;
use zablab_core::types::{ServerId, Zxid};
use zablab_core::view::{ServerView, TallyView};

use super::frame::{
    DiskFrame, LearnerFrame, MembersFrame, PaxosFrame, PaxosState, ServerFrame, ServerState,
    SessionFrame, TallyVote, Tile, TimerFrame,
};
use super::{log, tray};
use crate::node::{DiskWork, Node};
use crate::paxos::called;
use crate::world::World;

/// A server now. `read` is what [`log::read_disk`] found if it is down.
pub(super) fn of(world: &World, sid: ServerId, node: &Node, read: &[Tile]) -> ServerFrame {
    let view = world.view(sid);
    let (log, earlier) = match &view {
        Some(view) => log::of_running(world, sid, node, view.last_durable),
        None => log::of_stopped(world, sid, node, read),
    };
    let disk = match node.disk_work() {
        DiskWork::Nothing => DiskFrame::Idle,
        DiskWork::UnderWay => DiskFrame::Writing,
        DiskWork::Waiting => DiskFrame::Unsynced,
        DiskWork::Failing => DiskFrame::Failed,
    };
    let observer = world.given().servers[&sid].role == PeerRole::Observer;
    let up = view.map(|view| state(world, node, view));
    let paxos = paxos(world, sid, node);
    ServerFrame { sid, observer, up, disk, log, earlier, paxos }
}

fn paxos(world: &World, sid: ServerId, node: &Node) -> Option<PaxosFrame> {
    let roles = world.given().servers.get(&sid)?.paxos.as_ref()?.roles;
    let up = world.paxos(sid).map(|view| PaxosState {
        promised: view.promised,
        accepted: view.accepted,
        stage: view.stage,
        ballot: view.ballot,
        proposal: view.proposal,
        counted: view.counted,
        need: view.need,
        learned: view.learned.map(|value| value.to_string()),
        reading: view.reading,
        answered: view.answered,
        timer: node.timer().map(|(since_us, due_us)| TimerFrame { since_us, due_us }),
    });
    let (acceptor, proposer, learner) = (roles.acceptor, roles.proposer, roles.learner);
    Some(PaxosFrame { name: called(sid), acceptor, proposer, learner, up })
}

fn members(world: &World, node: &Node) -> Option<MembersFrame> {
    let ensemble = node.process()?.config().ensemble.as_ref()?;
    world.given().timing.reconfig.then_some(())?;
    let all = ensemble.servers.keys().copied();
    Some(MembersFrame {
        version: Zxid(ensemble.version),
        voters: ensemble.voters().collect(),
        observers: all.filter(|sid| !ensemble.is_voter(*sid)).collect(),
    })
}

fn state(world: &World, node: &Node, view: ServerView) -> ServerState {
    let counted = |counted| {
        move |TallyView { voter, state, vote }: TallyView| TallyVote { voter, state, vote, counted }
    };
    let tray = tray::of(world, &view);
    let tally = view.tally.into_iter().map(counted(true));
    let tally = tally.chain(view.out_of_election.into_iter().map(counted(false)));
    let learner = |learner: zablab_core::view::LearnerView| LearnerFrame {
        sid: learner.sid,
        synced: learner.synced,
        last_acked: learner.last_acked,
    };
    let session = |session: zablab_core::view::SessionView| SessionFrame {
        id: session.id,
        timeout_ms: session.timeout_ms,
        ephemerals: session.ephemerals,
    };
    ServerState {
        role: view.role,
        phase: view.phase,
        leader: view.leader,
        serving: view.serving,
        read_only: view.read_only,
        members: members(world, node),
        epochs: view.epochs,
        round: view.round,
        // An observer votes for nobody.
        vote: view.vote.filter(|vote| vote.leader.is_named()),
        last_logged: view.last_logged,
        last_durable: view.last_durable,
        last_applied: view.last_applied,
        last_processed: view.last_processed,
        min_committed_log: view.min_committed_log,
        max_committed_log: view.max_committed_log,
        tally: tally.collect(),
        tray,
        learners: view.learners.into_iter().map(learner).collect(),
        sessions: view.sessions.into_iter().map(session).collect(),
        nodes: view.node_count,
        watches: view.watch_count,
        timer: node.timer().map(|(since_us, due_us)| TimerFrame { since_us, due_us }),
    }
}
