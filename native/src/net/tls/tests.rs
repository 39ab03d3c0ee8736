use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream as StdStream};
use std::path::PathBuf;
use std::thread;

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use zablab_core::config::PlainPort;
use zablab_core::process::{Input, PortKind};
use zablab_core::types::ConnId;

use super::*;
use crate::admin::Counters;
use crate::inbox::{Event, Events, inbox};
use crate::net::{Around, Connection};
use crate::testing::TempDir;

/// Who signs the others' certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("it signs itself").pem();
        Authority { pem, issuer: Issuer::new(params, key), folder: TempDir::new() }
    }

    /// Certificate and key of somebody, who may be at this address.
    fn identity(&self, name: &str, address: &str) -> String {
        let mut params = CertificateParams::new([String::from(address)]).expect("an address");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Zablab, Inc.");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.issuer).expect("it signs");
        signed.pem() + &key.serialize_pem()
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        fs::write(&path, content).expect("the folder takes files");
        path.to_str().expect("its name is text").into()
    }

    /// The configuration of a server with its own certificate.
    fn server(&self) -> Tls {
        let trust_store = self.file("roots.pem", &self.pem);
        Tls {
            addr: None,
            plain: PlainPort::Unified,
            key_store: self.file("server.pem", &self.identity("server", "127.0.0.1")),
            client_auth: ClientAuth::Need { trust_store },
            checks_address: false,
            versions: [TlsVersion::V1_2, TlsVersion::V1_3].into(),
            cipher_suites: None,
        }
    }

    /// A client's side with this certificate.
    fn client(&self, identity: Option<&str>, version: TlsVersion) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM");
        roots.add(root).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[known(&version)])
            .expect("it is known")
            .with_root_certificates(roots);
        match identity {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let chain = certificates(pem.as_bytes()).expect("certificates");
                let key = private_key(pem.as_bytes()).expect("a key");
                builder.with_client_auth_cert(chain, key).expect("they belong together")
            }
        }
    }
}

/// Lets one caller in, who does `call` on a thread of his own.
async fn let_in<T: Send + 'static>(
    door: &Door,
    call: impl FnOnce(StdStream) -> T + Send + 'static,
) -> (io::Result<Stream>, thread::JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    let caller = thread::spawn(move || call(StdStream::connect(addr).expect("it listens")));
    let (socket, remote) = listener.accept().await.expect("it was called");
    (door.let_in(socket, remote.ip()).await, caller)
}

fn speak(config: ClientConfig, socket: StdStream) -> StreamOwned<ClientConnection, StdStream> {
    let name = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
    let session = ClientConnection::new(Arc::new(config), name).expect("a session");
    StreamOwned::new(session, socket)
}

fn door(tls: &Tls) -> Door {
    Door::Secure(Arc::new(Acceptor::load(tls).expect("its files are right")))
}

/// All bytes that come in, until as many are there; waits off the runtime.
async fn received(events: Events, count: usize) -> (Vec<u8>, Events) {
    let wait = move || {
        let mut all = Vec::new();
        while all.len() < count {
            let mut batch = Vec::new();
            events.wait(None, &mut batch);
            for event in batch {
                match event {
                    Event::Input(Input::Bytes { chunk, .. }) => all.extend_from_slice(&chunk),
                    Event::Input(Input::Drained { .. }) => {}
                    other => panic!("{other:?} after {} bytes", all.len()),
                }
            }
        }
        (all, events)
    };
    tokio::task::spawn_blocking(wait).await.expect("it waits without a panic")
}

