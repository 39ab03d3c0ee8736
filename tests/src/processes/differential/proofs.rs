//! SASL DIGEST-MD5: the same tokens to both servers.

use std::fs;

use bytes::Bytes;
use md5::{Digest, Md5};
use zablab_core::txn::{Acl, Id};
use zablab_core::types::{Xid, Zxid};
use zablab_core::wire::client::{
    CreateMode, OpCode, ReplyHeader, Request, Response, decode_sasl_token,
};
use zablab_core::wire::jute::Writer;

use super::SELDOM_REAPED;
use super::pair::{Pair, create_of};
use super::sockets::Sockets;
use crate::processes::tools::Folder;
use crate::workload::talk::Server;

const JAAS: &str = "Server {\n  org.apache.zookeeper.server.auth.DigestLoginModule required\n  \
    user_bob=\"bobsecret\" user_boss=\"bosssecret\";\n};\n";
/// Who proves something.
const CLIENT: usize = 1;
const CNONCE: &str = "OA6MHXh6VqTrRk";

/// What a client says of itself, and how what it says is changed then.
struct Claim {
    user: &'static str,
    password: &'static str,
    /// How often it has used the nonce.
    count: &'static str,
    change: fn(String) -> String,
}

/// The count of a nonce that is used for the first time.
const FIRST: &str = "00000001";

const fn claim(user: &'static str, password: &'static str) -> Claim {
    Claim { user, password, count: FIRST, change: |token| token }
}

const fn changed(change: fn(String) -> String) -> Claim {
    Claim { change, ..claim("bob", "bobsecret") }
}

#[test]
fn proofs_by_sasl_are_judged_alike() {
    let folder = Folder::new();
    let jaas = folder.path().join("jaas.conf");
    fs::write(&jaas, JAAS).expect("the folder takes files");
    let login = format!("java.security.auth.login.config={}", jaas.display());
    let provider = "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider";
    let boss = "zookeeper.superUser=boss";
    let mut pair = Pair::start(&[SELDOM_REAPED, &login, provider, boss], 2);

    let bobs = Acl { perms: 31, id: Id { scheme: "sasl".into(), id: "bob".into() } };
    for (at, right) in [claim("bob", "bobsecret"), claim("boss", "bosssecret")].iter().enumerate() {
        let [ours, theirs] = exchange(&mut pair, right);
        assert_eq!(ours, theirs, "{}", right.user);
        assert!(proves(&ours), "{ours:?}");
        let who = pair.ask(CLIENT, Request::WhoAmI).expect("everybody may ask");
        let Response::Identities(who) = who else { panic!("{who:?}") };
        assert!(who.iter().any(|id| (&*id.scheme, &*id.user) == ("sasl", right.user)), "{who:?}");
        if at == 0 {
            let mut create = create_of("/bobs".into(), CreateMode::Persistent, "mine");
            create.acl = vec![bobs.clone()];
            pair.ask(CLIENT, Request::Create2(create)).expect("a list of one's own is right");
        }
        let read = || Request::GetData { path: "/bobs".into(), watch: false };
        pair.ask(CLIENT, read()).expect("both may read it");
        assert_eq!(pair.ask(0, read()), Err(-102));
        pair.ask(CLIENT, Request::GetAcl { path: "/bobs".into() }).expect("both may read it");
        pair.connect(CLIENT);
    }
    // Lists that name nobody, or somebody in a way that is none.
    let ids = ["eve", "", "bob@realm", "a/b@c", "a/b/c", "a/b/c@d", "a@b@c", "a@b/c", "@", "/"];
    for id in ids {
        let mut create = create_of("/l-".into(), CreateMode::PersistentSequential, "");
        create.acl = vec![Acl { perms: 31, id: Id { scheme: "sasl".into(), id: id.into() } }];
        let _ = pair.ask(0, Request::Create2(create));
    }

    let wrong: [Claim; 11] = [
        claim("bob", "wrong"),
        claim("eve", "nobodys"),
        changed(|token| token.replace("nonce=\"", "nonce=\"x")),
        changed(|token| token.replace("zk-sasl-md5\",nonce", "elsewhere\",nonce")),
        changed(|token| token.replace("zookeeper/zk-sasl-md5", "imap/zk-sasl-md5")),
        changed(|token| token.replace("qop=auth", "qop=auth-conf")),
        changed(|token| token.replace("response=", "answer=")),
        changed(|token| token + ",authzid=\"boss\""),
        changed(|_| String::new()),
        changed(|_| String::from("nonsense")),
        Claim { count: "00000002", ..claim("bob", "bobsecret") },
    ];
    let mut differences = Vec::new();
    for (at, claim) in wrong.iter().enumerate() {
        let [ours, theirs] = exchange(&mut pair, claim);
        if ours != theirs || proves(&ours) {
            differences.push(format!("claim {at}:\n  ours {ours:?}\ntheirs {theirs:?}"));
        }
        pair.connect(CLIENT);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));

    // ZooKeeper takes a name that it does not know by the password of the one that it knew last.
    exchange(&mut pair, &claim("bob", "bobsecret"));
    pair.connect(CLIENT);
    let [ours, theirs] = exchange(&mut pair, &claim("eve", "bobsecret"));
    assert!(!proves(&ours) && proves(&theirs), "{ours:?}\n{theirs:?}");
    pair.connect(CLIENT);

    // It takes any first token for an empty one.
    let [ours, theirs] = pair.servers().map(|server| {
        say(server, b"username=\"bob\"");
        hear(server, "")
    });
    assert_eq!((ours.map(|heard| heard.err), theirs.map(|heard| heard.err)), (Some(-115), Some(0)));
}

