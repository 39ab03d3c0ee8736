//! A disk that can crash: files and folder entries, each with a durable state and changes on top.
//!
//! Operations are carried out in order. What they change is durable only after a sync of the file
//! (its content) or of the folder (names). A crash keeps, as chosen by [`Keep`], a prefix of the
//! unsynced changes of contents (the next one may be torn) and a prefix of those of names.
//! Not here: what the files mean (`zablab_core::storage`), and when a sync ends ([`crate::node`]).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use zablab_core::sorted::SortedMap;
use zablab_core::storage::{FileId, FileOp, Folder};

use crate::step::Keep;

/// One server's disk. A clone shares all contents.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub struct Disk {
    contents: SortedMap<Inode, Content>,
    durable_names: SortedMap<FileId, Inode>,
    names: SortedMap<FileId, Inode>,
    unsynced: VecDeque<Change>,
    under_way: VecDeque<FileOp>,
    background: VecDeque<FileOp>,
    next_inode: u32,
    /// How many bytes still fit; `None` for any number.
    room: Option<u64>,
}

/// A file cannot grow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no space left on the disk")]
pub struct DiskFull;

/// A file's identity, whatever its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
struct Inode(u32);

/// A change that was carried out but is not durable.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
enum Change {
    Write(Inode, u64, Bytes),
    SetLen(Inode, u64),
    Link(FileId, Inode),
    Rename(FileId, FileId),
    Unlink(FileId),
}

impl Disk {
    /// Hands operations to the disk. They are carried out when [`Disk::complete`] is called.
    pub fn begin(&mut self, ops: impl IntoIterator<Item = FileOp>) {
        self.under_way.extend(ops);
    }

    /// Carries out all operations that were handed over.
    ///
    /// # Errors
    /// [`DiskFull`]: the first that does not fit was carried out as far as it does, and none after
    /// it.
    pub fn complete(&mut self) -> Result<(), DiskFull> {
        while let Some(op) = self.under_way.pop_front() {
            self.carry_out(op).inspect_err(|_| self.under_way.clear())?;
        }
        Ok(())
    }

    /// Hands operations to the disk that run beside the others, on files of their own.
    pub fn begin_background(&mut self, ops: impl IntoIterator<Item = FileOp>) {
        self.background.extend(ops);
    }

    /// Carries out all background operations that were handed over.
    ///
    /// # Errors
    /// As [`Disk::complete`].
    pub fn complete_background(&mut self) -> Result<(), DiskFull> {
        while let Some(op) = self.background.pop_front() {
            self.carry_out(op).inspect_err(|_| self.background.clear())?;
        }
        Ok(())
    }

    /// From now on only so many bytes more fit, or any number.
    pub fn limit(&mut self, room: Option<u64>) {
        self.room = room;
    }

    /// Whether less fits than may be wanted.
    pub fn is_limited(&self) -> bool {
        self.room.is_some()
    }

    /// Changes all bits of a byte that is durable. False if the file has no such byte.
    pub fn flip(&mut self, file: &FileId, at: u64) -> bool {
        let inode = self.durable_names.get(file);
        let Some(content) = inode.and_then(|inode| self.contents.get_mut(inode)) else {
            return false;
        };
        let byte = content.read().get(at as usize).map(|byte| !byte);
        byte.inspect(|byte| content.write(at, &Bytes::copy_from_slice(&[*byte]))).is_some()
    }

    /// What would be there after the machine had stopped now, without anything that is not durable.
    pub fn copy(&self) -> Disk {
        let mut copy = self.clone();
        copy.crash(Keep::NOTHING);
        copy.room = None;
        copy
    }

    /// The first sync fails: what was handed over and not yet synced is lost, names included, as
    /// Linux drops dirty pages after a failed `fsync`.
    pub fn fail(&mut self) {
        self.crash(Keep::NOTHING);
    }

