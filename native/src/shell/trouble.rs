//! Why a command has no result, in the words of `zkCli.sh`, and as an exit code.
//!
//! Source: `CliWrapperException`, `KeeperException.getCodeMessage`, `PathUtils.validatePath`.

use std::fmt;

use serde_json::{Value, json};
use zablab_core::client::CallError;
use zablab_core::wire::client::ErrorCode;

/// Why a command has no result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The words are no command, or not as it wants them.
    Usage(String),
    /// A server said no.
    Refused {
        /// See [`ErrorCode`].
        code: i32,
        /// Of which znode.
        path: Option<String>,
    },
    /// No server was there, or the session has ended.
    Lost {
        /// See [`ErrorCode`].
        code: ErrorCode,
        /// Which znode it was about.
        path: Option<String>,
    },
    /// The session was closed.
    NotConnected,
    /// Something else is in the way.
    Failed(String),
}

impl Trouble {
    /// That a call about this znode failed.
    pub fn of(error: CallError, path: Option<&str>) -> Trouble {
        let about = || path.map(str::to_owned);
        match error {
            CallError::Refused { code } => Trouble::Refused { code, path: about() },
            CallError::ConnectionLoss => {
                Trouble::Lost { code: ErrorCode::ConnectionLoss, path: about() }
            }
            CallError::SessionExpired => {
                Trouble::Lost { code: ErrorCode::SessionExpired, path: about() }
            }
            CallError::AuthFailed => Trouble::Lost { code: ErrorCode::AuthFailed, path: about() },
            CallError::Closed => Trouble::NotConnected,
            CallError::BadPath => Trouble::Usage(what_is_wrong_with(path.unwrap_or_default())),
            error => Trouble::Failed(error.to_string()),
        }
    }

    /// The exit code of a command that ended so.
    pub fn exit_code(&self) -> u8 {
        match self {
            Trouble::Refused { .. } | Trouble::Failed(_) => 1,
            Trouble::Usage(_) => 2,
            Trouble::Lost { .. } | Trouble::NotConnected => 3,
        }
    }

    /// As an object, with ZooKeeper's name of the error if it has one.
    pub fn json(&self) -> Value {
        let (code, path) = match self {
            Trouble::Refused { code, path } => (*code, path),
            Trouble::Lost { code, path } => (code.to_wire(), path),
            Trouble::Usage(_) | Trouble::NotConnected | Trouble::Failed(_) => {
                return json!({ "error": { "message": self.to_string() } });
            }
        };
        let name = ErrorCode::from_wire(code).map(|code| format!("{code:?}").to_uppercase());
        let message = self.to_string();
        json!({ "error": { "code": code, "name": name, "path": path, "message": message } })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Usage(message) | Trouble::Failed(message) => f.write_str(message),
            Trouble::NotConnected => f.write_str("Not connected"),
            Trouble::Lost { code, path } => refused(code.to_wire(), path.as_deref(), f),
            Trouble::Refused { code, path } => refused(*code, path.as_deref(), f),
        }
    }
}

fn refused(code: i32, path: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let known = ErrorCode::from_wire(code);
    let words = match known {
        Some(ErrorCode::NoNode) => "Node does not exist: ",
        Some(ErrorCode::NoChildrenForEphemerals) => "Ephemerals cannot have children: ",
        Some(ErrorCode::NodeExists) => "Node already exists: ",
        Some(ErrorCode::NotEmpty) => "Node not empty: ",
        Some(ErrorCode::NotReadOnly) => "Not a read-only call: ",
        Some(ErrorCode::InvalidAcl) => "Acl is not valid : ",
        Some(ErrorCode::NoAuth) => "Insufficient permission : ",
        Some(ErrorCode::BadArguments) => "Arguments are not valid : ",
        Some(ErrorCode::BadVersion) => "version No is not valid : ",
        Some(ErrorCode::QuotaExceeded) => "Quota has exceeded : ",
        Some(ErrorCode::ReconfigInProgress) => {
            return f.write_str(
                "Another reconfiguration is in progress -- \
                 concurrent reconfigs not supported (yet)",
            );
        }
        Some(ErrorCode::NewConfigNoQuorum) => {
            return f.write_str(
                "No quorum of new config is connected and up-to-date with the leader of last \
                 committed config - try invoking reconfiguration after new servers are connected \
                 and synced",
            );
        }
        _ => {
            write!(f, "KeeperErrorCode = ")?;
            match known.and_then(short) {
                Some(short) => f.write_str(short)?,
                None => write!(f, "Unknown error {code}")?,
            }
            return path.map_or(Ok(()), |path| write!(f, " for {path}"));
        }
    };
    write!(f, "{words}{}", path.unwrap_or("null"))
}

