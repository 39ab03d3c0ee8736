//! A step in words: an act of a script where there is one, else as a `.zlab` file has it.

use zablab_core::sorted::SortedMap;
use zablab_core::tree::acl::{ALL, world_anyone};
use zablab_core::types::ServerId;
use zablab_core::wire::client::{AddWatchMode, CreateMode, MultiOp, Request, WatcherType};

use crate::client::ClientOp;
use crate::formats::zlab::Exact;
use crate::script::ast::{
    Act, ClientAct, Data, HostName, Part, Read, Reconfig, Sids, Survivors, Way, Write,
};
use crate::script::{FILLING, LINE_LEN_MAX};
use crate::step::{ClientId, Fault, Host, Keep, Step};

/// The clients of a run by their numbers.
pub type Names = SortedMap<ClientId, String>;

/// A step in the words of `docs/formats.md`, section 2, or of an act (section 1.3).
pub fn step_words(step: &Step, names: &Names) -> String {
    match exact(step) {
        Some(exact) => exact.to_string(),
        None => act(step, names).map_or_else(String::new, |act| act.to_string()),
    }
}

/// A step that names what it acts on.
pub(crate) fn exact(step: &Step) -> Option<Exact> {
    Some(match *step {
        Step::Deliver { lane, seq } => Exact::Deliver { lane, seq },
        Step::GiveUp { lane } => Exact::GiveUp { lane },
        Step::Tick { host } => Exact::Tick { host },
        Step::CompleteIo { server } => Exact::CompleteIo { server },
        Step::CompleteSnapshot { server } => Exact::CompleteSnapshot { server },
        Step::Fault(Fault::Hold { lane, seq }) => Exact::Hold { lane, seq },
        Step::Fault(Fault::Lose { lane, seq }) => Exact::Lose { lane, seq },
        Step::Fault(Fault::Release { lane }) => Exact::Release { lane },
        Step::Fault(Fault::Reset { link }) => Exact::Reset { link },
        Step::Fault(Fault::Duplicate { lane, seq }) => Exact::Duplicate { lane, seq },
        Step::Act { .. } | Step::Fault(_) | Step::Ask { .. } => return None,
    })
}

/// The act of a script that is this one step, if there is one.
pub(crate) fn act(step: &Step, names: &Names) -> Option<Act> {
    match step {
        Step::Act { client, op } => {
            let (client, op) = (client_name(*client, names), client_act(op)?);
            Some(Act::Client { client, op })
        }
        Step::Fault(fault) => fault_act(*fault, names),
        Step::Ask { server, ask } => Some(Act::Paxos { at: *server, ask: (**ask).clone() }),
        _ => None,
    }
}

fn fault_act(fault: Fault, names: &Names) -> Option<Act> {
    let way = |from, to| Way { from: host_name(from, names), to: host_name(to, names) };
    let both = |a, b| match (a, b) {
        (Host::Server(a), Host::Server(b)) => Some((one(a), one(b))),
        (Host::Server(_) | Host::Client(_), _) => None,
    };
    Some(match fault {
        Fault::Crash { server, keep } => Act::Crash { at: one(server), keep: survivors(keep) },
        Fault::Start { server } => Act::Start(one(server)),
        Fault::WipeDisk { server } => Act::Wipe(one(server)),
        Fault::SlowDisk { server, sync_us } => Act::SlowDisk(one(server), sync_us),
        Fault::FailDisk { server } => Act::FailDisk(one(server)),
        Fault::Cut { a, b } => both(a, b).map(|(a, b)| Act::Cut(a, b))?,
        Fault::CutOneWay { from, to } => Act::CutOneWay(way(from, to)),
        Fault::Heal { a, b } => both(a, b).map(|(a, b)| Act::Heal(a, b))?,
        Fault::HealAll => Act::HealAll,
        Fault::Delay { from, to, delay_us } => Act::Delay(way(from, to), delay_us),
        Fault::JumpWallClock { server, by_ms } => {
            let us = by_ms.unsigned_abs().saturating_mul(1000);
            Act::JumpClock { at: one(server), us, back: by_ms < 0 }
        }
        Fault::FillDisk { server, left } => Act::FillDisk(one(server), left),
        Fault::FreeDisk { server } => Act::FreeDisk(one(server)),
        Fault::FlipByte { server, of, at } => Act::FlipByte { at: one(server), of, byte: at },
        Fault::Myid { server, says } => Act::Myid(one(server), says),
        Fault::CopyDisk { server } => Act::CopyDisk(one(server)),
        Fault::RestoreDisk { server } => Act::RestoreDisk(one(server)),
        Fault::Pause { host: Host::Server(server) } => Act::Pause(one(server)),
        Fault::Resume { host: Host::Server(server) } => Act::Resume(one(server)),
        Fault::Pause { host: Host::Client(client) } => {
            Act::Client { client: client_name(client, names), op: ClientAct::Pause }
        }
        Fault::Resume { host: Host::Client(client) } => {
            Act::Client { client: client_name(client, names), op: ClientAct::Resume }
        }
        Fault::DropClient { client } => {
            Act::Client { client: client_name(client, names), op: ClientAct::Crash }
        }
        Fault::Forge { from, to, leader, zxid, round, tag, challenge } => {
            Act::Forge { from, to, vote: (leader, zxid), numbers: [round.0, tag.0, challenge.0] }
        }
        Fault::Lose { .. }
        | Fault::Reset { .. }
        | Fault::Hold { .. }
        | Fault::Release { .. }
        | Fault::Duplicate { .. } => return None,
    })
}

fn one(server: ServerId) -> Sids {
    Sids::List(vec![(server, server)])
}

