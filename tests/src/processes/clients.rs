//! ZooKeeper's own clients, run to their end.

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
    let mut command = tools::zk_cli();
    command.args(["-waitforconnection", "-server", hosts]);
    let mut input = commands.join("\n");
    input.push_str("\nquit\n");
    tools::finish(command, &input, CLI_FOR)
}
