use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use zablab_core::config::ServerConfig;
use zablab_core::sorted::SortedSet;
use zablab_core::tree::Database;
use zablab_core::types::{
    ConnId, ElectionEpoch, Epoch, Epochs, ServerId, SessionId, WallMs, Xid, Zxid,
};
use zablab_core::view::{ClientTimes, ClientView, LearnerView, ServerView, SessionView};

use super::*;
use crate::admin::Counters;

const ENSEMBLE: &str = "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/nowhere/data\n\
    clientPort=2182\nserver.1=a:2888:3888\nserver.2=b:2889:3889\nserver.3=c:2890:3890:observer\n";
const STANDALONE: &str = "tickTime=2000\ndataDir=/nowhere/data\nclientPort=2181\n";

fn view(role: Role) -> ServerView {
    ServerView {
        me: ServerId(2),
        role,
        phase: Phase::Broadcast,
        leader: Some(ServerId(2)),
        serving: true,
        read_only: false,
        epochs: Epochs { accepted: Epoch(1), current: Epoch(1) },
        round: ElectionEpoch(1),
        vote: None,
        tally: vec![],
        out_of_election: vec![],
        last_logged: Zxid(0x1_0000_0007),
        last_durable: Zxid(0x1_0000_0007),
        last_applied: Zxid(0x1_0000_0007),
        last_processed: Zxid(0x1_0000_0007),
        min_committed_log: Zxid(0x1_0000_0001),
        max_committed_log: Zxid(0x1_0000_0007),
        outstanding: vec![],
        awaited: None,
        learners: vec![learner(1, PeerRole::Participant), learner(3, PeerRole::Observer)],
        clients: vec![ClientView {
            conn: ConnId(7),
            remote: "127.0.0.1:57502".into(),
            session: Some(SessionId(1)),
            timeout_ms: 4000,
            outstanding: 2,
            received: 5,
            sent: 3,
            last_xid: Xid(3),
            last_zxid: Zxid(0x1_0000_0007),
            watches: 1,
        }],
        sessions: vec![SessionView {
            id: SessionId(1),
            timeout_ms: 4000,
            ephemerals: 1,
            expires_at_ms: None,
        }],
        local_sessions: 0,
        node_count: 9,
        watch_count: 1,
        ephemeral_count: 1,
        data_size: 307,
        digest: 0,
        stats: Stats {
            packets_received: 12,
            packets_sent: 13,
            requests: 7,
            latency_min_us: 4_200,
            latency_max_us: 98_900,
            latency_total_us: 293_000,
            elections: 1,
            proposals: 14,
            commits: 12,
            proposal_size_last: 36,
            proposal_size_min: 36,
            proposal_size_max: 323,
            syncs_diff: 3,
            syncs_trunc: 1,
            syncs_snap: 2,
        },
    }
}

fn learner(sid: i64, role: PeerRole) -> LearnerView {
    LearnerView { sid: ServerId(sid), role, synced: true, last_acked: Zxid(0x1_0000_0007) }
}

fn status(zoo_cfg: &str, view: ServerView) -> Status {
    let config = ServerConfig::parse(zoo_cfg, Some("2")).expect("a valid configuration");
    let leader_uptime_ms = (view.role == Role::Leading).then_some(43_767);
    let counters = Arc::new(Counters::new());
    let times = ClientTimes {
        established: WallMs(1_795_382_361_000),
        last_op: Some(5),
        last_cxid: Some(Xid(0x1f)),
        last_reply_ms: 43_000,
        last_us: 1_900,
        min_us: 400,
        max_us: 9_100,
        total_us: 10_500,
        replies: 3,
    };
    let watch = |path: &str, sessions: &[i64]| {
        (path.into(), sessions.iter().map(|id| SessionId(*id)).collect())
    };
    Status {
        view,
        config: Arc::new(config),
        counters,
        uptime_ms: 44_395,
        leader_uptime_ms,
        wall: WallMs(1_795_382_361_395),
        times: vec![(ConnId(7), times)],
        watches: vec![watch("/a", &[1, 2]), watch("/b", &[1])],
        database: Some(Database::genesis()),
        trace_mask: TRACE_MASK,
    }
}

