//! A disk in memory that fails on command: for tests of what survives.
//!
//! Calls that change something are numbered from 1 ([`FaultDisk::steps`]); a [`Fault`] can be planned
//! for each. After a crash every call fails until [`FaultDisk::restart_killed`] (what was written is
//! there) or [`FaultDisk::restart_powerless`] (of what was not synced, any part is there, sector by
//! sector, and the newest changes of names may be undone). A sync that fails leaves its bytes in
//! doubt: a later sync that succeeds does not make them durable, as on Linux.
//!
//! It does not model slow disks or changes of names that survive out of order.

mod image;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile, Entry, Held, Space};
use image::{Image, Names, Node, Op};

/// What goes wrong in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and the error says so.
    Refuse(ErrorKind),
    /// A write stops after this many bytes with an error. Other calls: as [`Fault::Refuse`].
    Tear {
        /// Bytes that are written.
        written: usize,
        /// The error.
        kind: ErrorKind,
    },
    /// A write stops after this many bytes, other calls do nothing, and the process is gone.
    Crash {
        /// Bytes that are written.
        written: usize,
    },
}

/// The disk; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct FaultDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    names: Names,
    durable_names: Names,
    /// Changes of names since they were last made durable.
    log: Vec<Op>,
    files: Vec<Image>,
    steps: u64,
    plan: BTreeMap<u64, Fault>,
    down: bool,
    capacity: Option<u64>,
    bad: Vec<(PathBuf, Range<u64>)>,
    locks: BTreeMap<PathBuf, u64>,
    locks_taken: u64,
}

/// A planned fault, or that the process is gone already.
enum Outcome {
    Do,
    Fail(Option<usize>, io::Error),
}

impl FaultDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many calls that change something there were.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Let the call of that number go wrong.
    pub fn plan(&self, step: u64, fault: Fault) {
        self.state().plan.insert(step, fault);
    }

    /// Let nothing more go wrong.
    pub fn clear_plan(&self) {
        self.state().plan.clear();
    }

    /// Let the disk be full at so many bytes; none for no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Whether a planned crash has happened.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.state().down
    }

    /// The process was killed: what was written is there. Locks are free, the plan is empty.
    pub fn restart_killed(&self) {
        self.state().restart();
    }

    /// The power failed: of what was not synced, `seed` chooses what is there.
    pub fn restart_powerless(&self, seed: u64) {
        let mut state = self.state();
        let mut random = image::Random::new(seed);
        for file in &mut state.files {
            file.lose_power(&mut random);
        }
        let kept = random.below(state.log.len() as u64 + 1);
        let mut names = std::mem::take(&mut state.durable_names);
        for (op, _) in state.log.drain(..).zip(0..kept) {
            op.apply(&mut names);
        }
        state.names.clone_from(&names);
        state.durable_names = names;
        state.restart();
    }

    /// Flip one bit of a file, also on the medium. Panics where there is none.
    pub fn flip(&self, path: &Path, offset: u64, bit: u8) {
        let mut bytes = self.bytes(path);
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        bytes[at] ^= 1 << (bit % 8);
        self.put(path, &bytes);
    }

    /// Let reads of these bytes of a file fail.
    pub fn refuse_reads(&self, path: &Path, bytes: Range<u64>) {
        self.state().bad.push((path.to_owned(), bytes));
    }

    /// A file's bytes; empty where there is none.
    #[must_use]
    pub fn bytes(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.file(path).map_or_else(|_| Vec::new(), |id| state.files[id].current.clone())
    }

    /// Put a durable file there, in place of what there is.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let id = state.files.len();
        state.files.push(Image::durable(bytes));
        state.names.insert(path.to_owned(), Node::File(id));
        state.durable_names.insert(path.to_owned(), Node::File(id));
    }

    /// Paths of all files.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        let state = self.state();
        let is_file = |node: &Node| matches!(node, Node::File(_));
        state.names.iter().filter(|(_, node)| is_file(node)).map(|(path, _)| path.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A change of names, as one numbered call.
    fn change(&self, op: impl FnOnce(&State) -> io::Result<Op>) -> io::Result<()> {
        let mut state = self.state();
        if let Outcome::Fail(_, error) = state.step() {
            return Err(error);
        }
        let op = op(&state)?;
        op.apply(&mut state.names);
        state.log.push(op);
        Ok(())
    }

    fn handle(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state();
        state.alive()?;
        let file = state.file(path)?;
        Ok(Arc::new(FaultFile { disk: self.clone(), file, path: path.to_owned() }))
    }
}

impl State {
    fn restart(&mut self) {
        self.down = false;
        self.plan.clear();
        self.locks.clear();
    }

    fn alive(&self) -> io::Result<()> {
        if self.down { Err(io::Error::other("the process is gone")) } else { Ok(()) }
    }