#[tokio::test]
async fn much_goes_both_ways_with_either_version() {
    const MUCH: usize = 8 << 20;
    let authority = Authority::new();
    let door = door(&authority.server());
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let config = authority.client(Some(&authority.identity("bob", "10.0.0.1")), version);
        let (stream, caller) = let_in(&door, move |socket| {
            let mut stream = speak(config, socket);
            stream.write_all(&vec![b'c'; MUCH]).expect("it is open");
            stream.flush().expect("it is open");
            let mut all = Vec::new();
            // The end must be TLS's own: without it, this is an error.
            stream.read_to_end(&mut all).expect("it is closed properly");
            all
        })
        .await;
        let stream = stream.expect("its certificate is right");
        assert_eq!(stream.subject(), Some("CN=bob,O=Zablab\\, Inc."));
        let ((inbox, events), counters) = (inbox(), Arc::new(Counters::new()));
        let (runtime, remote) = (Handle::current(), "127.0.0.1:1".parse().expect("an address"));
        let (conn, port) = (ConnId(1), PortKind::Client);
        let silence_max = Duration::from_secs(10);
        let around = Around { runtime: &runtime, inbox: &inbox, counters: &counters, silence_max };
        let mut ours = Connection::start(around, conn, port, stream, remote);
        let (all, events) = received(events, MUCH).await;
        assert!(all.len() == MUCH && all.iter().all(|byte| *byte == b'c'));
        ours.send(vec![Bytes::from_static(b"first"), Bytes::from(vec![b's'; MUCH])]);
        // Whether that is taken at once is up to the system.
        ours.flush();
        ours.send(vec![Bytes::from_static(b"last")]);
        ours.flush();
        ours.close(&runtime);
        let all = tokio::task::spawn_blocking(|| caller.join()).await.expect("it waits");
        let all = all.expect("the caller is content");
        assert_eq!(all.len(), 5 + MUCH + 4);
        assert!(all.starts_with(b"firsts") && all.ends_with(b"slast"));
        drop(events);
    }
}

/// What a client learns; with TLS 1.3 only when it reads, as it is done before the server.
fn outcome(config: ClientConfig) -> impl FnOnce(StdStream) -> Result<(), String> + Send + 'static {
    move |socket| {
        let mut stream = speak(config, socket);
        let mut byte = [0];
        let write = stream.write_all(b"x").and_then(|()| stream.flush());
        write.and_then(|()| stream.read(&mut byte)).map(drop).map_err(|error| error.to_string())
    }
}

#[tokio::test]
async fn only_who_is_trusted_is_let_in() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let need = authority.server();
    let roots = authority.file("roots.pem", &authority.pem);
    let want = Tls { client_auth: ClientAuth::Want { trust_store: roots }, ..need.clone() };
    let none = Tls { client_auth: ClientAuth::None, ..need.clone() };
    let address = Tls { checks_address: true, ..need.clone() };
    let foreign = stranger.identity("bob", "127.0.0.1");
    let here = authority.identity("bob", "127.0.0.1");
    let elsewhere = authority.identity("bob", "10.0.0.1");
    let bob = Some("CN=bob,O=Zablab\\, Inc.");
    let cases = [
        (&need, Some(&here), Ok(bob)),
        (&need, Some(&elsewhere), Ok(bob)),
        (&need, None, Err("peer sent no certificates")),
        (&need, Some(&foreign), Err("invalid peer certificate: ")),
        (&want, Some(&here), Ok(bob)),
        (&want, None, Ok(None)),
        (&want, Some(&foreign), Err("invalid peer certificate: ")),
        (&none, Some(&foreign), Ok(None)),
        (&address, Some(&here), Ok(bob)),
        (&address, Some(&elsewhere), Err("ssl.clientHostnameVerification: not a certificate of")),
    ];
    for (tls, identity, expected) in cases {
        let config = authority.client(identity.map(String::as_str), TlsVersion::V1_3);
        let (let_in, caller) = let_in(&door(tls), outcome(config)).await;
        match (let_in, expected) {
            (Ok(stream), Ok(subject)) => assert_eq!(stream.subject(), subject),
            (Err(error), Err(why)) => assert!(error.to_string().starts_with(why), "{error}"),
            (let_in, _) => panic!("{expected:?}, but {let_in:?}"),
        }
        tokio::task::spawn_blocking(|| caller.join())
            .await
            .expect("it waits")
            .expect("no panic")
            .ok();
    }
}