    /// The machine stops. Returns how many changes were lost.
    pub fn crash(&mut self, keep: Keep) -> u32 {
        for _ in 0..keep.reached {
            let first = self.under_way.pop_front().or_else(|| self.background.pop_front());
            let Some(op) = first else { break };
            if self.carry_out(op).is_err() {
                break;
            }
        }
        let never = self.under_way.drain(..).chain(self.background.drain(..));
        let mut lost = never.filter(changes_something).count() as u32;
        let (mut data, mut names, mut torn) = (keep.data, keep.names, keep.torn);
        for change in std::mem::take(&mut self.unsynced) {
            let left = if change.is_data() { &mut data } else { &mut names };
            if *left > 0 {
                *left -= 1;
                self.make_durable(change);
                continue;
            }
            lost += 1;
            if let (Change::Write(inode, at, bytes), 1..) = (change, torn) {
                let kept = bytes.slice(..bytes.len().min(torn as usize));
                self.make_durable(Change::Write(inode, at, kept));
                self.make_durable_len(inode, at + bytes.len() as u64);
                torn = 0;
            }
        }
        self.names = self.durable_names.clone();
        self.forget_unnamed();
        lost
    }

    /// Everything goes.
    pub fn wipe(&mut self) {
        let before = std::mem::replace(self, Disk { room: self.room, ..Disk::default() });
        for (file, inode) in before.durable_names {
            // The configuration is on another one.
            if file.folder == Folder::Config
                && let Some(content) = before.contents.get(&inode)
            {
                self.next_inode = self.next_inode.max(inode.0 + 1);
                self.contents.insert(inode, content.clone());
                self.names.insert(file.clone(), inode);
                self.durable_names.insert(file, inode);
            }
        }
    }

    /// How many operations are under way; the most that [`Keep::reached`] can count.
    pub fn under_way(&self) -> usize {
        self.under_way.len() + self.background.len()
    }

    /// How many changes were carried out but are not durable.
    pub fn unsynced(&self) -> usize {
        self.unsynced.len()
    }

    /// The files as a process sees them now.
    pub fn files(&self) -> impl Iterator<Item = &FileId> {
        self.names.keys()
    }

    /// A whole file as a process sees it now: with all that was carried out, durable or not.
    pub fn read(&self, file: &FileId) -> Option<Bytes> {
        let inode = self.names.get(file)?;
        let mut content = self.contents.get(inode).cloned().unwrap_or_default();
        for change in self.unsynced.iter().filter(|change| change.inode() == Some(*inode)) {
            content.change(change);
        }
        Some(content.read())
    }

    fn carry_out(&mut self, op: FileOp) -> Result<(), DiskFull> {
        let (op, fits) = self.fitting(op);
        match op {
            FileOp::Create(file) => match self.names.get(&file) {
                Some(inode) => self.unsynced.push_back(Change::SetLen(*inode, 0)),
                None => {
                    let inode = Inode(self.next_inode);
                    self.next_inode += 1;
                    self.contents.insert(inode, Content::default());
                    self.names.insert(file.clone(), inode);
                    self.unsynced.push_back(Change::Link(file, inode));
                }
            },
            FileOp::WriteAt(file, at, bytes) => {
                let inode = self.inode(&file);
                self.unsynced.push_back(Change::Write(inode, at, bytes));
            }
            FileOp::SetLen(file, len) => {
                let inode = self.inode(&file);
                self.unsynced.push_back(Change::SetLen(inode, len));
            }
            FileOp::Sync(file) => {
                let inode = self.inode(&file);
                self.sync(|change| change.inode() == Some(inode));
            }
            FileOp::Rename(file, name) => {
                let inode = self.inode(&file);
                let to = FileId { folder: file.folder, name };
                self.names.remove(&file);
                self.names.insert(to.clone(), inode);
                self.unsynced.push_back(Change::Rename(file, to));
            }
            FileOp::Remove(file) => {
                self.inode(&file);
                self.names.remove(&file);
                self.unsynced.push_back(Change::Unlink(file));
            }
            FileOp::SyncFolder(folder) => {
                self.sync(|change| change.folder() == Some(folder));
                self.forget_unnamed();
            }
        }
        fits
    }

