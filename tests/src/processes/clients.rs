//! ZooKeeper's own clients, run to their end.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::tools;

const CLI_FOR: Duration = Duration::from_secs(60);

/// Runs a script of `tests/process`, which fails by itself if it sees what it should not.
pub fn kazoo(script: &str, arguments: &[&str], limit: Duration) -> String {
    let mut command = tools::python(script);
    command.args(arguments);
    tools::finish(command, "", limit)
}

/// Types commands into zkCli.sh and gives all that it prints.
pub fn zk_cli(hosts: &str, commands: &[&str]) -> String {
    type_into(tools::zk_cli(), hosts, commands)
}

/// The same over TLS, as whom a certificate in this folder names; see
/// [`Certificates`](super::certificates::Certificates).
pub fn zk_cli_as(name: &str, folder: &Path, hosts: &str, commands: &[&str]) -> String {
    let mut command = tools::zk_cli_with_netty();
    let folder = folder.display();
    let properties = [
        "client.secure=true".to_owned(),
        "clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty".to_owned(),
        format!("ssl.keyStore.location={folder}/{name}.pem"),
        format!("ssl.trustStore.location={folder}/root.crt"),
        "ssl.trustStore.type=PEM".to_owned(),
    ];
    let options = properties.map(|property| format!("-Dzookeeper.{property}")).join(" ");
    command.env("JAVA_TOOL_OPTIONS", options);
    type_into(command, hosts, commands)
}

fn type_into(mut command: Command, hosts: &str, commands: &[&str]) -> String {
    command.args(["-waitforconnection", "-server", hosts]);
    let mut input = commands.join("\n");
    input.push_str("\nquit\n");
    tools::finish(command, &input, CLI_FOR)
}
