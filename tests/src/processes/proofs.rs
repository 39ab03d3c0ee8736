//! How clients of others prove who they are.

use std::fs;
use std::time::Duration;

use super::clients::kazoo;
use super::ensemble::Ensemble;
use super::tools::Folder;

const FOR: Duration = Duration::from_secs(120);
const JAAS: &str = "Server {\n  org.apache.zookeeper.server.auth.DigestLoginModule required\n  \
    user_bob=\"bobsecret\" user_boss=\"bosssecret\";\n};\n";

/// The users of a JAAS file, by the exchange that kazoo has with Java's servers.
#[test]
fn kazoo_proves_by_sasl_who_it_is() {
    let folder = Folder::new();
    let jaas = folder.path().join("jaas.conf");
    fs::write(&jaas, JAAS).expect("the folder takes files");
    let lines = format!(
        "java.security.auth.login.config={}\nsuperUser=boss\n\
         authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n",
        jaas.display()
    );
    let ensemble = Ensemble::configured(3, &lines);
    kazoo("sasl.py", &[&ensemble.all_hosts()], FOR);
}