    /// As much of an operation as there is room for, which it takes.
    fn fitting(&mut self, op: FileOp) -> (FileOp, Result<(), DiskFull>) {
        let Some(room) = self.room else { return (op, Ok(())) };
        let (file, end) = match &op {
            FileOp::WriteAt(file, at, bytes) => (file, at + bytes.len() as u64),
            FileOp::SetLen(file, len) => (file, *len),
            FileOp::Create(_)
            | FileOp::Sync(_)
            | FileOp::Rename(..)
            | FileOp::Remove(_)
            | FileOp::SyncFolder(_) => return (op, Ok(())),
        };
        let len = self.read(file).map_or(0, |content| content.len() as u64);
        let grows = end.saturating_sub(len);
        self.room = Some(room.saturating_sub(grows));
        if grows <= room {
            return (op, Ok(()));
        }
        let reach = len + room;
        let part = match op {
            FileOp::WriteAt(file, at, bytes) => {
                FileOp::WriteAt(file, at, bytes.slice(..reach.saturating_sub(at) as usize))
            }
            FileOp::SetLen(file, _) => FileOp::SetLen(file, reach),
            other => other,
        };
        (part, Err(DiskFull))
    }

    fn inode(&self, file: &FileId) -> Inode {
        *self.names.get(file).expect("the core's writer only names files that it made or found")
    }

    fn sync(&mut self, covers: impl Fn(&Change) -> bool) {
        // Almost always the sync covers all that is unsynced, so the list is short.
        for change in std::mem::take(&mut self.unsynced) {
            if covers(&change) {
                self.make_durable(change);
            } else {
                self.unsynced.push_back(change);
            }
        }
    }

    fn make_durable(&mut self, change: Change) {
        match change {
            Change::Write(inode, ..) | Change::SetLen(inode, _) => {
                if let Some(content) = self.contents.get_mut(&inode) {
                    content.change(&change);
                }
            }
            Change::Link(file, inode) => {
                self.durable_names.insert(file, inode);
            }
            Change::Rename(file, to) => {
                if let Some(inode) = self.durable_names.remove(&file) {
                    self.durable_names.insert(to, inode);
                }
            }
            Change::Unlink(file) => {
                self.durable_names.remove(&file);
            }
        }
    }

    fn make_durable_len(&mut self, inode: Inode, at_least: u64) {
        if let Some(content) = self.contents.get_mut(&inode) {
            content.len = content.len.max(at_least);
        }
    }

    /// Drops the contents that no name leads to, now or after a crash.
    fn forget_unnamed(&mut self) {
        let (names, durable) = (&self.names, &self.durable_names);
        let pending = &self.unsynced;
        self.contents.retain(|inode, _| {
            names.values().any(|named| named == inode)
                || durable.values().any(|named| named == inode)
                || pending.iter().any(|change| change.names_inode(*inode))
        });
    }
}

impl Change {
    fn is_data(&self) -> bool {
        self.inode().is_some()
    }

    fn inode(&self) -> Option<Inode> {
        match self {
            Change::Write(inode, ..) | Change::SetLen(inode, _) => Some(*inode),
            Change::Link(..) | Change::Rename(..) | Change::Unlink(_) => None,
        }
    }

    fn folder(&self) -> Option<Folder> {
        match self {
            Change::Write(..) | Change::SetLen(..) => None,
            Change::Link(file, _) | Change::Rename(file, _) | Change::Unlink(file) => {
                Some(file.folder)
            }
        }
    }

