//! Runs that break the K rules.

use expect_test::expect;
use zablab_core::client::CallId;
use zablab_core::trace::Event;
use zablab_core::tree::{AclKey, Database, Znode};
use zablab_core::types::{ConnId, Mono, ServerId, SessionId, WallMs, Xid, Zxid};
use zablab_core::wire::client::{CreateMode, CreateRequest, OpCode, Request, Response};

use super::{CREATE, Run, after_one_write, recovered, z};
use crate::step::ClientId;

#[test]
fn k6_ok_for_what_nobody_committed() {
    let mut run = after_one_write();
    run.told(z(1, 2));
    run.breaks(expect![[r#"
        K6 broken at step 37: the write (1,2) of call 7 was answered OK, but no leader
            committed it (the committed order ends with (1,1))
    "#]]);
}

/// M32 without its local signs: all crash, and the answered write is on no disk.
#[test]
fn k6_an_answered_write_is_lost() {
    let mut run = after_one_write();
    run.told(z(1, 1));
    run.cut(2, Zxid::ZERO);
    run.lead(2, 2);
    run.adopt(2, 2);
    run.establish(2, 2);
    run.breaks(expect![[r#"
        Z10 broken at step 39: (1,1) was committed, but of 3 voters only [3] have it on
            disk
        Z11 broken at step 47: leader 2 of epoch 2 was established with a history that
            has the committed order only up to (0,0), after (1,1) was committed
        K6 broken at step 47: the write (1,1) of call 7 was answered OK, but leader 2 of
            epoch 2 begins without it (its history ends with (0,0))
    "#]]);
}

/// Two committed writes, (1,1) and (1,2), for clients to be told of.
fn after_two_writes() -> Run {
    let mut run = after_one_write();
    run.write(3, 2, z(1, 2));
    run
}

#[test]
fn k1_a_later_write_comes_before_an_answered_one() {
    let mut run = after_two_writes();
    run.called(1, 7);
    run.answered(7, z(1, 2));
    run.called(2, 8);
    run.answered(8, z(1, 1));
    run.breaks(expect![[r#"
        K1 broken at step 50: call 8 began after call 7 was answered OK with (1,2), but
            its own write is (1,1)
    "#]]);
}

#[test]
fn k1_writes_at_the_same_time_may_have_any_order() {
    let mut run = after_two_writes();
    run.called(1, 7);
    run.called(2, 8);
    run.answered(7, z(1, 2));
    run.answered(8, z(1, 1));
    run.breaks(expect![[""]]);
}

#[test]
fn k2_answers_overtake_each_other() {
    let mut run = after_two_writes();
    run.called(1, 7);
    run.called(1, 8);
    run.answered(8, z(1, 2));
    run.answered(7, z(1, 2));
    run.breaks(expect![[r#"
        K2 broken at step 50: client 1 got the answer to its call 7 after that to 8
    "#]]);
}

#[test]
fn k2_writes_of_a_session_change_their_order() {
    let mut run = after_two_writes();
    run.called(1, 7);
    run.called(1, 8);
    run.answered(7, z(1, 2));
    run.answered(8, z(1, 1));
    run.breaks(expect![[r#"
        K4 broken at step 50: client 1 saw (1,2) with call 7, but only (1,1) with call 8
            of the same session
        K2 broken at step 50: client 1 asked for call 7 before call 8, but their writes
            are (1,2) and (1,1)
    "#]]);
}

/// A reconnect to a server that is behind: the second read sees less than the first.
#[test]
fn k4_a_session_sees_less_than_before() {
    let mut run = after_two_writes();
    let (client, read) = (ClientId(1), Request::Sync { path: "/a".into() });
    run.checker.on_client_connected(client, SessionId(5));
    run.checker.on_client_call(client, CallId(7), &read);
    run.answered(7, z(1, 2));
    run.checker.on_client_connected(client, SessionId(5));
    run.checker.on_client_call(client, CallId(8), &read);
    run.answered(8, z(1, 1));
    run.breaks(expect![[r#"
        K4 broken at step 50: client 1 saw (1,2) with call 7, but only (1,1) with call 8
            of the same session
    "#]]);
}

#[test]
fn k4_a_new_session_may_begin_with_less() {
    let mut run = after_two_writes();
    let (client, read) = (ClientId(1), Request::Sync { path: "/a".into() });
    for (session, call, zxid) in [(5, 7, z(1, 2)), (6, 8, z(1, 1))] {
        run.checker.on_client_connected(client, SessionId(session));
        run.checker.on_client_call(client, CallId(call), &read);
        run.answered(call, zxid);
    }
    run.breaks(expect![[""]]);
}

#[test]
fn k8_an_ephemeral_outlives_its_session() {
    let mut run = Run::new();
    let mut state = Database::genesis();
    let znode = Znode::new(None, AclKey(-1), z(1, 1), WallMs(0), 5);
    state.tree.insert_loaded("/e".into(), znode).expect("its parent is there");
    let mut disk = recovered(z(1, 1), 1, 1);
    disk.database = Database { last_zxid: z(1, 1), ..state };
    run.crash(1);
    run.next().on_start(ServerId(1), &disk);
    run.breaks(expect![[r#"
        K8 broken at step 5: server 1 recovers /e of session 0x5, but no such session
            lives after (1,1)
        Z17 broken at step 5: recovery of server 1 found a history up to (1,1),
            acceptedEpoch 1 and currentEpoch 1, which no prefix of its writes gives
    "#]]);
}

#[test]
fn k5_a_sync_is_answered_from_the_past() {
    let mut run = after_two_writes();
    run.called(1, 7);
    run.answered(7, z(1, 2));
    run.checker.on_client_call(ClientId(2), CallId(8), &Request::Sync { path: "/".into() });
    run.returned(2, 8, z(1, 1), Response::Sync { path: "/".into() });
    run.breaks(expect![[r#"
        K5 broken at step 50: the sync of call 8 was answered with (1,1), but it began
            after call 7 was answered OK with (1,2)
    "#]]);
}

/// Only a leader that proves that it leads must know of a later epoch (ZOOKEEPER-1675).
#[test]
fn k5_a_replaced_leader_may_answer_unless_it_proves_that_it_leads() {
    for sync_quorum in [false, true] {
        let mut run = after_one_write();
        run.elect(2, 3, 2, z(1, 1));
        run.write(2, 3, z(2, 1));
        run.checker = run.checker.with_sync_quorum(sync_quorum);
        run.called(1, 7);
        run.answered(7, z(2, 1));
        run.checker.on_client_call(ClientId(2), CallId(8), &Request::Sync { path: "/".into() });
        run.returned(2, 8, z(1, 1), Response::Sync { path: "/".into() });
        match sync_quorum {
            false => run.breaks(expect![[""]]),
            true => run.breaks(expect![[r#"
                K5 broken at step 71: the sync of call 8 was answered with (1,1), but it began
                    after call 7 was answered OK with (2,1)
            "#]]),
        }
    }
}

#[test]
fn k7_a_request_is_done_twice() {
    let mut run = after_one_write();
    for counter in [2, 3] {
        let (session, cxid, zxid) = (SessionId(5), Xid(4), z(1, counter));
        run.event(3, Event::Proposed { zxid, op: CREATE, session, cxid });
        run.write(3, 2, zxid);
    }
    run.breaks(expect![[r#"
        K7 broken at step 58: leader 3 committed request 4 of session 0x5 as (1,3), but
            (1,2) is its request 4
    "#]]);
}

#[test]
fn k9_a_follower_gives_a_session_up() {
    let mut run = after_one_write();
    run.event(2, Event::SessionExpired { session: SessionId(5) });
    run.breaks(expect![[r#"
        K9 broken at step 37: server 2 gave session 0x5 up, but it does not lead
    "#]]);
}

#[test]
fn k9_a_leader_gives_a_session_up_that_it_has_just_heard_of() {
    let mut run = after_one_write();
    let session = SessionId(5);
    run.event(
        3,
        Event::SessionAttached { session, conn: ConnId(1), timeout_ms: 10_000, renewed: false },
    );
    run.next().on_time(Mono(20_000_000), Mono(0));
    run.event(3, Event::Requested { session, xid: Xid(1), op: CREATE, path: None });
    run.next().on_time(Mono(25_000_000), Mono(0));
    run.event(3, Event::SessionExpired { session });
    run.breaks(expect![[r#"
        K9 broken at step 41: leader 3 gave session 0x5 up before its timeout of 10000
            ms had passed since it was heard of
    "#]]);
}

#[test]
fn k9_a_session_is_answered_after_its_end() {
    let mut run = after_one_write();
    let (session, op, zxid) = (SessionId(5), OpCode::CloseSession.to_wire(), z(1, 2));
    run.append(3, zxid);
    run.append(2, zxid);
    run.acked(3, 3, zxid);
    run.acked(3, 2, zxid);
    run.commit(3, zxid);
    run.event(3, Event::Applied { zxid, op, session, error: 0 });
    run.event(3, Event::Replied { session, xid: Xid(1), op, zxid, error: 0 });
    run.event(3, Event::Replied { session, xid: Xid(2), op: CREATE, zxid, error: 0 });
    run.breaks(expect![[r#"
        K9 broken at step 46: server 3 answered a request of session 0x5 with (1,2)
            though (1,2) had ended it
    "#]]);
}

/// A client asks for a sequential name; the client has the number of the call.
fn ask_name(run: &mut Run, call: u32) {
    let flags = CreateMode::PersistentSequential.to_wire();
    let create = CreateRequest { path: "/n-".into(), data: None, acl: Vec::new(), flags };
    run.checker.on_client_call(ClientId(call), CallId(call.into()), &Request::Create(create));
}

fn get_name(run: &mut Run, call: u32, zxid: Zxid, path: &str) {
    run.returned(call, call.into(), zxid, Response::Create { path: path.into() });
}

#[test]
fn k11_a_number_is_given_again() {
    let mut run = after_two_writes();
    ask_name(&mut run, 7);
    ask_name(&mut run, 8);
    get_name(&mut run, 8, z(1, 2), "/n-0000000001");
    get_name(&mut run, 7, z(1, 1), "/n-0000000000");
    run.write(3, 2, z(1, 3));
    ask_name(&mut run, 9);
    get_name(&mut run, 9, z(1, 3), "/m-0000000001");
    run.breaks(expect![[r#"
        K11 broken at step 63: call 9 got the number 1 under / with (1,3), and call 8
            the number 1: they do not rise with the transactions
    "#]]);
}
