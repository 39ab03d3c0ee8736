//! Commands that change znodes: `create`, `set`, `delete`, `deleteall`, `setAcl`; and `addauth`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use zablab_core::client::parse_acl;
use zablab_core::tree::Owner;
use zablab_core::tree::znode::TTL_MAX_MS;
use zablab_core::txn::Acl;
use zablab_core::types::Path;
use zablab_core::wire::client::{
    AuthRequest, CreateMode, CreateRequest, CreateTtlRequest, DeleteRequest, MultiOp, MultiResult,
    Request, Response, SetAclRequest, SetDataRequest,
};

use super::answer::Answer;
use super::calls::{Root, below, odd};
use super::command::{Spec, spec};
use super::connection::Connection;
use super::read::tree;
use super::trouble::Trouble;
use super::words::{Arguments, Flag};

/// The version that stands for any.
pub const ANY_VERSION: i32 = -1;
/// Who may do what with a znode that was made without an access list.
const OPEN: &str = "world:anyone:cdrwa";
/// How many znodes `deleteall` removes at once.
const BATCH: usize = 1000;

/// A command that changes something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Make a znode.
    Create {
        /// What is asked for.
        create: CreateRequest,
        /// Of which kind.
        mode: CreateMode,
        /// The time to live in ms, of a kind that has one.
        ttl_ms: i64,
    },
    /// Change data.
    Set {
        /// Of which znode.
        path: Path,
        /// The new data.
        data: Bytes,
        /// The version it must have.
        version: i32,
        /// Whether its stat is wanted.
        stat: bool,
    },
    /// Remove a znode.
    Delete {
        /// Which one.
        path: Path,
        /// The version it must have.
        version: i32,
    },
    /// Remove a znode and all below it.
    DeleteAll {
        /// Which one.
        path: Path,
        /// How many at once; one by one if it is 0.
        batch: usize,
    },
    /// Change an access list.
    SetAcl {
        /// Of which znode.
        path: Path,
        /// The new list.
        acl: Vec<Acl>,
        /// The version of the list that it must have.
        version: i32,
        /// Whether its stat is wanted.
        stat: bool,
        /// Whether the znodes below get it too.
        all: bool,
    },
    /// Prove an identity.
    AddAuth {
        /// Of which scheme.
        scheme: String,
        /// What proves it.
        auth: Option<Bytes>,
    },
}

/// Their names and what they take.
pub const SPECS: &[Spec] = &[
    Spec {
        flags: &[
            Flag::plain("s", "add a number to its name"),
            Flag::plain("e", "ephemeral: it goes with this session"),
            Flag::plain("c", "container: it goes after its last child"),
            Flag::valued("t", "ttl", "it goes when unchanged for so many ms"),
        ],
        words: 1..=3,
        ..spec("create", "[-s] [-e] [-c] [-t ttl] path [data] [acl]", "make a znode")
    },
    Spec {
        flags: &[
            Flag::plain("s", "print the stat"),
            Flag::valued("v", "version", "only if it has this version"),
            Flag::plain("b", "the data is given in base64"),
        ],
        words: 2..=2,
        ..spec("set", "[-s] [-v version] [-b] path data", "change the data of a znode")
    },
    Spec {
        flags: &[Flag::valued("v", "version", "only if it has this version")],
        words: 1..=1,
        ..spec("delete", "[-v version] path", "remove a znode without children")
    },
    Spec {
        flags: &[Flag::valued("b", "batch", "how many in one transaction; 0: none are used")],
        words: 1..=1,
        ..spec("deleteall", "path [-b batch size]", "remove a znode and all below it")
    },
    Spec {
        flags: &[
            Flag::plain("s", "print the stat"),
            Flag::valued("v", "version", "only if the list has this version"),
            Flag::plain("R", "of all znodes below it too"),
        ],
        words: 2..=2,
        ..spec("setAcl", "[-s] [-v version] [-R] path acl", "change the access list of a znode")
    },
    Spec { words: 1..=2, ..spec("addauth", "scheme auth", "prove who this client is") },
];