    fn names_inode(&self, wanted: Inode) -> bool {
        match self {
            Change::Link(_, inode) => *inode == wanted,
            Change::Write(..) | Change::SetLen(..) | Change::Rename(..) | Change::Unlink(_) => {
                false
            }
        }
    }
}

fn changes_something(op: &FileOp) -> bool {
    match op {
        FileOp::Sync(_) | FileOp::SyncFolder(_) => false,
        FileOp::Create(_)
        | FileOp::WriteAt(..)
        | FileOp::SetLen(..)
        | FileOp::Rename(..)
        | FileOp::Remove(_) => true,
    }
}

/// A file's content: pieces in order of their place, none overlapping; zeros between them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
struct Content {
    pieces: Arc<Vec<(u64, Bytes)>>,
    len: u64,
}

impl Content {
    fn change(&mut self, change: &Change) {
        match change {
            Change::Write(_, at, bytes) => self.write(*at, bytes),
            Change::SetLen(_, len) => self.set_len(*len),
            Change::Link(..) | Change::Rename(..) | Change::Unlink(_) => {}
        }
    }

    fn read(&self) -> Bytes {
        if let [(0, only)] = self.pieces.as_slice()
            && only.len() as u64 == self.len
        {
            return only.clone();
        }
        let mut all = vec![0; self.len as usize];
        for (start, bytes) in self.pieces.iter() {
            let start = *start as usize;
            all[start..start + bytes.len()].copy_from_slice(bytes);
        }
        Bytes::from(all)
    }

    fn write(&mut self, at: u64, bytes: &Bytes) {
        if bytes.is_empty() {
            return;
        }
        let end = at + bytes.len() as u64;
        let pieces = Arc::make_mut(&mut self.pieces);
        let behind = pieces.last().is_none_or(|(start, last)| start + last.len() as u64 <= at);
        if behind {
            pieces.push((at, bytes.clone()));
        } else {
            let mut kept = cut(pieces, 0, at);
            kept.push((at, bytes.clone()));
            kept.extend(cut(pieces, end, u64::MAX));
            *pieces = kept;
        }
        self.len = self.len.max(end);
    }

    fn set_len(&mut self, len: u64) {
        if len < self.len {
            let pieces = Arc::make_mut(&mut self.pieces);
            *pieces = cut(pieces, 0, len);
        }
        self.len = len;
    }
}