#[tokio::test]
async fn the_first_byte_tells_what_it_is() {
    let authority = Authority::new();
    let tls = authority.server();
    let either = Door::Either(Arc::new(Acceptor::load(&tls).expect("its files are right")));
    let plain = |mut socket: StdStream| socket.write_all(b"ruok").map(|()| socket);
    let (stream, _caller) = let_in(&either, plain).await;
    assert_eq!(stream.expect("plain text is let in").subject(), None);
    let bob = authority.client(Some(&authority.identity("bob", "127.0.0.1")), TlsVersion::V1_3);
    let (stream, caller) = let_in(&either, outcome(bob)).await;
    assert!(stream.expect("TLS is let in").subject().is_some());
    caller.join().expect("no panic").ok();
    let (refused, _caller) = let_in(&door(&tls), plain).await;
    let error = refused.expect_err("only TLS comes through").to_string();
    assert!(error.contains("corrupt message"), "{error}");
    let (gone, caller) = let_in(&either, drop).await;
    assert_eq!(gone.expect_err("nothing came").kind(), io::ErrorKind::UnexpectedEof);
    caller.join().expect("no panic");
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let authority = Authority::new();
    let good = authority.server();
    let error = |tls: &Tls| Acceptor::load(tls).expect_err("something is wrong");
    let with_keys = |content: &str| {
        let key_store = authority.file("bad.pem", content);
        let said = error(&Tls { key_store: key_store.clone(), ..good.clone() });
        let prefix = format!("ssl.keyStore.location={key_store}: ");
        said.strip_prefix(&prefix).unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    assert_eq!(with_keys("nothing"), "there is no certificate in it");
    let own = authority.identity("server", "127.0.0.1");
    let (certificate, key) = own.split_at(own.find("-----BEGIN PRIVATE").expect("a key"));
    assert!(with_keys(certificate).starts_with("there is no private key in it"));
    assert_eq!(with_keys(key), "there is no certificate in it");
    let encrypted = certificate.to_owned() + &key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    assert!(with_keys(&encrypted).contains("openssl pkey -in"));
    let other = authority.identity("other", "127.0.0.1");
    let (_, other_key) = other.split_at(other.find("-----BEGIN PRIVATE").expect("a key"));
    let both = certificate.to_owned() + other_key;
    assert_eq!(with_keys(&both), "the private key is not that of the first certificate");
    let cut = certificate.replace("-----END", "");
    assert!(with_keys(&cut).starts_with("this is no PEM"), "{}", with_keys(&cut));
    let missing = Tls { key_store: "/nowhere/k.pem".into(), ..good.clone() };
    assert!(error(&missing).starts_with("ssl.keyStore.location=/nowhere/k.pem: No such file"));
    let trust_store = String::from("/nowhere/t.pem");
    let missing = Tls { client_auth: ClientAuth::Want { trust_store }, ..good.clone() };
    assert!(error(&missing).starts_with("ssl.trustStore.location=/nowhere/t.pem: No such file"));
    let suites = Tls { cipher_suites: Some(vec!["TLS_RSA_WITH_RC4".into()]), ..good.clone() };
    let said = error(&suites);
    assert!(said.starts_with("ssl.ciphersuites: none of them is known; TLS_AES_"), "{said}");
    let one = Some(vec![String::from("TLS_AES_128_GCM_SHA256")]);
    Acceptor::load(&Tls { cipher_suites: one.clone(), ..good.clone() }).expect("it is known");
    let old = Tls { cipher_suites: one, versions: [TlsVersion::V1_2].into(), ..good };
    assert!(error(&old).starts_with("ssl.enabledProtocols with ssl.ciphersuites: "));
}
