//! One connection: its reader task, its writer task, and what the core thread holds of it.
//!
//! The core thread collects what one batch of inputs sends on a connection and writes it with one
//! system call. Only what the system does not take at once goes to the writer task, and until that
//! task has sent all of it everything else queues behind it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;
use zablab_core::limits::{CLIENT_QUEUE_BYTES_MAX, LEARNER_QUEUE_BYTES_MAX};
use zablab_core::process::{Input, PortKind};
use zablab_core::types::ConnId;

use super::{FLUSH_FOR, LINGER_FOR, READ_CHUNK_MAX, Stream};
use crate::admin::Counters;
use crate::inbox::{Event, Inbox};

/// A reader's buffer at first, and whenever little comes in.
const READ_CHUNK: usize = 16 * 1024;
/// A read buffer with less room than this is replaced.
const READ_ROOM_MIN: usize = 2 * 1024;
/// A read buffer is given back after a read of more than this: if nothing follows, the connection
/// would hold what a burst has filled for as long as it is idle.
const READ_KEPT_MAX: usize = 4 * 1024;
/// For the same reason, a queue of messages with room for more than this is.
const PENDING_KEPT_MAX: usize = 32;

/// A connection, as the core thread holds it. Dropped, it ends at once.
#[derive(Debug)]
pub struct Connection {
    port: PortKind,
    remote: SocketAddr,
    stream: Arc<Stream>,
    reading: watch::Sender<bool>,
    reader: JoinHandle<()>,
    /// `None` once the connection is closing.
    writer: Option<JoinHandle<()>>,
    backlog: mpsc::UnboundedSender<Item>,
    progress: Arc<Progress>,
    pending: VecDeque<Bytes>,
    queued: u64,
}

/// What a flush came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flushed {
    /// The system took all; this many bytes since the connection began.
    All(u64),
    /// The writer task has the rest and will report.
    Rest,
    /// More waits than this connection may hold back.
    TooSlow,
    /// The connection is gone.
    Gone,
}

/// What the writer task is given.
#[derive(Debug)]
enum Item {
    Pieces(VecDeque<Bytes>),
    /// Made when its turn comes, off the core thread: it can be as large as the whole tree.
    Made(Maker),
    Close,
}

struct Maker(Box<dyn FnOnce() -> Vec<Bytes> + Send>);

impl std::fmt::Debug for Maker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Maker")
    }
}

/// How far sending has come; written by the writer task while it has work, else by the core thread.
#[derive(Debug, Default)]
struct Progress {
    /// Bytes that the system took, of those that the core sent (a made body is not counted); with
    /// TLS, some of them may still be in the session.
    drained: AtomicU64,
    /// Items that the writer task has not finished.
    items: AtomicUsize,
}

/// What all connections of a server have in common.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// Where their tasks run.
    pub runtime: &'a Handle,
    /// Where they report.
    pub inbox: &'a Inbox,
    /// What counts what clients send.
    pub counters: &'a Arc<Counters>,
    /// How long a client may say nothing before its first byte.
    pub silence_max: Duration,
}

impl Connection {
    /// Starts both tasks of a connection that stands.
    pub fn start(
        around: Around<'_>,
        conn: ConnId,
        port: PortKind,
        stream: Stream,
        remote: SocketAddr,
    ) -> Connection {
        let Around { runtime, inbox, counters, silence_max } = around;
        let stream = Arc::new(stream);
        let progress = Arc::new(Progress::default());
        let (reading, may_read) = watch::channel(true);
        let (backlog, items) = mpsc::unbounded_channel();
        let is_client = port == PortKind::Client;
        let reader = Reader {
            conn,
            stream: Arc::clone(&stream),
            may_read,
            inbox: inbox.clone(),
            silence_max: is_client.then_some(silence_max),
        };
        let writer = Writer {
            conn,
            stream: Arc::clone(&stream),
            items,
            progress: Arc::clone(&progress),
            inbox: inbox.clone(),
        };
        let counted = is_client.then(|| Arc::clone(counters));
        Connection {
            port,
            remote,
            stream,
            reading,
            reader: runtime.spawn(reader.run(counted)),
            writer: Some(runtime.spawn(writer.run())),
            backlog,
            progress,
            pending: VecDeque::new(),
            queued: 0,
        }
    }