fn survivors(keep: Keep) -> Survivors {
    match keep {
        Keep::NOTHING => Survivors::Nothing,
        Keep::ALL => Survivors::All,
        keep => Survivors::Some(keep),
    }
}

fn host_name(host: Host, names: &Names) -> HostName {
    match host {
        Host::Server(sid) => HostName::Server(sid),
        Host::Client(id) => HostName::Client(client_name(id, names)),
    }
}

pub(super) fn client_name(id: ClientId, names: &Names) -> String {
    names.get(&id).cloned().unwrap_or_else(|| Host::Client(id).to_string())
}

fn client_act(op: &ClientOp) -> Option<ClientAct> {
    Some(match op {
        ClientOp::Connect { servers, timeout_ms, read_only } => {
            let to = Sids::List(servers.iter().map(|sid| (*sid, *sid)).collect());
            let usual = *timeout_ms == crate::script::SESSION_TIMEOUT_MS;
            let timeout_us = (!usual).then_some(u64::from(*timeout_ms) * 1000);
            ClientAct::Connect { to, timeout_us, read_only: *read_only }
        }
        ClientOp::Disconnect => ClientAct::Disconnect,
        ClientOp::Close => ClientAct::Close,
        ClientOp::Request(request) => request_act(request)?,
        ClientOp::Recipe(ask) => ClientAct::Recipe(ask.clone()),
    })
}

fn request_act(request: &Request) -> Option<ClientAct> {
    let read =
        |what, path: &str, watch| ClientAct::Read { what, path: path.to_owned(), watch, times: 1 };
    let write = |op: MultiOp| match part(&op) {
        Some(Part::Write(write)) => Some(ClientAct::Write { write, times: 1 }),
        Some(Part::Check(..)) | None => None,
    };
    let same = |version: i32| (version != -1).then_some(version);
    match request {
        Request::GetAcl { path } => Some(read(Read::Acl, path, false)),
        Request::SetAcl(set) => Some(ClientAct::SetAcl {
            path: set.path.to_string(),
            acl: set.acl.clone(),
            version: same(set.version),
        }),
        Request::Auth(auth) => Some(ClientAct::Auth {
            scheme: auth.scheme.clone(),
            secret: String::from_utf8_lossy(auth.auth.as_deref().unwrap_or_default()).into_owned(),
        }),
        Request::AddWatch { path, mode } => Some(ClientAct::AddWatch {
            path: path.to_string(),
            recursive: *mode == AddWatchMode::PersistentRecursive.to_wire(),
        }),
        Request::RemoveWatches { path, kind } if *kind == WatcherType::Any.to_wire() => {
            Some(ClientAct::RemoveWatches(path.to_string()))
        }
        Request::Create(create) => write(MultiOp::Create(create.clone())),
        Request::Delete(delete) => write(MultiOp::Delete(delete.clone())),
        Request::SetData(set) => write(MultiOp::SetData(set.clone())),
        Request::Multi(ops) => ops.iter().map(part).collect::<Option<_>>().map(ClientAct::Multi),
        Request::GetData { path, watch } => Some(read(Read::Get, path, *watch)),
        Request::Exists { path, watch } => Some(read(Read::Exists, path, *watch)),
        Request::GetChildren2 { path, watch } => Some(read(Read::Children, path, *watch)),
        Request::Sync { path } => Some(ClientAct::Sync(path.to_string())),
        Request::Reconfig(reconfig) => Reconfig::of(reconfig).map(ClientAct::Reconfig),
        // No act of a script asks for these.
        Request::CreateSession { .. }
        | Request::CloseSession
        | Request::Create2(_)
        | Request::Check(_)
        | Request::CreateContainer(_)
        | Request::CreateTtl(_)
        | Request::DeleteContainer { .. }
        | Request::MultiRead(_)
        | Request::GetEphemerals { .. }
        | Request::GetAllChildrenNumber { .. }
        | Request::WhoAmI
        | Request::GetChildren { .. }
        | Request::Ping
        | Request::CheckWatches { .. }
        | Request::RemoveWatches { .. }
        | Request::SetWatches(_)
        | Request::SetWatches2(_) => None,
    }
}

fn part(op: &MultiOp) -> Option<Part> {
    let text = |data: &Option<bytes::Bytes>| {
        let data = data.as_deref().unwrap_or_default();
        let is_long = data.len() > LINE_LEN_MAX && data.iter().all(|byte| *byte == FILLING);
        match u32::try_from(data.len()) {
            Ok(size) if is_long => Data::Size(size),
            _ => Data::Text(String::from_utf8_lossy(data).into_owned()),
        }
    };
    let version = |version: i32| (version != -1).then_some(version);
    Some(match op {
        MultiOp::Create(create) => {
            let mode = CreateMode::from_wire(create.flags)?;
            Part::Write(Write::Create {
                path: create.path.to_string(),
                data: text(&create.data),
                ephemeral: mode.is_ephemeral(),
                sequential: mode.is_sequential(),
                acl: (create.acl != [world_anyone(ALL)]).then(|| create.acl.clone()),
            })
        }
        MultiOp::SetData(set) => Part::Write(Write::Set {
            path: set.path.to_string(),
            data: text(&set.data),
            version: version(set.version),
        }),
        MultiOp::Delete(delete) => Part::Write(Write::Delete {
            path: delete.path.to_string(),
            version: version(delete.version),
        }),
        MultiOp::Check(check) => Part::Check(check.path.to_string(), check.version),
        MultiOp::Create2(_) | MultiOp::CreateContainer(_) | MultiOp::CreateTtl(_) => return None,
    })
}
