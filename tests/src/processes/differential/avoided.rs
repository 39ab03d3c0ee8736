//! What must not be asked of ZooKeeper 3.8.0 and ours at once.

use zablab_core::wire::client::{CreateMode, MultiOp, OpCode, Request, SetWatches};

use crate::allowed::names_root_by_nothing;
use crate::model::{ClientId, World};
use crate::workload::Ask;

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
