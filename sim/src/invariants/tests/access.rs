//! K12: what lists say, and what servers did.

use bytes::Bytes;
use zablab_core::client::{CallError, CallId, parse_acl};
use zablab_core::types::{Mono, Zxid};
use zablab_core::wire::client::{
    AuthRequest, CreateRequest, ErrorCode, Request, Response, SetAclRequest,
};
use zablab_core::wire::records::Stat;

use super::super::{Report, access};
use crate::client::{Call, Outcome};
use crate::step::ClientId;

fn call(id: u64, zxid: u64, request: Request, result: Result<Response, CallError>) -> Call {
    let outcome = Outcome { zxid: Some(Zxid(zxid)), result };
    let returned = Some((Mono(id + 1), outcome));
    Call { id: CallId(id), session: 1, request, read_only: false, called: Mono(id), returned }
}

fn create(id: u64, zxid: u64, acl: &str) -> Call {
    let acl = parse_acl(acl).expect("a list");
    let request = CreateRequest { path: "/a".into(), data: None, acl, flags: 0 };
    call(id, zxid, Request::Create(request), Ok(Response::Create { path: "/a".into() }))
}

fn auth(id: u64) -> Call {
    let auth = Some(Bytes::from_static(b"bob:secret"));
    let request = Request::Auth(AuthRequest { scheme: "digest".into(), auth });
    let outcome = Outcome { zxid: None, result: Ok(Response::Empty) };
    Call { returned: Some((Mono(id + 1), outcome)), ..call(id, 0, request, Ok(Response::Empty)) }
}

fn get(id: u64, zxid: u64, done: bool) -> Call {
    let request = Request::GetData { path: "/a".into(), watch: false };
    let refused = CallError::Refused { code: ErrorCode::NoAuth.to_wire() };
    let data = Response::Data { data: None, stat: Stat::default() };
    call(id, zxid, request, if done { Ok(data) } else { Err(refused) })
}

fn found(first: &[Call], second: &[Call]) -> Vec<String> {
    let mut report = Report::default();
    let clients = [(ClientId(0), first), (ClientId(1), second)];
    access::end(clients.into_iter(), &mut report);
    report.found.iter().map(|violation| violation.explanation.clone()).collect()
}

#[test]
fn lists_decide() {
    let mine = [auth(0), create(1, 5, "auth::cdrwa"), get(2, 5, true)];
    assert_eq!(found(&mine, &[get(3, 5, false)]), Vec::<String>::new());
    assert_eq!(found(&mine, &[auth(3), get(4, 5, true)]), Vec::<String>::new());
    assert_eq!(found(&mine, &[get(3, 5, true)]).len(), 1, "done for a stranger");
    assert_eq!(found(&mine, &[auth(3), get(4, 5, false)]).len(), 1, "refused to bob");
    // Before the znode was made nothing is known of it.
    assert_eq!(found(&mine, &[get(3, 4, true)]), Vec::<String>::new());
}

#[test]
fn the_last_list_counts() {
    let acl = parse_acl("ip:10.1.0.1:r").expect("a list");
    let change = Request::SetAcl(SetAclRequest { path: "/a".into(), acl, version: -1 });
    let change = call(2, 7, change, Ok(Response::Stat(Stat::default())));
    let mine = [create(1, 5, "world:anyone:cdrwa"), change];
    assert_eq!(found(&mine, &[get(3, 6, true), get(4, 7, true)]), Vec::<String>::new());
    assert_eq!(found(&mine, &[get(3, 6, false)]).len(), 1);
    assert_eq!(found(&[&mine[..], &[get(3, 7, true)]].concat(), &[]).len(), 1, "10.1.0.0");
}
