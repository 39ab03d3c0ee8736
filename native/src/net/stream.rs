//! A socket, with or without TLS around what flows on it.
//!
//! Reading and writing never wait, as on a plain socket that does not block; who wants to wait
//! asks for readiness. With TLS, what was written may still be in the session's buffer: it goes out
//! with the next write, and [`Stream::is_flushed`] tells whether one is needed.

use std::collections::VecDeque;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use rustls::Connection as Session;
use rustls::pki_types::CertificateDer;
use socket2::SockRef;
use tokio::net::TcpStream;

/// Pieces that one system call takes; Linux takes 1024 at most.
const PIECES_MAX: usize = 256;

/// A connection's two streams of bytes.
#[derive(Debug)]
pub struct Stream {
    socket: TcpStream,
    tls: Option<Box<Secured>>,
}

#[derive(Debug)]
struct Secured {
    session: Mutex<Session>,
    subject: Option<String>,
}

impl Stream {
    /// One with TLS; [`Stream::shake_hands`] comes before all else.
    pub fn secured(socket: TcpStream, session: impl Into<Session>) -> Stream {
        let session = Mutex::new(session.into());
        let tls = Some(Box::new(Secured { session, subject: None }));
        Stream { socket, tls }
    }

    /// The handshake of TLS.
    ///
    /// # Errors
    /// The socket's, or why there is no session; the other side is told by an alert.
    pub async fn shake_hands(&self) -> io::Result<()> {
        loop {
            while !self.is_flushed() {
                self.socket.writable().await?;
                is_done(self.try_write(&mut VecDeque::new()))?;
            }
            if self.session().is_none_or(|session| !session.is_handshaking()) {
                return Ok(());
            }
            self.socket.readable().await?;
            let Some(mut session) = self.session() else { return Ok(()) };
            match session.read_tls(&mut &*self) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => is_done(read)?,
            }
            if let Err(error) = session.process_new_packets() {
                // The alert; if it does not go at once, the other side just sees the end.
                let _ = session.write_tls(&mut &*self);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }

    /// The certificate that the client has shown, its own first of all those of its chain.
    pub fn certificate(&self) -> Option<CertificateDer<'static>> {
        Some(self.session()?.peer_certificates()?.first()?.clone().into_owned())
    }

    /// The same, of this client.
    pub fn of(mut self, subject: Option<String>) -> Stream {
        if let Some(tls) = &mut self.tls {
            tls.subject = subject;
        }
        self
    }

    /// Whom the client has proved to be by a certificate.
    pub fn subject(&self) -> Option<&str> {
        self.tls.as_ref()?.subject.as_deref()
    }

    /// Waits until a read is worth trying.
    ///
    /// # Errors
    /// The socket's.
    pub async fn readable(&self) -> io::Result<()> {
        let has_more = self.session().is_some_and(|mut session| {
            // Nothing new is decoded here: it only says what is there.
            session.process_new_packets().is_ok_and(|state| state.plaintext_bytes_to_read() > 0)
        });
        if has_more { Ok(()) } else { self.socket.readable().await }
    }