    /// The other side.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Which kind of port it came in on, or goes to.
    pub fn port(&self) -> PortKind {
        self.port
    }

    /// Queues a message for the next [`Connection::flush`].
    pub fn send(&mut self, parts: Vec<Bytes>) {
        self.queued += parts.iter().map(|part| part.len() as u64).sum::<u64>();
        self.pending.extend(parts.into_iter().filter(|part| !part.is_empty()));
    }

    /// Queues a body that is made on another thread when its turn comes.
    pub fn send_made(&mut self, make: impl FnOnce() -> Vec<Bytes> + Send + 'static) {
        self.hand_over_pending();
        self.hand_over(Item::Made(Maker(Box::new(make))));
    }

    /// Writes what is queued, as far as the system takes it at once.
    pub fn flush(&mut self) -> Flushed {
        if self.progress.items.load(Ordering::Acquire) == 0 {
            while !self.pending.is_empty() {
                match self.stream.try_write(&mut self.pending) {
                    Ok(n) => self.progress.drained.fetch_add(n, Ordering::Relaxed),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => return Flushed::Gone,
                };
            }
        }
        let drained = self.progress.drained.load(Ordering::Relaxed);
        if self.pending.is_empty() {
            self.pending.shrink_to(PENDING_KEPT_MAX);
            if self.progress.items.load(Ordering::Acquire) > 0 || self.stream.is_flushed() {
                return Flushed::All(drained);
            }
            // The session has taken all and the system has not.
            self.hand_over(Item::Pieces(VecDeque::new()));
            return Flushed::Rest;
        }
        self.hand_over_pending();
        let limit = match self.port {
            PortKind::Client => CLIENT_QUEUE_BYTES_MAX,
            PortKind::Quorum | PortKind::Election => LEARNER_QUEUE_BYTES_MAX,
        };
        if self.queued - drained > limit { Flushed::TooSlow } else { Flushed::Rest }
    }

    /// Reads on, or not.
    pub fn set_reading(&self, reading: bool) {
        self.reading.send_replace(reading);
    }

    /// Sends what is queued, then closes, all in the background.
    pub fn close(mut self, runtime: &Handle) {
        self.hand_over_pending();
        self.hand_over(Item::Close);
        self.reader.abort();
        if let Some(mut writer) = self.writer.take() {
            runtime.spawn(async move {
                if timeout(FLUSH_FOR, &mut writer).await.is_err() {
                    writer.abort();
                }
            });
        }
    }

    fn hand_over_pending(&mut self) {
        if !self.pending.is_empty() {
            let pieces = std::mem::take(&mut self.pending);
            self.hand_over(Item::Pieces(pieces));
        }
    }

    fn hand_over(&mut self, item: Item) {
        self.progress.items.fetch_add(1, Ordering::AcqRel);
        // A writer task that has ended has reported the connection as gone.
        let _ = self.backlog.send(item);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
        if let Some(writer) = &self.writer {
            writer.abort();
        }
    }
}

struct Reader {
    conn: ConnId,
    stream: Arc<Stream>,
    may_read: watch::Receiver<bool>,
    inbox: Inbox,
    /// How long it waits for the first byte.
    silence_max: Option<Duration>,
}

impl Reader {
    async fn run(mut self, counters: Option<Arc<Counters>>) {
        if let Err(error) = self.read_all(counters).await {
            debug!("connection {} ended: {error}", self.conn);
        }
        self.inbox.tell(Event::Input(Input::ConnDown { conn: self.conn }));
    }

