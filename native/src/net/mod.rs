//! Sockets: ports that accept, connections that are opened, and what flows on them.
//!
//! No protocol here. Bytes go to the core as they come, cut anywhere; what the core sends is
//! already framed. Tasks of the tokio runtime wait for sockets; the core thread writes to a socket
//! itself as long as the system takes the bytes without waiting, which saves a hop to a task.

mod connection;
mod dial;
mod listener;
mod stream;
mod subject;
mod tls;

pub use connection::{Around, Connection, Flushed};
pub use dial::{connect, open};
pub use listener::listen;
pub use stream::Stream;
pub use tls::{Acceptor, ClientFiles, Connector, Door};

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use zablab_core::config::HostPort;

/// The largest chunk that is read at once, in bytes.
pub const READ_CHUNK_MAX: usize = 128 * 1024;
/// How long a port in use is tried again before the server gives up.
const BIND_RETRY_FOR: Duration = Duration::from_secs(3);
/// Pause between two tries to bind.
const BIND_RETRY_PAUSE: Duration = Duration::from_millis(200);
/// Connections that may wait to be accepted.
pub const LISTEN_BACKLOG: i32 = 1024;
/// Pause after a failed accept: the usual cause, no free descriptor, does not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a closing connection may take to send what is queued on it.
const FLUSH_FOR: Duration = Duration::from_secs(5);
/// How long bytes are still read, and thrown away, from a connection that this side has closed.
/// Closing a socket with unread bytes makes the system reset it, and the other side may then lose
/// the last reply.
const LINGER_FOR: Duration = Duration::from_secs(1);

/// All addresses of a host, as the system resolves it.
async fn resolve(addr: &HostPort) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = lookup_host((addr.host.as_str(), addr.port)).await?.collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}
