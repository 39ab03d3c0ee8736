//! Reading `zoo.cfg`, the dynamic files beside it, `myid` and the users of SASL; what they mean is
//! the core's.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zablab_core::config::{Dynamic, Ensemble, ServerConfig, dynamic};

use super::Failure;

/// Ends the name of the copy of a `zoo.cfg` that had the servers itself.
const BACKUP_SUFFIX: &str = ".bak";

/// The configuration in this file and the dynamic ones, with the `myid` of its `dataDir` if there
/// is one.
///
/// # Errors
/// One line that names the file.
pub fn load(path: &Path) -> Result<ServerConfig, Failure> {
    let zoo_cfg = fs::read_to_string(path).map_err(|error| refused(path, error))?;
    let data_dir = ServerConfig::data_dir_of(&zoo_cfg).map_err(|error| refused(path, error))?;
    let myid = read_if_there(&Path::new(&data_dir).join("myid"))?;
    let named = dynamic::path_in(&zoo_cfg).map_err(|error| refused(path, error))?;
    let files = dynamic_files(path, named.as_deref())?;
    let config = ServerConfig::parse_dynamic(&zoo_cfg, myid.as_deref(), files);
    let mut config = config.map_err(|error| refused(path, error))?;
    if let Some((jaas_path, _)) = config.jaas.clone() {
        let jaas_path = Path::new(&jaas_path);
        let jaas = fs::read_to_string(jaas_path).map_err(|error| refused(jaas_path, error))?;
        config.add_users(&jaas).map_err(|error| refused(jaas_path, error))?;
    }
    // The server may be started from anywhere again.
    let absolute = fs::canonicalize(path).map_err(|error| refused(path, error))?;
    config.core.file = absolute.to_string_lossy().into_owned();
    Ok(config)
}

/// Keeps a copy of a `zoo.cfg` that has the servers itself, before a reconfiguration changes it.
///
/// # Errors
/// One line that names the file.
pub fn back_up(config: &ServerConfig) -> Result<(), Failure> {
    if !config.core.rules.reconfig || config.core.ensemble.is_none() {
        return Ok(());
    }
    let path = Path::new(&config.core.file);
    let zoo_cfg = fs::read_to_string(path).map_err(|error| refused(path, error))?;
    let named = dynamic::path_in(&zoo_cfg).map_err(|error| refused(path, error))?;
    if named.is_none() {
        let backup = beside(path, BACKUP_SUFFIX);
        fs::write(&backup, zoo_cfg).map_err(|error| refused(&backup, error))?;
    }
    Ok(())
}

/// What is in the file that `zoo.cfg` names, and in the one of the proposed configuration.
fn dynamic_files(zoo_cfg: &Path, named: Option<&str>) -> Result<Option<Dynamic>, Failure> {
    let current = match named {
        Some(name) => {
            let path = Path::new(name);
            let text = fs::read_to_string(path).map_err(|error| refused(path, error))?;
            let read = dynamic::parse(&text, dynamic::version_of(name));
            Some(read.map_err(|error| refused(path, error))?)
        }
        None => None,
    };
    let path = beside(zoo_cfg, dynamic::NEXT_SUFFIX);
    let next = match read_if_there(&path)? {
        Some(text) => Some(Ensemble::parse(&text).map_err(|error| refused(&path, error))?),
        None => None,
    };
    let version = current.as_ref().map_or(0, |current| current.version);
    let next = next.filter(|next| next.version > version);
    let is_there = current.is_some() || next.is_some();
    let current = current.unwrap_or_default();
    Ok(is_there.then_some(Dynamic { current, next }))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn read_if_there(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused(path, error)),
    }
}

/// A configuration that cannot be used, by what is said of this file.
pub fn refused(path: &Path, error: impl Display) -> Failure {
    Failure::config(format!("{}: {error}", path.display()))
}
