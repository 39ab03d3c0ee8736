//! Histories of clients that break K3.

use bytes::Bytes;
use expect_test::expect;
use zablab_core::client::CallId;
use zablab_core::types::{Mono, SessionId, WallMs, Zxid};
use zablab_core::wire::client::{Request, Response, SetDataRequest};
use zablab_core::wire::records::Stat;

use super::{Run, z};
use crate::client::{Call, Outcome};

fn stat(mzxid: Zxid) -> Stat {
    let version = mzxid.counter().cast_signed();
    Stat { mzxid, version, mtime: WallMs(0), ..Stat::default() }
}

fn call(id: u64, request: Request, zxid: Zxid, response: Response) -> Call {
    let outcome = Outcome { zxid: Some(zxid), result: Ok(response) };
    Call {
        id: CallId(id),
        session: 1,
        request,
        read_only: false,
        called: Mono(0),
        returned: Some((Mono(1), outcome)),
    }
}

/// A write of this value that is answered OK.
fn set(id: u64, zxid: Zxid, value: &'static str) -> Call {
    let data = Some(Bytes::from_static(value.as_bytes()));
    let request = SetDataRequest { path: "/a".into(), data, version: -1 };
    call(id, Request::SetData(request), zxid, Response::Stat(stat(zxid)))
}

/// A read that is answered with this zxid, and says that this transaction wrote this value.
fn get(id: u64, zxid: Zxid, mzxid: Zxid, value: &'static str) -> Call {
    let data = Some(Bytes::from_static(value.as_bytes()));
    let request = Request::GetData { path: "/a".into(), watch: false };
    call(id, request, zxid, Response::Data { data, stat: stat(mzxid) })
}

fn after(calls: &[Call]) -> Run {
    let mut run = Run::new();
    run.next().on_calls(calls.iter());
    run
}

#[test]
fn reads_of_what_was_written_are_good() {
    let calls = [
        set(1, z(1, 1), "x"),
        get(2, z(1, 2), z(1, 1), "x"),
        set(3, z(1, 3), "y"),
        // Of a server that is behind.
        get(4, z(1, 2), z(1, 1), "x"),
        get(5, z(1, 3), z(1, 3), "y"),
    ];
    after(&calls).breaks(expect![[""]]);
}

#[test]
fn k3_a_value_that_nobody_wrote() {
    let calls = [set(1, z(1, 1), "x"), get(2, z(1, 1), z(1, 1), "y")];
    after(&calls).breaks(expect![[r#"
        K3 broken at step 4: calls 1 and 2 tell of different values of /a that (1,1)
            wrote
    "#]]);
}

#[test]
fn k3_an_old_value_in_a_new_state() {
    let calls = [set(1, z(1, 1), "x"), set(2, z(1, 2), "y"), get(3, z(1, 2), z(1, 1), "x")];
    after(&calls).breaks(expect![[r#"
        K3 broken at step 4: call 3 read /a as of (1,2) with what (1,1) wrote, but call
            2 tells of what (1,2) wrote
    "#]]);
}

#[test]
fn k3_a_value_of_the_future() {
    let calls = [get(1, z(1, 1), z(1, 2), "y")];
    after(&calls).breaks(expect![[r#"
        K3 broken at step 4: call 1 read /a as (1,2) left it, but was answered with
            (1,1)
    "#]]);
}

fn exists(id: u64, zxid: Zxid, stat: Stat) -> Call {
    let request = Request::Exists { path: "/a".into(), watch: false };
    call(id, request, zxid, Response::Stat(stat))
}

#[test]
fn k10_a_change_before_the_creation() {
    let stat = Stat { czxid: z(1, 2), pzxid: z(1, 2), ..stat(z(1, 1)) };
    after(&[exists(1, z(1, 2), stat)]).breaks(expect![[r#"
        K10 broken at step 4: call 1 read /a made by (1,2), but changed by (1,1) and
            (1,2)
    "#]]);
}

#[test]
fn k10_an_ephemeral_with_children() {
    let stat = Stat { ephemeral_owner: SessionId(5), num_children: 1, ..stat(z(1, 1)) };
    after(&[exists(1, z(1, 1), stat)]).breaks(expect![[r#"
        K10 broken at step 4: call 1 read /a of session 0x5 with 1 children
    "#]]);
}

#[test]
fn k10_a_version_that_does_not_rise() {
    let read =
        |id, counter, version| exists(id, z(1, counter), Stat { version, ..stat(z(1, counter)) });
    after(&[read(1, 3, 2), read(2, 1, 0), read(3, 2, 1)]).breaks(expect![[""]]);
    after(&[read(1, 3, 2), read(2, 1, 0), read(3, 2, 2)]).breaks(expect![[r#"
        K10 broken at step 4: call 3 read version 2 of /a as (1,2) left it, which does
            not go with what call 1 read
    "#]]);
}
