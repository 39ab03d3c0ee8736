//! Who goes by itself: containers that are empty again, znodes that have lived for their time.

use zablab_core::wire::client::{
    CreateMode, CreateTtlRequest, DeleteRequest, EventType, Request, Response, SetDataRequest,
};

use super::pair::{Pair, create_of};
use crate::workload::talk::Item;

/// Between two searches, in ms.
const INTERVAL_MS: u64 = 400;

#[test]
fn containers_and_znodes_with_a_time_to_live_go_alike() {
    let interval = format!("znode.container.checkIntervalMs={INTERVAL_MS}");
    let mut pair = Pair::start(&[&interval], 2);
    let path = |path: &str| path.into();
    let exists = |pair: &mut Pair, path: &str| {
        pair.ask(1, Request::Exists { path: path.into(), watch: true })
    };
    let delete = |pair: &mut Pair, path: &str| {
        pair.ask(0, Request::Delete(DeleteRequest { path: path.into(), version: -1 }))
    };
    // One that never had a child, one that has one, one that had one, one inside another.
    for container in ["/fresh", "/full", "/empty", "/outer", "/outer/inner"] {
        pair.create(0, container, CreateMode::Container, "").expect("it is new");
    }
    for child in ["/full/child", "/empty/child", "/outer/inner/child"] {
        pair.create(0, child, CreateMode::Persistent, "").expect("it is new");
    }
    for container in ["/fresh", "/full", "/empty"] {
        exists(&mut pair, container).expect("it was made");
    }
    pair.pass(3 * INTERVAL_MS);
    delete(&mut pair, "/empty/child").expect("it was made");
    assert_eq!(deleted(&pair.hear(1)), ["/empty"]);
    exists(&mut pair, "/outer").expect("it was made");
    delete(&mut pair, "/outer/inner/child").expect("it was made");
    // The inner one first, then what is empty without it.
    assert_eq!(deleted(&pair.hear(1)), ["/outer"]);
    pair.ask(1, Request::GetChildren2 { path: path("/"), watch: false })
        .expect("the root is there");

    // A change is a new beginning, a child keeps it.
    let with_ttl = |pair: &mut Pair, at: &str, ttl_ms, mode| {
        let create = create_of(at.into(), mode, "");
        let made = pair.ask(0, Request::CreateTtl(CreateTtlRequest { create, ttl_ms }));
        let Ok(Response::Create2 { path, .. }) = made else { panic!("{made:?}") };
        path
    };
    let mode = CreateMode::PersistentWithTtl;
    with_ttl(&mut pair, "/short", 300, mode);
    exists(&mut pair, "/short").expect("it was made");
    assert_eq!(deleted(&pair.hear(1)), ["/short"]);
    with_ttl(&mut pair, "/parent", 300, mode);
    pair.create(0, "/parent/child", CreateMode::Persistent, "").expect("it is new");
    exists(&mut pair, "/parent").expect("it was made");
    pair.pass(3 * INTERVAL_MS);
    with_ttl(&mut pair, "/touched", 3000, mode);
    exists(&mut pair, "/touched").expect("it was made");
    pair.pass(2000);
    let set = SetDataRequest { path: path("/touched"), data: None, version: -1 };
    pair.ask(0, Request::SetData(set)).expect("it is there");
    exists(&mut pair, "/touched").expect("it has a new beginning");
    pair.pass(2000);
    assert_eq!(deleted(&pair.hear(1)), ["/touched"]);
    delete(&mut pair, "/parent/child").expect("it was made");
    assert_eq!(deleted(&pair.hear(1)), ["/parent"]);
    let made = with_ttl(&mut pair, "/s-", 300, CreateMode::PersistentSequentialWithTtl);
    exists(&mut pair, &made).expect("it was made");
    assert_eq!(deleted(&pair.hear(1)), [&*made]);
    for left in ["/", "/full", "/fresh"] {
        pair.ask(1, Request::GetChildren2 { path: path(left), watch: false }).expect("it stays");
    }
}

fn deleted(told: &[Item]) -> Vec<&str> {
    let gone = EventType::NodeDeleted.to_wire();
    let path = |item| match item {
        &Item::Event { kind, ref path, .. } if kind == gone => Some(path.as_str()),
        _ => None,
    };
    told.iter().filter_map(path).collect()
}
