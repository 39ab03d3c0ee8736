//! The crate `zookeeper-client`, an independent client of tokio, through a change of leaders:
//! `tokio_client HOSTS`.
//!
//! When it has said `kill the leader`, it waits for a line that says that this was done. What is
//! not as it should be is a panic.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;
use zookeeper_client::{
    Acls, AddWatchMode, AuthUser, Client, CreateMode, CreateOptions, Error, EventType, LockPrefix,
    MultiReadResult, MultiWriteError, MultiWriteResult, SessionState,
};

/// How long one answer or event may take: an election can be in its way.
const FOR: Duration = Duration::from_secs(60);
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
const OPEN: CreateOptions<'static> = CreateMode::Persistent.with_acls(Acls::anyone_all());
const EPHEMERAL: CreateOptions<'static> = CreateMode::Ephemeral.with_acls(Acls::anyone_all());

async fn connect(hosts: &str) -> Client {
    let connector = Client::connector().with_session_timeout(SESSION_TIMEOUT);
    connector.connect(hosts).await.expect("a server takes the session")
}

async fn soon<T>(name: &str, what: impl Future<Output = T>) -> T {
    timeout(FOR, what).await.unwrap_or_else(|_| panic!("{name} does not come"))
}

fn main() {
    let hosts = std::env::args().nth(1).expect("usage: tokio_client HOSTS");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("the system has descriptors").block_on(everything(&hosts));
    println!("all of it");
}

async fn everything(hosts: &str) {
    let whole = connect(hosts).await;
    whole.create("/app", b"", &OPEN).await.expect("it is new");
    let client = whole.clone().chroot("/app").expect("it is a path");
    znodes(&client).await;
    transactions(&client).await;
    access(&client, hosts).await;
    lock(&client, hosts).await;
    watches(&client).await;
    change_of_leaders(&client, hosts).await;
    let ephemerals = whole.list_ephemerals("/").await.expect("the session lives");
    assert_eq!(ephemerals, ["/app/mine"]);

    // The end of the session is the end of its znodes.
    let other = connect(hosts).await;
    let (_, _, mine) = other.get_and_watch_data("/app/mine").await.expect("it is there");
    drop((client, whole));
    assert_eq!(
        soon("the end of a session", mine.changed()).await.event_type,
        EventType::NodeDeleted
    );
}

async fn znodes(client: &Client) {
    let (stat, _) = client.create("/a", b"one", &OPEN).await.expect("it is new");
    assert_eq!((stat.version, stat.ephemeral_owner, stat.data_length), (0, 0, 3));
    assert_eq!(client.create("/a", b"", &OPEN).await, Err(Error::NodeExists));
    assert_eq!(client.create("/x/y", b"", &OPEN).await, Err(Error::NoNode));
    let (stat, _) = client.create("/mine", b"x", &EPHEMERAL).await.expect("it is new");
    assert_eq!(stat.ephemeral_owner, client.session_id().0);
    assert_eq!(client.create("/mine/y", b"", &OPEN).await, Err(Error::NoChildrenForEphemerals));
    let sequential = CreateMode::PersistentSequential.with_acls(Acls::anyone_all());
    for number in ["0000000000", "0000000001"] {
        let (_, sequence) = client.create("/a/n-", b"", &sequential).await.expect("a is there");
        assert_eq!(sequence.to_string(), number);
    }
    let container = CreateMode::Container.with_acls(Acls::anyone_all());
    client.create("/container", b"", &container).await.expect("it is new");
    let stat = client.set_data("/a", b"two", Some(0)).await.expect("that is its version");
    assert_eq!(stat.version, 1);
    assert_eq!(client.set_data("/a", b"", Some(0)).await, Err(Error::BadVersion));
    let (data, read) = client.get_data("/a").await.expect("it is there");
    assert_eq!((&data[..], read.mzxid, read.num_children), (&b"two"[..], stat.mzxid, 2));
    assert_eq!(client.check_stat("/none").await, Ok(None));
    let mut children = client.list_children("/").await.expect("it is there");
    children.sort_unstable();
    assert_eq!(children, ["a", "container", "mine"]);
    assert_eq!(client.count_descendants_number("/a").await, Ok(2));
    assert_eq!(client.delete("/a", None).await, Err(Error::NotEmpty));
    assert_eq!(client.delete("/a/n-0000000000", Some(3)).await, Err(Error::BadVersion));
    assert_eq!(client.delete("/a/n-0000000000", Some(0)).await, Ok(()));
    assert_eq!(client.sync("/a").await, Ok(()));
    let (config, _) = client.get_config().await.expect("everybody may read it");
    assert!(String::from_utf8_lossy(&config).contains("server.3="), "{config:?}");
}

