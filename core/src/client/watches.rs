//! The watches of a session: registered by replies, gone when they fire unless they are persistent,
//! kept over reconnects. Their paths are those of the servers.
//!
//! Source: Java's `ZKWatchManager` and `ClientCnxn.primeConnection`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{CallId, WatchKind, WatchView};
use crate::limits::SET_WATCHES_BYTES_MAX;
use crate::sorted::{SortedMap, SortedSet};
use crate::types::{Path, Zxid};
use crate::wire::client::{
    AddWatchMode, ErrorCode, EventType, OpCode, Request, SetWatches, SetWatches2, WatcherType,
};

/// All watches of one session.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub(super) struct Watches {
    by_kind: SortedMap<WatchKind, BTreeMap<Path, SortedSet<CallId>>>,
}

/// What becomes of watches when a request is answered.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub(super) enum WatchChange {
    /// A read set one.
    Once(Path),
    /// One is added that stays.
    Stays(WatchKind, Path),
    /// Those of some kinds are taken back.
    Gone(WatcherType, Path),
}

impl WatchChange {
    /// What this request is to change, if it gets the right answer.
    pub(super) fn of(request: &Request) -> Option<WatchChange> {
        match request {
            Request::Exists { path, watch: true }
            | Request::GetData { path, watch: true }
            | Request::GetChildren { path, watch: true }
            | Request::GetChildren2 { path, watch: true } => Some(WatchChange::Once(path.clone())),
            Request::AddWatch { path, mode } => {
                let kind = match AddWatchMode::from_wire(*mode)? {
                    AddWatchMode::Persistent => WatchKind::Persistent,
                    AddWatchMode::PersistentRecursive => WatchKind::Recursive,
                };
                Some(WatchChange::Stays(kind, path.clone()))
            }
            Request::RemoveWatches { path, kind } => {
                Some(WatchChange::Gone(WatcherType::from_wire(*kind)?, path.clone()))
            }
            _ => None,
        }
    }
}

impl Watches {
    /// A request that was to change watches is answered.
    pub(super) fn replied(&mut self, change: WatchChange, op: OpCode, err: i32, call: CallId) {
        let is_ok = err == ErrorCode::Ok.to_wire();
        match change {
            WatchChange::Once(path) => {
                if let Some(kind) = kind_of_read(op, err) {
                    self.insert(kind, path, call);
                }
            }
            WatchChange::Stays(kind, path) if is_ok => self.insert(kind, path, call),
            WatchChange::Gone(which, path) if is_ok => self.forget(which, &path),
            WatchChange::Stays(..) | WatchChange::Gone(..) => {}
        }
    }

    /// Removes all of some kinds on one znode.
    pub(super) fn forget(&mut self, which: WatcherType, path: &Path) {
        for kind in kinds_of(which) {
            if let Some(paths) = self.by_kind.get_mut(kind) {
                paths.remove(path);
            }
        }
    }

    fn insert(&mut self, kind: WatchKind, path: Path, call: CallId) {
        self.by_kind.entry(kind).or_default().entry(path).or_default().insert(call);
    }

    /// Removes the watches that an event fires once, and gives who set those that it fires, each
    /// once.
    pub(super) fn fire(&mut self, event: EventType, path: &Path) -> Vec<CallId> {
        let kinds: &[WatchKind] = match event {
            EventType::NodeCreated | EventType::NodeDataChanged => {
                &[WatchKind::Data, WatchKind::Exist]
            }
            EventType::NodeChildrenChanged => &[WatchKind::Child],
            EventType::NodeDeleted => &[WatchKind::Data, WatchKind::Exist, WatchKind::Child],
            EventType::None => return Vec::new(),
        };
        let mut fired = SortedSet::new();
        for kind in kinds {
            if let Some(paths) = self.by_kind.get_mut(kind) {
                fired.extend(paths.remove(path).into_iter().flatten());
            }
        }
        fired.extend(self.set_by(WatchKind::Persistent, path));
        if event != EventType::NodeChildrenChanged {
            let mut above = Some(&**path);
            while let Some(path) = above {
                fired.extend(self.set_by(WatchKind::Recursive, path));
                above = match path.rsplit_once('/') {
                    Some(("", "")) | None => None,
                    Some(("", _)) => Some("/"),
                    Some((parent, _)) => Some(parent),
                };
            }
        }
        fired.into_iter().collect()
    }

