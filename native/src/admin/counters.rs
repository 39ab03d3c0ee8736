//! What the driver measures itself, beside the core's own counters.
//!
//! Atomics, because several threads count and any may read; nothing is decided by them, so no
//! order between them is needed.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// All counters of a process.
#[derive(Debug)]
pub struct Counters {
    /// Bytes read from clients.
    pub bytes_received: AtomicU64,
    /// Bytes of all messages sent to clients, without their length fields.
    pub response_bytes: AtomicU64,
    /// Size of the last message to a client; -1 before the first.
    pub response_last: AtomicI64,
    /// Size of the smallest; -1 before the first.
    pub response_min: AtomicI64,
    /// Size of the largest; -1 before the first.
    pub response_max: AtomicI64,
    /// Syncs of a batch of log writes.
    pub fsync: Summary,
    /// Snapshots written in the background.
    pub snapshot: Summary,
    /// Recoveries from the disk: at the start, and when a role ends.
    pub db_init: Summary,
}

/// Durations in ms: enough for Java's "simple" summaries.
#[derive(Debug)]
pub struct Summary {
    count: AtomicU64,
    sum_ms: AtomicU64,
    min_ms: AtomicU64,
    max_ms: AtomicU64,
}

/// The length field in front of each message to a client.
const LENGTH_FIELD: usize = 4;

impl Counters {
    /// Nothing counted yet.
    pub fn new() -> Counters {
        Counters {
            bytes_received: AtomicU64::new(0),
            response_bytes: AtomicU64::new(0),
            response_last: AtomicI64::new(-1),
            response_min: AtomicI64::new(-1),
            response_max: AtomicI64::new(-1),
            fsync: Summary::new(),
            snapshot: Summary::new(),
            db_init: Summary::new(),
        }
    }

    /// Counts bytes that came from a client.
    pub fn received(&self, bytes: usize) {
        self.bytes_received.fetch_add(bytes as u64, Relaxed);
    }

    /// Counts a message to a client, given with its length field. Only the core thread does.
    pub fn responded(&self, message: usize) {
        let size = message.saturating_sub(LENGTH_FIELD);
        self.response_bytes.fetch_add(size as u64, Relaxed);
        let size = size as i64;
        self.response_last.store(size, Relaxed);
        self.response_max.fetch_max(size, Relaxed);
        let min = self.response_min.load(Relaxed);
        if min < 0 || size < min {
            self.response_min.store(size, Relaxed);
        }
    }
}

impl Summary {
    fn new() -> Summary {
        Summary {
            count: AtomicU64::new(0),
            sum_ms: AtomicU64::new(0),
            min_ms: AtomicU64::new(u64::MAX),
            max_ms: AtomicU64::new(0),
        }
    }

    /// Adds one; whole milliseconds, as Java counts them.
    pub fn add(&self, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.count.fetch_add(1, Relaxed);
        self.sum_ms.fetch_add(ms, Relaxed);
        self.min_ms.fetch_min(ms, Relaxed);
        self.max_ms.fetch_max(ms, Relaxed);
    }

    /// How many, their sum, the shortest and the longest; zeros before the first.
    pub fn read(&self) -> (u64, u64, u64, u64) {
        let count = self.count.load(Relaxed);
        let min_ms = if count == 0 { 0 } else { self.min_ms.load(Relaxed) };
        (count, self.sum_ms.load(Relaxed), min_ms, self.max_ms.load(Relaxed))
    }
}
