//! Where our server differs from ZooKeeper 3.8.0 on purpose, and what must not be asked.

use zablab_core::wire::client::{
    CreateMode, MultiOp, MultiResult, OpCode, Request, Response, SetWatches,
};

use crate::model::{ClientId, World};
use crate::workload::Ask;
use crate::workload::play::Expected;
use crate::workload::talk::Item;

/// A difference that is meant.
pub struct Allowed {
    /// Its name in the statistics.
    pub name: &'static str,
    /// Why it is meant.
    #[expect(dead_code, reason = "for readers")]
    pub why: &'static str,
    /// Whether this is one: what was expected of ours, ours and theirs.
    pub covers: fn(&Expected, Option<&Item>, Option<&Item>) -> bool,
}

/// All of them.
pub const ALLOWED: [Allowed; 6] = [
    Allowed {
        name: "zxid of an event",
        why: "since 3.9.0 the header of an event has the zxid of its change",
        covers: |_, our, their| {
            let zxid = |item: Option<&Item>| match item {
                Some(Item::Event { zxid, .. }) => Some(*zxid),
                _ => None,
            };
            without_zxid(our) == without_zxid(their) && zxid(their) == Some(-1)
        },
    },
    Allowed {
        name: "event withheld",
        why: "since 3.9.2 who may not read a znode is told nothing of it, but of what it missed",
        covers: |expected, our, their| {
            expected.withheld && our.is_none() && their.is_some_and(|item| is_told(expected, item))
        },
    },
    Allowed {
        name: "exists without READ",
        why: "since 3.9.2 exists needs the permission READ",
        covers: |expected, our, their| {
            let (our, their) = (result(our), result(their));
            is_op(expected, OpCode::Exists)
                && our == Some(&Err(-102))
                && matches!(their, Some(Ok(Response::Stat(_))))
        },
    },
    Allowed {
        name: "create2 in a multi",
        why: "since 3.8.4 a create2 in a multi is answered as one, with its stat",
        covers: |expected, our, their| {
            let (Some(Ok(Response::Multi(our))), Some(Ok(Response::Multi(their)))) =
                (result(our), result(their))
            else {
                return false;
            };
            let same = |(our, their): (&MultiResult, &MultiResult)| match (our, their) {
                (MultiResult::Create2 { path, .. }, MultiResult::Create { path: other }) => {
                    path == other
                }
                _ => our == their,
            };
            is_op(expected, OpCode::Multi)
                && our.len() == their.len()
                && our.iter().zip(their).all(same)
        },
    },
    Allowed {
        name: "watches of others",
        why: "until 3.9 checkWatches says whether anybody watches the path",
        covers: |expected, our, their| {
            is_op(expected, OpCode::CheckWatches)
                && result(our) == Some(&Err(-121))
                && result(their) == Some(&Ok(Response::Empty))
        },
    },
    Allowed {
        name: "types of watches",
        why: "the types 4 and 5 of checkWatches and removeWatches are of 3.9",
        covers: |expected, our, their| {
            let Some(Ask::Request(
                Request::CheckWatches { kind, .. } | Request::RemoveWatches { kind, .. },
            )) = &expected.ask
            else {
                return false;
            };
            matches!(kind, 4 | 5)
                && result(our) == Some(&Err(-121))
                && result(their) == Some(&Err(-5))
        },
    },
];

/// Whether an event is told that was expected to be withheld.
pub fn is_told(expected: &Expected, item: &Item) -> bool {
    let event = without_zxid(Some(item));
    event.is_some() && event == without_zxid(Some(&expected.item))
}

