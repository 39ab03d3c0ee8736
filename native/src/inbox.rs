//! The one queue into the core thread.
//!
//! Bytes of connections wait for room, so that a busy core slows its clients down instead of
//! filling the memory. Everything else (a connection came or went, the disk answered) is let in at
//! once: there is at most a handful of it for each connection and each batch of writes.
//!
//! A standard channel and a semaphore instead of tokio's bounded channel: the core thread waits
//! with a timeout and without a runtime, its readers wait without a thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use zablab_core::process::{Input, PortKind};
use zablab_core::types::ConnId;

use crate::net::Stream;

/// Chunks of bytes that may wait for the core. With chunks of up to
/// [`READ_CHUNK_MAX`](crate::net::READ_CHUNK_MAX) bytes this bounds the memory of the queue.
const CHUNKS_MAX: usize = 1024;
/// Events that the core takes before it looks after its effects again.
const BATCH_MAX: usize = 512;

/// What the core thread is told.
#[derive(Debug)]
pub enum Event {
    /// Something for the core itself.
    Input(Input),
    /// A connection stands; the core has not heard of it yet.
    Up {
        /// Its name.
        conn: ConnId,
        /// On which kind of port.
        port: PortKind,
        /// Its socket, after a handshake if there is one.
        stream: Stream,
        /// The other side.
        remote: SocketAddr,
    },
    /// The server cannot go on, in one line.
    Fatal(String),
    /// Somebody asked the server to end.
    Stop,
}

/// The end that everybody holds.
#[derive(Clone, Debug)]
pub struct Inbox {
    events: mpsc::Sender<Event>,
    room: Arc<Semaphore>,
}

/// The end that only the core thread holds.
#[derive(Debug)]
pub struct Events {
    events: mpsc::Receiver<Event>,
    room: Arc<Semaphore>,
}

/// A new queue.
pub fn inbox() -> (Inbox, Events) {
    let (sender, receiver) = mpsc::channel();
    let room = Arc::new(Semaphore::new(CHUNKS_MAX));
    (Inbox { events: sender, room: Arc::clone(&room) }, Events { events: receiver, room })
}

impl Inbox {
    /// Tells at once. Once the core thread has ended nobody listens, and that is fine.
    pub fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// Hands over bytes of a connection as soon as there is room.
    pub async fn chunk(&self, conn: ConnId, chunk: Bytes) {
        // The semaphore is never closed; if it were, the core would be gone as well.
        if let Ok(permit) = self.room.acquire().await {
            permit.forget();
            self.tell(Event::Input(Input::Bytes { conn, chunk }));
        }
    }
}

impl Events {
    /// Waits for the first event, at most `timeout`, and adds all that are there to `batch`.
    pub fn wait(&self, timeout: Option<Duration>, batch: &mut Vec<Event>) {
        let first = match timeout {
            Some(timeout) => self.events.recv_timeout(timeout),
            None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match first {
            Ok(event) => batch.push(event),
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => {
                batch.push(Event::Stop);
                return;
            }
        }
        batch.extend(self.events.try_iter().take(BATCH_MAX - 1));
        let chunks = batch.iter().filter(|event| event.is_chunk()).count();
        self.room.add_permits(chunks);
    }
}

impl Event {
    fn is_chunk(&self) -> bool {
        matches!(self, Event::Input(Input::Bytes { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_holds_back_bytes_but_not_the_rest() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (inbox, events) = inbox();
        runtime.block_on(async {
            for _ in 0..CHUNKS_MAX {
                inbox.chunk(ConnId(1), Bytes::from_static(b"x")).await;
            }
            let mut one_more = Box::pin(inbox.chunk(ConnId(1), Bytes::from_static(b"y")));
            tokio::select! {
                biased;
                () = &mut one_more => panic!("the queue took more than its limit"),
                () = std::future::ready(()) => {}
            }
            inbox.tell(Event::Stop);
            let mut batch = Vec::new();
            events.wait(None, &mut batch);
            assert_eq!(batch.len(), BATCH_MAX);
            one_more.await;
        });
        let mut rest = Vec::new();
        while events.events.try_recv().map(|event| rest.push(event)).is_ok() {}
        assert_eq!(rest.len(), CHUNKS_MAX - BATCH_MAX + 2);
        assert!(matches!(rest[rest.len() - 2], Event::Stop));
    }

    #[test]
    fn nobody_left_means_stop() {
        let (inbox, events) = inbox();
        drop(inbox);
        let mut batch = Vec::new();
        events.wait(None, &mut batch);
        assert!(matches!(batch[..], [Event::Stop]));
    }
}
