//! Clients of others with TLS and certificates.

use std::fs;
use std::process::Command;
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

/// The client of the binary: by a certificate in one file or two, without one, and with a server
/// that it has no reason to trust.
#[test]
fn the_own_client_speaks_tls() {
    let (certificates, stranger) = (everybody(), Certificates::new());
    let secure = free_ports(1);
    let lines = certificates.server_lines() + &format!("secureClientPort={secure}\n");
    let ensemble = Ensemble::configured(1, &lines);
    let file = |name: &str| certificates.path().join(name).display().to_string();
    let ask = |ca: &Certificates, options: &[String], words: &[&str]| {
        let ca = ca.path().join("root.crt").display().to_string();
        let mut client = Command::new(zablab());
        client.args(["cli", "--server", &format!("localhost:{secure}"), "--tls", "--ca", &ca]);
        let output = client.args(options).args(words).output().expect("the binary starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let bob = ["--cert".into(), file("bob.crt"), "--key".into(), file("bob.key")];
    let boss = ["--cert".into(), file("boss.pem")];
    let large = "x".repeat(100_000);
    let made = ask(&certificates, &bob, &["create", "/bob", &large, "auth::cdrwa"]);
    assert_eq!(made, (Some(0), "Created /bob\n".into()));
    assert_eq!(ask(&certificates, &bob, &["get", "/bob"]), (Some(0), large + "\n"));
    let (code, said) = ask(&certificates, &boss, &["get", "/bob"]);
    assert_eq!((code, said.as_str()), (Some(1), "Insufficient permission : /bob\n"));
    let (_, said) = ask(&certificates, &boss, &["whoami"]);
    assert!(said.contains("x509: CN=boss,O=Zablab"), "{said}");
    let (code, said) = ask(&certificates, &[], &["ls", "/"]);
    assert_eq!(code, Some(3), "the server wants a certificate: {said}");
    let (code, said) = ask(&stranger, &bob, &["ls", "/"]);
    assert_eq!(code, Some(3), "{said}");
    // The other root has the same name and another key.
    assert!(said.contains("invalid peer certificate: BadSignature"), "{said}");
    let (code, said) = ask(&certificates, &["--cert".into(), file("bob.crt")], &["ls", "/"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("bob.crt: there is no private key in it"), "{said}");
    let mut plain = Command::new(zablab());
    plain.args(["cli", "--server", &ensemble.all_hosts(), "--cert", &file("bob.pem"), "ls", "/"]);
    assert!(run_to_failure(&mut plain, FOR).contains("--tls"), "a certificate needs TLS");
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
        run_to_failure(Command::new(zablab()).arg("serve").arg(&config), FOR)
    };
    let said = start(&certificates.server_lines().replace("server.pem", "server.crt"));
    assert!(said.contains("server.crt: there is no private key in it"), "{said}");
    let said = start(&certificates.server_lines().replace("root.crt", "no.crt"));
    assert!(said.contains("no.crt: No such file or directory"), "{said}");
    let lines = certificates.server_lines().replace("server.pem", "server.jks");
    let said = start(&lines.replace("keyStore.type=PEM", "keyStore.type=JKS"));
    assert!(said.contains("JKS is not read; convert it to PEM with \"keytool"), "{said}");
}
