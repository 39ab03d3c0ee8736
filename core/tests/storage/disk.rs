//! A disk that forgets at a crash what was not synced.
//!
//! A file's content and its names are durable apart from each other, as on a real file system.
//! Not here: files that fail, bits that flip.

use std::collections::BTreeMap;

use bytes::Bytes;
use zablab_core::storage::{FileId, FileOp, Folder, ReadError};

use super::rng::Rng;

/// What a crash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process dies; all that it wrote is still in the system's memory, not yet on the disk.
    Process,
    /// The power fails: of the unsynced operations of each file and each folder a prefix stays,
    /// and of the write after it a part.
    Power,
    /// The same, but of a folder's operations any subset stays.
    PowerAnyOrder,
}

#[derive(Clone, Default)]
struct Inode {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Bytes),
    SetLen(usize),
}

#[derive(Clone)]
enum Entry {
    Link(String, usize),
    Unlink(String),
    Rename(String, String, usize),
}

#[derive(Clone, Default)]
struct FolderState {
    durable: BTreeMap<String, usize>,
    pending: Vec<Entry>,
}

/// Two folders and their files.
#[derive(Clone, Default)]
pub struct Disk {
    inodes: Vec<Inode>,
    data: FolderState,
    log: FolderState,
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write(at, bytes) => {
                let end = at + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*at..end].copy_from_slice(bytes);
            }
            Change::SetLen(len) => content.resize(*len, 0),
        }
    }
}

impl Entry {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Entry::Link(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Entry::Unlink(name) => {
                names.remove(name);
            }
            Entry::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

impl FolderState {
    fn names(&self) -> BTreeMap<String, usize> {
        let mut names = self.durable.clone();
        self.pending.iter().for_each(|entry| entry.apply(&mut names));
        names
    }
}

impl Disk {
    /// All files, as a process sees them.
    pub fn list(&self) -> Vec<FileId> {
        let folders = [(Folder::Data, &self.data), (Folder::Log, &self.log)];
        let names = folders.into_iter().flat_map(|(folder, state)| {
            state.names().into_keys().map(move |name| FileId { folder, name })
        });
        names.collect()
    }

    /// The content of a file, as a process sees it.
    pub fn read(&self, file: &FileId) -> Result<Bytes, ReadError> {
        let names = self.folder(file.folder).names();
        let Some(inode) = names.get(&file.name) else {
            return Err(ReadError { message: format!("no file {file}") });
        };
        let Inode { durable, pending } = &self.inodes[*inode];
        let mut content = durable.clone();
        pending.iter().for_each(|change| change.apply(&mut content));
        Ok(content.into())
    }

    /// Runs one operation.
    pub fn run(&mut self, op: &FileOp) {
        match op {
            FileOp::Create(file) => match self.find(file) {
                Some(inode) => self.inodes[inode].pending.push(Change::SetLen(0)),
                None => {
                    self.inodes.push(Inode::default());
                    let link = Entry::Link(file.name.clone(), self.inodes.len() - 1);
                    self.folder_mut(file.folder).pending.push(link);
                }
            },
            FileOp::WriteAt(file, at, bytes) => {
                let write = Change::Write(usize::try_from(*at).unwrap(), bytes.clone());
                self.change(file, write);
            }
            FileOp::SetLen(file, len) => {
                self.change(file, Change::SetLen(usize::try_from(*len).unwrap()));
            }
            FileOp::Sync(file) => {
                let inode = self.must_find(file);
                let Inode { durable, pending } = &mut self.inodes[inode];
                pending.drain(..).for_each(|change| change.apply(durable));
            }
            FileOp::Rename(file, to) => {
                let inode = self.must_find(file);
                let rename = Entry::Rename(file.name.clone(), to.clone(), inode);
                self.folder_mut(file.folder).pending.push(rename);
            }
            FileOp::Remove(file) => {
                self.must_find(file);
                let unlink = Entry::Unlink(file.name.clone());
                self.folder_mut(file.folder).pending.push(unlink);
            }
            FileOp::SyncFolder(folder) => {
                let FolderState { durable, pending } = self.folder_mut(*folder);
                pending.drain(..).for_each(|entry| entry.apply(durable));
            }
        }
    }

    /// Takes what a crash takes.
    pub fn crash(&mut self, crash: Crash, rng: &mut Rng) {
        if crash == Crash::Process {
            return;
        }
        for Inode { durable, pending } in &mut self.inodes {
            let kept = rng.below(pending.len() + 1);
            let mut changes = pending.drain(..);
            changes.by_ref().take(kept).for_each(|change| change.apply(durable));
            if let Some(Change::Write(at, bytes)) = changes.next() {
                let torn = bytes.slice(..rng.below(bytes.len()));
                Change::Write(at, torn).apply(durable);
            }
        }
        for FolderState { durable, pending } in [&mut self.data, &mut self.log] {
            let kept = rng.below(pending.len() + 1);
            for (at, entry) in pending.drain(..).enumerate() {
                let stays = match crash {
                    Crash::PowerAnyOrder => rng.below(2) == 0,
                    Crash::Power | Crash::Process => at < kept,
                };
                if stays {
                    entry.apply(durable);
                }
            }
        }
    }

    fn change(&mut self, file: &FileId, change: Change) {
        let inode = self.must_find(file);
        self.inodes[inode].pending.push(change);
    }

    fn find(&self, file: &FileId) -> Option<usize> {
        self.folder(file.folder).names().get(&file.name).copied()
    }

    fn must_find(&self, file: &FileId) -> usize {
        self.find(file).unwrap_or_else(|| panic!("operation on {file}, which is not there"))
    }

    fn folder(&self, folder: Folder) -> &FolderState {
        match folder {
            Folder::Data => &self.data,
            Folder::Log => &self.log,
            Folder::Config => unreachable!("no configuration is written"),
        }
    }

    fn folder_mut(&mut self, folder: Folder) -> &mut FolderState {
        match folder {
            Folder::Data => &mut self.data,
            Folder::Log => &mut self.log,
            Folder::Config => unreachable!("no configuration is written"),
        }
    }
}
