//! Commands about watches: `addWatch` and `removewatches`. Those that are told once are set by
//! the commands that read.

use zablab_core::client::WatchKind;
use zablab_core::types::Path;
use zablab_core::wire::client::{AddWatchMode, Request, WatcherType};

use super::answer::Answer;
use super::command::{Spec, spec};
use super::connection::Connection;
use super::trouble::Trouble;
use super::words::{Arguments, Flag};

/// A command about watches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Watching {
    /// Set one that stays.
    Add {
        /// On which znode.
        path: Path,
        /// Of which kind.
        mode: AddWatchMode,
    },
    /// Take some back.
    Remove {
        /// On which znode.
        path: Path,
        /// Which of them.
        kind: WatcherType,
        /// Whether to forget them here when no server can be told.
        local: bool,
    },
}

/// Their names and what they take.
pub const SPECS: &[Spec] = &[
    Spec {
        flags: &[Flag::valued("m", "mode", "PERSISTENT or PERSISTENT_RECURSIVE")],
        words: 1..=1,
        ..spec(
            "addWatch",
            "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - \
             default is PERSISTENT_RECURSIVE",
            "set a watch that stays",
        )
    },
    Spec {
        flags: &[
            Flag::plain("c", "those of its children"),
            Flag::plain("d", "those of its data"),
            Flag::plain("p", "those that stay"),
            Flag::plain("r", "those that stay, of all below it"),
            Flag::plain("a", "all (the default)"),
            Flag::plain("l", "forget them if no server can be told"),
        ],
        words: 1..=1,
        ..spec("removewatches", "path [-c|-d|-a] [-l]", "take watches back")
    },
];

/// One of them, if the name is its.
///
/// # Errors
/// A mode that is none.
pub fn parse(spec: &Spec, arguments: &Arguments) -> Result<Option<Watching>, Trouble> {
    let path = Path::from(arguments.word(0));
    Ok(Some(match spec.name {
        "addWatch" => {
            let mode = arguments.value("m").unwrap_or("PERSISTENT_RECURSIVE");
            let mode = match &*mode.to_uppercase() {
                "PERSISTENT" => AddWatchMode::Persistent,
                "PERSISTENT_RECURSIVE" => AddWatchMode::PersistentRecursive,
                _ => return Err(spec.misused()),
            };
            Watching::Add { path, mode }
        }
        "removewatches" => {
            let kind = match () {
                () if arguments.has("c") => WatcherType::Children,
                () if arguments.has("d") => WatcherType::Data,
                () if arguments.has("p") => WatcherType::Persistent,
                () if arguments.has("r") => WatcherType::PersistentRecursive,
                () => WatcherType::Any,
            };
            Watching::Remove { path, kind, local: arguments.has("l") }
        }
        _ => return Ok(None),
    }))
}

impl Watching {
    /// Asks the servers.
    ///
    /// # Errors
    /// Why it has no result.
    pub async fn run(&self, connection: &Connection) -> Result<Answer, Trouble> {
        match self {
            Watching::Add { path, mode } => {
                let request = Request::AddWatch { path: path.clone(), mode: mode.to_wire() };
                connection.ask_about(path, request).await?;
                Ok(Answer::Done)
            }
            Watching::Remove { path, kind, local } => {
                let before = kinds_at(connection, path).await;
                if *local && !connection.is_connected() {
                    connection.forget(path.clone(), *kind);
                } else {
                    let request =
                        Request::RemoveWatches { path: path.clone(), kind: kind.to_wire() };
                    connection.ask_about(path, request).await?;
                }
                let after = kinds_at(connection, path).await;
                let gone = before.into_iter().filter(|kind| !after.contains(kind));
                let mut told: Vec<&str> = gone.map(told_of).collect();
                told.dedup();
                Ok(Answer::Removed(path.clone(), told))
            }
        }
    }
}

/// The kinds of watches that the session has on one znode.
async fn kinds_at(connection: &Connection, path: &str) -> Vec<WatchKind> {
    let root = connection.chroot();
    let full = match (root, path) {
        ("/", _) => path.to_owned(),
        (_, "/") => root.to_owned(),
        _ => [root, path].concat(),
    };
    let watches = connection.watches().await.into_iter();
    let mut kinds: Vec<WatchKind> =
        watches.filter(|watch| *watch.path == *full).map(|watch| watch.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// What a client is told when one of its own is taken back.
fn told_of(kind: WatchKind) -> &'static str {
    match kind {
        WatchKind::Data | WatchKind::Exist => "DataWatchRemoved",
        WatchKind::Child => "ChildWatchRemoved",
        WatchKind::Persistent | WatchKind::Recursive => "PersistentWatchRemoved",
    }
}
