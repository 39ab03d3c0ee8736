//! A connect string: the servers that a client may use, and its chroot.
//!
//! Not here: names of hosts are not looked up. Source: Java's `ConnectStringParser` and
//! `StaticHostProvider`.

use alloc::string::String;
use alloc::vec::Vec;

use super::chroot::Chroot;
use crate::config::HostPort;
use crate::limits::SERVERS_MAX;
use crate::prng::Prng;

/// The port of a server that names none.
pub const CLIENT_PORT: u16 = 2181;

/// `host:port,host:port,…/chroot`, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectString {
    /// The servers, at least one, in the order in which they are tried.
    pub servers: Vec<HostPort>,
    /// Where the client's paths begin.
    pub chroot: Chroot,
}

/// Why a text is no connect string.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectStringError {
    /// A server is not of the form `host` or `host:port`, with an IPv6 address in brackets.
    #[error("\"{server}\" is not host or host:port")]
    Server {
        /// What stands there.
        server: String,
    },
    /// There are too many servers.
    #[error("more than {SERVERS_MAX} servers")]
    TooMany,
    /// What follows the servers is no path of a znode.
    #[error("\"{path}\" is not the path of a znode")]
    Chroot {
        /// What stands there.
        path: String,
    },
}

impl ConnectString {
    /// Reads a connect string.
    ///
    /// # Errors
    /// [`ConnectStringError`] names the first part that is wrong.
    pub fn parse(text: &str) -> Result<ConnectString, ConnectStringError> {
        let (hosts, path) = match text.find('/') {
            Some(at) => text.split_at(at),
            None => (text, "/"),
        };
        let chroot = Chroot::new(path);
        let chroot = chroot.ok_or_else(|| ConnectStringError::Chroot { path: path.into() })?;
        let servers = hosts.split(',').map(str::trim).map(server);
        let servers = servers.collect::<Result<Vec<_>, _>>()?;
        if servers.len() > SERVERS_MAX {
            return Err(ConnectStringError::TooMany);
        }
        Ok(ConnectString { servers, chroot })
    }

    /// Puts the servers into an order that the seed decides, so that the clients of one string
    /// spread over all of them, and those of a server that dies spread over the others.
    pub fn shuffle(&mut self, seed: u64) {
        let mut prng = Prng::new(seed);
        for last in (1..self.servers.len()).rev() {
            let other = prng.below(last as u64 + 1) as usize;
            self.servers.swap(last, other);
        }
    }
}

fn server(text: &str) -> Result<HostPort, ConnectStringError> {
    let is_host = |host: &str| !host.is_empty() && !host.contains([':', '[', ']', ' ', '\t']);
    let bare = match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok().then_some(address),
        None => is_host(text).then_some(text),
    };
    let named = match bare {
        Some(host) => Some(HostPort { host: host.into(), port: CLIENT_PORT }),
        None => HostPort::parse(text),
    };
    named.ok_or_else(|| ConnectStringError::Server { server: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn at(host: &str, port: u16) -> HostPort {
        HostPort { host: host.into(), port }
    }

    #[test]
    fn servers_ports_and_chroot_are_read() {
        let read = ConnectString::parse("a:1,b , [::1]:3,[::2]/app/x").expect("a connect string");
        assert_eq!(read.servers, [at("a", 1), at("b", 2181), at("::1", 3), at("::2", 2181)]);
        assert_eq!(read.chroot.path(), "/app/x");
        assert_eq!(ConnectString::parse("a/").map(|read| read.chroot), Ok(Chroot::default()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let server = |server: &str| Err(ConnectStringError::Server { server: server.into() });
        assert_eq!(ConnectString::parse(""), server(""));
        assert_eq!(ConnectString::parse("a,,b"), server(""));
        assert_eq!(ConnectString::parse("a:0"), server("a:0"));
        assert_eq!(ConnectString::parse("a:x"), server("a:x"));
        assert_eq!(ConnectString::parse("[x]"), server("[x]"));
        let path = || "/app/".into();
        assert_eq!(
            ConnectString::parse("a/app/"),
            Err(ConnectStringError::Chroot { path: path() })
        );
        let many = vec!["a"; SERVERS_MAX + 1].join(",");
        assert_eq!(ConnectString::parse(&many), Err(ConnectStringError::TooMany));
    }

    #[test]
    fn the_order_is_the_seeds() {
        let read = ConnectString::parse("a,b,c,d,e").expect("a connect string");
        let shuffled = |seed| {
            let mut read = read.clone();
            read.shuffle(seed);
            read.servers
        };
        assert_eq!(shuffled(7), shuffled(7));
        let mut firsts: Vec<_> = (0..100).map(|seed| shuffled(seed)[0].host.clone()).collect();
        firsts.sort();
        firsts.dedup();
        assert_eq!(firsts.len(), 5);
        let mut all = shuffled(3);
        all.sort_by(|a, b| a.host.cmp(&b.host));
        assert_eq!(all, read.servers);
    }
}
