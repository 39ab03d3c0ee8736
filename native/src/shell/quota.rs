//! Commands about quotas: `setquota`, `listquota`, `delquota`.
//!
//! A quota is two znodes below `/zookeeper/quota` and the subtree's path; what servers do with them
//! is theirs. Those paths are the servers', so a chroot is part of them: unlike `zkCli.sh`, which
//! would look for `/zookeeper` below the chroot.
//! Source: `SetQuotaCommand`, `ListQuotaCommand`, `DelQuotaCommand`.

use bytes::Bytes;
use zablab_core::client::parse_acl;
use zablab_core::tree::Figures;
use zablab_core::tree::path::{QUOTA, ROOT};
use zablab_core::types::Path;
use zablab_core::wire::client::{
    CreateMode, CreateRequest, DeleteRequest, ErrorCode, Request, SetDataRequest,
};

use super::answer::{Answer, limits_text};
use super::calls::{Root, below, is_missing};
use super::command::{Spec, spec};
use super::connection::Connection;
use super::trouble::Trouble;
use super::words::{Arguments, Flag};
use super::write::ANY_VERSION;

const LIMITS: &str = "zookeeper_limits";
const USED: &str = "zookeeper_stats";
/// No limits at all.
const UNLIMITED: Figures = Figures { count: -1, bytes: -1, count_hard: -1, bytes_hard: -1 };
const NOTHING: Figures = Figures { count: 0, bytes: 0, ..UNLIMITED };

/// A command about quotas.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Quota {
    /// Set a limit; those that are -1 stay as they are.
    Set {
        /// Of which subtree.
        path: Path,
        /// The limits.
        limits: Figures,
    },
    /// Show limits and use.
    List {
        /// Of which subtree.
        path: Path,
    },
    /// Take limits back: those that are named, or the whole quota.
    Delete {
        /// Of which subtree.
        path: Path,
        /// Which ones, by the letters of the options.
        which: Vec<&'static str>,
    },
}

const FLAGS: [&str; 4] = ["n", "b", "N", "B"];

/// Their names and what they take.
pub const SPECS: &[Spec] = &[
    Spec {
        flags: &[
            Flag::valued("n", "val", "znodes, not enforced"),
            Flag::valued("b", "val", "bytes of data, not enforced"),
            Flag::valued("N", "val", "znodes, enforced"),
            Flag::valued("B", "val", "bytes of data, enforced"),
        ],
        words: 1..=1,
        ..spec("setquota", "-n|-b|-N|-B val path", "limit a subtree")
    },
    Spec { words: 1..=1, ..spec("listquota", "path", "print what a subtree may have, and has") },
    Spec {
        flags: &[
            Flag::plain("n", "only the limit of znodes that is not enforced"),
            Flag::plain("b", "only the limit of bytes that is not enforced"),
            Flag::plain("N", "only the limit of znodes that is enforced"),
            Flag::plain("B", "only the limit of bytes that is enforced"),
        ],
        words: 1..=1,
        ..spec("delquota", "[-n|-b|-N|-B] path", "take limits back")
    },
];

/// One of them, if the name is its.
///
/// # Errors
/// No limit, or one that is none.
pub fn parse(spec: &Spec, arguments: &Arguments) -> Result<Option<Quota>, Trouble> {
    let path = Path::from(arguments.word(0));
    Ok(Some(match spec.name {
        "setquota" => {
            let mut limits = UNLIMITED;
            for flag in FLAGS {
                let Some(text) = arguments.value(flag) else { continue };
                *limit(&mut limits, flag) = spec.number(flag, text)?;
                let value = *limit(&mut limits, flag);
                let counts = matches!(flag, "n" | "N");
                if counts && value <= 0 {
                    let said = "the num quota must be greater than zero";
                    return Err(Trouble::Usage(said.into()));
                }
                if value < 0 {
                    let said = "the bytes quota must be greater than or equal to zero";
                    return Err(Trouble::Usage(said.into()));
                }
            }
            if limits == UNLIMITED {
                return Err(spec.misused());
            }
            Quota::Set { path, limits }
        }
        "listquota" => Quota::List { path },
        "delquota" => {
            let which = FLAGS.into_iter().filter(|flag| arguments.has(flag)).collect();
            Quota::Delete { path, which }
        }
        _ => return Ok(None),
    }))
}

/// The limit that an option means.
fn limit<'a>(limits: &'a mut Figures, flag: &str) -> &'a mut i64 {
    match flag {
        "n" => &mut limits.count,
        "b" => &mut limits.bytes,
        "N" => &mut limits.count_hard,
        _ => &mut limits.bytes_hard,
    }
}

