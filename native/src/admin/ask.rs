//! Asking a server one of its four-letter words.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zablab_core::config::HostPort;

/// How long an answer may take.
const ANSWER_FOR: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes; more than any of these words has.
const ANSWER_MAX: u64 = 1 << 20;

/// The answer to `word`.
///
/// # Errors
/// No connection, no answer in time, or one that is no text.
pub async fn ask(addr: &HostPort, word: &str) -> io::Result<String> {
    let asked = async {
        let mut stream = TcpStream::connect((addr.host.as_str(), addr.port)).await?;
        stream.write_all(word.as_bytes()).await?;
        let mut answer = String::new();
        stream.take(ANSWER_MAX).read_to_string(&mut answer).await?;
        Ok(answer)
    };
    timeout(ANSWER_FOR, asked).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// What the server says it is (`leader`, `follower`, ...), if it serves clients.
pub async fn mode(addr: &HostPort) -> Option<String> {
    let answer = ask(addr, "srvr").await.ok()?;
    answer.lines().find_map(|line| line.strip_prefix("Mode: ")).map(str::to_owned)
}
