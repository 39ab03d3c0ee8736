//! A port that accepts connections.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};
use zablab_core::config::HostPort;
use zablab_core::process::PortKind;
use zablab_core::types::ConnId;

use super::{ACCEPT_PAUSE, BIND_RETRY_FOR, BIND_RETRY_PAUSE, Door, LISTEN_BACKLOG, resolve};
use crate::inbox::{Event, Inbox};

/// Accepts on `addr` until the task is aborted. `names` gives each connection the next number once
/// it is through the door.
///
/// A port that stays in use is fatal to the server: [`Event::Fatal`] names it.
pub async fn listen(
    port: PortKind,
    addr: HostPort,
    door: Door,
    names: Arc<AtomicU64>,
    inbox: Inbox,
) {
    let listener = match bind_with_patience(&addr).await {
        Ok(listener) => listener,
        Err(error) => {
            inbox.tell(Event::Fatal(format!("cannot listen on {addr} ({port:?} port): {error}")));
            return;
        }
    };
    let with = if matches!(door, Door::Plain) { "" } else { " with TLS" };
    info!("listening on {addr} ({port:?} port{with})");
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    warn!("connection from {remote} ended at once: {error}");
                    continue;
                }
                let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
                let (names, inbox) = (Arc::clone(&names), inbox.clone());
                let tell = move |stream| {
                    let conn = ConnId(names.fetch_add(1, Ordering::Relaxed));
                    inbox.tell(Event::Up { conn, port, stream, remote });
                };
                if let Door::Plain = door {
                    tell(stream.into());
                    continue;
                }
                let door = door.clone();
                tokio::spawn(async move {
                    match door.let_in(stream, remote.ip()).await {
                        Ok(stream) => tell(stream),
                        Err(error) => info!("connection from {remote} is refused: {error}"),
                    }
                });
            }
            Err(error) => {
                warn!("cannot accept on {addr}: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn bind_with_patience(addr: &HostPort) -> io::Result<TcpListener> {
    let give_up = Instant::now() + BIND_RETRY_FOR;
    loop {
        match bind(addr).await {
            Ok(listener) => return Ok(listener),
            Err(error) if Instant::now() >= give_up => return Err(error),
            Err(_) => sleep(BIND_RETRY_PAUSE).await,
        }
    }
}

async fn bind(addr: &HostPort) -> io::Result<TcpListener> {
    let wildcard = SocketAddr::from((Ipv4Addr::UNSPECIFIED, addr.port));
    let addresses = resolve(addr).await?;
    if addresses.contains(&wildcard) {
        // Java listens on IPv6 as well when it is told 0.0.0.0; a host without IPv6 refuses.
        let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, addr.port));
        return match bind_one(both) {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => bind_one(wildcard),
            bound => bound,
        };
    }
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match bind_one(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    TcpListener::from_std(socket.into())
}