impl Quota {
    /// Asks the servers.
    ///
    /// # Errors
    /// Why it has no result.
    pub async fn run(&self, connection: &Connection) -> Result<Answer, Trouble> {
        let (Quota::Set { path, .. } | Quota::List { path } | Quota::Delete { path, .. }) = self;
        // Says what is wrong with the path itself, before it is a part of others.
        let is_there = connection.exists(Root::Chroot, path, false).await?.is_some();
        let subtree = Subtree::new(connection, path);
        match self {
            Quota::Set { limits, .. } if is_there => subtree.set(*limits).await,
            Quota::Set { .. } => Err(Trouble::Failed(format!("{path} does not exist."))),
            Quota::List { .. } => subtree.list().await,
            Quota::Delete { which, .. } => subtree.delete(which).await,
        }
    }
}

/// A subtree and the znodes of its quota.
struct Subtree<'a> {
    connection: &'a Connection,
    /// As the user has it.
    path: Path,
    /// The names on the servers' way to it.
    names: Vec<String>,
}

impl Subtree<'_> {
    fn new<'a>(connection: &'a Connection, path: &Path) -> Subtree<'a> {
        let full = [connection.chroot(), path].join("/");
        let names = full.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Subtree { connection, path: path.clone(), names }
    }

    /// The znode of the quotas that stands for the first so many names.
    fn folder(&self, depth: usize) -> Path {
        let names = self.names[..depth].iter();
        names.fold(Path::from(QUOTA), |path, name| below(&path, name))
    }

    fn own_folder(&self) -> Path {
        self.folder(self.names.len())
    }

    async fn figures(&self, name: &str) -> Result<Option<Figures>, Trouble> {
        let path = below(&self.own_folder(), name);
        match self.connection.data(Root::Server, &path, false).await {
            Ok((data, _)) => {
                let strange = || Trouble::Failed(format!("{path} does not hold a quota"));
                Figures::parse(&data.unwrap_or_default()).map(Some).ok_or_else(strange)
            }
            Err(trouble) if is_missing(&trouble) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    async fn write(&self, name: &str, text: String) -> Result<(), Trouble> {
        let path = below(&self.own_folder(), name);
        let data = Some(Bytes::from(text));
        let request =
            Request::SetData(SetDataRequest { path: path.clone(), data, version: ANY_VERSION });
        self.connection.write(Root::Server, &path, request).await.map(drop)
    }

    async fn create(&self, path: Path, data: Option<String>) -> Result<(), Trouble> {
        let acl = parse_acl("world:anyone:cdrwa").unwrap_or_default();
        let (data, flags) = (data.map(Bytes::from), CreateMode::Persistent.to_wire());
        let request = Request::Create(CreateRequest { path: path.clone(), data, acl, flags });
        match self.connection.ask_at(Root::Server, &path, request).await {
            Err(Trouble::Refused { code, .. }) if code == ErrorCode::NodeExists.to_wire() => Ok(()),
            result => result.map(drop),
        }
    }

    async fn remove(&self, path: &Path) -> Result<(), Trouble> {
        let request = Request::Delete(DeleteRequest { path: path.clone(), version: ANY_VERSION });
        self.connection.ask_at(Root::Server, path, request).await.map(drop)
    }

    /// Names below a znode of the quotas; none if it is missing.
    async fn names_below(&self, path: &Path) -> Result<Vec<Path>, Trouble> {
        match self.connection.children(Root::Server, path, false).await {
            Ok((names, _)) => Ok(names),
            Err(trouble) if is_missing(&trouble) => Ok(Vec::new()),
            Err(trouble) => Err(trouble),
        }
    }

    /// Quotas do not lie one in the other.
    async fn stands_alone(&self) -> Result<(), Trouble> {
        let limited = |names: &[Path]| names.iter().any(|name| **name == *LIMITS);
        let path = &self.path;
        for depth in 1..self.names.len() {
            let folder = self.folder(depth);
            if limited(&self.names_below(&folder).await?) {
                let parent = &folder[QUOTA.len()..];
                let said = format!("{path} has a parent {parent} which has a quota");
                return Err(Trouble::Failed(said));
            }
        }
        let mut waiting = vec![self.own_folder()];
        while let Some(folder) = waiting.pop() {
            let names = self.names_below(&folder).await?;
            if limited(&names) && folder != self.own_folder() {
                let child = &folder[QUOTA.len()..];
                let said = format!("{path} has a child {child} which has a quota");
                return Err(Trouble::Failed(said));
            }
            let inner = names.iter().filter(|name| ![LIMITS, USED].contains(&&***name));
            waiting.extend(inner.map(|name| below(&folder, name)));
        }
        Ok(())
    }

    async fn set(&self, wanted: Figures) -> Result<Answer, Trouble> {
        if self.names.is_empty() {
            return Err(Trouble::Failed(format!("{ROOT} as a whole has no quota")));
        }
        if self.own_folder()[QUOTA.len()..].starts_with(QUOTA) {
            let said = format!("cannot set a quota under the path: {QUOTA}");
            return Err(Trouble::Failed(said));
        }
        self.stands_alone().await?;
        for depth in 1..=self.names.len() {
            self.create(self.folder(depth), None).await?;
        }
        let limits = match self.figures(LIMITS).await? {
            None => {
                let folder = self.own_folder();
                self.create(below(&folder, LIMITS), Some(limits_text(&wanted))).await?;
                let Figures { count, bytes, .. } = NOTHING;
                let nothing = format!("count={count},bytes={bytes}");
                self.create(below(&folder, USED), Some(nothing)).await?;
                wanted
            }
            Some(mut limits) => {
                let mut wanted = wanted;
                for flag in FLAGS {
                    let value = *limit(&mut wanted, flag);
                    if value >= 0 {
                        *limit(&mut limits, flag) = value;
                    }
                }
                self.write(LIMITS, limits_text(&limits)).await?;
                limits
            }
        };
        let used = self.figures(USED).await?.unwrap_or(NOTHING);
        Ok(Answer::Lines("warnings", warnings(&limits, &used)))
    }

    async fn list(&self) -> Result<Answer, Trouble> {
        let path = self.path.clone();
        match self.figures(LIMITS).await? {
            Some(limits) => {
                let (kept_at, used) =
                    (below(&self.own_folder(), LIMITS), self.figures(USED).await?);
                Ok(Answer::Quota { path, kept_at, limits, used })
            }
            None => Err(Trouble::Failed(format!("quota for {path} does not exist."))),
        }
    }

    async fn delete(&self, which: &[&str]) -> Result<Answer, Trouble> {
        let Some(mut limits) = self.figures(LIMITS).await? else {
            let said = format!("Quota does not exist for {}", self.path);
            return Ok(Answer::Lines("warnings", vec![said]));
        };
        if !which.is_empty() {
            for flag in which {
                *limit(&mut limits, flag) = -1;
            }
            self.write(LIMITS, limits_text(&limits)).await?;
            return Ok(Answer::Done);
        }
        for name in [LIMITS, USED] {
            match self.remove(&below(&self.own_folder(), name)).await {
                Err(trouble) if !is_missing(&trouble) => return Err(trouble),
                _ => {}
            }
        }
        // Folders that stand for nothing any more go too.
        for depth in (1..=self.names.len()).rev() {
            let folder = self.folder(depth);
            if !self.names_below(&folder).await?.is_empty() {
                break;
            }
            self.remove(&folder).await?;
        }
        Ok(Answer::Done)
    }
}

/// Limits that are exceeded already.
fn warnings(limits: &Figures, used: &Figures) -> Vec<String> {
    let exceeded = |limits: [i64; 2], used| limits.iter().any(|&limit| 0 <= limit && limit < used);
    let warn = |of: &str, used| {
        format!("[Warning]: the {of} quota you create is less than the existing {of}:{used}")
    };
    let mut warnings = Vec::new();
    if exceeded([limits.count, limits.count_hard], used.count) {
        warnings.push(warn("count", used.count));
    }
    if exceeded([limits.bytes, limits.bytes_hard], used.bytes) {
        warnings.push(warn("bytes", used.bytes));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_exceeded_is_warned_of() {
        let used = Figures { count: 3, bytes: 7, ..UNLIMITED };
        let said = |limits| warnings(&limits, &used);
        assert_eq!(said(UNLIMITED), [] as [&str; 0]);
        assert_eq!(said(Figures { count: 3, bytes_hard: 7, ..UNLIMITED }), [] as [&str; 0]);
        let count = "[Warning]: the count quota you create is less than the existing count:3";
        assert_eq!(said(Figures { count_hard: 2, ..UNLIMITED }), [count]);
        assert_eq!(said(Figures { bytes: 0, ..UNLIMITED }).len(), 1);
    }
}
