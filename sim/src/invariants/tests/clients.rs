//! Runs that break the K rules.

use expect_test::expect;
use zablab_core::types::Zxid;

use super::{after_one_write, z};

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
