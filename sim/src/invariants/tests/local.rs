//! Runs that break the L rules.

use expect_test::expect;
use zablab_core::storage::Write;
use zablab_core::trace::{Event, Role};
use zablab_core::types::{Epoch, Zxid};
use zablab_core::wire::quorum::PacketKind;

use super::{Run, after_one_write, record, z};

#[test]
fn l1_leaderinfo_before_acceptedepoch() {
    let mut run = Run::new();
    run.role(3, Role::Leading);
    run.event(3, Event::EpochProposed { epoch: Epoch(1) });
    run.issue(3, Write::SetAcceptedEpoch(Epoch(1)));
    run.sent(3, 2, PacketKind::LeaderInfo, z(1, 0));
    run.breaks(expect![[r#"
        L1 broken at step 7: server 3 sent LEADERINFO for epoch 1 before its
            acceptedEpoch was durable (its disk says 0)
    "#]]);
}

#[test]
fn l1_ackepoch_before_acceptedepoch() {
    let mut run = Run::new();
    run.lead(3, 1);
    run.received(2, 3, PacketKind::LeaderInfo, z(1, 0));
    run.issue(2, Write::SetAcceptedEpoch(Epoch(1)));
    run.sent(2, 3, PacketKind::AckEpoch, Zxid::ZERO);
    run.breaks(expect![[r#"
        L1 broken at step 11: server 2 sent ACKEPOCH for epoch 1 before its
            acceptedEpoch was durable (its disk says 0)
    "#]]);
}

/// M14: the history is there, the epoch is not.
#[test]
fn l2_ack_newleader_before_currentepoch() {
    let mut run = Run::new();
    run.lead(3, 1);
    run.promise(2, 3, 1, Zxid::ZERO);
    run.issue(2, Write::SetCurrentEpoch(Epoch(1)));
    run.sent(2, 3, PacketKind::Ack, z(1, 0));
    run.breaks(expect![[r#"
        L2 broken at step 18: server 2 acknowledged NEWLEADER of epoch 1 to 3 before its
            currentEpoch was durable (its disk says 0)
    "#]]);
}

/// M01 and M02 together: the follower's epoch and ACK are both ahead of its log.
#[test]
fn l2_l3_epoch_and_ack_before_the_history() {
    let mut run = Run::new();
    run.accept(3, 1);
    run.append(3, z(1, 1));
    run.lead(3, 2);
    run.promise(2, 3, 2, Zxid::ZERO);
    run.adopt(2, 2);
    run.issue(2, record(z(1, 1)));
    run.sent(2, 3, PacketKind::Ack, z(2, 0));
    run.breaks(expect![[r#"
        L3 broken at step 22: server 2 wrote currentEpoch 2 before the epoch's history
            up to (1,1) was durable (its disk ends with (0,0))
        L2 broken at step 24: server 2 acknowledged NEWLEADER of epoch 2 to 3 before the
            epoch's history up to (1,1) was durable (its disk ends with (0,0))
    "#]]);
}

/// Server 1 hears of an epoch, crashes before it promises it, and later leads one of that number.
#[test]
fn l3_an_epoch_of_its_own_is_not_the_one_that_it_only_heard_of() {
    let mut run = Run::new();
    run.accept(3, 1);
    run.append(3, z(1, 1));
    run.lead(3, 2);
    run.role(1, Role::Looking);
    run.role(1, Role::Following);
    run.received(1, 3, PacketKind::LeaderInfo, z(2, 0));
    run.crash(1);
    run.start(1, Zxid::ZERO, 0, 0);
    run.lead(1, 2);
    run.adopt(1, 2);
    run.crash(1);
    run.start(1, Zxid::ZERO, 2, 2);
    run.breaks(expect![[r#""#]]);
}

#[test]
fn l4_ack_before_the_record() {
    let mut run = after_one_write();
    run.append(3, z(1, 2));
    run.issue(2, record(z(1, 2)));
    run.sent(2, 3, PacketKind::Ack, z(1, 2));
    run.breaks(expect![[r#"
        L4 broken at step 40: server 2 acknowledged (1,2) to 3 before its log record was
            durable (its disk ends with (1,1))
    "#]]);
}

/// M33.
#[test]
fn l4_a_leader_counts_itself_before_its_record() {
    let mut run = after_one_write();
    run.issue(3, record(z(1, 2)));
    run.acked(3, 3, z(1, 2));
    run.breaks(expect![[r#"
        L4 broken at step 38: server 3 acknowledged (1,2) to itself before its log
            record was durable (its disk ends with (1,1))
    "#]]);
}

/// M29: an observer's ACK makes up the number. All the same two voters have it on disk.
#[test]
fn l5_commit_without_a_quorum() {
    let mut run = after_one_write();
    run.append(3, z(1, 2));
    run.append(2, z(1, 2));
    run.acked(3, 3, z(1, 2));
    run.acked(3, 4, z(1, 2));
    run.commit(3, z(1, 2));
    run.breaks(expect![[r#"
        L5 broken at step 43: leader 3 committed (1,2) before a quorum of 3 voters
            acknowledged it (only [3, 4] did)
    "#]]);
}

/// M31.
#[test]
fn l5_commit_out_of_order() {
    let mut run = after_one_write();
    for zxid in [z(1, 2), z(1, 3)] {
        for id in [3, 2] {
            run.append(id, zxid);
            run.acked(3, id, zxid);
        }
    }
    run.commit(3, z(1, 3));
    run.breaks(expect![[r#"
        L5 broken at step 49: leader 3 committed (1,3) before (1,2), which precedes it
    "#]]);
}

#[test]
fn l5_commit_is_sent_before_it_is_decided() {
    let mut run = after_one_write();
    run.append(3, z(1, 2));
    run.sent(3, 2, PacketKind::Commit, z(1, 2));
    run.breaks(expect![[r#"
        L5 broken at step 39: leader 3 sent COMMIT of (1,2) to 2 before it committed it
    "#]]);
}

#[test]
fn l6_an_epoch_falls() {
    let mut run = Run::new();
    run.accept(1, 2);
    run.accept(1, 1);
    run.breaks(expect![[r#"
        L6 broken at step 7: server 1 wrote acceptedEpoch 1 after 2
    "#]]);
}

#[test]
fn l6_currentepoch_above_acceptedepoch() {
    let mut run = Run::new();
    run.adopt(1, 1);
    run.breaks(expect![[r#"
        L6 broken at step 5: server 1 wrote currentEpoch 1 before acceptedEpoch (its
            disk says 0)
    "#]]);
}

#[test]
fn l6_the_log_is_ahead_of_the_promise() {
    let mut run = Run::new();
    run.append(1, z(1, 1));
    run.breaks(expect![[r#"
        L6 broken at step 5: server 1 logged (1,1) before acceptedEpoch (its disk says
            0)
    "#]]);
}

/// M34.
#[test]
fn l7_an_ack_to_an_older_leader() {
    let mut run = Run::new();
    run.accept(2, 5);
    run.lead(3, 4);
    run.received(2, 3, PacketKind::LeaderInfo, z(4, 0));
    run.sent(2, 3, PacketKind::AckEpoch, Zxid::ZERO);
    run.breaks(expect![[r#"
        L7 broken at step 12: server 2 sent ACKEPOCH to leader 3 of epoch 4 after it had
            promised epoch 5
    "#]]);
}

/// M06: the tree was kept between two roles, without what was only logged.
#[test]
fn l8_a_vote_and_an_ackepoch_hide_the_end_of_the_log() {
    let mut run = after_one_write();
    run.append(2, z(1, 2));
    run.vote(2, z(1, 1), 1);
    run.breaks(expect![[r#"
        L8 broken at step 39: server 2 voted for itself with (1,1) in epoch 1, but its
            disk has (1,2) in epoch 1
    "#]]);
    let mut run = after_one_write();
    run.append(2, z(1, 2));
    run.lead(3, 2);
    run.promise(2, 3, 2, z(1, 1));
    run.breaks(expect![[r#"
        L8 broken at step 50: server 2 reported (1,1) as its last transaction in
            ACKEPOCH, but its log ends with (1,2)
    "#]]);
}