/// The parts of the pieces that are in `from..to`.
fn cut(pieces: &[(u64, Bytes)], from: u64, to: u64) -> Vec<(u64, Bytes)> {
    let mut parts = Vec::with_capacity(pieces.len() + 1);
    for (start, bytes) in pieces {
        let end = start + bytes.len() as u64;
        let (first, last) = (from.max(*start), to.min(end));
        if first < last {
            parts.push((first, bytes.slice((first - start) as usize..(last - start) as usize)));
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> FileId {
        FileId { folder: Folder::Log, name: name.into() }
    }

    fn write(name: &str, at: u64, text: &'static str) -> FileOp {
        FileOp::WriteAt(file(name), at, Bytes::from_static(text.as_bytes()))
    }

    fn text(disk: &Disk, name: &str) -> Option<String> {
        disk.read(&file(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn disk_with(ops: Vec<FileOp>) -> Disk {
        let mut disk = Disk::default();
        disk.begin([FileOp::Create(file("log")), write("log", 0, "abc")]);
        disk.begin([FileOp::Sync(file("log")), FileOp::SyncFolder(Folder::Log)]);
        disk.begin(ops);
        assert_eq!(disk.complete(), Ok(()));
        disk
    }

    #[test]
    fn unsynced_content_is_lost_and_synced_content_is_not() {
        let mut disk = disk_with(vec![write("log", 3, "def"), write("log", 1, "X")]);
        assert_eq!(text(&disk, "log").as_deref(), Some("aXcdef"));
        assert_eq!(disk.crash(Keep::NOTHING), 2);
        assert_eq!(text(&disk, "log").as_deref(), Some("abc"));
    }

    #[test]
    fn a_prefix_survives_and_the_next_write_may_be_torn() {
        let mut disk = disk_with(vec![write("log", 3, "def"), write("log", 6, "ghi")]);
        disk.crash(Keep { data: 1, torn: 2, ..Keep::NOTHING });
        assert_eq!(text(&disk, "log").as_deref(), Some("abcdefgh\0"));
    }

    #[test]
    fn a_name_needs_a_sync_of_its_folder() {
        let ops = vec![
            FileOp::Create(file("new")),
            write("new", 0, "n"),
            FileOp::Sync(file("new")),
            FileOp::Rename(file("new"), "named".into()),
        ];
        let mut lost = disk_with(ops.clone());
        lost.crash(Keep::NOTHING);
        assert_eq!((text(&lost, "new"), text(&lost, "named")), (None, None));
        let mut halfway = disk_with(ops);
        halfway.crash(Keep { names: 1, ..Keep::NOTHING });
        assert_eq!((text(&halfway, "new").as_deref(), text(&halfway, "named")), (Some("n"), None));
    }

    #[test]
    fn a_batch_under_way_may_have_reached_its_sync() {
        let mut disk = disk_with(Vec::new());
        disk.begin([write("log", 3, "d"), FileOp::Sync(file("log")), write("log", 4, "e")]);
        let mut early = disk.clone();
        early.crash(Keep { reached: 1, ..Keep::NOTHING });
        assert_eq!(text(&early, "log").as_deref(), Some("abc"));
        disk.crash(Keep { reached: 3, ..Keep::NOTHING });
        assert_eq!(text(&disk, "log").as_deref(), Some("abcd"));
    }

    #[test]
    fn an_old_file_comes_back_if_its_removal_was_not_synced() {
        let mut disk = disk_with(vec![FileOp::Remove(file("log"))]);
        assert_eq!(text(&disk, "log"), None);
        disk.crash(Keep::NOTHING);
        assert_eq!(text(&disk, "log").as_deref(), Some("abc"));
    }

    #[test]
    fn a_full_disk_takes_what_fits_and_nothing_after_it() {
        let mut disk = disk_with(Vec::new());
        disk.limit(Some(2));
        disk.begin([write("log", 1, "XY"), write("log", 3, "def"), FileOp::Sync(file("log"))]);
        disk.begin([write("log", 0, "Z")]);
        assert_eq!(disk.complete(), Err(DiskFull));
        assert_eq!(text(&disk, "log").as_deref(), Some("aXYde"));
        disk.crash(Keep::NOTHING);
        assert_eq!(text(&disk, "log").as_deref(), Some("abc"));
        disk.limit(None);
        disk.begin([write("log", 3, "def")]);
        assert_eq!(disk.complete(), Ok(()));
        assert_eq!(text(&disk, "log").as_deref(), Some("abcdef"));
    }

    #[test]
    fn a_byte_flips_for_good_and_a_copy_has_what_was_durable() {
        let mut disk = disk_with(vec![write("log", 3, "d")]);
        let copy = disk.copy();
        assert_eq!(text(&copy, "log").as_deref(), Some("abc"));
        assert!(disk.flip(&file("log"), 1));
        assert!(!disk.flip(&file("log"), 3), "it is not durable");
        disk.crash(Keep::ALL);
        let read = disk.read(&file("log"));
        assert_eq!(read.as_deref(), Some([b'a', !b'b', b'c', b'd'].as_slice()));
        assert_eq!(text(&copy, "log").as_deref(), Some("abc"));
    }

    #[test]
    fn lengths_cut_and_fill_with_zeros() {
        let ops = vec![FileOp::SetLen(file("log"), 2), FileOp::SetLen(file("log"), 4)];
        assert_eq!(text(&disk_with(ops), "log").as_deref(), Some("ab\0\0"));
    }
}