    fn step(&mut self) -> Outcome {
        if let Err(gone) = self.alive() {
            return Outcome::Fail(None, gone);
        }
        self.steps += 1;
        match self.plan.remove(&self.steps) {
            None => Outcome::Do,
            Some(Fault::Refuse(kind)) => Outcome::Fail(None, kind.into()),
            Some(Fault::Tear { written, kind }) => Outcome::Fail(Some(written), kind.into()),
            Some(Fault::Crash { written }) => {
                self.down = true;
                Outcome::Fail(Some(written), io::Error::other("the process is gone"))
            }
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Node::File(id)) => Ok(*id),
            Some(Node::Folder) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn used(&self) -> u64 {
        let size = |node: &Node| match node {
            Node::File(id) => self.files[*id].current.len() as u64,
            Node::Folder => 0,
        };
        self.names.values().map(size).sum()
    }

    /// How many of the bytes that a write adds have room.
    fn room(&self, adds: u64) -> u64 {
        self.capacity.map_or(adds, |capacity| capacity.saturating_sub(self.used()).min(adds))
    }
}

impl Disk for FaultDisk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        let missing: Vec<PathBuf> = {
            let state = self.state();
            state.alive()?;
            let is_missing = |path: &&Path| !state.names.contains_key(*path);
            folder.ancestors().filter(is_missing).map(Path::to_owned).collect()
        };
        for path in missing.into_iter().rev().filter(|path| path.parent().is_some()) {
            self.change(|_| Ok(Op::Put(path, Node::Folder)))?;
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Result<Box<dyn Held>, Option<u32>>> {
        let mut state = self.state();
        state.alive()?;
        if state.locks.contains_key(path) {
            return Ok(Err(Some(std::process::id())));
        }
        state.locks_taken += 1;
        let number = state.locks_taken;
        state.locks.insert(path.to_owned(), number);
        drop(state);
        Ok(Ok(Box::new(FaultLock { disk: self.clone(), path: path.to_owned(), number })))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let id = {
            let mut state = self.state();
            state.files.push(Image::default());
            state.files.len() - 1
        };
        self.change(|state| {
            let parent = path.parent().unwrap_or(Path::new(""));
            match state.names.get(parent) {
                Some(Node::Folder) => Ok(Op::Put(path.to_owned(), Node::File(id))),
                _ => Err(ErrorKind::NotFound.into()),
            }
        })?;
        self.handle(path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.handle(path)
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.handle(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let state = self.state();
        state.alive()?;
        if !matches!(state.names.get(folder), Some(Node::Folder)) {
            return Err(ErrorKind::NotFound.into());
        }
        let entry = |(path, node): (&PathBuf, &Node)| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            let (length, is_folder) = match node {
                Node::File(id) => (state.files[*id].current.len() as u64, false),
                Node::Folder => (0, true),
            };
            (path.parent() == Some(folder)).then_some(Entry { name, length, is_folder })
        };
        Ok(state.names.iter().filter_map(entry).collect())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(|state| state.file(path).map(|_| Op::Remove(path.to_owned())))
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.change(|state| match state.names.get(folder) {
            Some(Node::Folder) => Ok(Op::Remove(folder.to_owned())),
            _ => Err(ErrorKind::NotFound.into()),
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|state| match state.names.get(from) {
            Some(_) => Ok(Op::Rename(from.to_owned(), to.to_owned())),
            None => Err(ErrorKind::NotFound.into()),
        })
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        if let Outcome::Fail(_, error) = state.step() {
            return Err(error);
        }
        // A file system with a log makes what came before durable as well.
        let count = state.log.iter().rposition(|op| op.touches(folder)).map_or(0, |last| last + 1);
        let mut names = std::mem::take(&mut state.durable_names);
        state.log.drain(..count).for_each(|op| op.apply(&mut names));
        state.durable_names = names;
        Ok(())
    }

    fn space(&self, _folder: &Path) -> io::Result<Space> {
        let state = self.state();
        state.alive()?;
        let total = state.capacity.unwrap_or(1 << 40);
        Ok(Space { total, available: total.saturating_sub(state.used()) })
    }
}

#[derive(Debug)]
struct FaultFile {
    disk: FaultDisk,
    file: usize,
    path: PathBuf,
}

impl DiskFile for FaultFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let (wanted, error) = match state.step() {
            Outcome::Do => (bytes.len(), None),
            Outcome::Fail(written, error) => (written.unwrap_or(0).min(bytes.len()), Some(error)),
        };
        let length = state.files[self.file].current.len() as u64;
        let adds = (offset + wanted as u64).saturating_sub(length);
        let missing = usize::try_from(adds - state.room(adds)).unwrap_or(0);
        state.files[self.file].write(&bytes[..wanted - missing.min(wanted)], offset);
        match error {
            Some(error) => Err(error),
            None if missing > 0 => Err(ErrorKind::StorageFull.into()),
            None => Ok(()),
        }
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        state.alive()?;
        let end = offset + bytes.len() as u64;
        let is_bad = |(path, bad): &(PathBuf, Range<u64>)| {
            *path == self.path && bad.start < end && offset < bad.end
        };
        if state.bad.iter().any(is_bad) {
            return Err(io::Error::other("bad sector"));
        }
        Ok(state.files[self.file].read(bytes, offset))
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        match state.step() {
            Outcome::Do => state.files[self.file].truncate(length),
            Outcome::Fail(_, error) => return Err(error),
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        match state.step() {
            Outcome::Do => state.files[self.file].sync(),
            Outcome::Fail(_, error) => {
                state.files[self.file].doubt();
                return Err(error);
            }
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        let state = self.disk.state();
        state.alive()?;
        Ok(state.files[self.file].current.len() as u64)
    }
}

#[derive(Debug)]
struct FaultLock {
    disk: FaultDisk,
    path: PathBuf,
    number: u64,
}

impl Held for FaultLock {}

impl Drop for FaultLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.locks.get(&self.path) == Some(&self.number) {
            state.locks.remove(&self.path);
        }
    }
}
