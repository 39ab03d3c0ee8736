//! Who is told what.

use zablab_core::txn::Acl;
use zablab_core::wire::client::{ErrorCode, EventType, Request, Response, SetWatches};

use super::access::{READ, may};
use super::reads::is_below;
use super::{ClientId, Kind, NO_ZXID, Told, World, parent_of};

impl World {
    pub(super) fn watch(&mut self, client: ClientId, path: &str, kind: Kind) {
        self.client_mut(client).watches.insert((path.to_owned(), kind));
    }

    /// A request that concerns watches alone; none if it is another one.
    pub(super) fn watch_request(
        &mut self,
        client: ClientId,
        request: &Request,
        told: &mut Vec<Told>,
    ) -> Option<Result<Response, ErrorCode>> {
        match request {
            Request::AddWatch { path, mode } => {
                let kind = match mode {
                    0 => Kind::Persistent,
                    1 => Kind::Recursive,
                    _ => return Some(Err(ErrorCode::MarshallingError)),
                };
                self.watch(client, path, kind);
                Some(Ok(Response::Code(0)))
            }
            Request::SetWatches(set) => {
                self.set_again(client, set, told);
                Some(Ok(Response::Empty))
            }
            Request::SetWatches2(set) => {
                self.set_again(client, &set.once, told);
                for path in &set.persistent_watches {
                    self.watch(client, path, Kind::Persistent);
                }
                for path in &set.recursive_watches {
                    self.watch(client, path, Kind::Recursive);
                }
                Some(Ok(Response::Empty))
            }
            Request::CheckWatches { path, kind } => Some(self.found(client, path, *kind, false)),
            Request::RemoveWatches { path, kind } => Some(self.found(client, path, *kind, true)),
            _ => None,
        }
    }

    /// Whether there are watches of this type; perhaps they go.
    fn found(
        &mut self,
        client: ClientId,
        path: &str,
        kind: i32,
        remove: bool,
    ) -> Result<Response, ErrorCode> {
        let kinds: &[Kind] = match kind {
            1 => &[Kind::Child],
            2 => &[Kind::Data],
            3 => &[Kind::Child, Kind::Data, Kind::Persistent, Kind::Recursive],
            4 => &[Kind::Persistent],
            5 => &[Kind::Recursive],
            _ => return Err(ErrorCode::MarshallingError),
        };
        let watches = &mut self.client_mut(client).watches;
        let key = |kind: &Kind| (path.to_owned(), *kind);
        let any = kinds.iter().any(|kind| watches.contains(&key(kind)));
        if remove {
            watches.retain(|watch| !kinds.iter().any(|kind| *watch == key(kind)));
        }
        if any { Ok(Response::Empty) } else { Err(ErrorCode::NoWatcher) }
    }

    /// Watches that a client had on its last connection: what it missed it is told now.
    fn set_again(&mut self, client: ClientId, set: &SetWatches, told: &mut Vec<Told>) {
        let since = set.relative_zxid.to_wire();
        let mut missed = Vec::new();
        for path in &set.data_watches {
            match self.node(named(path)).map(|node| node.mzxid) {
                Err(_) => missed.push((EventType::NodeDeleted, path)),
                Ok(zxid) if zxid > since => missed.push((EventType::NodeDataChanged, path)),
                Ok(_) => self.watch(client, path, Kind::Data),
            }
        }
        for path in &set.exist_watches {
            match self.node(named(path)) {
                Err(_) => self.watch(client, path, Kind::Data),
                Ok(_) => missed.push((EventType::NodeCreated, path)),
            }
        }
        for path in &set.child_watches {
            match self.node(named(path)).map(|node| node.pzxid) {
                Err(_) => missed.push((EventType::NodeDeleted, path)),
                Ok(zxid) if zxid > since => missed.push((EventType::NodeChildrenChanged, path)),
                Ok(_) => self.watch(client, path, Kind::Child),
            }
        }
        for (kind, path) in missed {
            // Nobody asks whether the client may read it.
            let path = path.to_string();
            told.push(Told { client, kind, path, zxid: NO_ZXID, withheld: false });
        }
    }

    /// A znode changed: everybody who watches it is told once, and who watches its parent's
    /// children. `acl` is the znode's list, as it was if the znode has gone.
    pub(super) fn fire(&mut self, kind: EventType, path: &str, acl: &[Acl], told: &mut Vec<Told>) {
        let is_end = kind == EventType::NodeDeleted;
        let once: &[Kind] = if is_end { &[Kind::Data, Kind::Child] } else { &[Kind::Data] };
        self.tell(kind, path, acl, told, |watch| match watch.1 {
            Kind::Data | Kind::Persistent => watch.0 == path,
            Kind::Child => is_end && watch.0 == path,
            Kind::Recursive => watch.0 == path || is_below(path, &watch.0),
        });
        self.forget(path, once);
        if kind == EventType::NodeDataChanged {
            return;
        }
        let parent = parent_of(path).expect("what was made or went has a parent").to_owned();
        let acl = self.nodes[&parent].acl.clone();
        let kind = EventType::NodeChildrenChanged;
        self.tell(kind, &parent, &acl, told, |watch| {
            watch.0 == parent && matches!(watch.1, Kind::Child | Kind::Persistent)
        });
        self.forget(&parent, &[Kind::Child]);
    }

    fn tell(
        &self,
        kind: EventType,
        path: &str,
        acl: &[Acl],
        told: &mut Vec<Told>,
        sees: impl Fn(&(String, Kind)) -> bool,
    ) {
        for (id, client) in &self.clients {
            if client.watches.iter().any(&sees) {
                let (path, withheld) = (path.to_owned(), !may(&client.auth, acl, READ));
                told.push(Told { client: *id, kind, path, zxid: self.zxid, withheld });
            }
        }
    }

    fn forget(&mut self, path: &str, kinds: &[Kind]) {
        for client in self.clients.values_mut() {
            client.watches.retain(|watch| watch.0 != path || !kinds.contains(&watch.1));
        }
    }
}

/// The znode that a path of setWatches names: there, and only there, the empty one is the root.
fn named(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}
