//! Runs [`FileOp`]s on the real file system.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use tracing::warn;
use zablab_core::config::dynamic::STATIC_FILE;
use zablab_core::storage::{FileId, FileOp, Folder, ReadError};

use super::SYNC_WARN;

/// The folder of both directories that holds this version of the formats.
const VERSION_FOLDER: &str = "version-2";
/// A write of at least this many bytes goes out as it is; smaller ones are joined first.
const JOIN_BELOW: usize = 64 * 1024;
/// Joined writes go out when they reach this many bytes.
const JOINED_MAX: usize = 1024 * 1024;

/// An operation of the file system failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}: {source}", path.display())]
pub struct DiskError {
    /// What was tried.
    pub what: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Both folders, and the file that was written last.
#[derive(Debug)]
pub struct Disk {
    data: PathBuf,
    log: PathBuf,
    /// The path of `zoo.cfg`, whatever its name is.
    config: PathBuf,
    open: Option<(FileId, File)>,
    joined: Joined,
}

/// Writes that follow each other in one file, not yet made.
#[derive(Debug, Default)]
struct Joined {
    file: Option<FileId>,
    offset: u64,
    bytes: Vec<u8>,
}

impl Disk {
    /// The disk in `version-2` of both directories, which are made if they are missing.
    ///
    /// # Errors
    /// [`DiskError`], also when the parent of a directory does not exist: a mistyped path should
    /// not become an empty database.
    pub fn new(data_dir: &Path, data_log_dir: &Path) -> Result<Disk, DiskError> {
        let disk = Disk::at(data_dir, data_log_dir);
        for (dir, version) in [(data_dir, &disk.data), (data_log_dir, &disk.log)] {
            make_dir(dir)?;
            make_dir(version)?;
        }
        Ok(disk)
    }

    /// The same with the configuration in this file, and in those beside it.
    #[must_use]
    pub fn with_config(self, config: PathBuf) -> Disk {
        Disk { config, ..self }
    }

    /// A second runner on the same folders, for another thread.
    pub fn another(&self) -> Disk {
        Disk {
            data: self.data.clone(),
            log: self.log.clone(),
            config: self.config.clone(),
            open: None,
            joined: Joined::default(),
        }
    }

    /// The files of both folders.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn list(&self) -> Result<Vec<FileId>, DiskError> {
        let mut files = Vec::new();
        for name in names(&self.data)? {
            let folder = if self.data == self.log { Folder::of(&name) } else { Folder::Data };
            files.push(FileId { folder, name });
        }
        if self.data != self.log {
            let logs = names(&self.log)?.into_iter();
            files.extend(logs.map(|name| FileId { folder: Folder::Log, name }));
        }
        Ok(files)
    }

    /// A whole file.
    ///
    /// # Errors
    /// What the system said, for the core to judge.
    pub fn read(&self, file: &FileId) -> Result<Bytes, ReadError> {
        if file.name.ends_with(".gz") || file.name.ends_with(".snappy") {
            return Err(ReadError { message: "packed snapshots are not supported".into() });
        }
        match fs::read(self.path(file)) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => Err(ReadError { message: error.to_string() }),
        }
    }

    /// Runs the operations, each to its end before the next; writes that follow each other in a
    /// file are made at once.
    ///
    /// # Errors
    /// The first operation that failed; those after it were not tried.
    pub fn run(&mut self, ops: impl IntoIterator<Item = FileOp>) -> Result<(), DiskError> {
        for op in ops {
            match op {
                FileOp::WriteAt(file, offset, bytes) => self.join(file, offset, &bytes)?,
                other => {
                    self.write_joined()?;
                    self.run_one(other)?;
                }
            }
        }
        self.write_joined()
    }

    fn at(data_dir: &Path, data_log_dir: &Path) -> Disk {
        Disk {
            data: data_dir.join(VERSION_FOLDER),
            log: data_log_dir.join(VERSION_FOLDER),
            config: data_dir.join(STATIC_FILE),
            open: None,
            joined: Joined::default(),
        }
    }

    fn join(&mut self, file: FileId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let joined = &self.joined;
        let end = joined.offset + joined.bytes.len() as u64;
        let follows = joined.file.as_ref() == Some(&file) && end == offset;
        let large = bytes.len() >= JOIN_BELOW;
        if !follows || large || joined.bytes.len() >= JOINED_MAX {
            self.write_joined()?;
            self.joined.offset = offset;
        }
        if large {
            return self.write(&file, offset, bytes);
        }
        self.joined.file = Some(file);
        self.joined.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn write_joined(&mut self) -> Result<(), DiskError> {
        let Some(file) = self.joined.file.take() else { return Ok(()) };
        let mut bytes = std::mem::take(&mut self.joined.bytes);
        let written = self.write(&file, self.joined.offset, &bytes);
        bytes.clear();
        self.joined.bytes = bytes;
        written
    }

    fn write(&mut self, file: &FileId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let path = self.path(file);
        self.open(file)?.write_all_at(bytes, offset).map_err(failed("write", path))
    }

    fn run_one(&mut self, op: FileOp) -> Result<(), DiskError> {
        match op {
            FileOp::WriteAt(file, offset, bytes) => self.write(&file, offset, &bytes),
            FileOp::Create(file) => {
                let path = self.path(&file);
                let created = File::create(&path).map_err(failed("create", path))?;
                self.open = Some((file, created));
                Ok(())
            }
            FileOp::SetLen(file, len) => {
                let path = self.path(&file);
                self.open(&file)?.set_len(len).map_err(failed("set the length of", path))
            }
            FileOp::Sync(file) => {
                let path = self.path(&file);
                let began = Instant::now();
                self.open(&file)?.sync_data().map_err(failed("sync", path))?;
                let took = began.elapsed();
                if took > SYNC_WARN {
                    warn!("syncing {file} took {} ms", took.as_millis());
                }
                Ok(())
            }
            FileOp::Rename(file, name) => {
                self.open = None;
                let from = self.path(&file);
                let to = self.path(&FileId { folder: file.folder, name });
                fs::rename(&from, to).map_err(failed("rename", from))
            }
            FileOp::Remove(file) => {
                self.open = None;
                let path = self.path(&file);
                match fs::remove_file(&path) {
                    // A repair may meet a file that the crash had already removed.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    removed => removed.map_err(failed("remove", path)),
                }
            }
            FileOp::SyncFolder(folder) => {
                let path = self.folder(folder).to_path_buf();
                File::open(&path).and_then(|dir| dir.sync_all()).map_err(failed("sync", path))
            }
        }
    }

    /// The file, for writing; it is kept open for the next operation.
    fn open(&mut self, file: &FileId) -> Result<&File, DiskError> {
        if self.open.as_ref().is_none_or(|(id, _)| id != file) {
            let path = self.path(file);
            let opened =
                OpenOptions::new().write(true).open(&path).map_err(failed("open", path))?;
            self.open = Some((file.clone(), opened));
        }
        let (_, opened) = self.open.as_ref().expect("it was opened just now");
        Ok(opened)
    }

    fn path(&self, file: &FileId) -> PathBuf {
        match file.folder {
            Folder::Config => self.config_path(&file.name),
            Folder::Data | Folder::Log => self.folder(file.folder).join(&file.name),
        }
    }

    /// The core knows the file as `zoo.cfg`, and the others by what they have behind that.
    fn config_path(&self, name: &str) -> PathBuf {
        let suffix = name.strip_prefix(STATIC_FILE).unwrap_or(name);
        let mut path = self.config.clone().into_os_string();
        path.push(suffix);
        PathBuf::from(path)
    }

    fn folder(&self, folder: Folder) -> &Path {
        match folder {
            Folder::Data => &self.data,
            Folder::Log => &self.log,
            // A name without a folder is in the present one.
            Folder::Config => match self.config.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                Some(_) | None => Path::new("."),
            },
        }
    }
}

