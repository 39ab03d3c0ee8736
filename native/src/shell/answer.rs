//! What commands come to, as `zkCli.sh` prints it and as JSON.
//!
//! In JSON each command is one object in one line: `result`, `error` or `event`. Numbers of 64 bits
//! (zxids, sessions) are text in hex, as most readers of JSON would round them.

use std::fmt::Write;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use zablab_core::client::acl_text;
use zablab_core::tree::Figures;
use zablab_core::txn::Acl;
use zablab_core::types::{Path, Zxid};
use zablab_core::wire::client::{ClientInfo, Stat};

use super::time::date;

/// What a command came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Nothing to tell.
    Done,
    /// Text for people only; the word is its name in JSON.
    Text(&'static str, String),
    /// Several lines.
    Lines(&'static str, Vec<String>),
    /// A znode was made; this is its path.
    Created(Path),
    /// Names of children.
    Children(Vec<Arc<str>>, Option<Stat>),
    /// Paths, a line each.
    Tree(Vec<Path>),
    /// Paths in one line.
    Paths(Vec<Path>),
    /// Data of a znode.
    Data(Option<Bytes>, Form, Option<Stat>),
    /// A stat.
    Stat(Stat),
    /// An access list.
    Acl(Vec<Acl>, Option<Stat>),
    /// What a subtree may have and what it has.
    Quota {
        /// Its path.
        path: Path,
        /// Where the servers keep its limits.
        kept_at: Path,
        /// What it may have.
        limits: Figures,
        /// What it has.
        used: Option<Figures>,
    },
    /// A number.
    Number(i32),
    /// Watches were taken back: on which znode, and what a client is told of that.
    Removed(Path, Vec<&'static str>),
    /// The ensemble has this configuration now.
    Reconfigured(String, Option<Stat>),
    /// Whom the connection has proved to be.
    Identities(Vec<ClientInfo>),
}

/// How data is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// As text.
    Plain,
    /// In base64.
    Base64,
    /// As hex and text side by side.
    Hex,
}

impl Answer {
    /// What goes to standard output, with the ends of lines.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match self {
            Answer::Done | Answer::Created(_) => {}
            Answer::Text(_, line) => push(&mut text, line),
            Answer::Lines(_, lines) => lines.iter().for_each(|line| push(&mut text, line)),
            Answer::Children(children, stat) => {
                push(&mut text, &format!("[{}]", children.join(", ")));
                push_stat(&mut text, stat.as_ref());
            }
            Answer::Tree(paths) => paths.iter().for_each(|path| push(&mut text, path)),
            Answer::Paths(paths) => push(&mut text, &format!("[{}]", paths.join(", "))),
            Answer::Data(data, form, stat) => {
                push(&mut text, &formed(data.as_deref().unwrap_or(b"null"), *form));
                push_stat(&mut text, stat.as_ref());
            }
            Answer::Stat(stat) => push_stat(&mut text, Some(stat)),
            Answer::Acl(list, stat) => {
                for acl in list {
                    let (who, letters) = (&acl.id, letters(acl));
                    push(&mut text, &format!("'{},'{}\n: {letters}", who.scheme, who.id));
                }
                push_stat(&mut text, stat.as_ref());
            }
            Answer::Quota { path, limits, used, .. } => {
                push(&mut text, &format!("Output quota for {path} {}", limits_text(limits)));
                if let Some(Figures { count, bytes, .. }) = used {
                    push(&mut text, &format!("Output stat for {path} count={count},bytes={bytes}"));
                }
            }
            Answer::Number(number) => push(&mut text, &number.to_string()),
            Answer::Removed(path, told) => {
                told.iter().for_each(|kind| text.push_str(&watched(kind, Some(path), None)));
            }
            Answer::Reconfigured(config, stat) => {
                push(&mut text, &format!("Committed new config:\n{config}"));
                push_stat(&mut text, stat.as_ref());
            }
            Answer::Identities(infos) => {
                push(&mut text, "Auth scheme: User");
                infos.iter().for_each(|ClientInfo { scheme, user }| {
                    push(&mut text, &format!("{scheme}: {user}"));
                });
            }
        }
        text
    }

    /// What goes to standard error, as `zkCli.sh` has it.
    pub fn remark(&self) -> Option<String> {
        match self {
            Answer::Created(path) => Some(format!("Created {path}")),
            Answer::Quota { kept_at, .. } => Some(format!("absolute path is {kept_at}")),
            _ => None,
        }
    }

    /// As an object.
    pub fn json(&self) -> Value {
        let mut result = Map::new();
        let mut put = |name: &str, value: Value| result.insert(name.into(), value);
        match self {
            Answer::Done => {}
            Answer::Text(name, text) => drop(put(name, json!(text))),
            Answer::Lines(name, lines) => drop(put(name, json!(lines))),
            Answer::Created(path) => drop(put("path", json!(**path))),
            Answer::Children(names, stat) => {
                let names: Vec<&str> = names.iter().map(|name| &**name).collect();
                put("children", json!(names));
                stat.map(|stat| put("stat", stat_json(&stat)));
            }
            Answer::Tree(paths) | Answer::Paths(paths) => {
                let paths: Vec<&str> = paths.iter().map(|path| &**path).collect();
                put("paths", json!(paths));
            }
            Answer::Data(data, _, stat) => {
                let text = data.as_deref().map(str::from_utf8);
                let (value, encoding) = match (text, data) {
                    (Some(Ok(text)), _) => (json!(text), "utf-8"),
                    (Some(Err(_)), Some(data)) => (json!(STANDARD.encode(data)), "base64"),
                    _ => (Value::Null, "utf-8"),
                };
                put("data", value);
                put("encoding", json!(encoding));
                stat.map(|stat| put("stat", stat_json(&stat)));
            }
            Answer::Stat(stat) => drop(put("stat", stat_json(stat))),
            Answer::Acl(list, stat) => {
                let entry = |acl: &Acl| {
                    let (scheme, id) = (&acl.id.scheme, &acl.id.id);
                    json!({ "scheme": scheme, "id": id, "perms": letters(acl) })
                };
                put("acl", list.iter().map(entry).collect());
                stat.map(|stat| put("stat", stat_json(&stat)));
            }
            Answer::Quota { path, limits, used, .. } => {
                put("path", json!(**path));
                put(
                    "limits",
                    json!({
                        "count": limits.count, "bytes": limits.bytes,
                        "countHardLimit": limits.count_hard, "byteHardLimit": limits.bytes_hard,
                    }),
                );
                used.map(|used| {
                    put("used", json!({ "count": used.count, "bytes": used.bytes }));
                });
            }
            Answer::Number(number) => drop(put("number", json!(number))),
            Answer::Removed(path, told) => {
                put("path", json!(**path));
                put("removed", json!(told));
            }
            Answer::Reconfigured(config, stat) => {
                put("config", json!(config));
                stat.map(|stat| put("stat", stat_json(&stat)));
            }
            Answer::Identities(infos) => {
                let info = |info: &ClientInfo| json!({ "scheme": info.scheme, "user": info.user });
                put("identities", infos.iter().map(info).collect());
            }
        }
        json!({ "result": result })
    }
}

