//! The watches of a session: registered by replies, gone when they fire, kept over reconnects.
//!
//! Not here: persistent watches. Source: Java's `ZKWatchManager` and `ClientCnxn.primeConnection`.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{CallId, WatchKind, WatchView};
use crate::limits::SET_WATCHES_BYTES_MAX;
use crate::types::{Path, Zxid};
use crate::wire::client::{EventType, SetWatches};

/// All watches of one session.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub(super) struct Watches {
    by_kind: BTreeMap<WatchKind, BTreeMap<Path, BTreeSet<CallId>>>,
}

impl Watches {
    pub(super) fn insert(&mut self, kind: WatchKind, path: Path, call: CallId) {
        self.by_kind.entry(kind).or_default().entry(path).or_default().insert(call);
    }

    /// Removes the watches that an event fires, and gives who set them, each once.
    pub(super) fn fire(&mut self, event: EventType, path: &Path) -> Vec<CallId> {
        let kinds: &[WatchKind] = match event {
            EventType::NodeCreated | EventType::NodeDataChanged => {
                &[WatchKind::Data, WatchKind::Exist]
            }
            EventType::NodeChildrenChanged => &[WatchKind::Child],
            EventType::NodeDeleted => &[WatchKind::Data, WatchKind::Exist, WatchKind::Child],
            EventType::None => &[],
        };
        let mut fired = BTreeSet::new();
        for kind in kinds {
            if let Some(paths) = self.by_kind.get_mut(kind) {
                fired.extend(paths.remove(path).into_iter().flatten());
            }
        }
        fired.into_iter().collect()
    }

    /// The requests that set all of them again on a new connection, each of limited size.
    pub(super) fn set_again(&self, relative_zxid: Zxid) -> Vec<SetWatches> {
        let empty = SetWatches {
            relative_zxid,
            data_watches: Vec::new(),
            exist_watches: Vec::new(),
            child_watches: Vec::new(),
        };
        let mut requests = Vec::new();
        let mut current = empty.clone();
        let mut size = 0;
        for (kind, path) in self.paths() {
            if size > 0 && size + path.len() > SET_WATCHES_BYTES_MAX {
                requests.push(core::mem::replace(&mut current, empty.clone()));
                size = 0;
            }
            size += path.len() + 4;
            match kind {
                WatchKind::Data => current.data_watches.push(path.clone()),
                WatchKind::Exist => current.exist_watches.push(path.clone()),
                WatchKind::Child => current.child_watches.push(path.clone()),
            }
        }
        if size > 0 {
            requests.push(current);
        }
        requests
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
        assert!(requests.iter().all(|request| request.relative_zxid == Zxid(7)));
        let total: usize = requests.iter().map(|request| request.exist_watches.len()).sum();
        assert_eq!(total, count);
    }
}