    async fn read_all(&mut self, counters: Option<Arc<Counters>>) -> io::Result<()> {
        let mut silent_until = self.silence_max.map(|silence_max| Instant::now() + silence_max);
        let mut buffer = BytesMut::new();
        let mut chunk_size = READ_CHUNK;
        loop {
            let Ok(_) = self.may_read.wait_for(|may_read| *may_read).await else {
                return Ok(());
            };
            tokio::select! {
                biased;
                ready = self.stream.readable() => ready?,
                _ = self.may_read.changed() => continue,
                () = sleep_until(silent_until.unwrap_or_else(Instant::now)),
                    if silent_until.is_some() => return Err(io::ErrorKind::TimedOut.into()),
            }
            if buffer.capacity() < READ_ROOM_MIN {
                buffer.reserve(chunk_size);
            }
            let room = buffer.capacity();
            let n = match self.stream.try_read_buf(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            silent_until = None;
            // A buffer that came back full says that more is waiting: a SNAP, or a long pipeline.
            chunk_size = if n == room { READ_CHUNK_MAX.min(chunk_size * 2) } else { READ_CHUNK };
            if let Some(counters) = &counters {
                counters.received(n);
            }
            self.inbox.chunk(self.conn, buffer.split().freeze()).await;
            if n > READ_KEPT_MAX {
                buffer = BytesMut::new();
            }
        }
    }
}

struct Writer {
    conn: ConnId,
    stream: Arc<Stream>,
    items: mpsc::UnboundedReceiver<Item>,
    progress: Arc<Progress>,
    inbox: Inbox,
}

impl Writer {
    async fn run(mut self) {
        if let Err(error) = self.write_all().await {
            debug!("connection {} ended: {error}", self.conn);
            self.inbox.tell(Event::Input(Input::ConnDown { conn: self.conn }));
        }
    }

    async fn write_all(&mut self) -> io::Result<()> {
        while let Some(item) = self.items.recv().await {
            match item {
                Item::Pieces(pieces) => self.write(pieces, true).await?,
                Item::Made(Maker(make)) => {
                    let made = tokio::task::spawn_blocking(make).await.map_err(io::Error::other)?;
                    self.write(made.into(), false).await?;
                }
                Item::Close => return self.close().await,
            }
            self.progress.items.fetch_sub(1, Ordering::AcqRel);
            let through = self.progress.drained.load(Ordering::Relaxed);
            self.inbox.tell(Event::Input(Input::Drained { conn: self.conn, through }));
        }
        Ok(())
    }