/// Limits as the znode of a quota holds them; the lonely `=` is for servers that know only the
/// first two.
pub fn limits_text(limits: &Figures) -> String {
    let Figures { count, bytes, count_hard, bytes_hard } = limits;
    format!("count={count},bytes={bytes}=;byteHardLimit={bytes_hard};countHardLimit={count_hard}")
}

/// An event as `zkCli.sh` prints it, empty lines included.
pub fn watched(kind: &str, path: Option<&str>, zxid: Option<Zxid>) -> String {
    event(kind, "SyncConnected", path, zxid)
}

/// The same in a given state of the session.
pub fn event(kind: &str, state: &str, path: Option<&str>, zxid: Option<Zxid>) -> String {
    let (path, zxid) = (path.unwrap_or("null"), zxid.map_or(-1, Zxid::to_wire));
    format!("\nWATCHER::\n\nWatchedEvent state:{state} type:{kind} path:{path} zxid: {zxid}\n")
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn letters(acl: &Acl) -> String {
    let text = acl_text(std::slice::from_ref(acl));
    text.rsplit(':').next().unwrap_or_default().to_owned()
}

fn push_stat(text: &mut String, stat: Option<&Stat>) {
    let Some(stat) = stat else { return };
    for (name, value) in [
        ("cZxid", stat.czxid.to_string()),
        ("ctime", date(stat.ctime)),
        ("mZxid", stat.mzxid.to_string()),
        ("mtime", date(stat.mtime)),
        ("pZxid", stat.pzxid.to_string()),
        ("cversion", stat.cversion.to_string()),
        ("dataVersion", stat.version.to_string()),
        ("aclVersion", stat.aversion.to_string()),
        ("ephemeralOwner", format!("{:#x}", stat.ephemeral_owner.0)),
        ("dataLength", stat.data_length.to_string()),
        ("numChildren", stat.num_children.to_string()),
    ] {
        push(text, &format!("{name} = {value}"));
    }
}

fn stat_json(stat: &Stat) -> Value {
    json!({
        "czxid": stat.czxid.to_string(),
        "mzxid": stat.mzxid.to_string(),
        "ctime": stat.ctime.0,
        "mtime": stat.mtime.0,
        "version": stat.version,
        "cversion": stat.cversion,
        "aversion": stat.aversion,
        "ephemeralOwner": format!("{:#x}", stat.ephemeral_owner.0),
        "dataLength": stat.data_length,
        "numChildren": stat.num_children,
        "pzxid": stat.pzxid.to_string(),
    })
}

fn formed(data: &[u8], form: Form) -> String {
    match form {
        Form::Plain => String::from_utf8_lossy(data).into_owned(),
        Form::Base64 => STANDARD.encode(data),
        Form::Hex => hex_dump(data),
    }
}

/// Rows of 16 bytes, in hex and as ASCII.
fn hex_dump(data: &[u8]) -> String {
    let numbers = "|  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |";
    let (frame, line) = ("+".to_owned() + &"-".repeat(49) + "+", "-".repeat(16));
    let mut text = format!("         {frame}\n         {numbers}\n+--------{frame}{line}+");
    for (row, bytes) in data.chunks(16).enumerate() {
        let hex: String = bytes.iter().map(|byte| format!(" {byte:02x}")).collect();
        let shown = |&byte: &u8| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        };
        let ascii: String = bytes.iter().map(shown).collect();
        // A String takes any text.
        let _ = write!(text, "\n|{:08x}|{hex:<48} |{ascii:<16}|", row * 16);
    }
    text + &format!("\n+--------{frame}{line}+")
}