    fn set_by(&self, kind: WatchKind, path: &str) -> impl Iterator<Item = CallId> {
        let calls = self.by_kind.get(&kind).and_then(|paths| paths.get(path));
        calls.into_iter().flatten().copied()
    }

    /// The requests that set all of them again on a new connection, each of limited size.
    pub(super) fn set_again(&self, relative_zxid: Zxid) -> Vec<Request> {
        let once = SetWatches {
            relative_zxid,
            data_watches: Vec::new(),
            exist_watches: Vec::new(),
            child_watches: Vec::new(),
        };
        let empty =
            SetWatches2 { once, persistent_watches: Vec::new(), recursive_watches: Vec::new() };
        let mut batches = Vec::new();
        let mut current = empty.clone();
        let mut size = 0;
        for (kind, path) in self.paths() {
            if size > 0 && size + path.len() > SET_WATCHES_BYTES_MAX {
                batches.push(core::mem::replace(&mut current, empty.clone()));
                size = 0;
            }
            size += path.len() + 4;
            let list = match kind {
                WatchKind::Data => &mut current.once.data_watches,
                WatchKind::Exist => &mut current.once.exist_watches,
                WatchKind::Child => &mut current.once.child_watches,
                WatchKind::Persistent => &mut current.persistent_watches,
                WatchKind::Recursive => &mut current.recursive_watches,
            };
            list.push(path.clone());
        }
        if size > 0 {
            batches.push(current);
        }
        // Servers before 3.6 know only the older request.
        let request = |batch: SetWatches2| match batch.persistent_watches.is_empty()
            && batch.recursive_watches.is_empty()
        {
            true => Request::SetWatches(batch.once),
            false => Request::SetWatches2(batch),
        };
        batches.into_iter().map(request).collect()
    }

    pub(super) fn view(&self) -> Vec<WatchView> {
        let mut views = Vec::new();
        for (&kind, paths) in &self.by_kind {
            for (path, calls) in paths {
                let view = |&call| WatchView { call, kind, path: path.clone() };
                views.extend(calls.iter().map(view));
            }
        }
        views
    }

    fn paths(&self) -> impl Iterator<Item = (WatchKind, &Path)> {
        self.by_kind.iter().flat_map(|(&kind, paths)| paths.keys().map(move |path| (kind, path)))
    }
}

/// Which watch the reply to a read sets: only exists sets one on a missing znode.
fn kind_of_read(op: OpCode, err: i32) -> Option<WatchKind> {
    let found = err == ErrorCode::Ok.to_wire();
    let missing = err == ErrorCode::NoNode.to_wire();
    if op == OpCode::Exists && missing {
        Some(WatchKind::Exist)
    } else if !found {
        None
    } else if op == OpCode::Exists || op == OpCode::GetData {
        Some(WatchKind::Data)
    } else {
        Some(WatchKind::Child)
    }
}

