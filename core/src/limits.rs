//! Every limit of the core, with its reason. Nothing grows without one.

/// Transactions kept in memory for DIFF (`commitLogCount`, Java's default).
pub const COMMITTED_LOG_LEN: usize = 500;

/// How large a DIFF from the log may be, in percent of the tree's data (`snapshotSizeFactor`,
/// Java's default of 0.33): beyond that the tree is less to send.
pub const LOG_DIFF_PERCENT: u32 = 33;

/// Below so many bytes the log is not read for a learner: a tree that small is sent sooner.
pub const LOG_DIFF_BYTES_MIN: u64 = 1024;
/// The largest frame of a client, unless `jute.maxbuffer` says another one (Java's default).
pub const JUTE_MAX_BUFFER: usize = 0xf_ffff;
/// The greatest `jute.maxbuffer`: a reply with as much must fit into [`CLIENT_QUEUE_BYTES_MAX`].
pub const JUTE_MAX_BUFFER_MAX: usize = 48 << 20;
/// The largest jute buffer between servers and on disk: headers come on top (Java's `extrasize`).
/// It is the same whatever `jute.maxbuffer` says, so that what was accepted once can be read.
pub const JUTE_MAX_BUFFER_PEER: usize = 2 * JUTE_MAX_BUFFER_MAX;
/// Bytes of paths that a closeSession lists; a packet with more could not be read by anybody
/// (ZOOKEEPER-4306).
pub const CLOSING_LIST_MAX: usize = JUTE_MAX_BUFFER;
/// The greatest number of a server whose znodes may have a time to live: the first byte of a
/// session is that of its server, and 0xff marks a time to live (Java's
/// `EphemeralType.MAX_EXTENDED_SERVER_ID`).
pub const EXTENDED_SERVER_ID_MAX: i64 = 0xfe;
/// Identities in one REQUEST: an `addauth` adds one to a client's connection.
pub const AUTH_IDS_MAX: usize = 1024;
/// The longest notification (Java's `PACKETMAXSIZE`).
pub const NOTIFICATION_MAX: usize = 524_288;
/// The longest address list in the greeting of the election port.
pub const ELECTION_ADDR_MAX: usize = 2048;
/// Notifications waiting to be tallied; the oldest is dropped (Java's `RECV_CAPACITY`).
pub const NOTIFICATION_QUEUE_LEN: usize = 100;
/// The first wait for notifications, in ms (`zookeeper.fastleader.minNotificationInterval`).
pub const NOTIFICATION_INTERVAL_MIN_MS: u64 = 200;
/// The longest wait for notifications, in ms (`zookeeper.fastleader.maxNotificationInterval`).
pub const NOTIFICATION_INTERVAL_MAX_MS: u64 = 60_000;
/// How long a quorum of equal votes waits for a better one, in ms (`finalizeWait`).
pub const FINALIZE_WAIT_MS: u64 = 200;
/// How long a poll waits for one answer, in ms (`LeaderElection`).
pub const POLL_WAIT_MS: u64 = 200;
/// The pause between two polls, in ms (`LeaderElection`).
pub const POLL_PAUSE_MS: u64 = 1_000;
/// `finalizeWait` of `AuthFastLeaderElection`, in ms: the wait of a quorum for a better vote, and
/// the unit of its other waits.
pub const PUSH_FINALIZE_WAIT_MS: u64 = 100;
/// How often a pushed vote is sent before it begins anew (`AuthFastLeaderElection`).
pub const PUSH_ATTEMPTS: u32 = 3;
/// Challenges that a server remembers for each other one; the oldest is forgotten.
pub const CHALLENGES_KEPT: usize = 100;
/// How long a server looks before it serves reads without a leader, in ms, unless a tick is longer
/// (`readonlymode.enabled`).
pub const READ_ONLY_WAIT_MS: u64 = 2_000;
/// How long opening an election connection may take, in ms (`zookeeper.cnxTimeout`).
pub const ELECTION_CONNECT_MS: u64 = 5_000;
/// Pause between a learner's attempts to reach its leader, in ms.
pub const LEARNER_RETRY_MS: u64 = 100;
/// A learner's attempts to reach its leader (Java's `connectToLeader`).
pub const LEARNER_CONNECT_TRIES: u32 = 5;
/// How long a client may say nothing at first, in ms (Java's `nio.sessionlessCnxnTimeout`).
pub const CLIENT_SILENCE_MAX_MS: u64 = 10_000;
/// Requests of one client that may wait for their answer before its connection is no longer read
/// (Java's `globalOutstandingLimit`, here for each connection).
pub const CLIENT_OUTSTANDING_MAX: usize = 1000;
/// Requests that clients of this server may have under way in all before no client is read.
pub const OUTSTANDING_MAX: usize = 10_000;
/// Bytes that may wait for a slow client before its connection is closed.
pub const CLIENT_QUEUE_BYTES_MAX: u64 = 64 << 20;
/// Bytes that may wait for a slow learner before its connection is closed (a SNAP not counted).
pub const LEARNER_QUEUE_BYTES_MAX: u64 = 256 << 20;
/// Connections of clients by default (`maxClientCnxns`), for each address.
pub const CLIENT_CONNECTIONS_PER_ADDRESS: u32 = 60;
/// From this size on, in bytes, the data of a packet to a peer is sent as a piece of its own; to
/// copy less costs less than a piece.
pub const PIECE_MIN: usize = 1024;
/// Values up to this size, in bytes, are copied out of their frame when applied, so that a small
/// znode never pins a larger buffer.
pub const COPY_OUT_MAX: usize = 4096;
/// The log file is extended by this many bytes ahead of writing (`preAllocSize`, Java's default).
pub const LOG_PREALLOCATE: u64 = 64 << 20;
/// Transactions between two snapshots (`snapCount`, Java's default); the wait is drawn from the
/// upper half.
pub const SNAP_COUNT: u64 = 100_000;
/// The pause between two searches for znodes to reap, in ms (`znode.container.checkIntervalMs`).
pub const REAP_INTERVAL_MS: u64 = 60_000;
/// Znodes reaped in one minute (`znode.container.maxPerMinute`).
pub const REAPED_PER_MINUTE: u32 = 10_000;
/// Servers in one configuration.
pub const SERVERS_MAX: usize = 255;
/// Requests of one client session that may wait, sent or not, before further ones are refused.
pub const CLIENT_CALLS_MAX: usize = 100_000;
/// The longest pause of a client after all servers refused it, in ms (Java's `HostProvider.next`).
pub const CLIENT_RECONNECT_MS: u64 = 1_000;
/// The longest silence of a client before it pings, in ms (Java's `MAX_SEND_PING_INTERVAL`).
pub const CLIENT_PING_MS: u64 = 10_000;
/// The first and the longest pause of a client on a server that only reads before it asks the next
/// server whether that one writes, in ms (Java's `minPingRwTimeout`, `maxPingRwTimeout`).
pub const CLIENT_SEARCH_MIN_MS: u64 = 100;
/// See [`CLIENT_SEARCH_MIN_MS`].
pub const CLIENT_SEARCH_MAX_MS: u64 = 60_000;
/// How long such a server may take to answer, in ms (Java's `pingRwServer`).
pub const CLIENT_SEARCH_WAIT_MS: u64 = 1_000;
/// About how many bytes of paths one setWatches carries (Java's `SET_WATCHES_MAX_LENGTH`), so that
/// it stays far below the server's largest frame.
pub const SET_WATCHES_BYTES_MAX: usize = 128 * 1024;