/// What both answered to the first token and to the second one.
type Exchange = (Heard, Option<Heard>);

/// One exchange with each server.
fn exchange(pair: &mut Pair, claim: &Claim) -> [Exchange; 2] {
    pair.servers().map(|server| {
        say(server, b"");
        let mut begun = hear(server, "").expect("an exchange begins");
        let challenge = begun.token.expect("with a challenge");
        let nonce = challenge.split('"').nth(3).expect("with a nonce").to_owned();
        let token = format!(
            "charset=utf-8,username=\"{}\",realm=\"zk-sasl-md5\",nonce=\"{nonce}\",nc={},\
             cnonce=\"{CNONCE}\",digest-uri=\"zookeeper/zk-sasl-md5\",maxbuf=65536,response={},\
             qop=auth",
            claim.user,
            claim.count,
            response(claim, &nonce, "AUTHENTICATE")
        );
        say(server, (claim.change)(token).as_bytes());
        begun.token = Some(challenge.replace(&nonce, "N"));
        (begun, hear(server, &response(claim, &nonce, "")))
    })
}

fn proves((_, answer): &Exchange) -> bool {
    answer.as_ref().is_some_and(|heard| heard.err == 0 && heard.token.is_some())
}

/// What a server answered to a token.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Heard {
    zxid: Zxid,
    err: i32,
    token: Option<String>,
    closed: bool,
}

fn say(server: &mut Sockets, token: &[u8]) {
    let mut out = Writer::default();
    out.int(1);
    out.int(OpCode::Sasl.to_wire());
    out.buffer(Some(token));
    let body = out.finish();
    let mut frame = (body.len() as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(&body);
    server.send(CLIENT, &frame.into());
}

/// The answer, if there is one; the proof in it, if it is this one, by another word.
fn hear(server: &mut Sockets, proof: &str) -> Option<Heard> {
    let frame = server.receive(CLIENT)?;
    let (header, body) = ReplyHeader::decode(frame).expect("a header");
    let token = (!body.is_empty()).then(|| token_of(&body)).flatten();
    let token = token.map(|token| token.replace(&format!("rspauth={proof}"), "proof"));
    let closed = header.err != 0 && server.receive(CLIENT).is_none();
    assert_eq!(header.xid, Xid(1));
    Some(Heard { zxid: header.zxid, err: header.err, token, closed })
}

fn token_of(body: &Bytes) -> Option<String> {
    let token = decode_sasl_token(body.clone()).expect("a token");
    (!token.is_empty()).then(|| String::from_utf8_lossy(&token).into_owned())
}

/// The `response` directive, or without a method the proof of the server (RFC 2831, 2.1.2.1).
fn response(claim: &Claim, nonce: &str, method: &str) -> String {
    let secret = Md5::digest(format!("{}:zk-sasl-md5:{}", claim.user, claim.password));
    let mut a1 = secret.to_vec();
    a1.extend_from_slice(format!(":{nonce}:{CNONCE}").as_bytes());
    let (a1, a2) = (hex(&a1), hex(format!("{method}:zookeeper/zk-sasl-md5").as_bytes()));
    hex(format!("{a1}:{nonce}:{}:{CNONCE}:auth:{a2}", claim.count).as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