/// Whether something must not be asked, as it would kill ZooKeeper or make the two worlds differ.
pub fn is_avoided(client: ClientId, ask: &Ask, world: &World) -> bool {
    let Ask::Request(request) = ask else {
        // Poison in any form: 3.8.0 logs it, and cannot read its log again.
        return ask.op() == OpCode::Check.to_wire();
    };
    // Until 3.9 the last watch of a client on a path decides for all of them (ZOOKEEPER-4466).
    let mut after = world.clone();
    after.request(client, request);
    if names_root_by_nothing(request) || after.mixes_watches(client) {
        return true;
    }
    match request {
        Request::Check(_) => true,
        // A negative time passes if the flags are not those of a time to live, and kills.
        Request::CreateTtl(ttl) => ttl.ttl_ms < 0 && !has_ttl(ttl.create.flags),
        // Until it is applied, ZooKeeper takes such a container for an ephemeral znode.
        Request::CreateContainer(create) => matches!(create.flags, 1 | 3),
        // Since 3.9.2 it fails without READ, and then sets no watch.
        Request::Exists { path, watch } => *watch && !world.is_readable(client, path),
        // ZooKeeper looks for its ancestors beyond its start.
        Request::CheckWatches { path, .. } if !path.starts_with('/') => true,
        // Since 3.9 watches that stay have types of their own; before, they count as the others.
        Request::CheckWatches { path, kind } | Request::RemoveWatches { path, kind } => {
            *kind != 3 && world.has_lasting_watch(client, path)
        }
        // What ZooKeeper echoes of these is no UTF-8: it writes both halves of a surrogate pair.
        Request::Sync { path } => has_surrogates(path),
        Request::SetWatches(set) => echoes_surrogates(set),
        Request::SetWatches2(set) => echoes_surrogates(&set.once),
        // Until 3.8.4 the flags decide in a multi, not the operation.
        Request::Multi(ops) => ops.iter().any(|op| !is_plain_part(op)),
        _ => false,
    }
}

/// Whether operation and flags of a part say the same.
fn is_plain_part(op: &MultiOp) -> bool {
    let container = CreateMode::Container.to_wire();
    match op {
        MultiOp::Create(create) | MultiOp::Create2(create) => {
            create.flags != container && !has_ttl(create.flags)
        }
        MultiOp::CreateContainer(create) => create.flags == container,
        MultiOp::CreateTtl(ttl) => has_ttl(ttl.create.flags),
        MultiOp::Delete(_) | MultiOp::SetData(_) | MultiOp::Check(_) => true,
    }
}

fn has_ttl(flags: i32) -> bool {
    CreateMode::from_wire(flags).is_some_and(CreateMode::is_ttl)
}

fn echoes_surrogates(set: &SetWatches) -> bool {
    let lists = [&set.data_watches, &set.exist_watches, &set.child_watches];
    lists.into_iter().flatten().any(|path| has_surrogates(path))
}

fn has_surrogates(path: &str) -> bool {
    path.chars().any(|c| c.len_utf16() > 1)
}

/// ZooKeeper's reads take an empty path for the root, which no client means.
fn names_root_by_nothing(request: &Request) -> bool {
    let is_read = !request.op().is_write() && !matches!(request, Request::Sync { .. });
    let parts = match request {
        Request::MultiRead(ops) => ops.as_slice(),
        _ => &[],
    };
    let parts = parts.iter().map(|op| Request::from(op.clone()));
    let mut paths =
        parts.filter_map(|request| request.path().cloned()).chain(request.path().cloned());
    is_read && paths.any(|path| path.is_empty())
}

fn is_op(expected: &Expected, op: OpCode) -> bool {
    expected.ask.as_ref().is_some_and(|ask| ask.op() == op.to_wire())
}

fn result(item: Option<&Item>) -> Option<&Result<Response, i32>> {
    match item {
        Some(Item::Reply { result, .. }) => Some(result),
        _ => None,
    }
}

/// An event without the zxid of its header.
fn without_zxid(item: Option<&Item>) -> Option<(i32, i32, &str)> {
    match item {
        Some(Item::Event { kind, state, path, .. }) => Some((*kind, *state, path)),
        _ => None,
    }
}
