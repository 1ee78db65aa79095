//! The few things a journal and a store ask of a disk, as a trait, so that tests can fail each of
//! them. It is not a file system: no permissions, no links, no times.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

/// A file that is written and read at offsets, from any thread.
pub trait DiskFile: Send + Sync + Debug {
    /// Write all of `bytes` at `offset`.
    ///
    /// # Errors
    /// The disk's; some of the bytes may be written then.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Fill `bytes` from `offset`; less than asked for only at the end of the file.
    ///
    /// # Errors
    /// The disk's.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Cut to `length` bytes.
    ///
    /// # Errors
    /// The disk's.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Put what was written on the medium (`fdatasync`).
    ///
    /// # Errors
    /// The disk's: what was written since the last success may be lost, and a later call that
    /// succeeds does not say otherwise.
    fn sync(&self) -> io::Result<()>;
    /// Bytes in it now.
    ///
    /// # Errors
    /// The disk's.
    fn length(&self) -> io::Result<u64>;
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Without the folder. Names that are not UTF-8 are shown with replacement characters.
    pub name: String,
    /// Bytes; 0 for a folder.
    pub length: u64,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// How large the volume of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes of the volume.
    pub total: u64,
    /// Bytes that this process may still write.
    pub available: u64,
}

/// Holds a lock until it is dropped.
pub trait Held: Send + Sync + Debug {}

impl Held for File {}

/// A folder's worth of a file system.
pub trait Disk: Send + Sync + Debug {
    /// Make a folder with its parents, if it is not there.
    ///
    /// # Errors
    /// The disk's.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;
    /// Lock a file for this process alone. `Ok(Err(pid))`: another has it, and this is who, where
    /// that can be seen.
    ///
    /// # Errors
    /// The disk's.
    fn lock(&self, path: &Path) -> io::Result<Result<Box<dyn Held>, Option<u32>>>;
    /// Make an empty file, in place of one of that name.
    ///
    /// # Errors
    /// The disk's.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Open a file that is there, for reading and writing.
    ///
    /// # Errors
    /// The disk's; `NotFound` where there is none.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Open a file that is there, for reading only.
    ///
    /// # Errors
    /// The disk's; `NotFound` where there is none.
    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Files and folders in a folder, in no order.
    ///
    /// # Errors
    /// The disk's; `NotFound` where there is none.
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>>;
    /// Remove a file.
    ///
    /// # Errors
    /// The disk's.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Remove a folder with all that is in it.
    ///
    /// # Errors
    /// The disk's; part of it may be gone then.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;
    /// Give a file or folder another name, in place of a file of that name.
    ///
    /// # Errors
    /// The disk's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Make the names in a folder durable.
    ///
    /// # Errors
    /// The disk's.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// How much room the volume of a folder has.
    ///
    /// # Errors
    /// The disk's.
    fn space(&self, folder: &Path) -> io::Result<Space>;
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn lock(&self, path: &Path) -> io::Result<Result<Box<dyn Held>, Option<u32>>> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                // For people only: the lock is the kernel's, so a full disk does not matter here.
                let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                Ok(Ok(Box::new(file)))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = io::Read::take(&mut file, 20).read_to_string(&mut text);
                Ok(Err(text.trim().parse().ok()))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Arc::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(File::open(path)?))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let is_folder = entry.file_type()?.is_dir();
            let name = entry.file_name().to_string_lossy().into_owned();
            let length = if is_folder { 0 } else { entry.metadata()?.len() };
            found.push(Entry { name, length, is_folder });
        }
        Ok(found)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir_all(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn space(&self, folder: &Path) -> io::Result<Space> {
        let volume = rustix::fs::statvfs(folder)?;
        Ok(Space {
            total: volume.f_blocks.saturating_mul(volume.f_frsize),
            available: volume.f_bavail.saturating_mul(volume.f_frsize),
        })
    }
}

impl DiskFile for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < bytes.len() {
            let rest = &mut bytes[filled..];
            match std::os::unix::fs::FileExt::read_at(self, rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
