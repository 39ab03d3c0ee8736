//! Quotas: what is refused, and what is counted.
//!
//! One request at a time, as ZooKeeper judges a request by what was applied when it came in, ours
//! by all that was asked before it. A quota is made as the command line makes it, its limits first,
//! and its counts are not written by clients: ours would count anew.

use std::collections::BTreeSet;

use bytes::Bytes;
use zablab_core::wire::client::{
    CreateMode, DeleteRequest, ErrorCode, MultiOp, MultiResult, Request, Response, SetDataRequest,
};

use super::SELDOM_REAPED;
use super::pair::{Pair, create_of};
use crate::workload::Rng;

const REQUESTS: u64 = 3_000;
const CLIENTS: usize = 2;
/// Znodes; of the first ones each can have a quota.
const PATHS: [&str; 9] =
    ["/a", "/a/b", "/d", "/none", "/a/b/x", "/a/b/y", "/a/c", "/d/e", "/outside"];
const LIMITED: usize = 4;
const MODES: [CreateMode; 3] =
    [CreateMode::Persistent, CreateMode::Ephemeral, CreateMode::PersistentSequential];

#[test]
fn quotas_are_kept_alike() {
    let mut pair = Pair::start(&[SELDOM_REAPED, "enforceQuota=true"], CLIENTS);
    let mut rng = Rng::new(1);
    let mut with_quota = BTreeSet::new();
    let mut refused = 0;
    while pair.asked < REQUESTS {
        let path = rng.pick(&PATHS);
        let limited = PATHS[rng.index(LIMITED)];
        let client = rng.index(CLIENTS);
        let reply = match rng.below(24) {
            0 => match with_quota.insert(limited) {
                true => make_quota(&mut pair, limited, &figures(&mut rng)),
                false => set(&mut pair, &limits_of(limited), &figures(&mut rng)),
            },
            1 if with_quota.remove(limited) => {
                delete(&mut pair, &stats_of(limited)).expect("it was made");
                delete(&mut pair, &limits_of(limited))
            }
            2 => {
                // Ephemeral znodes go with their session.
                let reply = pair.ask(client, Request::CloseSession);
                pair.connect(client);
                reply
            }
            3..12 => pair.create(client, path, rng.pick(&MODES), &text(&mut rng)),
            12..16 => set(&mut pair, path, &text(&mut rng)),
            16 => {
                let path = path.into();
                pair.ask(client, Request::SetData(SetDataRequest { path, data: None, version: -1 }))
            }
            17 => multi(&mut pair, client, path, &mut rng),
            18..21 => delete(&mut pair, path),
            _ => delete_a_child(&mut pair, path),
        };
        let is_over = ErrorCode::QuotaExceeded.to_wire();
        refused += u64::from(reply == Err(is_over) || is_refused_multi(&reply, is_over));
        for path in with_quota.clone() {
            read(&mut pair, &stats_of(path)).expect("a quota has counts");
        }
    }
    println!("{} of {} succeeded, {refused} were refused", pair.succeeded, pair.asked);
    assert!(refused > 20 && pair.succeeded > REQUESTS / 2, "the draw is one-sided: {refused}");
}

fn make_quota(pair: &mut Pair, path: &str, figures: &str) -> Result<Response, i32> {
    let folder = format!("/zookeeper/quota{path}");
    for (at, _) in folder.match_indices('/').skip(3) {
        // It may be there.
        let _ = pair.create(0, &folder[..at], CreateMode::Persistent, "");
    }
    let _ = pair.create(0, folder, CreateMode::Persistent, "");
    pair.create(0, limits_of(path), CreateMode::Persistent, figures).expect("it was not there");
    pair.create(0, stats_of(path), CreateMode::Persistent, "count=0,bytes=0")
}

fn limits_of(path: &str) -> String {
    format!("/zookeeper/quota{path}/zookeeper_limits")
}

fn stats_of(path: &str) -> String {
    format!("/zookeeper/quota{path}/zookeeper_stats")
}

/// Limits that are sometimes reached, as the command line writes them.
fn figures(rng: &mut Rng) -> String {
    let mut limit = |most: u64| match rng.below(3) {
        0 => -1,
        _ => rng.below(most) as i64,
    };
    let (count, bytes, count_hard, bytes_hard) = (limit(8), limit(200), limit(8), limit(200));
    match count_hard + bytes_hard {
        -2 => format!("count={count},bytes={bytes}"),
        _ => format!(
            "count={count},bytes={bytes}=;byteHardLimit={bytes_hard};countHardLimit={count_hard}"
        ),
    }
}

fn text(rng: &mut Rng) -> String {
    "x".repeat(rng.index(60))
}

fn set(pair: &mut Pair, path: &str, data: &str) -> Result<Response, i32> {
    let data = Some(Bytes::from(data.to_owned()));
    pair.ask(0, Request::SetData(SetDataRequest { path: path.into(), data, version: -1 }))
}

fn delete(pair: &mut Pair, path: &str) -> Result<Response, i32> {
    pair.ask(0, Request::Delete(DeleteRequest { path: path.into(), version: -1 }))
}

fn read(pair: &mut Pair, path: &str) -> Result<Response, i32> {
    pair.ask(1, Request::GetData { path: path.into(), watch: false })
}

/// One part alone: of several, ZooKeeper judges each as if the others were not there.
fn multi(pair: &mut Pair, client: usize, path: &str, rng: &mut Rng) -> Result<Response, i32> {
    let data = text(rng);
    let part = match rng.below(2) {
        0 => MultiOp::Create(create_of(path.into(), CreateMode::Persistent, &data)),
        _ => {
            let data = Some(data.into());
            MultiOp::SetData(SetDataRequest { path: path.into(), data, version: -1 })
        }
    };
    pair.ask(client, Request::Multi(vec![part]))
}

fn is_refused_multi(reply: &Result<Response, i32>, code: i32) -> bool {
    let Ok(Response::Multi(results)) = reply else { return false };
    results.contains(&MultiResult::Error(code))
}

fn delete_a_child(pair: &mut Pair, path: &str) -> Result<Response, i32> {
    let children = pair.ask(0, Request::GetChildren { path: path.into(), watch: false })?;
    let Response::Children(names) = children else { panic!("{children:?} are no children") };
    let Some(name) = names.first() else { return delete(pair, path) };
    delete(pair, &format!("{path}/{name}"))
}