/// What ZooKeeper calls an error.
fn short(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::Ok => "ok",
        ErrorCode::SystemError => "SystemError",
        ErrorCode::RuntimeInconsistency => "RuntimeInconsistency",
        ErrorCode::DataInconsistency => "DataInconsistency",
        ErrorCode::ConnectionLoss => "ConnectionLoss",
        ErrorCode::MarshallingError => "MarshallingError",
        ErrorCode::Unimplemented => "Unimplemented",
        ErrorCode::OperationTimeout => "OperationTimeout",
        ErrorCode::ApiError => "APIError",
        ErrorCode::SessionExpired => "Session expired",
        ErrorCode::InvalidCallback => "Invalid callback",
        ErrorCode::AuthFailed => "AuthFailed",
        ErrorCode::SessionMoved => "Session moved",
        ErrorCode::EphemeralOnLocalSession => "Ephemeral node on local session",
        ErrorCode::NoWatcher => "No such watcher",
        ErrorCode::ReconfigDisabled => "Reconfig is disabled",
        ErrorCode::SessionClosedRequireSaslAuth => {
            "Session closed because client failed to authenticate"
        }
        ErrorCode::ThrottledOp => "Op throttled due to high load",
        _ => return None,
    })
}

/// Says of a path that the session refused what is wrong with it.
fn what_is_wrong_with(path: &str) -> String {
    if path.is_empty() {
        return "Path length must be > 0".into();
    }
    if !path.starts_with('/') {
        return "Path must start with / character".into();
    }
    if path.ends_with('/') {
        return "Path must not end with / character".into();
    }
    let why = path[1..].split('/').find_map(|name| match name {
        "" => Some("empty node name specified"),
        "." | ".." => Some("relative paths not allowed"),
        _ => None,
    });
    let why = why.unwrap_or("invalid character");
    format!("Invalid path string \"{}\" caused by {why}", path.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: i32) -> Trouble {
        Trouble::of(CallError::Refused { code }, Some("/a"))
    }

    #[test]
    fn errors_are_named_as_in_zk_cli() {
        for (code, expected) in [
            (-101, "Node does not exist: /a"),
            (-110, "Node already exists: /a"),
            (-111, "Node not empty: /a"),
            (-108, "Ephemerals cannot have children: /a"),
            (-103, "version No is not valid : /a"),
            (-102, "Insufficient permission : /a"),
            (-121, "KeeperErrorCode = No such watcher for /a"),
            (-6, "KeeperErrorCode = Unimplemented for /a"),
            (-999, "KeeperErrorCode = Unknown error -999 for /a"),
        ] {
            assert_eq!(refused(code).to_string(), expected);
            assert_eq!(refused(code).exit_code(), 1);
        }
        let lost = Trouble::of(CallError::ConnectionLoss, Some("/a"));
        assert_eq!(lost.to_string(), "KeeperErrorCode = ConnectionLoss for /a");
        assert_eq!(lost.exit_code(), 3);
        let name = |code| refused(code).json()["error"]["name"].clone();
        assert_eq!((name(-101), name(-108)), ("NONODE".into(), "NOCHILDRENFOREPHEMERALS".into()));
        assert_eq!(name(-999), Value::Null);
    }

    #[test]
    fn what_is_wrong_with_a_path_is_said() {
        let said = |path| Trouble::of(CallError::BadPath, Some(path)).to_string();
        assert_eq!(said("a"), "Path must start with / character");
        assert_eq!(said("/a/"), "Path must not end with / character");
        assert_eq!(said(""), "Path length must be > 0");
        let empty = "Invalid path string \"/a//b\" caused by empty node name specified";
        assert_eq!(said("/a//b"), empty);
        assert!(said("/a/../b").ends_with("relative paths not allowed"));
        assert!(said("/a\u{1}").ends_with("invalid character"));
    }
}
