//! Clients of others with TLS and certificates.

use std::fs;
use std::time::Duration;

use super::certificates::Certificates;
use super::clients::{kazoo, zk_cli_as};
use super::ensemble::Ensemble;
use super::tools::{Folder, four_letter, free_ports, run_to_failure, zablab};

const FOR: Duration = Duration::from_secs(120);
const SUPER: &str = "X509AuthenticationProvider.superUser=CN=boss,O=Zablab\n";

fn everybody() -> Certificates {
    let certificates = Certificates::new();
    for name in ["server", "bob", "boss"] {
        certificates.add(name);
    }
    certificates
}

/// Three servers whose client ports take both; who somebody is goes with a write to the leader.
#[test]
fn kazoo_proves_by_a_certificate_who_it_is() {
    let certificates = everybody();
    let (stranger, folder) = (Certificates::new(), certificates.path().display().to_string());
    stranger.add("bob");
    let lines = certificates.server_lines() + "client.portUnification=true\n" + SUPER;
    let ensemble = Ensemble::configured(3, &lines);
    let stranger = stranger.path().display().to_string();
    kazoo("tls.py", &["unified", &ensemble.all_hosts(), &folder, &stranger], FOR);
    let plain = four_letter(ensemble.port(1), "srvr").expect("plain text is served as well");
    assert!(plain.contains("\nMode: "), "{plain}");
}

/// A port of its own, which plain text does no harm to.
#[test]
fn the_secure_port_speaks_nothing_else() {
    let certificates = everybody();
    let secure = free_ports(1);
    let lines = certificates.server_lines() + &format!("secureClientPort={secure}\n") + SUPER;
    let ensemble = Ensemble::configured(1, &lines);
    let folder = certificates.path().display().to_string();
    let hosts = format!("127.0.0.1:{secure}");
    kazoo("tls.py", &["secure", &hosts, &folder, &ensemble.all_hosts()], FOR);
    let commands = ["whoami", "create /bob x auth::cdrwa", "getAcl /bob"];
    let said = zk_cli_as("bob", certificates.path(), &hosts, &commands);
    assert!(said.contains("x509: CN=bob,O=Zablab"), "{said}");
    assert!(said.contains("'x509,'CN=bob%2CO=Zablab\n: cdrwa"), "{said}");
}

#[test]
fn a_server_without_its_certificate_does_not_start() {
    let certificates = everybody();
    let folder = Folder::new();
    let config = folder.path().join("zoo.cfg");
    let start = |lines: &str| {
        let data = folder.path().join("data");
        let text = format!("dataDir={}\nclientPort=1\nsecureClientPort=2\n{lines}", data.display());
        fs::write(&config, text).expect("the folder takes files");
        run_to_failure(std::process::Command::new(zablab()).arg("serve").arg(&config), FOR)
    };
    let said = start(&certificates.server_lines().replace("server.pem", "server.crt"));
    assert!(said.contains("server.crt: there is no private key in it"), "{said}");
    let said = start(&certificates.server_lines().replace("root.crt", "no.crt"));
    assert!(said.contains("no.crt: No such file or directory"), "{said}");
    let lines = certificates.server_lines().replace("server.pem", "server.jks");
    let said = start(&lines.replace("keyStore.type=PEM", "keyStore.type=JKS"));
    assert!(said.contains("JKS is not read; convert it to PEM with \"keytool"), "{said}");
}