/// One of them, if the name is its.
///
/// # Errors
/// Options that do not go together, or values that are none.
pub fn parse(spec: &Spec, arguments: &Arguments) -> Result<Option<Change>, Trouble> {
    let path = || Path::from(arguments.word(0));
    let version = || match arguments.value("v") {
        Some(text) => spec.number("v", text),
        None => Ok(ANY_VERSION),
    };
    Ok(Some(match spec.name {
        "create" => create(spec, arguments)?,
        "set" => {
            let text = arguments.word(1);
            let data = match arguments.has("b") {
                false => Bytes::copy_from_slice(text.as_bytes()),
                true => {
                    let wrong = |_| Trouble::Usage(format!("{text} is not base64"));
                    STANDARD.decode(text).map_err(wrong)?.into()
                }
            };
            Change::Set { path: path(), data, version: version()?, stat: arguments.has("s") }
        }
        "delete" => Change::Delete { path: path(), version: version()? },
        "deleteall" => {
            let batch = match arguments.value("b") {
                Some(text) => spec.number("b", text)?,
                None => BATCH,
            };
            Change::DeleteAll { path: path(), batch }
        }
        "setAcl" => Change::SetAcl {
            path: path(),
            acl: acl(arguments.word(1))?,
            version: version()?,
            stat: arguments.has("s"),
            all: arguments.has("R"),
        },
        "addauth" => {
            let auth = arguments.words.get(1);
            let auth = auth.map(|auth| Bytes::copy_from_slice(auth.as_bytes()));
            Change::AddAuth { scheme: arguments.word(0).to_owned(), auth }
        }
        _ => return Ok(None),
    }))
}

fn create(spec: &Spec, arguments: &Arguments) -> Result<Change, Trouble> {
    let usage = |text: &str| Err(Trouble::Usage(text.into()));
    let [numbered, ephemeral, container, timed] =
        ["s", "e", "c", "t"].map(|flag| arguments.has(flag));
    if container && (ephemeral || numbered) {
        return usage(
            "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.",
        );
    }
    if timed && ephemeral {
        return usage("TTLs cannot be used with Ephemeral znodes");
    }
    if timed && container {
        return usage("TTLs cannot be used with Container znodes");
    }
    let ttl_ms = arguments.value("t").map(|text| spec.number("t", text)).transpose()?;
    if ttl_ms.is_some_and(|ms| Owner::Ttl(ms).encode().is_none()) {
        let text = format!("ttl must be positive and cannot be larger than: {TTL_MAX_MS}");
        return usage(&text);
    }
    let mode = match (numbered, ephemeral, timed) {
        _ if container => CreateMode::Container,
        (true, true, _) => CreateMode::EphemeralSequential,
        (false, true, _) => CreateMode::Ephemeral,
        (true, false, true) => CreateMode::PersistentSequentialWithTtl,
        (false, false, true) => CreateMode::PersistentWithTtl,
        (true, false, false) => CreateMode::PersistentSequential,
        (false, false, false) => CreateMode::Persistent,
    };
    let data = arguments.words.get(1).map(|data| Bytes::copy_from_slice(data.as_bytes()));
    let acl = acl(arguments.words.get(2).map_or(OPEN, String::as_str))?;
    let create = CreateRequest { path: arguments.word(0).into(), data, acl, flags: mode.to_wire() };
    Ok(Change::Create { create, mode, ttl_ms: ttl_ms.unwrap_or(0) })
}

/// Reads an access list. Unlike `zkCli.sh`, which leaves out what it does not understand, a list
/// with a mistake is refused: what is left of it may let in too many, or nobody.
fn acl(text: &str) -> Result<Vec<Acl>, Trouble> {
    let wrong = || {
        let entry = text.split(',').find(|entry| parse_acl(entry).is_none()).unwrap_or(text);
        let perms = entry.split_once(':').and_then(|(_, rest)| rest.rsplit_once(':'));
        let letter = perms.and_then(|(_, perms)| perms.chars().find(|c| !"cdrwa".contains(*c)));
        Trouble::Usage(match letter {
            Some(letter) => format!("Unknown perm type: {letter}"),
            None => format!("{entry} does not have the form scheme:id:perm"),
        })
    };
    parse_acl(text).ok_or_else(wrong)
}

