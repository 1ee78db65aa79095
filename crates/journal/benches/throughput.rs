//! What an append and a read cost, beside what the disk itself costs: `cargo bench -p journal`.
//!
//! It writes 2 GiB per line to `$TMPDIR` and takes CPU time of this thread from the kernel, so that a
//! busy machine changes little. No figure is checked here.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program for people")]

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::{Journal, Options, RealDisk};

const TOTAL: usize = 2 << 30;
/// Blocks, as the segments have them, are reused so that the volume is not filled.
const KEPT: u64 = 256 << 20;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for size in [256, 4 << 10, 64 << 10, 1 << 20, 16 << 20] {
        report("write(2) alone", size, || plain(folder.path(), size));
        report("append", size, || append(&folder.path().join("wal"), size));
    }
    let wal = folder.path().join("wal-read");
    let bytes = fill(&wal);
    let (journal, _) = open(&wal);
    let (wall, cpu) = timed(|| {
        let mut reader = journal.read(0);
        while reader.next_record().expect("a readable journal").is_some() {}
    });
    println!("{:<16} {:>9}  {}", "read", "64 KiB", figures(bytes, wall, cpu));
    drop(journal);
    let (wall, cpu) = timed(|| drop(open(&wal)));
    println!("open after 1 GiB: {:.1} ms, {:.1} ms CPU", ms(wall), ms(cpu));
}

fn open(wal: &Path) -> (Journal, journal::Recovery) {
    Journal::open(Arc::new(RealDisk), wal, Options::default(), 0).expect("a journal")
}

fn append(wal: &Path, size: usize) {
    let payload = vec![0x5a; size];
    let (mut journal, _) = open(wal);
    for _ in 0..TOTAL / size {
        let appended = journal.append(0, |_, _, batch| {
            batch.push(1, &payload);
        });
        let last = appended.expect("room on the disk").end - 1;
        if journal.stats().bytes > KEPT {
            journal.set_cursor("bench", last).expect("a cursor");
            journal.trim(0).expect("trimmed");
        }
    }
}

fn plain(folder: &Path, size: usize) {
    let payload = vec![0x5a; size];
    let mut file = File::create(folder.join("plain")).expect("a file");
    let mut offset = 0;
    for _ in 0..TOTAL / size {
        if offset > 32 << 20 {
            file = File::create(folder.join("plain")).expect("a file");
            offset = 0;
        }
        file.write_all_at(&payload, offset).expect("room on the disk");
        offset += size as u64;
    }
}

fn fill(wal: &Path) -> usize {
    let payload = vec![0x5a; 64 << 10];
    let (mut journal, _) = open(wal);
    let count = (1 << 30) / payload.len();
    for _ in 0..count {
        let appended = journal.append(0, |_, _, batch| {
            batch.push(1, &payload);
        });
        appended.expect("room on the disk");
    }
    count * payload.len()
}

fn report(name: &str, size: usize, work: impl FnOnce()) {
    let (wall, cpu) = timed(work);
    let size = if size < 1024 { format!("{size} B") } else { format!("{} KiB", size >> 10) };
    println!("{name:<16} {size:>9}  {}", figures(TOTAL, wall, cpu));
}

fn figures(bytes: usize, wall: Duration, cpu: Duration) -> String {
    let gib = f64::from(u32::try_from(bytes >> 20).unwrap_or(u32::MAX)) / 1024.0;
    let speed = gib * 1024.0 / wall.as_secs_f64();
    format!("{speed:>7.0} MiB/s  {:>6.3} CPU s/GiB", cpu.as_secs_f64() / gib)
}

fn timed(work: impl FnOnce()) -> (Duration, Duration) {
    let (began, cpu) = (Instant::now(), cpu_time());
    work();
    (began.elapsed(), cpu_time() - cpu)
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
