//! The client's side: a session over one connection at a time, as a state machine without IO.
//!
//! It chooses the server, shakes hands, pings, reconnects with the same session, numbers requests
//! proves who its user is, and sets watches again. The simulator's clients and the command line
//! both are drivers of it. Not here: recipes ([`crate::recipes`]).
//! Source: Java's `ClientCnxn`, `ZKWatchManager` and `StaticHostProvider`.

mod acl_text;
mod chroot;
mod connect_string;
mod session;
#[cfg(test)]
mod tests;
mod watches;

pub use acl_text::{acl_text, parse_acl};
pub use chroot::Chroot;
pub use connect_string::{CLIENT_PORT, ConnectString, ConnectStringError};
pub use session::{Session, Settings};

use alloc::vec::Vec;
use bytes::Bytes;

use crate::types::{ConnId, Path, SessionId, Zxid};
use crate::wire::client::{EventType, Request, Response, WatcherType};

/// A request's name, chosen by whoever submits it; also the name of the watch that it sets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CallId(pub u64);

/// What may happen to a session.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Input {
    /// The first input: the first server is tried.
    Start,
    /// The connection asked for stands.
    ConnUp {
        /// Which.
        conn: ConnId,
    },
    /// A connection ended, or could not be opened. Never sent after [`Effect::Disconnect`].
    ConnDown {
        /// Which.
        conn: ConnId,
    },
    /// Bytes came in, cut anywhere.
    Bytes {
        /// On which connection.
        conn: ConnId,
        /// The next bytes of its stream.
        chunk: Bytes,
    },
    /// The deadline has come.
    Tick,
    /// A request, answered by [`Effect::Returned`]. Requests are sent and answered in order.
    Submit {
        /// Its name.
        call: CallId,
        /// What is asked for; none of those that the session itself makes (`CreateSession`,
        /// `CloseSession`, `Ping`, `SetWatches`).
        request: Request,
    },
    /// As `Submit`, with paths as the servers have them instead of below the chroot.
    SubmitUnrooted {
        /// Its name.
        call: CallId,
        /// What is asked for.
        request: Request,
    },
    /// Forget watches without telling a server, so that the next one does not get them.
    Forget {
        /// On which znode.
        path: Path,
        /// Which of them.
        kind: WatcherType,
    },
    /// End the session. Requests already sent are still answered, queued ones are not sent.
    Close,
}

/// What a session wants done.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Effect {
    /// Open a connection; answered by `ConnUp` or `ConnDown`.
    Connect {
        /// Its name from now on.
        conn: ConnId,
        /// To which server, as an index below [`Settings::server_count`].
        server: usize,
    },
    /// Close a connection; nothing more is heard of it.
    Disconnect {
        /// Which.
        conn: ConnId,
    },
    /// Send one frame, length included, or a four-letter word.
    Send {
        /// On which connection.
        conn: ConnId,
        /// Its bytes.
        frame: Bytes,
    },
    /// A request is done.
    Returned {
        /// Which.
        call: CallId,
        /// The zxid in the reply's header; `None` if there was no reply.
        zxid: Option<Zxid>,
        /// What came of it.
        result: Result<Response, CallError>,
    },
    /// Watches fired; but for those that stay they are gone.
    WatchEvent {
        /// What happened.
        kind: EventType,
        /// To which znode.
        path: Path,
        /// The zxid of the change; `None` from servers before 3.9.
        zxid: Option<Zxid>,
        /// The calls that set these watches, each once, in order.
        watchers: Vec<CallId>,
    },
    /// The session is in another state now.
    StateChanged {
        /// Which.
        state: SessionState,
    },
}

/// The state of a session, as its user sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum SessionState {
    /// No server has it at the moment; the next one is being tried.
    Connecting,
    /// A server has it.
    Connected {
        /// Its number.
        session: SessionId,
        /// Which server, as an index.
        server: usize,
    },
    /// A server has it that only reads; the session ends with the connection to it, and a new one
    /// begins where writes are done too.
    ConnectedReadOnly {
        /// Its number.
        session: SessionId,
        /// Which server, as an index.
        server: usize,
    },
    /// A server said that it has expired. For good.
    Expired,
    /// Its user closed it. For good.
    Closed,
    /// A server refused the credentials. For good.
    AuthFailed,
}

/// Why a request has no response.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum CallError {
    /// The server refused it.
    #[error("the server answered with error {code}")]
    Refused {
        /// See [`crate::wire::client::ErrorCode`].
        code: i32,
    },
    /// The connection was lost before the reply came: nobody knows whether it was done.
    #[error("the connection was lost")]
    ConnectionLoss,
    /// The session expired before the request was sent.
    #[error("the session has expired")]
    SessionExpired,
    /// The session was closed before the request was sent.
    #[error("the session is closed")]
    Closed,
    /// A path in it is not well formed; nobody was asked.
    #[error("a path is not well formed")]
    BadPath,
    /// A server refused the session's credentials before the request was sent.
    #[error("the credentials were refused")]
    AuthFailed,
    /// Too many requests wait; this one was not sent.
    #[error("more than {max} requests are waiting")]
    TooManyCalls {
        /// The limit.
        max: usize,
    },
}

/// A session as plain data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientSessionView {
    /// Its state.
    pub state: SessionState,
    /// Its number; 0 before the first server gave one.
    pub session: SessionId,
    /// Its timeout in ms: asked for, or negotiated once it has a number.
    pub timeout_ms: u32,
    /// The last zxid in a reply.
    pub last_zxid_seen: Zxid,
    /// Requests not sent yet.
    pub queued: Vec<CallId>,
    /// Requests sent and not answered yet.
    pub outstanding: Vec<CallId>,
    /// The watches it has.
    pub watches: Vec<WatchView>,
}

/// One watch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchView {
    /// The call that set it.
    pub call: CallId,
    /// What it watches for.
    pub kind: WatchKind,
    /// On which znode.
    pub path: Path,
}

/// What a watch was set by, and so which events fire it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum WatchKind {
    /// getData, or exists on a znode that was there.
    Data,
    /// exists on a znode that was missing.
    Exist,
    /// getChildren.
    Child,
    /// addWatch: it stays, and sees what the first three see.
    Persistent,
    /// addWatch: it stays, and sees what happens to the znode and to all below it, but not that
    /// children change.
    Recursive,
}