impl Change {
    /// Asks the servers.
    ///
    /// # Errors
    /// Why it has no result.
    pub async fn run(&self, connection: &Connection) -> Result<Answer, Trouble> {
        match self {
            Change::Create { create, mode, ttl_ms } => {
                let (path, create) = (&create.path, create.clone());
                let request = match mode {
                    CreateMode::Container => Request::CreateContainer(create),
                    mode if mode.is_ttl() => {
                        Request::CreateTtl(CreateTtlRequest { create, ttl_ms: *ttl_ms })
                    }
                    _ => Request::Create(create),
                };
                match connection.ask_about(path, request).await? {
                    Response::Create { path } | Response::Create2 { path, .. } => {
                        Ok(Answer::Created(path))
                    }
                    other => Err(odd(&other)),
                }
            }
            Change::Set { path, data, version, stat: wanted } => {
                let (data, version) = (Some(data.clone()), *version);
                let set = SetDataRequest { path: path.clone(), data, version };
                let stat = connection.write(Root::Chroot, path, Request::SetData(set)).await?;
                Ok(if *wanted { Answer::Stat(stat) } else { Answer::Done })
            }
            Change::Delete { path, version } => {
                delete(connection, path, *version).await?;
                Ok(Answer::Done)
            }
            Change::DeleteAll { path, batch } => delete_all(connection, path, *batch).await,
            Change::SetAcl { path, acl, version, stat: wanted, all: false } => {
                let set = SetAclRequest { path: path.clone(), acl: acl.clone(), version: *version };
                let stat = connection.write(Root::Chroot, path, Request::SetAcl(set)).await?;
                Ok(if *wanted { Answer::Stat(stat) } else { Answer::Done })
            }
            Change::SetAcl { path, acl, version, all: true, .. } => {
                let mut failed = Vec::new();
                for path in tree(connection, path, false).await? {
                    let (acl, version) = (acl.clone(), *version);
                    let set = SetAclRequest { path: path.clone(), acl, version };
                    match connection.write(Root::Chroot, &path, Request::SetAcl(set)).await {
                        Ok(_) => {}
                        Err(trouble @ Trouble::Refused { .. }) => failed.push(trouble.to_string()),
                        Err(trouble) => return Err(trouble),
                    }
                }
                match failed.is_empty() {
                    true => Ok(Answer::Done),
                    false => Err(Trouble::Failed(failed.join("\n"))),
                }
            }
            Change::AddAuth { scheme, auth } => {
                let auth = AuthRequest { scheme: scheme.clone(), auth: auth.clone() };
                connection.ask(Request::Auth(auth)).await?;
                Ok(Answer::Done)
            }
        }
    }
}

async fn delete(connection: &Connection, path: &Path, version: i32) -> Result<(), Trouble> {
    let request = Request::Delete(DeleteRequest { path: path.clone(), version });
    connection.ask_about(path, request).await.map(drop)
}

/// Removes a znode and all below it, the deepest first.
async fn delete_all(connection: &Connection, top: &Path, batch: usize) -> Result<Answer, Trouble> {
    let mut paths = vec![top.clone()];
    let mut at = 0;
    while let Some(parent) = paths.get(at).cloned() {
        let (names, _) = connection.children(Root::Chroot, &parent, false).await?;
        paths.extend(names.iter().map(|name| below(&parent, name)));
        at += 1;
    }
    paths.reverse();
    if batch == 0 {
        for path in &paths {
            delete(connection, path, ANY_VERSION).await?;
        }
        return Ok(Answer::Done);
    }
    for some in paths.chunks(batch) {
        let delete = |path: &Path| {
            MultiOp::Delete(DeleteRequest { path: path.clone(), version: ANY_VERSION })
        };
        let request = Request::Multi(some.iter().map(delete).collect());
        let results = match connection.ask_about(top, request).await? {
            Response::Multi(results) => results,
            other => return Err(odd(&other)),
        };
        if results.iter().any(|result| matches!(result, MultiResult::Error(_))) {
            return Err(Trouble::Failed("Failed to delete some node(s) in the subtree!".into()));
        }
    }
    Ok(Answer::Done)
}

#[cfg(test)]
mod tests {
    use super::super::command::Command;
    use super::super::words::split;
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        let words = split(line).expect("its quotes end");
        Command::parse(&words).map_err(|trouble| trouble.to_string())
    }

    fn created(line: &str) -> (CreateRequest, i64) {
        match parse(line) {
            Ok(Command::Change(Change::Create { create, ttl_ms, .. })) => (create, ttl_ms),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_kind_of_a_znode_is_that_of_its_options() {
        for (options, flags) in
            [("", 0), ("-e", 1), ("-s", 2), ("-e -s", 3), ("-c", 4), ("-t 9", 5), ("-s -t 9", 6)]
        {
            let (create, ttl_ms) = created(&format!("create {options} /a"));
            assert_eq!((create.flags, ttl_ms), (flags, if flags > 4 { 9 } else { 0 }), "{options}");
        }
        let (create, _) = created("create /a \"\" world:anyone:r");
        assert_eq!((create.data, create.acl[0].perms), (Some(Bytes::new()), 1));
        let (create, _) = created("create /a");
        assert_eq!((create.data, create.acl[0].perms), (None, 31));
        for (line, said) in [
            ("create -c -s /a", "-c cannot be combined"),
            ("create -t 1 -e /a", "TTLs cannot be used with Ephemeral znodes"),
            ("create -t 0 /a", "ttl must be positive and cannot be larger than: 1099511627775"),
            ("create -t x /a", "create -t: x is no number for it"),
            ("create /a d foo", "foo does not have the form scheme:id:perm"),
            ("create /a d world:anyone:r,ip:1.2.3.4:rx", "Unknown perm type: x"),
            ("set -b /a %", "% is not base64"),
        ] {
            let refused = parse(line).expect_err("it is wrong");
            assert!(refused.starts_with(said), "{line}: {refused}");
        }
    }
}
