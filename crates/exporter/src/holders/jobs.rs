//! Files of a batch system: which job runs on which GPU.
//!
//! A folder with a file for each GPU (`0`) or GPU instance (`0.9`), one job id a line. It is looked
//! at on a thread of its own, as it may lie on a file system that hangs; what was found is published
//! whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use model::Stop;

use super::ids::number;

/// Files are looked at that often; one that changed is read.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// All files are read that often, changed or not.
const READ_EVERY: Duration = Duration::from_secs(10);
/// Most names of the folder that are looked at.
const MOST_NAMES: usize = 4096;
/// Most files that are read: 16 GPUs with 7 instances, twice.
const MOST_FILES: usize = 256;
/// Most bytes of a file.
const MOST_BYTES: u64 = 64 << 10;
/// Most jobs on one GPU: each repeats all its samples.
const MOST_JOBS: usize = 64;
/// Longest job id.
const LONGEST_ID: usize = 256;

/// A GPU by index, and one of its GPU instances.
pub type Place = (u32, Option<u32>);

/// Who runs where, as the files say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Jobs {
    /// Whether the folder is there.
    pub is_there: bool,
    /// Job ids in the order of their files, each once.
    pub by_place: BTreeMap<Place, Vec<String>>,
    /// Jobs and files that were left out, as they are too many or too long.
    pub left_out: usize,
}

/// Where the newest is found.
#[derive(Debug, Clone, Default)]
pub struct Handle(Arc<ArcSwap<Jobs>>);

impl Handle {
    /// The newest, without waiting.
    pub fn newest(&self) -> Arc<Jobs> {
        self.0.load_full()
    }

    /// Publish, in the place of the watcher.
    pub(crate) fn publish(&self, jobs: Jobs) {
        self.0.store(Arc::new(jobs));
    }
}

/// Watch a folder until `stop` is set.
///
/// # Errors
/// The system gives no thread.
pub fn watch(folder: PathBuf, handle: Handle, stop: Arc<Stop>) -> io::Result<()> {
    let watch = move || {
        let mut watcher = Watcher { folder, seen: BTreeMap::new(), read: None };
        loop {
            if let Some(jobs) = watcher.look(Instant::now()) {
                publish(&handle, &watcher.folder, jobs);
            }
            if stop.wait(LOOK_EVERY) {
                return;
            }
        }
    };
    thread::Builder::new().name("jobs".to_owned()).spawn(watch).map(drop)
}

fn publish(handle: &Handle, folder: &Path, jobs: Jobs) {
    let before = handle.newest();
    if *before == jobs {
        return;
    }
    if jobs.left_out > before.left_out {
        let left_out = jobs.left_out;
        tracing::warn!(folder = %folder.display(), left_out, "more job files, jobs or bytes than are read");
    }
    handle.0.store(Arc::new(jobs));
}

/// What was seen of a file, to know whether it changed.
type Seen = (u64, u64, i64, i64);

struct Watcher {
    folder: PathBuf,
    seen: BTreeMap<Place, Seen>,
    read: Option<Instant>,
}

impl Watcher {
    /// Look, and read everything if a file changed or it is time.
    fn look(&mut self, now: Instant) -> Option<Jobs> {
        let (files, left_out) = files(&self.folder).unwrap_or_default();
        let seen: BTreeMap<Place, Seen> =
            files.iter().map(|(place, (_, seen))| (*place, *seen)).collect();
        let is_due = self.read.is_none_or(|read| now.duration_since(read) >= READ_EVERY);
        if !is_due && seen == self.seen {
            return None;
        }
        (self.seen, self.read) = (seen, Some(now));
        let mut jobs = Jobs { is_there: self.folder.is_dir(), left_out, ..Jobs::default() };
        for (place, (path, _)) in files {
            let (ids, left_out) = read(&path).unwrap_or_else(|cause| {
                tracing::debug!(path = %path.display(), %cause, "a job file cannot be read");
                (Vec::new(), 0)
            });
            jobs.left_out += left_out;
            if !ids.is_empty() {
                jobs.by_place.insert(place, ids);
            }
        }
        Some(jobs)
    }
}

type Files = BTreeMap<Place, (PathBuf, Seen)>;