    async fn write(&self, mut pieces: VecDeque<Bytes>, counted: bool) -> io::Result<()> {
        while !pieces.is_empty() || !self.stream.is_flushed() {
            self.stream.writable().await?;
            match self.stream.try_write(&mut pieces) {
                Ok(n) if counted => {
                    self.progress.drained.fetch_add(n, Ordering::Relaxed);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says that no more comes, then waits until the other side has closed too, see [`LINGER_FOR`].
    async fn close(&self) -> io::Result<()> {
        self.stream.finish().await?;
        timeout(LINGER_FOR, self.stream.throw_away()).await.unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::inbox::{Events, inbox};

    const CONN: ConnId = ConnId(1);

    struct Pair {
        ours: Connection,
        theirs: TcpStream,
        events: Events,
    }

    async fn pair() -> Pair {
        pair_within(Duration::from_secs(10)).await
    }

    async fn pair_within(silence_max: Duration) -> Pair {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let theirs = TcpStream::connect(addr).await.expect("it listens");
        let (stream, remote) = listener.accept().await.expect("it was called");
        let (inbox, events) = inbox();
        let (runtime, counters) = (Handle::current(), Arc::new(Counters::new()));
        let port = PortKind::Client;
        let stream = stream.into();
        let around = Around { runtime: &runtime, inbox: &inbox, counters: &counters, silence_max };
        let ours = Connection::start(around, CONN, port, stream, remote);
        Pair { ours, theirs, events }
    }

    /// The next input that the connection's tasks give; waits off the runtime.
    async fn next(events: Events) -> (Input, Events) {
        let wait = move || {
            let mut batch = Vec::new();
            events.wait(None, &mut batch);
            match batch.pop() {
                Some(Event::Input(input)) if batch.is_empty() => (input, events),
                other => panic!("{other:?} after {batch:?}"),
            }
        };
        tokio::task::spawn_blocking(wait).await.expect("it waits without a panic")
    }

    #[tokio::test]
    async fn who_says_nothing_at_first_is_cut_off() {
        let Pair { ours, mut theirs, events } = pair_within(Duration::from_millis(20)).await;
        let (input, events) = next(events).await;
        assert!(matches!(input, Input::ConnDown { conn: CONN }), "{input:?}");
        drop(ours);
        assert_eq!(theirs.read(&mut [0]).await.expect("it is closed"), 0);
        drop(events);
        let Pair { ours, mut theirs, events } = pair_within(Duration::from_millis(500)).await;
        theirs.write_all(b"a").await.expect("it is open");
        let (input, events) = next(events).await;
        assert!(matches!(input, Input::Bytes { .. }), "{input:?}");
        tokio::time::sleep(Duration::from_millis(600)).await;
        theirs.write_all(b"b").await.expect("it is open");
        let (input, _events) = next(events).await;
        assert!(matches!(input, Input::Bytes { .. }), "{input:?}: later it may be silent");
        drop(ours);
    }

    #[tokio::test]
    async fn what_comes_in_is_told_until_the_end() {
        let Pair { ours, mut theirs, events } = pair().await;
        theirs.write_all(b"hello").await.expect("it is open");
        let (input, events) = next(events).await;
        assert!(matches!(input, Input::Bytes { conn: CONN, chunk } if chunk == "hello"));
        drop(theirs);
        let (input, _) = next(events).await;
        assert!(matches!(input, Input::ConnDown { conn: CONN }));
        drop(ours);
    }

    #[tokio::test]
    async fn a_paused_connection_is_not_read() {
        let Pair { ours, mut theirs, events } = pair().await;
        ours.set_reading(false);
        theirs.write_all(b"later").await.expect("it is open");
        // The reader has had every chance to run, and has told nothing.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let mut batch = Vec::new();
        events.wait(Some(std::time::Duration::ZERO), &mut batch);
        assert!(batch.is_empty(), "{batch:?}");
        ours.set_reading(true);
        let (input, _) = next(events).await;
        assert!(matches!(input, Input::Bytes { chunk, .. } if chunk == "later"));
    }

    #[tokio::test]
    async fn more_than_the_system_takes_is_sent_in_order_and_then_closed() {
        let Pair { mut ours, mut theirs, events } = pair().await;
        let large = Bytes::from(vec![b'x'; 8 << 20]);
        ours.send(vec![Bytes::from_static(b"first"), large.clone()]);
        assert_eq!(ours.flush(), Flushed::Rest);
        ours.send_made(|| vec![Bytes::from_static(b"made")]);
        ours.send(vec![Bytes::from_static(b"last")]);
        assert_eq!(ours.flush(), Flushed::Rest);
        ours.close(&Handle::current());
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).await.expect("it ends without a reset");
        assert_eq!(all.len(), 5 + large.len() + 4 + 4);
        assert!(all.starts_with(b"firstx"));
        assert!(all.ends_with(b"xmadelast"));
        let mut reports = Vec::new();
        events.wait(None, &mut reports);
        let through = 5 + large.len() as u64 + 4;
        let last = reports.pop();
        let Some(Event::Input(Input::Drained { through: have, .. })) = last else {
            panic!("{last:?} is no report of progress");
        };
        assert_eq!(have, through, "what was made is not counted");
    }

    #[tokio::test]
    async fn who_does_not_read_is_too_slow_in_the_end() {
        let Pair { mut ours, theirs, events: _ } = pair().await;
        let piece = Bytes::from(vec![0; 1 << 20]);
        let mut flushed = Flushed::All(0);
        for _ in 0..2 * (CLIENT_QUEUE_BYTES_MAX >> 20) {
            ours.send(vec![piece.clone()]);
            flushed = ours.flush();
            if flushed == Flushed::TooSlow {
                break;
            }
        }
        assert_eq!(flushed, Flushed::TooSlow);
        drop(theirs);
    }
}