#[test]
fn srvr_of_a_leader() {
    let text = render(Word::Srvr, &status(ENSEMBLE, view(Role::Leading)), "127.0.0.1:1");
    let expected = format!(
        "Zookeeper version: {VERSION}, built on {BUILT}\nLatency min/avg/max: 4/41.8571/98\n\
         Received: 12\nSent: 13\n\
         Connections: 2\nOutstanding: 2\nZxid: 0x100000007\nMode: leader\nNode count: 9\n\
         Proposal sizes last/min/max: 36/36/323\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn stat_lists_the_clients_and_the_asker() {
    let text = render(Word::Stat, &status(STANDALONE, view(Role::Standalone)), "127.0.0.1:9");
    let expected = "Clients:\n /127.0.0.1:57502[1](queued=2,recved=5,sent=3)\n \
        /127.0.0.1:9[0](queued=0,recved=1,sent=0)\n\nLatency min/avg/max: ";
    assert!(text.contains(expected), "{text}");
    assert!(text.ends_with("Mode: standalone\nNode count: 9\n"), "{text}");
}

#[test]
fn mntr_has_only_keys_of_java() {
    let leader = status(ENSEMBLE, view(Role::Leading));
    leader.counters.responded(20);
    leader.counters.responded(342);
    leader.counters.fsync.add(Duration::from_micros(2_500));
    leader.counters.fsync.add(Duration::from_micros(3_900));
    let text = render(Word::Mntr, &leader, "127.0.0.1:1");
    let java = include_str!("../../../../tests/vectors/fourletter/mntr-leader.txt");
    let java_keys: BTreeSet<&str> = java.lines().filter_map(|l| l.split('\t').next()).collect();
    let mut keys = BTreeSet::new();
    for line in text.lines() {
        let (key, value) = line.split_once('\t').expect("a key, a tab, a value");
        assert!(java_keys.contains(key), "Java has no {key}");
        assert!(keys.insert(key), "{key} comes twice");
        assert!(!value.is_empty(), "{key} has no value");
    }
    for line in [
        "zk_server_state\tleader",
        "zk_peer_state\tleading - broadcast",
        "zk_quorum_size\t2",
        "zk_avg_latency\t41.8571",
        "zk_num_alive_connections\t2",
        "zk_synced_followers\t1",
        "zk_synced_observers\t1",
        "zk_leader_uptime\t43767",
        "zk_last_client_response_size\t338",
        "zk_min_client_response_size\t16",
        "zk_response_bytes\t354",
        "zk_avg_fsynctime\t2.5",
        "zk_cnt_fsynctime\t2",
        "zk_avg_snapshottime\t0.0",
    ] {
        assert!(text.lines().any(|have| have == line), "no {line:?} in\n{text}");
    }
}

#[test]
fn a_standalone_server_has_no_peer_state() {
    let text = render(Word::Mntr, &status(STANDALONE, view(Role::Standalone)), "127.0.0.1:1");
    assert!(text.contains("zk_server_state\tstandalone\n"), "{text}");
    for key in ["zk_peer_state", "zk_quorum_size", "zk_learners", "zk_leader_uptime"] {
        assert!(!text.contains(key), "{key} in\n{text}");
    }
}

#[test]
fn conf_of_an_ensemble_ends_with_its_members() {
    let text = render(Word::Conf, &status(ENSEMBLE, view(Role::Following)), "127.0.0.1:1");
    let begin = "clientPort=2182\nsecureClientPort=-1\ndataDir=/nowhere/data/version-2\n\
        dataDirSize=0\ndataLogDir=/nowhere/data/version-2\ndataLogSize=0\ntickTime=2000\n\
        maxClientCnxns=60\nminSessionTimeout=4000\nmaxSessionTimeout=40000\n";
    assert!(text.starts_with(begin), "{text}");
    let end = "serverId=2\ninitLimit=10\nsyncLimit=5\nelectionAlg=3\nelectionPort=3889\n\
        quorumPort=2889\npeerType=0\nmembership: \nserver.1=a:2888:3888:participant\n\
        server.2=b:2889:3889:participant\nserver.3=c:2890:3890:observer\nversion=0";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn while_not_serving_only_isro_has_an_answer_of_its_own() {
    let mut looking = view(Role::Looking);
    looking.serving = false;
    let looking = status(ENSEMBLE, looking);
    for word in [Word::Srvr, Word::Stat, Word::Mntr, Word::Conf] {
        assert_eq!(render(word, &looking, "127.0.0.1:1"), NOT_SERVING, "{word:?}");
    }
    assert_eq!(render(Word::Isro, &looking, "127.0.0.1:1"), "null");
    let mut reading = view(Role::Looking);
    (reading.serving, reading.read_only) = (false, true);
    let reading = status(ENSEMBLE, reading);
    assert_eq!(render(Word::Isro, &reading, "127.0.0.1:1"), "ro");
    let text = render(Word::Srvr, &reading, "127.0.0.1:1");
    assert!(text.contains("\nREAD-ONLY mode; serving only read-only clients\nLatency"), "{text}");
    assert!(text.contains("\nMode: read-only\n"), "{text}");
    let following = status(ENSEMBLE, view(Role::Following));
    assert_eq!(render(Word::Isro, &following, "127.0.0.1:1"), "rw");
}

#[test]
fn only_words_on_the_list_are_answered() {
    let only_srvr = Whitelist::Words(SortedSet::from(["srvr".to_owned()]));
    assert_eq!(answer(*b"srvr", &only_srvr), Answer::Ask(Word::Srvr));
    let refused = "ruok is not executed because it is not in the whitelist.\n";
    assert_eq!(answer(*b"ruok", &only_srvr), Answer::Text(refused.into()));
    assert_eq!(answer(*b"ruok", &Whitelist::All), Answer::Text("imok".into()));
    assert_eq!(answer(*b"zzzz", &Whitelist::All), Answer::Nothing);
}

#[test]
fn means_look_as_java_shows_them() {
    let shown = |sum, count| Decimal::ratio(sum, count).to_string();
    assert_eq!(shown(0, 0), "0.0");
    assert_eq!(shown(293, 7), "41.8571");
    assert_eq!(shown(58, 5), "11.6");
    assert_eq!(shown(2, 3), "0.6667");
    assert_eq!(shown(1152, 1), "1152.0");
}

#[test]
fn the_words_that_list_are_javas() {
    let mut view = view(Role::Standalone);
    view.sessions[0].expires_at_ms = Some(48_000);
    let status = status(STANDALONE, view);
    let rendered = |word| render(word, &status, "127.0.0.1:9");
    assert_eq!(
        rendered(Word::Cons),
        " /127.0.0.1:57502[1](queued=2,recved=5,sent=3,sid=0x1,lop=SETD,est=1795382361000,\
         to=4000,lcxid=0x1f,lzxid=0x100000007,lresp=43000,llat=1,minlat=0,avglat=3,maxlat=9)\n \
         /127.0.0.1:9[0](queued=0,recved=1,sent=0)\n\n"
    );
    assert_eq!(rendered(Word::Wchs), "2 connections watching 2 paths\nTotal watches:3\n");
    assert_eq!(rendered(Word::Wchc), "0x1\n\t/a\n\t/b\n0x2\n\t/a\n\n");
    assert_eq!(rendered(Word::Wchp), "/a\n\t0x1\n\t0x2\n/b\n\t0x1\n\n");
    assert_eq!(rendered(Word::Gtmk), "306");
    let dump = rendered(Word::Dump);
    let lines: Vec<&str> = dump.lines().collect();
    assert_eq!(lines[..2], ["SessionTracker dump:", "Session Sets (1)/(1):"]);
    assert!(lines[2].starts_with("1 expire at ") && lines[2].ends_with("2026:"), "{dump}");
    let rest = ["\t0x1", "ephemeral nodes dump:", "Sessions with Ephemerals (0):"];
    assert_eq!(lines[3..6], rest);
    assert_eq!(lines[6..8], ["Connections dump:", "Connections Sets (1)/(1):"]);
    assert_eq!(lines[9..], ["\tip: /127.0.0.1:57502 sessionId: 0x1"]);
}

#[test]
fn a_learner_dumps_the_sessions_of_the_ensemble() {
    let dump = render(Word::Dump, &status(ENSEMBLE, view(Role::Following)), "127.0.0.1:9");
    let expected =
        "SessionTracker dump:\nGlobal Sessions(1):\n0x1\t4000ms\nephemeral nodes dump:\n";
    assert!(dump.starts_with(expected), "{dump}");
}