    /// Waits until a write is worth trying.
    ///
    /// # Errors
    /// The socket's.
    pub async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// Reads as much as there is and as has room in the buffer; 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; else the socket's, or what is wrong with the TLS.
    pub fn try_read_buf(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        let Some(mut session) = self.session() else { return self.socket.try_read_buf(buffer) };
        let before = buffer.len();
        loop {
            let room = buffer.capacity() - buffer.len();
            match session.reader().fill_buf() {
                Ok([]) => return Ok(buffer.len() - before),
                Ok(_) if room == 0 => return Ok(buffer.len() - before),
                Ok(plain) => {
                    let n = plain.len().min(room);
                    buffer.extend_from_slice(&plain[..n]);
                    session.reader().consume(n);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            match session.read_tls(&mut &*self) {
                Ok(0) => return Ok(buffer.len() - before),
                Ok(_) => {}
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock && buffer.len() > before =>
                {
                    return Ok(buffer.len() - before);
                }
                Err(error) => return Err(error),
            }
            let processed = session.process_new_packets();
            if session.wants_write() {
                // An answer to the other side's session, or the alert that says what is wrong. If
                // it does not go now, it goes before the next write.
                let _ = session.write_tls(&mut &*self);
            }
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }

    /// Reads what nobody wants any more, encrypted or not, until the other side closes.
    ///
    /// # Errors
    /// The socket's.
    pub async fn throw_away(&self) -> io::Result<()> {
        loop {
            self.socket.readable().await?;
            match self.socket.try_read(&mut [0; 4096]) {
                Ok(0) => return Ok(()),
                read => is_done(read)?,
            }
        }
    }

    /// Writes what goes at once and takes that out of the queue; says how many bytes it was.
    ///
    /// # Errors
    /// `WouldBlock` if none of it goes; else the socket's.
    pub fn try_write(&self, pieces: &mut VecDeque<Bytes>) -> io::Result<u64> {
        let Some(mut session) = self.session() else {
            let (slices, count) = slices(pieces);
            let written = self.socket.try_write_vectored(&slices[..count])?;
            return taken_out(pieces, written);
        };
        let mut taken = 0;
        loop {
            match flush(&mut session, self) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken > 0 => {
                    return Ok(taken);
                }
                flushed => flushed?,
            }
            if pieces.is_empty() {
                return Ok(taken);
            }
            let (slices, count) = slices(pieces);
            let written = session.writer().write_vectored(&slices[..count])?;
            taken += taken_out(pieces, written)?;
        }
    }

    /// Whether the system has all that was written.
    pub fn is_flushed(&self) -> bool {
        self.session().is_none_or(|session| !session.wants_write())
    }

    /// Says that no more comes.
    ///
    /// # Errors
    /// The socket's.
    pub async fn finish(&self) -> io::Result<()> {
        if let Some(mut session) = self.session() {
            session.send_close_notify();
        }
        while !self.is_flushed() {
            self.writable().await?;
            is_done(self.try_write(&mut VecDeque::new()))?;
        }
        SockRef::from(&self.socket).shutdown(Shutdown::Write)
    }

    fn session(&self) -> Option<MutexGuard<'_, Session>> {
        let lock = &self.tls.as_ref()?.session;
        // A panic ends the process, so nobody sees what it left.
        Some(lock.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<TcpStream> for Stream {
    fn from(socket: TcpStream) -> Stream {
        Stream { socket, tls: None }
    }
}

/// The bare socket, for a session of TLS.
impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.try_read(buffer)
    }
}

/// The bare socket, for a session of TLS.
impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.try_write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.try_write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether it was done or is to be tried again; all else is an error.
fn is_done<T>(tried: io::Result<T>) -> io::Result<()> {
    match tried {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Sends what the session holds.
fn flush(session: &mut Session, mut stream: &Stream) -> io::Result<()> {
    while session.wants_write() {
        if session.write_tls(&mut stream)? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

/// The first pieces of the queue, and how many they are.
fn slices(pieces: &VecDeque<Bytes>) -> ([IoSlice<'_>; PIECES_MAX], usize) {
    let mut slices = [IoSlice::new(&[]); PIECES_MAX];
    let mut count = 0;
    for (slice, piece) in slices.iter_mut().zip(pieces) {
        *slice = IoSlice::new(piece);
        count += 1;
    }
    (slices, count)
}

fn taken_out(pieces: &mut VecDeque<Bytes>, written: usize) -> io::Result<u64> {
    if written == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    let mut left = written;
    while left > 0 {
        let first = pieces.front_mut().expect("no more was written than there was");
        if first.len() > left {
            first.advance(left);
            break;
        }
        left -= first.len();
        pieces.pop_front();
    }
    Ok(written as u64)
}
