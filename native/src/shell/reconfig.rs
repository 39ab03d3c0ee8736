//! The command `reconfig`, which changes the ensemble.
//!
//! Source: `ReconfigCommand`.

use zablab_core::config::dynamic::parse_members;
use zablab_core::tree::path::CONFIG;
use zablab_core::wire::client::{ReconfigRequest, Request, Response};

use super::answer::Answer;
use super::calls::odd;
use super::command::{Spec, spec};
use super::connection::Connection;
use super::trouble::Trouble;
use super::words::{Arguments, Flag};

/// The version that stands for any.
const ANY_VERSION: i64 = -1;

/// A change of the ensemble.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reconfig {
    members: Members,
    /// The version that the configuration in force must have.
    from: i64,
    /// Whether its stat is wanted.
    stat: bool,
}

/// Who is to be in the ensemble.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Members {
    /// These are all, as `server.N=...` with commas between.
    All(String),
    /// So says this file.
    File(String),
    /// Some join or change, some leave.
    Changed { joining: Option<String>, leaving: Option<String> },
}

const USAGE: &str = "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3\
    [,...]*]] | [-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]";

/// Its name and what it takes.
pub const SPECS: &[Spec] = &[Spec {
    flags: &[
        Flag::plain("s", "print the stat of the new configuration"),
        Flag::valued("v", "version", "only if this configuration, in hexadecimal, is in force"),
        Flag::valued("file", "path", "the lines of all members are in this file"),
        Flag::valued("members", "servers", "the lines of all members"),
        Flag::valued("add", "servers", "lines of members that join or change"),
        Flag::valued("remove", "ids", "the numbers of members that leave"),
    ],
    ..spec("reconfig", USAGE, "change the ensemble")
}];

/// It, if the name is its.
///
/// # Errors
/// Options that do not go together, or a version that is none.
pub fn parse(spec: &Spec, arguments: &Arguments) -> Result<Option<Reconfig>, Trouble> {
    if spec.name != "reconfig" {
        return Ok(None);
    }
    let list = |name| {
        let all: Vec<&str> = arguments.values(name).collect();
        (!all.is_empty()).then(|| all.join(",").to_lowercase())
    };
    let file = arguments.value("file").map(str::to_owned);
    let members = match (file, list("members"), list("add"), list("remove")) {
        (Some(path), None, None, None) => Members::File(path),
        (None, Some(members), None, None) => Members::All(members),
        (Some(_), Some(_), _, _) => {
            let text = "Can't use -file and -members together (conflicting non-incremental modes)";
            return Err(Trouble::Usage(text.into()));
        }
        (None, None, None, None) => return Err(spec.misused()),
        (None, None, joining, leaving) => Members::Changed { joining, leaving },
        _ => {
            let text = "Can't use -file or -members together with -add or -remove (mixing \
                        incremental and non-incremental modes is not allowed)";
            return Err(Trouble::Usage(text.into()));
        }
    };
    let from = match arguments.value("v") {
        Some(text) => i64::from_str_radix(text, 16)
            .map_err(|_| Trouble::Usage(format!("reconfig -v: {text} is no hexadecimal number")))?,
        None => ANY_VERSION,
    };
    Ok(Some(Reconfig { members, from, stat: arguments.has("s") }))
}

impl Reconfig {
    /// Asks the servers.
    ///
    /// # Errors
    /// Why the ensemble stays as it is; for a lost connection, that nobody knows.
    pub async fn run(&self, connection: &Connection) -> Result<Answer, Trouble> {
        let (joining, leaving, new_members) = match &self.members {
            Members::All(members) => (None, None, Some(members.clone())),
            Members::File(path) => (None, None, Some(members_in(path).await?)),
            Members::Changed { joining, leaving } => (joining.clone(), leaving.clone(), None),
        };
        let from_config = self.from;
        let request = ReconfigRequest { joining, leaving, new_members, from_config };
        match connection.ask_about(CONFIG, Request::Reconfig(request)).await? {
            Response::Data { data, stat } => {
                let text = String::from_utf8_lossy(&data.unwrap_or_default()).into_owned();
                Ok(Answer::Reconfigured(text, self.stat.then_some(stat)))
            }
            other => Err(odd(&other)),
        }
    }
}

/// The members that a dynamic configuration file names, as a request has them.
async fn members_in(path: &str) -> Result<String, Trouble> {
    let read = tokio::fs::read_to_string(path).await;
    let text =
        read.map_err(|error| Trouble::Failed(format!("Error processing {path}: {error}")))?;
    let wrong = |error| Trouble::Failed(format!("Error processing {path}: {error}"));
    let ensemble = parse_members(&text).map_err(wrong)?;
    Ok(ensemble.to_text())
}

#[cfg(test)]
mod tests {
    use super::super::command::Command;
    use super::super::words::split;
    use super::*;
    use crate::testing::TempDir;

    fn parse(line: &str) -> Result<Reconfig, String> {
        match Command::parse(&split(line).expect("its quotes end")) {
            Ok(Command::Reconfig(reconfig)) => Ok(reconfig),
            Ok(other) => panic!("{line}: {other:?}"),
            Err(trouble) => Err(trouble.to_string()),
        }
    }

    #[test]
    fn members_join_and_leave_or_are_all_named() {
        let some = parse("reconfig -remove 3 -add Server.5=H:1:2;3 -add server.6=h:4:5;6 -v 1f");
        let joining = Some("server.5=h:1:2;3,server.6=h:4:5;6".into());
        let members = Members::Changed { joining, leaving: Some("3".into()) };
        assert_eq!(some, Ok(Reconfig { members, from: 0x1f, stat: false }));
        let all = parse("reconfig -s -members server.1=a:1:2;3,server.2=b:1:2;3");
        let members = Members::All("server.1=a:1:2;3,server.2=b:1:2;3".into());
        assert_eq!(all, Ok(Reconfig { members, from: -1, stat: true }));
        for (line, said) in [
            ("reconfig", "reconfig [-s] [-v version] [[-file path]"),
            ("reconfig -file x -members y", "Can't use -file and -members together"),
            ("reconfig -file x -add y", "Can't use -file or -members together with"),
            ("reconfig -remove 1 -v x", "reconfig -v: x is no hexadecimal number"),
        ] {
            let refused = parse(line).expect_err("it is wrong");
            assert!(refused.contains(said), "{line}: {refused}");
        }
    }

    #[tokio::test]
    async fn a_file_of_members_is_a_dynamic_configuration() {
        let dir = TempDir::new();
        let path = dir.path().join("members");
        let path = path.to_str().expect("it is text");
        std::fs::write(path, "# two\nserver.2=b:1:2;3\nserver.1=a:1:2;3\n")
            .expect("it is writable");
        let members = members_in(path).await.expect("it is well formed");
        assert!(
            members.starts_with("server.1=a:1:2:participant;0.0.0.0:3\nserver.2="),
            "{members}"
        );
        std::fs::write(path, "clientPort=5\n").expect("it is writable");
        let trouble = members_in(path).await.expect_err("that is not about members");
        assert!(trouble.to_string().contains("clientPort"), "{trouble}");
    }
}