#[cfg(test)]
mod tests {
    use zablab_core::client::parse_acl;
    use zablab_core::types::{SessionId, WallMs};

    use super::*;

    fn stat() -> Stat {
        Stat {
            czxid: Zxid(0x1_0000_0002),
            mzxid: Zxid(0x1_0000_0003),
            ctime: WallMs(0),
            mtime: WallMs(1000),
            ephemeral_owner: SessionId(0x0100_0011_c8f2_0000),
            data_length: 3,
            ..Stat::default()
        }
    }

    #[test]
    fn results_are_printed_as_in_zk_cli() {
        let names = || vec!["a".into(), "b".into()];
        assert_eq!(Answer::Children(names(), None).text(), "[a, b]\n");
        let text = Answer::Children(names(), Some(stat())).text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["[a, b]", "cZxid = 0x100000002"]);
        assert_eq!(
            lines[9..],
            ["ephemeralOwner = 0x1000011c8f20000", "dataLength = 3", "numChildren = 0"]
        );
        let data = |data: Option<&'static [u8]>, form| {
            Answer::Data(data.map(Bytes::from_static), form, None).text()
        };
        assert_eq!(data(None, Form::Plain), "null\n");
        assert_eq!(data(Some(b"hi"), Form::Plain), "hi\n");
        assert_eq!(data(Some(b"hi"), Form::Base64), "aGk=\n");
        let acl = parse_acl("world:anyone:rc,digest:bob:x=:w").expect("a list");
        let printed = "'world,'anyone\n: cr\n'digest,'bob:x=\n: w\n";
        assert_eq!(Answer::Acl(acl, None).text(), printed);
        assert_eq!(Answer::Created("/a".into()).text(), "");
        assert_eq!(Answer::Created("/a".into()).remark(), Some("Created /a".into()));
    }

    #[test]
    fn bytes_are_dumped_in_rows() {
        let expected = "         +-------------------------------------------------+\n\
            \x20        |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n\
            +--------+-------------------------------------------------+----------------+\n\
            |00000000| 68 69 0a                                        |hi.             |\n\
            +--------+-------------------------------------------------+----------------+";
        assert_eq!(hex_dump(b"hi\n"), expected);
        assert_eq!(hex_dump(&[0; 17]).lines().count(), 6);
    }

    #[test]
    fn quotas_are_printed_as_in_zk_cli() {
        let figures = |text: &[u8]| Figures::parse(text).expect("figures");
        let limits = figures(b"count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=7");
        assert_eq!(limits_text(&limits), "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=7");
        let used = Some(figures(b"count=3,bytes=2"));
        let kept_at = "/zookeeper/quota/a/zookeeper_limits".into();
        let text = Answer::Quota { path: "/a".into(), kept_at, limits, used }.text();
        let expected = "Output quota for /a count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=7\n\
                        Output stat for /a count=3,bytes=2\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn json_loses_nothing() {
        let json = |answer: Answer| answer.json()["result"].clone();
        let data = |data: &'static [u8]| {
            json(Answer::Data(Some(Bytes::from_static(data)), Form::Plain, Some(stat())))
        };
        assert_eq!(data(b"hi")["data"], "hi");
        assert_eq!(data(b"hi")["encoding"], "utf-8");
        assert_eq!(data(b"\xff")["data"], "/w==");
        assert_eq!(data(b"\xff")["encoding"], "base64");
        assert_eq!(data(b"")["data"], "");
        assert_eq!(data(b"")["stat"]["ephemeralOwner"], "0x1000011c8f20000");
        assert_eq!(data(b"")["stat"]["czxid"], "0x100000002");
        assert_eq!(json(Answer::Data(None, Form::Plain, None))["data"], Value::Null);
        assert_eq!(json(Answer::Done), json!({}));
        assert_eq!(json(Answer::Created("/a".into()))["path"], "/a");
    }
}
