//! Commands that read: `ls`, `get`, `stat`, `getAcl`, `sync`, `config`, `whoami`,
//! `getEphemerals`, `getAllChildrenNumber`.

use zablab_core::tree::path::{CONFIG, ROOT};
use zablab_core::types::Path;
use zablab_core::wire::client::{Request, Response};

use super::answer::{Answer, Form};
use super::calls::{Root, below, is_missing, odd};
use super::command::{Spec, spec};
use super::connection::Connection;
use super::trouble::Trouble;
use super::words::{Arguments, Flag};

/// A command that reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read {
    /// The children of a znode.
    Ls {
        /// Which znode.
        path: Path,
        /// Whether to watch them.
        watch: bool,
        /// Whether its stat is wanted.
        stat: bool,
    },
    /// A znode and all below it.
    Tree {
        /// Which znode.
        path: Path,
        /// Whether to watch data and children of each.
        watch: bool,
    },
    /// The data of a znode.
    Get {
        /// Which znode.
        path: Path,
        /// Whether to watch it.
        watch: bool,
        /// Whether its stat is wanted.
        stat: bool,
        /// How to print it.
        form: Form,
    },
    /// The stat of a znode.
    Stat {
        /// Which znode.
        path: Path,
        /// Whether to watch it, also if it is missing.
        watch: bool,
    },
    /// The access list of a znode.
    GetAcl {
        /// Which znode.
        path: Path,
        /// Whether its stat is wanted.
        stat: bool,
    },
    /// Wait until the server has caught up.
    Sync {
        /// With what; the servers do not look at it.
        path: Path,
    },
    /// The configuration of the ensemble.
    Config {
        /// Whether to give it as a connect string, after its version.
        hosts: bool,
        /// Whether to watch it.
        watch: bool,
        /// Whether its stat is wanted.
        stat: bool,
    },
    /// The identities of the connection.
    WhoAmI,
    /// The ephemeral znodes of the session.
    Ephemerals {
        /// What their paths begin with.
        prefix: Path,
    },
    /// The number of all znodes below one.
    Descendants {
        /// Which one.
        path: Path,
    },
}

const STAT: Flag = Flag::plain("s", "print the stat too");
const WATCH: Flag = Flag::plain("w", "watch for changes");

/// Their names and what they take.
pub const SPECS: &[Spec] = &[
    Spec {
        flags: &[STAT, WATCH, Flag::plain("R", "print all paths below it")],
        words: 1..=1,
        ..spec("ls", "[-s] [-w] [-R] path", "list the children of a znode")
    },
    Spec {
        flags: &[
            STAT,
            WATCH,
            Flag::plain("b", "print the data in base64"),
            Flag::plain("x", "print the data in hex"),
        ],
        words: 1..=1,
        ..spec("get", "[-s] [-w] [-b] [-x] path", "print the data of a znode")
    },
    Spec {
        flags: &[WATCH],
        words: 1..=1,
        ..spec("stat", "[-w] path", "print the stat of a znode")
    },
    Spec {
        flags: &[STAT],
        words: 1..=1,
        ..spec("getAcl", "[-s] path", "print the access list of a znode")
    },
    Spec { words: 1..=1, ..spec("sync", "path", "wait until the server has caught up") },
    Spec {
        flags: &[Flag::plain("c", "print version and connect string"), WATCH, STAT],
        ..spec("config", "[-c] [-w] [-s]", "print the configuration of the ensemble")
    },
    spec("whoami", "", "print the identities of this connection"),
    Spec {
        words: 0..=1,
        ..spec("getEphemerals", "path", "print the ephemeral znodes of this session")
    },
    Spec {
        words: 1..=1,
        ..spec("getAllChildrenNumber", "path", "print how many znodes are below one")
    },
];

/// One of them, if the name is its.
///
/// # Errors
/// None so far.
pub fn parse(spec: &Spec, arguments: &Arguments) -> Result<Option<Read>, Trouble> {
    let path = || Path::from(arguments.word(0));
    let (watch, stat) = (arguments.has("w"), arguments.has("s"));
    Ok(Some(match spec.name {
        "ls" if arguments.has("R") => Read::Tree { path: path(), watch },
        "ls" => Read::Ls { path: path(), watch, stat },
        "get" => {
            let form = match () {
                () if arguments.has("x") => Form::Hex,
                () if arguments.has("b") => Form::Base64,
                () => Form::Plain,
            };
            Read::Get { path: path(), watch, stat, form }
        }
        "stat" => Read::Stat { path: path(), watch },
        "getAcl" => Read::GetAcl { path: path(), stat },
        "sync" => Read::Sync { path: path() },
        "config" => Read::Config { hosts: arguments.has("c"), watch, stat },
        "whoami" => Read::WhoAmI,
        "getEphemerals" => {
            let prefix = arguments.words.first().map_or(ROOT, String::as_str).into();
            Read::Ephemerals { prefix }
        }
        "getAllChildrenNumber" => Read::Descendants { path: path() },
        _ => return Ok(None),
    }))
}

