//! To be written.
/// Why a server must not start on this disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecoverError {}
/// To be written.
pub fn recover() {}
