//! Opening a connection to another server.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::debug;
use zablab_core::config::HostPort;
use zablab_core::limits::ELECTION_CONNECT_MS;
use zablab_core::process::{Input, PortKind};
use zablab_core::types::ConnId;

use super::resolve;
use crate::inbox::{Event, Inbox};

/// Opens a connection; the core hears [`Event::Up`] or [`Input::ConnDown`].
pub async fn connect(conn: ConnId, port: PortKind, addr: HostPort, inbox: Inbox) {
    let limit = Duration::from_millis(ELECTION_CONNECT_MS);
    let opened = match timeout(limit, open(&addr)).await {
        Ok(opened) => opened,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    match opened {
        Ok((stream, remote)) => {
            inbox.tell(Event::Up { conn, port, stream: stream.into(), remote });
        }
        Err(error) => {
            debug!("cannot connect to {addr} ({port:?} port): {error}");
            inbox.tell(Event::Input(Input::ConnDown { conn }));
        }
    }
}

/// A connection to the first address that takes one.
///
/// # Errors
/// What the system says of the last address.
pub async fn open(addr: &HostPort) -> io::Result<(TcpStream, SocketAddr)> {
    let mut last = io::ErrorKind::NotFound.into();
    for address in resolve(addr).await? {
        match TcpStream::connect(address).await {
            // A port of the ephemeral range with no listener can be connected to itself.
            Ok(stream) if stream.local_addr()? == address => {
                last = io::ErrorKind::ConnectionRefused.into();
            }
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok((stream, address));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
