//! To be written.
/// Which of the two folders a file is in (`dataDir` or `dataLogDir`, each with `version-2`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Folder {
    /// Snapshots and epoch files.
    Data,
    /// Transaction logs.
    Log,
}
/// A file, by folder and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct FileId {
    /// Its folder.
    pub folder: Folder,
    /// Its name without the folder.
    pub name: alloc::string::String,
}
/// One operation on one file; each is done before the next begins.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum FileOp {
    /// Make it, empty; an old one of this name is emptied.
    Create(FileId),
    /// Write at this offset; the file grows as needed.
    WriteAt(FileId, u64, bytes::Bytes),
    /// Set its length; new bytes are zero.
    SetLen(FileId, u64),
    /// Make its content durable.
    Sync(FileId),
    /// Give it another name in the same folder, over any file of that name.
    Rename(FileId, alloc::string::String),
    /// Remove it.
    Remove(FileId),
    /// Make creations, renames and removals in this folder durable.
    SyncFolder(Folder),
}
/// What the writer must know of the files.
#[derive(Clone, Debug, Default)]
pub struct Files {}