/// The kinds that a removal means, as servers of 3.9 read it.
fn kinds_of(which: WatcherType) -> &'static [WatchKind] {
    match which {
        WatcherType::Children => &[WatchKind::Child],
        WatcherType::Data => &[WatchKind::Data, WatchKind::Exist],
        WatcherType::Any => &[
            WatchKind::Data,
            WatchKind::Exist,
            WatchKind::Child,
            WatchKind::Persistent,
            WatchKind::Recursive,
        ],
        WatcherType::Persistent => &[WatchKind::Persistent],
        WatcherType::PersistentRecursive => &[WatchKind::Recursive],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn path(text: &str) -> Path {
        Path::from(text)
    }

    #[test]
    fn an_event_calls_each_watcher_once_and_only_once() {
        let mut watches = Watches::default();
        watches.insert(WatchKind::Data, path("/a"), CallId(2));
        watches.insert(WatchKind::Child, path("/a"), CallId(2));
        watches.insert(WatchKind::Child, path("/a"), CallId(1));
        watches.insert(WatchKind::Data, path("/b"), CallId(3));
        assert_eq!(watches.fire(EventType::NodeDeleted, &path("/a")), [CallId(1), CallId(2)]);
        assert_eq!(watches.fire(EventType::NodeDeleted, &path("/a")), []);
        assert_eq!(watches.view().len(), 1);
    }

    #[test]
    fn each_event_fires_its_kinds() {
        let cases: [(EventType, &[u64]); 4] = [
            (EventType::NodeCreated, &[1, 2]),
            (EventType::NodeDataChanged, &[1, 2]),
            (EventType::NodeChildrenChanged, &[3]),
            (EventType::NodeDeleted, &[1, 2, 3]),
        ];
        for (event, expected) in cases {
            let mut watches = Watches::default();
            watches.insert(WatchKind::Data, path("/a"), CallId(1));
            watches.insert(WatchKind::Exist, path("/a"), CallId(2));
            watches.insert(WatchKind::Child, path("/a"), CallId(3));
            let fired: Vec<u64> =
                watches.fire(event, &path("/a")).into_iter().map(|call| call.0).collect();
            assert_eq!(fired, expected, "{event:?}");
        }
    }

    #[test]
    fn many_watches_are_set_again_in_several_requests() {
        let mut watches = Watches::default();
        assert_eq!(watches.set_again(Zxid(7)), []);
        let count = 3 * SET_WATCHES_BYTES_MAX / 1000;
        for n in 0..count {
            watches.insert(WatchKind::Exist, path(&format!("/{n:0>999}")), CallId(n as u64));
        }
        let requests = watches.set_again(Zxid(7));
        assert_eq!(requests.len(), 4);
        let exists = |request: &Request| match request {
            Request::SetWatches(watches) if watches.relative_zxid == Zxid(7) => {
                watches.exist_watches.len()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(requests.iter().map(exists).sum::<usize>(), count);
    }

    #[test]
    fn watches_that_stay_see_what_is_below_them_and_are_set_again() {
        let mut watches = Watches::default();
        watches.insert(WatchKind::Persistent, path("/a"), CallId(1));
        watches.insert(WatchKind::Recursive, path("/"), CallId(2));
        watches.insert(WatchKind::Recursive, path("/a"), CallId(3));
        watches.insert(WatchKind::Data, path("/a"), CallId(4));
        let mut fire = |event, at| -> Vec<u64> {
            watches.fire(event, &path(at)).into_iter().map(|call| call.0).collect()
        };
        assert_eq!(fire(EventType::NodeDataChanged, "/a"), [1, 2, 3, 4]);
        assert_eq!(fire(EventType::NodeDataChanged, "/a"), [1, 2, 3]);
        assert_eq!(fire(EventType::NodeChildrenChanged, "/a"), [1]);
        assert_eq!(fire(EventType::NodeDeleted, "/a/b/c"), [2, 3]);
        assert_eq!(fire(EventType::NodeCreated, "/ab"), [2]);
        assert_eq!(fire(EventType::NodeDeleted, "/"), [2]);
        let again = watches.set_again(Zxid(7));
        let [Request::SetWatches2(again)] = &again[..] else { panic!("{again:?}") };
        assert_eq!(again.persistent_watches, [path("/a")]);
        assert_eq!(again.recursive_watches, [path("/"), path("/a")]);
        let gone = WatchChange::Gone(WatcherType::Any, path("/a"));
        watches.replied(gone, OpCode::RemoveWatches, 0, CallId(9));
        assert_eq!(watches.view().len(), 1);
    }
}
