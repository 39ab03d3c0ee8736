//! TLS towards servers: whom a client trusts, and how it proves who it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::Stream;
use super::{HANDSHAKE_FOR, certificates, private_key};

/// The PEM files of a client.
#[derive(Clone, Debug)]
pub struct ClientFiles {
    /// The certificates that are trusted to sign those of servers.
    pub ca: PathBuf,
    /// The client's own certificate, for servers that ask for one, and those that signed it.
    pub cert: Option<PathBuf>,
    /// The key of that certificate; without it the key is in the same file.
    pub key: Option<PathBuf>,
}

/// Makes secure connections of those that were opened.
#[derive(Debug)]
pub struct Connector {
    config: Arc<ClientConfig>,
}

impl Connector {
    /// Reads the files.
    ///
    /// # Errors
    /// One line that names the file.
    pub fn load(files: &ClientFiles) -> Result<Connector, String> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| error.to_string())?;
        let mut roots = RootCertStore::empty();
        for certificate in of_file(&files.ca, certificates)? {
            let added = roots.add(certificate);
            added.map_err(|error| format!("{}: {error}", files.ca.display()))?;
        }
        let builder = builder.with_root_certificates(roots);
        let config = match &files.cert {
            None => builder.with_no_client_auth(),
            Some(cert) => {
                let chain = of_file(cert, certificates)?;
                let key = of_file(files.key.as_ref().unwrap_or(cert), private_key)?;
                let config = builder.with_client_auth_cert(chain, key);
                config.map_err(|error| format!("{}: {error}", cert.display()))?
            }
        };
        Ok(Connector { config: Arc::new(config) })
    }

    /// The handshake with the server at the other end, whose certificate has to be for this host.
    ///
    /// # Errors
    /// The socket's, or why there is no session.
    pub async fn secure(&self, socket: TcpStream, host: &str) -> io::Result<Stream> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::clone(&self.config), name);
        let stream = Stream::secured(socket, session.map_err(io::Error::other)?);
        let shaken = timeout(HANDSHAKE_FOR, stream.shake_hands()).await;
        shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        Ok(stream)
    }
}

fn of_file<T>(path: &Path, read: impl Fn(&[u8]) -> Result<T, String>) -> Result<T, String> {
    let of_path = |error: String| format!("{}: {error}", path.display());
    let pem = fs::read(path).map_err(|error| of_path(error.to_string()))?;
    read(&pem).map_err(of_path)
}
