//! TLS towards clients: certificates from files, handshakes, and whom a certificate names. What a
//! client needs is in [`client`].
//!
//! What the keys of `zoo.cfg` mean is the core's; here they become a configuration of rustls. A
//! connection goes to the core only after its handshake, with the subject of its certificate.
//! Source: Java's `ClientX509Util`, `NettyServerCnxnFactory`.

mod client;

pub use client::{ClientFiles, Connector};

use std::fs;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion, version};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use webpki::EndEntityCert;
use zablab_core::config::{ClientAuth, Tls, TlsVersion};

use super::Stream;
use super::subject::rfc2253;

/// How long either side may take for a handshake, as in netty.
const HANDSHAKE_FOR: Duration = Duration::from_secs(10);
/// Handshakes that may be under way; more are turned away. Each one costs a signature, and whoever
/// has not finished one is not counted by `maxClientCnxns`.
const HANDSHAKES_MAX: usize = 1024;
/// The first byte of a handshake: the record type (RFC 8446, section 5.1). No length of a first
/// frame and no four-letter word begins with it.
const HANDSHAKE_RECORD: u8 = 22;

/// Makes secure connections of those that were accepted.
#[derive(Debug)]
pub struct Acceptor {
    config: Arc<ServerConfig>,
    checks_address: bool,
    handshakes: Semaphore,
}

/// What a port lets in.
#[derive(Clone, Debug)]
pub enum Door {
    /// Plain text, at once.
    Plain,
    /// TLS.
    Secure(Arc<Acceptor>),
    /// Both, by the first byte.
    Either(Arc<Acceptor>),
}

impl Door {
    /// Does what is needed before the core hears of a connection.
    ///
    /// # Errors
    /// Why it is none.
    pub async fn let_in(&self, socket: TcpStream, address: IpAddr) -> io::Result<Stream> {
        match self {
            Door::Plain => Ok(socket.into()),
            Door::Secure(acceptor) => acceptor.in_time(acceptor.secure(socket, address)).await,
            Door::Either(acceptor) => acceptor.in_time(acceptor.either(socket, address)).await,
        }
    }
}

impl Acceptor {
    /// Reads the files that the configuration names.
    ///
    /// # Errors
    /// One line that names the file, or the key.
    pub fn load(tls: &Tls) -> Result<Acceptor, String> {
        let provider = Arc::new(provider(tls.cipher_suites.as_deref())?);
        let versions: Vec<&SupportedProtocolVersion> = tls.versions.iter().map(known).collect();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        // With both versions there is always a suite; with one, suites of the other are no help.
        let builder = builder
            .with_protocol_versions(&versions)
            .map_err(|error| format!("ssl.enabledProtocols with ssl.ciphersuites: {error}"))?;
        let builder = match verifier(&tls.client_auth, provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let of_store = |error: String| format!("ssl.keyStore.location={}: {error}", tls.key_store);
        let pem = fs::read(&tls.key_store).map_err(|error| of_store(error.to_string()))?;
        let chain = certificates(&pem).map_err(of_store)?;
        let key = private_key(&pem).map_err(of_store)?;
        let config = builder.with_single_cert(chain, key);
        let config = config.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                of_store("the private key is not that of the first certificate".into())
            }
            error => of_store(error.to_string()),
        })?;
        Ok(Acceptor {
            config: Arc::new(config),
            checks_address: tls.checks_address,
            handshakes: Semaphore::new(HANDSHAKES_MAX),
        })
    }

    async fn in_time(
        &self,
        handshake: impl Future<Output = io::Result<Stream>>,
    ) -> io::Result<Stream> {
        let _permit: SemaphorePermit<'_> = self
            .handshakes
            .try_acquire()
            .map_err(|_| io::Error::other("too many handshakes are under way"))?;
        timeout(HANDSHAKE_FOR, handshake).await.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "no handshake in time"))
        })
    }

    async fn either(&self, socket: TcpStream, address: IpAddr) -> io::Result<Stream> {
        let mut first = [0];
        match socket.peek(&mut first).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ if first == [HANDSHAKE_RECORD] => self.secure(socket, address).await,
            _ => Ok(socket.into()),
        }
    }

    async fn secure(&self, socket: TcpStream, address: IpAddr) -> io::Result<Stream> {
        let session = ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        let stream = Stream::secured(socket, session);
        stream.shake_hands().await?;
        match self.subject(&stream, address) {
            Ok(subject) => Ok(stream.of(subject)),
            Err(error) => Err(io::Error::new(io::ErrorKind::PermissionDenied, error)),
        }
    }

    /// Whom the client's certificate names, if it has shown one; rustls has seen that it is to be
    /// trusted and the client's own.
    fn subject(&self, stream: &Stream, address: IpAddr) -> Result<Option<String>, String> {
        let Some(certificate) = stream.certificate() else { return Ok(None) };
        let parsed = EndEntityCert::try_from(&certificate).map_err(|error| error.to_string())?;
        if self.checks_address {
            let name = ServerName::from(address);
            parsed.verify_is_valid_for_subject_name(&name).map_err(|error| {
                format!("ssl.clientHostnameVerification: not a certificate of {address}: {error}")
            })?;
        }
        let subject = rfc2253(parsed.subject()).ok_or("the certificate's subject is no name")?;
        Ok(Some(subject))
    }
}

fn known(version: &TlsVersion) -> &'static SupportedProtocolVersion {
    match version {
        TlsVersion::V1_2 => &version::TLS12,
        TlsVersion::V1_3 => &version::TLS13,
    }
}

/// The cryptography, with all suites or with those that are named.
fn provider(names: Option<&[String]>) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if let Some(names) = names {
        let java_name = |suite: &rustls::SupportedCipherSuite| {
            format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
        };
        let all: Vec<String> = provider.cipher_suites.iter().map(java_name).collect();
        if !names.iter().any(|name| all.contains(name)) {
            return Err(format!("ssl.ciphersuites: none of them is known; {}", all.join(", ")));
        }
        provider.cipher_suites.retain(|suite| names.contains(&java_name(suite)));
    }
    Ok(provider)
}

fn verifier(
    client_auth: &ClientAuth,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    let (trust_store, is_owed) = match client_auth {
        ClientAuth::None => return Ok(None),
        ClientAuth::Want { trust_store } => (trust_store, false),
        ClientAuth::Need { trust_store } => (trust_store, true),
    };
    let of_store = |error: String| format!("ssl.trustStore.location={trust_store}: {error}");
    let pem = fs::read(trust_store).map_err(|error| of_store(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&pem).map_err(of_store)? {
        roots.add(certificate).map_err(|error| of_store(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if is_owed { builder } else { builder.allow_unauthenticated() };
    builder.build().map(|built| Some(built as _)).map_err(|error| of_store(error.to_string()))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| format!("this is no PEM: {error}"))?;
    if found.is_empty() { Err("there is no certificate in it".into()) } else { Ok(found) }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let encrypted = b"BEGIN ENCRYPTED PRIVATE KEY";
        if pem.windows(encrypted.len()).any(|window| window == encrypted) {
            let advice = "\"openssl pkey -in KEY.pem -out PLAIN.pem\"";
            format!("its private key is encrypted, which is not read; decrypt it with {advice}")
        } else {
            format!("there is no private key in it: {error}")
        }
    })
}

#[cfg(test)]
mod tests;
