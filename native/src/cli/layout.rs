//! Where the servers of a local ensemble are: ports, folders, configuration files.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::UpArgs;

/// The quorum port of a server is this much above its client port.
const QUORUM_PORTS_ABOVE: u16 = 1000;
/// The election port of a server is this much above its client port.
const ELECTION_PORTS_ABOVE: u16 = 2000;
/// Every server listens here: an ensemble for trying things out is nobody else's business.
pub const HOST: &str = "127.0.0.1";

/// One server of the ensemble.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its number, from 1.
    pub id: u16,
    /// Whether it only observes.
    pub observer: bool,
    /// Where clients connect.
    pub client_port: u16,
    /// Where learners connect if it leads.
    pub quorum_port: u16,
    /// Where notifications go.
    pub election_port: u16,
    /// Its folder: `zoo.cfg`, `data`, `server.log`.
    pub folder: PathBuf,
}

impl Member {
    /// Its configuration.
    pub fn config_path(&self) -> PathBuf {
        self.folder.join("zoo.cfg")
    }

    /// Its snapshots, logs and `myid`.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What it prints.
    pub fn log_path(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Its ports, with what they are for.
    pub fn ports(&self) -> [(u16, &'static str); 3] {
        [
            (self.client_port, "client"),
            (self.quorum_port, "quorum"),
            (self.election_port, "election"),
        ]
    }
}

/// The servers that the arguments describe; those that vote come first.
///
/// # Errors
/// A port would be above 65535, or observers would have nobody to observe.
pub fn members(args: &UpArgs) -> Result<Vec<Member>, String> {
    let count = args.servers + args.observers;
    if args.observers > 0 && args.servers < 2 {
        return Err("observers need at least two servers that vote".into());
    }
    let data = std::path::absolute(&args.data).map_err(|error| error.to_string())?;
    let highest = u32::from(args.client_port) + u32::from(ELECTION_PORTS_ABOVE) + u32::from(count);
    if highest > u32::from(u16::MAX) + 1 {
        return Err(format!("client port {} is too high: ports end at 65535", args.client_port));
    }
    let member = |id: u16| {
        let client_port = args.client_port + id - 1;
        Member {
            id,
            observer: id > args.servers,
            client_port,
            quorum_port: client_port + QUORUM_PORTS_ABOVE,
            election_port: client_port + ELECTION_PORTS_ABOVE,
            folder: data.join(format!("server-{id}")),
        }
    };
    Ok((1..=count).map(member).collect())
}

/// Writes every server's `zoo.cfg` and `myid`; data that is there stays.
///
/// # Errors
/// What the system said, and of which file.
pub fn write(members: &[Member]) -> Result<(), String> {
    for member in members {
        let data_dir = member.data_dir();
        let made = fs::create_dir_all(&data_dir);
        made.map_err(|error| named(&data_dir, &error))?;
        for (path, text) in [
            (member.config_path(), zoo_cfg(member, members)),
            (data_dir.join("myid"), format!("{}\n", member.id)),
        ] {
            fs::write(&path, text).map_err(|error| named(&path, &error))?;
        }
    }
    Ok(())
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn zoo_cfg(member: &Member, members: &[Member]) -> String {
    // In a properties file a backslash begins an escape.
    let data_dir = member.data_dir().display().to_string().replace('\\', "\\\\");
    let client_port = member.client_port;
    let mut text = format!(
        "# Written by `zablab up`; the next start writes it again.\n\
         tickTime=2000\n\
         initLimit=10\n\
         syncLimit=5\n\
         dataDir={data_dir}\n\
         clientPort={client_port}\n\
         clientPortAddress={HOST}\n\
         4lw.commands.whitelist=*\n\
         admin.enableServer=false\n"
    );
    // One server alone is standalone, without an ensemble.
    for Member { id, quorum_port, election_port, observer, .. } in
        members.iter().filter(|_| members.len() > 1)
    {
        let role = if *observer { "observer" } else { "participant" };
        writeln!(text, "server.{id}={HOST}:{quorum_port}:{election_port}:{role}")
            .expect("a String takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use zablab_core::config::{PeerRole, ServerConfig};
    use zablab_core::types::ServerId;

    use super::*;
    use crate::testing::TempDir;

    fn args(servers: u16, observers: u16, client_port: u16, data: &Path) -> UpArgs {
        UpArgs { servers, observers, client_port, http: 8080, data: data.into(), page: None }
    }

    #[test]
    fn what_is_written_is_what_the_server_reads() {
        let dir = TempDir::new();
        let data = dir.path().join("an ensemble");
        let members = members(&args(3, 1, 2181, &data)).expect("ports are free to choose");
        write(&members).expect("the folder takes files");
        for member in &members {
            let zoo_cfg = fs::read_to_string(member.config_path()).expect("it was written");
            let myid = fs::read_to_string(member.data_dir().join("myid")).expect("it was written");
            let config = ServerConfig::parse(&zoo_cfg, Some(&myid)).expect("it is valid");
            assert_eq!(config.warnings, [""; 0]);
            assert_eq!(config.core.me, ServerId(i64::from(member.id)));
            assert_eq!(config.core.client_addr.port, 2180 + member.id);
            assert_eq!(Path::new(&config.data_dir), member.data_dir());
            assert!(config.four_letter_whitelist.allows("mntr"));
            let ensemble = config.core.ensemble.expect("four servers");
            assert_eq!(ensemble.servers.len(), 4);
            assert_eq!(ensemble.servers[&ServerId(4)].role, PeerRole::Observer);
            assert_eq!(ensemble.servers[&ServerId(3)].quorum.port, 3183);
            assert_eq!(ensemble.servers[&ServerId(1)].election.port, 4181);
        }
    }

    #[test]
    fn one_server_is_standalone() {
        let members = members(&args(1, 0, 2181, Path::new("x"))).expect("one server");
        let config = ServerConfig::parse(&zoo_cfg(&members[0], &members), Some("1\n"));
        assert_eq!(config.expect("it is valid").core.ensemble, None);
    }

    #[test]
    fn impossible_ensembles_are_refused() {
        assert!(members(&args(1, 1, 2181, Path::new("x"))).is_err());
        assert!(members(&args(3, 0, 63_533, Path::new("x"))).is_ok());
        assert!(members(&args(3, 0, 63_534, Path::new("x"))).is_err());
    }
}
