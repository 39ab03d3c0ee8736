//! Runs that break the W rules, and one that breaks Z16 by trees alone.

use expect_test::expect;
use zablab_core::client::CallId;
use zablab_core::tree::Database;
use zablab_core::types::{ServerId, SessionId, Zxid};
use zablab_core::wire::client::{Request, Response};
use zablab_core::wire::records::Stat;

use super::{Run, after_one_write, z};
use crate::step::ClientId;

const CLIENT: ClientId = ClientId(1);

impl Run {
    /// The client reads `/a`, which was last set by this transaction, and is answered with that.
    fn read(&mut self, call: u64, watch: bool, set: Zxid) {
        let request = Request::GetData { path: "/a".into(), watch };
        self.checker.on_client_call(CLIENT, CallId(call), &request);
        let stat = Stat { czxid: z(1, 1), mzxid: set, pzxid: z(1, 1), ..Stat::default() };
        self.returned(1, call, set, Response::Data { data: None, stat });
    }

    fn is_told(&mut self, zxid: Zxid, watchers: &[u64]) {
        let watchers: Vec<CallId> = watchers.iter().copied().map(CallId).collect();
        self.next().on_client_event(CLIENT, &"/a".into(), Some(zxid), &watchers);
    }

    fn connected(&mut self) {
        self.next().on_client_connected(CLIENT, SessionId(5));
    }
}

#[test]
fn watches_by_the_book() {
    let mut run = Run::new();
    run.connected();
    run.read(1, true, z(1, 1));
    run.read(2, true, z(1, 1));
    run.is_told(z(1, 3), &[1, 2]);
    run.read(3, true, z(1, 3));
    run.connected();
    run.is_told(z(1, 5), &[3]);
    run.read(4, false, z(1, 4));
    run.read(5, false, z(1, 6));
    run.breaks(expect![[""]]);
}

#[test]
fn w1_the_event_comes_after_the_reply() {
    let mut run = Run::new();
    run.connected();
    run.read(1, true, z(1, 1));
    run.checker.on_client_call(CLIENT, CallId(2), &Request::Sync { path: "/a".into() });
    run.returned(1, 2, z(1, 2), Response::Sync { path: "/a".into() });
    run.is_told(z(1, 2), &[1]);
    run.breaks(expect![[r#"
        W1 broken at step 7: client 1 was told of (1,2) on /a after call 2 was answered
            with (1,2)
    "#]]);
}

#[test]
fn w1_and_w4_the_change_is_seen_and_never_told() {
    let mut run = Run::new();
    run.connected();
    run.read(1, true, z(1, 1));
    run.connected();
    run.read(2, false, z(1, 2));
    run.breaks(expect![[r#"
        W1 broken at step 7: call 2 showed client 1 a change of /a for which call 1 had
            set a watch, before it was told
        W4 broken at step 8: client 1 was never told of the change of /a that its call 1
            watched for and its call 2 has seen
    "#]]);
}

#[test]
fn w2_an_older_change_is_told_later() {
    let mut run = Run::new();
    run.connected();
    run.read(1, true, z(1, 1));
    run.is_told(z(1, 3), &[1]);
    run.is_told(z(1, 2), &[]);
    run.breaks(expect![[r#"
        W2 broken at step 7: client 1 was told of (1,2) on /a after (1,3)
    "#]]);
}

#[test]
fn w3_a_watch_tells_of_what_it_has_seen() {
    let mut run = Run::new();
    run.connected();
    run.read(1, true, z(1, 2));
    run.connected();
    run.is_told(z(1, 2), &[1]);
    run.breaks(expect![[r#"
        W3 broken at step 7: client 1 was told of (1,2) on /a by the watch of call 1,
            which had seen (1,2) already
    "#]]);
}

#[test]
fn w3_a_watch_tells_twice() {
    let mut run = Run::new();
    run.connected();
    run.read(1, true, z(1, 1));
    run.is_told(z(1, 2), &[1]);
    run.is_told(z(1, 3), &[1]);
    run.breaks(expect![[r#"
        W3 broken at step 7: client 1 was told of /a by the watch of call 1, which is
            not set (any more)
    "#]]);
}

#[test]
fn z16_equal_histories_with_other_trees() {
    let mut run = after_one_write();
    let state = Database { last_zxid: z(1, 1), ..Database::genesis() };
    let mut other = state.clone();
    other.sessions.insert(SessionId(5), 4000);
    run.next().on_state(ServerId(3), &state);
    run.next().on_state(ServerId(1), &other);
    run.next().on_state(ServerId(2), &other);
    run.breaks(expect![[r#"
        Z16 broken at step 39: servers 2 and 3 both applied all up to (1,1), but their
            sessions are not the same
    "#]]);
}
