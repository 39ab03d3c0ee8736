//! Where our server differs from ZooKeeper 3.8.0 on purpose: beside it, and on its recordings.

use zablab_core::tree::path;
use zablab_core::types::WallMs;
use zablab_core::wire::client::{MultiResult, OpCode, Request, Response};

use crate::workload::Ask;
use crate::workload::play::Expected;
use crate::workload::talk::Item;

/// A difference that is meant.
pub struct Allowed {
    /// Its name in the statistics.
    pub name: &'static str,
    /// Why it is meant.
    pub why: &'static str,
    /// Where ZooKeeper shows it: an issue, a section of its guides, or a method of 3.9.
    pub source: &'static str,
    /// Whether this is one: what was expected of ours, ours and theirs.
    pub covers: fn(&Expected, Option<&Item>, Option<&Item>) -> bool,
}

/// All of them.
pub const ALLOWED: [Allowed; 12] = [
    Allowed {
        name: "zxid of an event",
        why: "since 3.9.0 the header of an event has the zxid of its change",
        source: "ZOOKEEPER-4655",
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
        source: "ZOOKEEPER-4799; NIOServerCnxn#process",
        covers: |expected, our, their| {
            expected.withheld && our.is_none() && their.is_some_and(|item| is_told(expected, item))
        },
    },
    Allowed {
        name: "exists without READ",
        why: "since 3.9.2 exists needs the permission READ",
        source: "ZOOKEEPER-2590; Programmer's Guide, ZooKeeper access control using ACLs",
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
        source: "ZOOKEEPER-4026",
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
        name: "kinds and owners",
        why: "until 3.9 checkWatches takes a watch that stays for one of either kind, and anybody's \
              for the client's",
        source: "ZOOKEEPER-4466, ZOOKEEPER-4471",
        covers: |expected, our, their| {
            is_op(expected, OpCode::CheckWatches)
                && result(our) == Some(&Err(-121))
                && result(their) == Some(&Ok(Response::Empty))
        },
    },
    Allowed {
        name: "types of watches",
        why: "the types 4 and 5 of checkWatches and removeWatches are of 3.9",
        source: "ZOOKEEPER-4472",
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
    Allowed {
        name: "root by nothing",
        why: "ZooKeeper's reads take an empty path for the root, which no client means",
        source: "Programmer's Guide, The ZooKeeper Data Model; DataTree#getNode",
        covers: |expected, our, their| {
            let Some(Ask::Request(request)) = &expected.ask else { return false };
            names_root_by_nothing(request)
                && result(our) == Some(&Err(-101))
                && matches!(result(their), Some(Ok(_)))
        },
    },
    Allowed {
        name: "reaping by clients",
        why: "nobody but the server itself reaps containers, so the operation is none of clients",
        source: "ContainerManager; PrepRequestProcessor#pRequest2Txn, deleteContainer",
        covers: |expected, our, their| {
            is_op(expected, OpCode::DeleteContainer)
                && result(our) == Some(&Err(-6))
                && result(their) == Some(&Err(-8))
        },
    },
    Allowed {
        name: "time of the first configuration",
        why: "no transaction made it; ZooKeeper shows when each server read it, and so no two the \
              same",
        source: "ZKDatabase#initConfigInZKDatabase",
        covers: |expected, our, their| {
            let Some(Ask::Request(Request::GetData { path, .. })) = &expected.ask else {
                return false;
            };
            let (Some(Ok(our)), Some(Ok(their))) = (result(our), result(their)) else {
                return false;
            };
            let mut their = their.clone();
            if let Response::Data { stat, .. } = &mut their {
                stat.mtime = WallMs(0);
            }
            &**path == path::CONFIG && *our == their
        },
    },
    Allowed {
        name: "configuration told twice",
        why: "ZooKeeper writes a configuration into its znode when it is put in force, and once \
              more by its transaction; a watch that stays hears of both",
        source: "QuorumPeer#processReconfig; ZKDatabase#initConfigInZKDatabase",
        covers: |expected, our, their| {
            let Item::Event { path: at, .. } = &expected.item else { return false };
            at == path::CONFIG && our.is_none() && their == Some(&expected.item)
        },
    },
    Allowed {
        name: "members that cannot be",
        why: "ZooKeeper takes a port 0, a host without a name or with a blank in it, and a negative \
              number, with which no server works",
        source: "QuorumPeer.QuorumServer#initializeWithAddressString",
        covers: |expected, our, their| {
            is_op(expected, OpCode::Reconfig)
                && result(our) == Some(&Err(-8))
                && !matches!(result(their), Some(Err(-5 | -8)))
        },
    },
    Allowed {
        name: "blank behind a line",
        why: "ZooKeeper takes the blank for a part of the port; every other line of a \
              configuration may end in one",
        source: "QuorumPeerConfig#parseDynamicConfig, #parseProperties",
        covers: |expected, our, their| {
            let Some(Ask::Request(Request::Reconfig(request))) = &expected.ask else {
                return false;
            };
            request.new_members.as_ref().is_some_and(|members| members.ends_with(' '))
                && result(our) != Some(&Err(-8))
                && result(their) == Some(&Err(-8))
        },
    },
];

/// A difference that is meant, but in something that is never asked at random: `avoided` keeps it
/// away, or only tests of its own ask it.
pub struct LeftOut {
    /// What it is about.
    pub name: &'static str,
    /// Why it is meant.
    pub why: &'static str,
    /// As in [`Allowed`].
    pub source: &'static str,
}

/// All of those.
pub const LEFT_OUT: [LeftOut; 7] = [
    LeftOut {
        name: "what ends ZooKeeper",
        why: "a lone check, and a time to live that is negative behind flags of another kind, are \
              logged in a form that no start can read; we answer them",
        source: "PrepRequestProcessor#pRequest2Txn; SerializeUtils#deserializeTxn",
    },
    LeftOut {
        name: "flags of a container",
        why: "until it is applied, ZooKeeper takes a container with the flags of an ephemeral \
              znode for one; in a multi the flags decide until 3.8.4, not the operation",
        source: "PrepRequestProcessor#pRequest2TxnCreate; ZOOKEEPER-4026",
    },
    LeftOut {
        name: "watches of several kinds on a path",
        why: "until 3.9 the last watch of a client on a path decides for all of them, and watches \
              that stay count as the others",
        source: "ZOOKEEPER-4466",
    },
    LeftOut {
        name: "half a character",
        why: "ZooKeeper writes both halves of a surrogate pair by themselves, which is no UTF-8",
        source: "BinaryOutputArchive#stringToByteBuffer",
    },
    LeftOut {
        name: "behind a setAcl",
        why: "the change record of a setAcl keeps the old list, by which ZooKeeper judges what is \
              asked behind it in one go until it is applied",
        source: "PrepRequestProcessor#pRequest2Txn, setACL",
    },
    LeftOut {
        name: "proof by the password of another",
        why: "ZooKeeper's handler of SASL keeps the name that it knew last, and proves an unknown \
              one by the password of that",
        source: "SaslServerCallbackHandler#handleNameCallback, #handlePasswordCallback",
    },
    LeftOut {
        name: "a proof by nobody",
        why: "on an empty name ZooKeeper hangs up without an answer, and a first token that is not \
              empty it takes for an empty one",
        source: "SaslServerCallbackHandler#handleNameCallback; ZooKeeperServer#processSasl",
    },
];

/// Whether an event is told that was expected to be withheld.
pub fn is_told(expected: &Expected, item: &Item) -> bool {
    let event = without_zxid(Some(item));
    event.is_some() && event == without_zxid(Some(&expected.item))
}

/// ZooKeeper's reads take an empty path for the root, which no client means.
pub fn names_root_by_nothing(request: &Request) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// More rows would be no exceptions any more.
    const ROWS_MAX: usize = 20;

    #[test]
    fn each_row_says_why_and_where() {
        let asked = ALLOWED.iter().map(|row| (row.name, row.why, row.source));
        let left_out = LEFT_OUT.iter().map(|row| (row.name, row.why, row.source));
        let rows: Vec<_> = asked.chain(left_out).collect();
        assert!(rows.len() <= ROWS_MAX);
        for (at, (name, why, source)) in rows.iter().enumerate() {
            assert!(!why.is_empty() && !source.is_empty(), "{name}");
            assert!(rows[..at].iter().all(|(other, ..)| other != name), "{name}");
        }
    }
}
