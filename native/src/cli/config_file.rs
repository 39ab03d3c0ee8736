//! Reading `zoo.cfg`, `myid` and the users of SASL; what they mean is the core's.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::Path;

use zablab_core::config::ServerConfig;

use super::Failure;

/// The configuration in this file, with the `myid` of its `dataDir` if there is one.
///
/// # Errors
/// One line that names the file.
pub fn load(path: &Path) -> Result<ServerConfig, Failure> {
    let zoo_cfg = fs::read_to_string(path).map_err(|error| refused(path, error))?;
    let data_dir = ServerConfig::data_dir_of(&zoo_cfg).map_err(|error| refused(path, error))?;
    let myid_path = Path::new(&data_dir).join("myid");
    let myid = match fs::read_to_string(&myid_path) {
        Ok(myid) => Some(myid),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(refused(&myid_path, error)),
    };
    let mut config =
        ServerConfig::parse(&zoo_cfg, myid.as_deref()).map_err(|error| refused(path, error))?;
    if let Some((jaas_path, _)) = config.jaas.clone() {
        let jaas_path = Path::new(&jaas_path);
        let jaas = fs::read_to_string(jaas_path).map_err(|error| refused(jaas_path, error))?;
        config.add_users(&jaas).map_err(|error| refused(jaas_path, error))?;
    }
    Ok(config)
}

/// A configuration that cannot be used, by what is said of this file.
pub fn refused(path: &Path, error: impl Display) -> Failure {
    Failure::config(format!("{}: {error}", path.display()))
}