async fn transactions(client: &Client) {
    let mut writer = client.new_multi_writer();
    writer.add_create("/t", b"", &OPEN).expect("it is a path");
    writer.add_set_data("/t", b"x", Some(0)).expect("it is a path");
    writer.add_check_version("/t", 1).expect("it is a path");
    writer.add_delete("/a/n-0000000001", None).expect("it is a path");
    let results = writer.commit().await.expect("all hold");
    let [MultiWriteResult::Create { path, .. }, _, _, MultiWriteResult::Delete] = &results[..]
    else {
        panic!("{results:?}");
    };
    assert_eq!(path, "/t");

    let mut writer = client.new_multi_writer();
    writer.add_set_data("/t", b"y", None).expect("it is a path");
    writer.add_create("/a", b"", &OPEN).expect("it is a path");
    let expected = MultiWriteError::OperationFailed { index: 1, source: Error::NodeExists };
    assert_eq!(writer.commit().await.expect_err("a is there"), expected);

    let mut reader = client.new_multi_reader();
    reader.add_get_data("/t").expect("it is a path");
    reader.add_get_children("/a").expect("it is a path");
    reader.add_get_data("/none").expect("it is a path");
    let read = reader.commit().await.expect("each has its own result");
    let [
        MultiReadResult::Data { data, .. },
        MultiReadResult::Children { children },
        MultiReadResult::Error { err: Error::NoNode },
    ] = &read[..]
    else {
        panic!("{read:?}");
    };
    assert_eq!((&data[..], children.len()), (&b"x"[..], 0));
}

/// What only bob may see; he comes back as himself after the leader is gone.
async fn access(client: &Client, hosts: &str) {
    client.auth("digest", b"bob:secret").await.expect("any password is one");
    let users = client.list_auth_users().await.expect("it is told");
    assert!(users.contains(&AuthUser::new("digest", "bob")), "{users:?}");
    let own = CreateMode::Persistent.with_acls(Acls::creator_all());
    client.create("/own", b"bob's", &own).await.expect("it is new");
    let (acl, _) = client.get_acl("/own").await.expect("he may");
    assert_eq!((acl.len(), acl[0].scheme()), (1, "digest"));
    let stranger = connect(hosts).await;
    assert_eq!(stranger.sync("/app/own").await, Ok(()));
    assert_eq!(stranger.get_data("/app/own").await, Err(Error::NoAuth));
    assert_eq!(stranger.set_acl("/app/own", &Acls::anyone_all(), None).await, Err(Error::NoAuth));
}

/// Its recipe, which Curator's clients understand as well.
async fn lock(client: &Client, hosts: &str) {
    let other = connect(hosts).await.chroot("/app").expect("it is a path");
    client.create("/locks", b"", &OPEN).await.expect("it is new");
    let prefix = || LockPrefix::new_curator("/locks", "lock-").expect("it is a path");
    let held = client.lock(prefix(), b"", Acls::anyone_all()).await.expect("nobody has it");
    held.create("/held", b"", &OPEN).await.expect("it is still held");
    let mut waiting = std::pin::pin!(other.lock(prefix(), b"", Acls::anyone_all()));
    let early = timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "two have the lock");
    drop(held);
    soon("the lock", waiting).await.expect("it was given back");
}

async fn watches(client: &Client) {
    let (_, _, data) = client.get_and_watch_data("/a").await.expect("it is there");
    let (_, _, children) = client.get_and_watch_children("/a").await.expect("it is there");
    let (_, exists) = client.check_and_watch_stat("/a/b").await.expect("it is told");
    let mut tree = client.watch("/a", AddWatchMode::PersistentRecursive).await.expect("it may");
    client.create("/a/b", b"", &OPEN).await.expect("it is new");
    client.set_data("/a", b"three", None).await.expect("it is there");
    for (watch, kind, path) in [
        (data, EventType::NodeDataChanged, "/a"),
        (children, EventType::NodeChildrenChanged, "/a"),
        (exists, EventType::NodeCreated, "/a/b"),
    ] {
        let event = soon("a one-shot event", watch.changed()).await;
        assert_eq!((event.event_type, event.path.as_str()), (kind, path));
    }
    for (kind, path) in [(EventType::NodeCreated, "/a/b"), (EventType::NodeDataChanged, "/a")] {
        let event = soon("a recursive event", tree.changed()).await;
        assert_eq!((event.event_type, event.path.as_str()), (kind, path));
    }
    drop(tree);
}

/// `kill -9` of the leader: the session, who it is and its watches go on at another server.
async fn change_of_leaders(client: &Client, hosts: &str) {
    let (_, _, once) = client.get_and_watch_data("/a").await.expect("it is there");
    let mut tree = client.watch("/", AddWatchMode::PersistentRecursive).await.expect("it may");
    let mut state = client.state_watcher();
    assert_eq!(state.state(), SessionState::SyncConnected);
    println!("kill the leader");
    let mut line = String::new();
    BufReader::new(tokio::io::stdin()).read_line(&mut line).await.expect("somebody answers");
    assert_eq!(line, "killed\n");
    for expected in [SessionState::Disconnected, SessionState::SyncConnected] {
        assert_eq!(soon("a session event", tree.changed()).await.session_state, expected);
    }
    assert_eq!(
        soon("the data of bob", client.get_data("/own")).await.expect("it is bob").0,
        b"bob's"
    );
    let other = connect(hosts).await.chroot("/app").expect("it is a path");
    other.set_data("/a", b"four", None).await.expect("it is there");
    assert_eq!(
        soon("the event of a watch that was set again", once.changed()).await.event_type,
        EventType::NodeDataChanged
    );
    // Its persistent watches it does not set again: `resend_watches` of 0.11.2 says how many kinds
    // there are to set by the greater of a number and itself.
    let mine = other.check_stat("/mine").await.expect("it is told").expect("its session lives");
    assert_eq!(mine.ephemeral_owner, client.session_id().0);
}