fn make_dir(path: &Path) -> Result<(), DiskError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(failed("create the directory", path.to_path_buf())),
    }
}

fn names(folder: &Path) -> Result<Vec<String>, DiskError> {
    let unreadable = |error| failed("read", folder.to_path_buf())(error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let is_file = entry.file_type().map_err(unreadable)?.is_file();
        // A name that is not UTF-8 is not one of ours.
        if let (true, Ok(name)) = (is_file, entry.file_name().into_string()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn failed(what: &'static str, path: PathBuf) -> impl FnOnce(io::Error) -> DiskError {
    move |source| DiskError { what, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn log(name: &str) -> FileId {
        FileId { folder: Folder::Log, name: name.into() }
    }

    fn disk(dir: &TempDir) -> Disk {
        Disk::new(&dir.path().join("data"), &dir.path().join("logs")).expect("the parent is there")
    }

    #[test]
    fn operations_do_what_they_say() {
        let dir = TempDir::new();
        let mut disk = disk(&dir);
        let large = Bytes::from(vec![b'x'; JOIN_BELOW]);
        let write = |offset, bytes: &Bytes| FileOp::WriteAt(log("log.1"), offset, bytes.clone());
        let small = Bytes::from_static(b"abc");
        let ops = [
            FileOp::Create(log("log.1")),
            write(0, &small),
            write(3, &small),
            FileOp::SetLen(log("log.1"), 8),
            write(1, &small),
            write(8, &large),
            FileOp::Sync(log("log.1")),
            FileOp::Create(log("log.2")),
            write(8 + large.len() as u64, &small),
            FileOp::Rename(log("log.1"), "log.3".into()),
            FileOp::Remove(log("log.2")),
            FileOp::Remove(log("log.2")),
            FileOp::SyncFolder(Folder::Log),
        ];
        disk.run(ops).expect("all of it can be done");
        assert_eq!(disk.list().expect("a folder"), [log("log.3")]);
        let bytes = disk.read(&log("log.3")).expect("a file");
        assert_eq!(&bytes[..8], b"aabcbc\0\0");
        assert_eq!(&bytes[8..8 + large.len()], &large[..]);
        assert_eq!(&bytes[8 + large.len()..], b"abc");
    }

    #[test]
    fn a_shared_folder_is_listed_once() {
        let dir = TempDir::new();
        let mut disk = Disk::new(dir.path(), dir.path()).expect("the directory is there");
        let snapshot = FileId { folder: Folder::Data, name: "snapshot.0".into() };
        disk.run([FileOp::Create(log("log.1")), FileOp::Create(snapshot.clone())]).expect("a disk");
        assert_eq!(disk.list().expect("a folder"), [log("log.1"), snapshot]);
    }

    #[test]
    fn a_missing_parent_and_a_missing_file_are_errors() {
        let dir = TempDir::new();
        let nowhere = dir.path().join("no/such");
        let error = Disk::new(&nowhere, &nowhere).expect_err("its parent is missing");
        assert!(error.to_string().starts_with("cannot create the directory "), "{error}");
        let error = disk(&dir).run([FileOp::Sync(log("log.7"))]).expect_err("no such file");
        assert!(error.to_string().contains("log.7"), "{error}");
    }
}