impl Read {
    /// Asks the servers.
    ///
    /// # Errors
    /// Why it has no result.
    pub async fn run(&self, connection: &Connection) -> Result<Answer, Trouble> {
        match self {
            Read::Ls { path, watch, stat: wanted } => {
                let (children, stat) = connection.children(Root::Chroot, path, *watch).await?;
                Ok(Answer::Children(children, wanted.then_some(stat)))
            }
            Read::Tree { path, watch } => tree(connection, path, *watch).await.map(Answer::Tree),
            Read::Get { path, watch, stat: wanted, form } => {
                let (data, stat) = connection.data(Root::Chroot, path, *watch).await?;
                Ok(Answer::Data(data, *form, wanted.then_some(stat)))
            }
            Read::Stat { path, watch } => {
                // Unlike `exists`, a znode that is missing is an error here.
                let request = Request::Exists { path: path.clone(), watch: *watch };
                match connection.ask_about(path, request).await? {
                    Response::Stat(stat) => Ok(Answer::Stat(stat)),
                    other => Err(odd(&other)),
                }
            }
            Read::GetAcl { path, stat: wanted } => {
                let (acl, stat) = connection.acl(path).await?;
                Ok(Answer::Acl(acl, wanted.then_some(stat)))
            }
            Read::Sync { path } => {
                let request = Request::Sync { path: path.clone() };
                connection.ask_about(path, request).await?;
                Ok(Answer::Text("sync", "Sync is OK".into()))
            }
            Read::Config { hosts, watch, stat: wanted } => {
                // The servers' znode, wherever the chroot is.
                let (data, stat) = connection.data(Root::Server, CONFIG, *watch).await?;
                let data = match hosts {
                    false => data,
                    true => {
                        let text = data.unwrap_or_default();
                        Some(client_hosts(&String::from_utf8_lossy(&text)).into())
                    }
                };
                Ok(Answer::Data(data, Form::Plain, wanted.then_some(stat)))
            }
            Read::WhoAmI => match connection.ask(Request::WhoAmI).await? {
                Response::Identities(infos) => Ok(Answer::Identities(infos)),
                other => Err(odd(&other)),
            },
            Read::Ephemerals { prefix } => {
                let request = Request::GetEphemerals { prefix: prefix.clone() };
                match connection.ask_about(prefix, request).await? {
                    Response::Paths(mut paths) => {
                        paths.sort();
                        Ok(Answer::Paths(paths))
                    }
                    other => Err(odd(&other)),
                }
            }
            Read::Descendants { path } => {
                let request = Request::GetAllChildrenNumber { path: path.clone() };
                match connection.ask_about(path, request).await? {
                    Response::Number(number) => Ok(Answer::Number(number)),
                    other => Err(odd(&other)),
                }
            }
        }
    }
}

/// A znode and all below it, in the order of `zkCli.sh`: the children of one, then those of its
/// first child and so on. What goes meanwhile is left out.
///
/// # Errors
/// The znode itself is missing, or a call fails otherwise.
pub async fn tree(connection: &Connection, path: &Path, watch: bool) -> Result<Vec<Path>, Trouble> {
    connection.data(Root::Chroot, path, watch).await?;
    let mut found = vec![path.clone()];
    // To be looked into, the next one last.
    let mut waiting = vec![path.clone()];
    while let Some(parent) = waiting.pop() {
        let names = match connection.children(Root::Chroot, &parent, watch).await {
            Ok((names, _)) => names,
            Err(trouble) if is_missing(&trouble) => continue,
            Err(trouble) => return Err(trouble),
        };
        let paths: Vec<Path> = names.iter().map(|name| below(&parent, name)).collect();
        found.extend(paths.iter().cloned());
        waiting.extend(paths.into_iter().rev());
    }
    Ok(found)
}

/// Version and client addresses of a configuration, such as `100000000 a:2181,b:2181`.
fn client_hosts(config: &str) -> String {
    let (mut version, mut hosts) = ("", Vec::new());
    for (name, value) in config.lines().filter_map(|line| line.split_once('=')) {
        if name == "version" {
            version = value;
        } else if name.starts_with("server.")
            && let Some((_, client)) = value.split_once(';')
        {
            // A port alone is one on all addresses.
            hosts.push(match client.contains(':') {
                true => client.to_owned(),
                false => format!("0.0.0.0:{client}"),
            });
        }
    }
    format!("{version} {}", hosts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_the_clients_addresses() {
        let config = "server.1=a:2888:3888:participant;2181\n\
                      server.2=b:2888:3888:observer;b:2182\n\
                      server.3=c:2888:3888:participant\n\
                      version=100000000";
        assert_eq!(client_hosts(config), "100000000 0.0.0.0:2181,b:2182");
        assert_eq!(client_hosts(""), " ");
    }
}
