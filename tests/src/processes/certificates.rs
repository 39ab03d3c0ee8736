//! Certificates for one test, in PEM files.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};

use super::tools::Folder;

/// A root, and those whom it has signed, each in files of a folder: `NAME.crt`, `NAME.key`, and
/// `NAME.pem` with both; the root's is `root.crt`.
pub struct Certificates {
    folder: Folder,
    root: Issuer<'static, KeyPair>,
}

impl Certificates {
    /// A root that nobody else knows.
    pub fn new() -> Certificates {
        let key = KeyPair::generate().expect("the system has randomness");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("it signs itself");
        let folder = Folder::new();
        fs::write(folder.path().join("root.crt"), root.pem()).expect("the folder takes files");
        Certificates { folder, root: Issuer::new(params, key) }
    }

    /// Adds somebody on this machine, whose name is `CN=NAME,O=Zablab`.
    pub fn add(&self, name: &str) {
        let addresses = ["127.0.0.1", "localhost"].map(String::from);
        let mut params = CertificateParams::new(addresses).expect("they are addresses");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Zablab");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("the system has randomness");
        let own = params.signed_by(&key, &self.root).expect("it signs").pem();
        let key = key.serialize_pem();
        for (ending, content) in [("crt", &own), ("key", &key), ("pem", &(own.clone() + &key))] {
            let path = self.folder.path().join(format!("{name}.{ending}"));
            fs::write(path, content).expect("the folder takes files");
        }
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The keys of `zoo.cfg` for a server whose name is `server` and who trusts this root.
    pub fn server_lines(&self) -> String {
        let path = self.path().display();
        format!(
            "ssl.keyStore.location={path}/server.pem\nssl.keyStore.type=PEM\n\
             ssl.trustStore.location={path}/root.crt\nssl.trustStore.type=PEM\n"
        )
    }
}