/// The regular files of the folder that are named as a GPU is.
fn files(folder: &Path) -> io::Result<(Files, usize)> {
    let (mut files, mut left_out) = (Files::new(), 0);
    for entry in fs::read_dir(folder)?.take(MOST_NAMES).flatten() {
        let Some(place) = entry.file_name().to_str().and_then(place) else { continue };
        let Ok(facts) = fs::metadata(entry.path()) else { continue };
        if !facts.is_file() {
            continue;
        }
        if files.len() == MOST_FILES {
            left_out += 1;
            continue;
        }
        let seen = (facts.ino(), facts.len(), facts.mtime(), facts.mtime_nsec());
        files.insert(place, (entry.path(), seen));
    }
    Ok((files, left_out))
}

/// `<gpu>` or `<gpu>.<gpu instance>`, written as numbers are printed.
fn place(name: &str) -> Option<Place> {
    let (gpu, instance) = match name.split_once('.') {
        Some((gpu, instance)) => (gpu, Some(instance)),
        None => (name, None),
    };
    let plain = |text: &str| number(text).filter(|number| number.to_string() == text);
    match instance {
        Some(instance) => Some((plain(gpu)?, Some(plain(instance)?))),
        None => Some((plain(gpu)?, None)),
    }
}

fn read(path: &Path) -> io::Result<(Vec<String>, usize)> {
    // It may have become a pipe since it was looked at: opening must not wait for a writer.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    let mut left_out = 0;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST_BYTES {
        // The last line is cut somewhere: not a job id any more.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        bytes.truncate(whole);
        left_out = 1;
    }
    let mut ids: Vec<String> = Vec::new();
    for id in String::from_utf8_lossy(&bytes).lines().map(str::trim) {
        if id.is_empty() || ids.iter().any(|known| known == id) {
            continue;
        }
        if id.len() > LONGEST_ID || ids.len() == MOST_JOBS {
            left_out += 1;
        } else {
            ids.push(id.to_owned());
        }
    }
    Ok((ids, left_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watcher(folder: &Path) -> Watcher {
        Watcher { folder: folder.to_owned(), seen: BTreeMap::new(), read: None }
    }

    #[test]
    fn files_named_as_gpus_are_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
        write("0", b"4711\n\n 4712 \n4711\n");
        write("1.9", b"77");
        write("2", b"\n \n");
        write("3", b"bad \xff id\n");
        for other in ["x", "00", "0.", ".1", "1.9.1", "+1", "job-0", "0.json", "99999999999"] {
            write(other, b"1\n");
        }
        fs::create_dir(folder.path().join("4")).unwrap();
        let jobs = watcher(folder.path()).look(Instant::now()).unwrap();
        let of = |place: &Place| jobs.by_place.get(place).cloned().unwrap_or_default();
        assert_eq!(of(&(0, None)), ["4711", "4712"]);
        assert_eq!(of(&(1, Some(9))), ["77"]);
        assert_eq!(of(&(3, None)), ["bad \u{fffd} id"]);
        assert_eq!((jobs.by_place.len(), jobs.left_out, jobs.is_there), (3, 0, true));
    }

    #[test]
    fn a_change_is_read_at_once_and_everything_every_ten_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("0");
        fs::write(&file, "1\n").unwrap();
        let mut watcher = watcher(folder.path());
        let start = Instant::now();
        assert!(watcher.look(start).is_some());
        assert_eq!(watcher.look(start + Duration::from_secs(1)), None);
        fs::write(&file, "1\n2\n").unwrap();
        let jobs = watcher.look(start + Duration::from_secs(2)).unwrap();
        assert_eq!(jobs.by_place[&(0, None)], ["1", "2"]);
        fs::remove_file(&file).unwrap();
        let jobs = watcher.look(start + Duration::from_secs(3)).unwrap();
        assert!(jobs.by_place.is_empty());
        assert_eq!(watcher.look(start + Duration::from_secs(12)), None);
        assert!(watcher.look(start + Duration::from_secs(13)).is_some());
    }

    #[test]
    fn a_missing_folder_is_no_job_and_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let jobs = watcher(&folder.path().join("none")).look(Instant::now()).unwrap();
        assert_eq!(jobs, Jobs::default());
    }

    #[test]
    fn too_many_jobs_and_a_file_without_end_are_cut_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let many: String = (0..MOST_JOBS + 3).map(|job| format!("{job}\n")).collect();
        fs::write(folder.path().join("0"), many).unwrap();
        fs::write(folder.path().join("1"), vec![b'x'; 200_000]).unwrap();
        let jobs = watcher(folder.path()).look(Instant::now()).unwrap();
        assert_eq!(jobs.by_place[&(0, None)].len(), MOST_JOBS);
        assert!(!jobs.by_place.contains_key(&(1, None)));
        assert_eq!(jobs.left_out, 4);
    }
}
