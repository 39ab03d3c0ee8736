//! What operators ask of the clients here beyond the view, and what they may count anew.

use alloc::vec::Vec;

use super::Clients;
use crate::types::{ConnId, Path, SessionId};
use crate::view::ClientTimes;

impl Clients {
    /// What each connection did last.
    pub fn times(&self) -> Vec<(ConnId, ClientTimes)> {
        self.connections.iter().map(|(conn, connection)| (*conn, connection.times)).collect()
    }

    /// Who watches the data of which path.
    pub fn data_watches(&self) -> Vec<(Path, Vec<SessionId>)> {
        let sessions = |watchers: Vec<ConnId>| {
            watchers.into_iter().map(|conn| self.session_of(conn)).collect::<Vec<SessionId>>()
        };
        let watched = self.watches.on_data();
        watched.map(|(path, watchers)| (path.clone(), sessions(watchers))).collect()
    }

    /// Counts each connection's frames and times anew.
    pub fn reset_times(&mut self) {
        for connection in self.connections.values_mut() {
            (connection.received, connection.sent) = (0, 0);
            let established = connection.times.established;
            connection.times = ClientTimes { established, ..ClientTimes::default() };
        }
    }
}
