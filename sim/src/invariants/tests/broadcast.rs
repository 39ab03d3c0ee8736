//! Runs that break the Z rules.

use bytes::Bytes;
use expect_test::expect;
use zablab_core::storage::Write;
use zablab_core::trace::{Event, Role};
use zablab_core::types::{Epoch, ServerId, SessionId, Xid, Zxid};
use zablab_core::wire::quorum::PacketKind;

use super::{Run, after_one_write, record, z};

#[test]
fn z1_two_leaders_of_one_epoch() {
    let mut run = Run::new();
    run.lead(3, 1);
    run.adopt(3, 1);
    run.establish(3, 1);
    run.lead(2, 1);
    run.adopt(2, 1);
    run.establish(2, 1);
    run.breaks(expect![[r#"
        Z1 broken at step 19: server 2 was established as leader of epoch 1 after server
            3 was in the same epoch
    "#]]);
}

/// M13: the first leader's own promise was lost in its crash, so it uses the epoch again.
#[test]
fn z2_one_epoch_promised_to_two_leaders() {
    let mut run = Run::new();
    for follower in [2, 1] {
        run.role(3, Role::Looking);
        run.role(3, Role::Leading);
        run.event(3, Event::EpochProposed { epoch: Epoch(1) });
        run.role(follower, Role::Following);
        run.received(follower, 3, PacketKind::LeaderInfo, z(1, 0));
        run.accept(follower, 1);
        run.sent(follower, 3, PacketKind::AckEpoch, Zxid::ZERO);
        run.received(3, follower, PacketKind::AckEpoch, Zxid::ZERO);
        run.crash(3);
        run.start(3, Zxid::ZERO, 0, 0);
    }
    run.breaks(expect![[r#"
        Z2 broken at step 23: leader 3 collected promises of a quorum for epoch 1 after
            leader 3 did in another term
    "#]]);
}

/// The same epoch may be announced twice, if the first time nobody promised.
#[test]
fn z2_an_epoch_without_promises_may_be_used_again() {
    let mut run = Run::new();
    run.lead(3, 1);
    run.sent(3, 2, PacketKind::LeaderInfo, z(1, 0));
    run.crash(3);
    run.elect(2, 1, 1, Zxid::ZERO);
    run.breaks(expect![[""]]);
}

#[test]
fn z3_a_transaction_is_skipped() {
    let mut run = Run::new();
    run.elect(3, 2, 1, Zxid::ZERO);
    for zxid in [z(1, 1), z(1, 2)] {
        for id in [3, 2] {
            run.append(id, zxid);
            run.acked(3, id, zxid);
        }
        run.commit(3, zxid);
    }
    run.apply(2, z(1, 2));
    run.breaks(expect![[r#"
        Z3 broken at step 39: server 2 applied (1,2) to a tree that ends with (0,0), but
            it comes after (1,1)
    "#]]);
}

/// Two halves of an ensemble commit different transactions after the same one. The rules that
/// guard against it break as well: no quorum acknowledged the second.
#[test]
fn z3_the_order_forks() {
    let mut run = after_one_write();
    run.lead(1, 2);
    run.adopt(1, 2);
    run.append(1, z(2, 1));
    run.establish(1, 2);
    run.acked(1, 1, z(2, 1));
    run.commit(1, z(2, 1));
    run.apply(1, z(2, 1));
    run.breaks(expect![[r#"
        Z11 broken at step 46: leader 1 of epoch 2 was established with a history that
            has the committed order only up to (0,0), after (1,1) was committed
        L5 broken at step 48: leader 1 committed (2,1) before a quorum of 3 voters
            acknowledged it (only [1] did)
        Z3 broken at step 48: leader 1 committed (2,1) in a history that leaves the
            committed order after (0,0), when (1,1) was already committed
    "#]]);
}

#[test]
fn z4_delivered_before_it_is_committed() {
    let mut run = after_one_write();
    run.append(3, z(1, 2));
    run.append(2, z(1, 2));
    run.apply(2, z(1, 2));
    run.breaks(expect![[r#"
        Z4 broken at step 41: server 2 delivered (1,2) before any leader committed it
            (the committed order ends with (1,1))
    "#]]);
}

#[test]
fn z4_delivered_twice() {
    let mut run = after_one_write();
    run.apply(2, z(1, 1));
    run.breaks(expect![[r#"
        Z4 broken at step 37: server 2 applied (1,1) again
    "#]]);
}

#[test]
fn z4_never_proposed() {
    let mut run = after_one_write();
    run.apply(2, z(1, 2));
    run.breaks(expect![[r#"
        Z4 broken at step 37: server 2 applied (1,2), which no server ever logged
    "#]]);
}

#[test]
fn z10_a_committed_transaction_is_cut() {
    let mut run = after_one_write();
    run.cut(2, Zxid::ZERO);
    run.breaks(expect![[r#"
        Z10 broken at step 38: (1,1) was committed, but of 3 voters only [3] have it on
            disk
    "#]]);
}

/// What somebody wiped is not the protocol's fault.
#[test]
fn z10_a_wiped_disk_does_not_count() {
    let mut run = after_one_write();
    run.crash(2);
    run.checker.on_wiped(ServerId(2));
    run.start(2, Zxid::ZERO, 0, 0);
    run.breaks(expect![[""]]);
}

#[test]
fn z11_a_leader_without_a_committed_transaction() {
    let mut run = after_one_write();
    run.lead(1, 2);
    run.adopt(1, 2);
    run.establish(1, 2);
    run.breaks(expect![[r#"
        Z11 broken at step 44: leader 1 of epoch 2 was established with a history that
            has the committed order only up to (0,0), after (1,1) was committed
    "#]]);
}

#[test]
fn z13_logs_share_a_transaction_but_not_what_precedes_it() {
    let mut run = Run::new();
    run.accept(1, 2);
    run.accept(2, 2);
    run.append(1, z(1, 1));
    run.append(1, z(2, 1));
    run.append(2, z(2, 1));
    run.breaks(expect![[r#"
        Z13 broken at step 12: server 2 logged (2,1) after (0,0), but in another log it
            comes after (1,1)
    "#]]);
}

#[test]
fn z14_one_zxid_names_two_transactions() {
    let mut run = Run::new();
    run.accept(1, 1);
    run.accept(2, 1);
    run.append(1, z(1, 1));
    run.persist(2, Write::Append { zxid: z(1, 1), record: Bytes::from_static(b"another") });
    run.breaks(expect![[r#"
        Z14 broken at step 10: server 2 logged (1,1) with other bytes than first seen
    "#]]);
}

#[test]
fn z15_a_log_with_a_gap() {
    let mut run = after_one_write();
    run.append(3, z(1, 3));
    run.breaks(expect![[r#"
        Z15 broken at step 37: server 3 logged (1,3) directly after (1,1)
    "#]]);
}

/// M02's cousin: UPTODATE opens the doors while the synchronized history is not applied.
#[test]
fn z16_an_answer_from_a_tree_without_the_adopted_history() {
    let mut run = Run::new();
    run.elect(3, 1, 1, Zxid::ZERO);
    run.write(3, 1, z(1, 1));
    run.lead(3, 2);
    run.promise(2, 3, 2, Zxid::ZERO);
    run.adopt(3, 2);
    run.append(2, z(1, 1));
    run.follow(2, 3, 2);
    run.establish(3, 2);
    run.up_to_date(2, 3);
    let (session, xid) = (SessionId(5), Xid(1));
    run.event(2, Event::Replied { session, xid, op: 4, zxid: z(2, 0), error: 0 });
    run.breaks(expect![[r#"
        Z16 broken at step 60: server 2 answered a client from a tree that ends with
            (0,0) before it applied the history up to (1,1) with which epoch 2 of leader
            3 began
    "#]]);
}

#[test]
fn z17_recovery_misses_what_was_durable() {
    let mut run = Run::new();
    run.accept(1, 1);
    run.append(1, z(1, 1));
    run.crash(1);
    run.start(1, Zxid::ZERO, 1, 0);
    run.breaks(expect![[r#"
        Z17 broken at step 9: recovery of server 1 found a history up to (0,0),
            acceptedEpoch 1 and currentEpoch 0, which no prefix of its writes gives
    "#]]);
}

/// Writes survive a crash in their order: the second one without the first is impossible.
#[test]
fn z17_a_later_write_survives_without_the_earlier() {
    let mut run = Run::new();
    run.accept(1, 1);
    run.issue(1, record(z(1, 1)));
    run.issue(1, Write::SetCurrentEpoch(Epoch(1)));
    run.crash(1);
    run.start(1, Zxid::ZERO, 1, 1);
    run.breaks(expect![[r#"
        Z17 broken at step 9: recovery of server 1 found a history up to (0,0),
            acceptedEpoch 1 and currentEpoch 1, which no prefix of its writes gives
    "#]]);
}

/// The acknowledgement that makes a leader's quorum was held up: whoever sent it has long gone on,
/// with another leader, and committed a write in a later epoch.
#[test]
fn z11_leaves_a_leader_in_peace_that_is_late() {
    let mut run = Run::new();
    run.lead(3, 1);
    run.promise(2, 3, 1, Zxid::ZERO);
    run.adopt(3, 1);
    run.follow(2, 3, 1);
    run.elect(1, 2, 2, Zxid::ZERO);
    run.write(1, 2, z(2, 1));
    run.told(z(2, 1));
    run.establish(3, 1);
    run.breaks(expect![[""]]);
}
