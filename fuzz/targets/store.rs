//! Files of a store with other bytes in them: it opens or says why not, answers, and can be written.

#![no_main]
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a target fails by panicking")]

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use journal::faulty::FaultDisk;
use model::series::{Samples, SeriesSource};
use store::{Batch, Options, Store};

/// A moment with whole windows behind it, in ms.
const NOW: i64 = 1_795_550_400_000;
const MINUTE: i64 = 60_000;

/// A store with a log, and with blocks of the windows before: its files.
static TEMPLATE: LazyLock<Vec<(PathBuf, Vec<u8>)>> = LazyLock::new(|| {
    let disk = FaultDisk::new();
    let (store, _) = Store::open(Arc::new(disk.clone()), Options::new("/data"), NOW).unwrap();
    for round in 0..300 {
        let at = NOW - (300 - round) * MINUTE;
        let mut batch = Batch::default();
        for gpu in ["0", "1", "2"] {
            batch.push([("__name__", "util"), ("gpu", gpu)], [(at, (round % 7) as f64 + 0.25)]);
        }
        store.append(NOW, &batch).unwrap();
    }
    for step in 0..20 {
        store.maintain(NOW + step * 1000);
    }
    store.close(NOW + MINUTE).unwrap();
    disk.paths().into_iter().map(|path| (path.clone(), disk.bytes(&path))).collect()
});

// The first byte chooses a file, the next two a place in it; the rest goes there, or is the file.
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let [which, low, high, rest @ ..] = input else { return };
    let disk = FaultDisk::new();
    let chosen = usize::from(*which) % TEMPLATE.len();
    for (at, (path, bytes)) in TEMPLATE.iter().enumerate() {
        let mut bytes = bytes.clone();
        if at == chosen {
            let start = usize::from(u16::from_le_bytes([*low, *high])) % (bytes.len() + 1);
            if which & 0x80 != 0 {
                bytes = rest.to_vec();
            } else {
                let end = (start + rest.len()).min(bytes.len());
                bytes[start..end].copy_from_slice(&rest[..end - start]);
            }
        }
        disk.put(path, &bytes);
    }
    let Ok((store, _)) = Store::open(Arc::new(disk.clone()), Options::new("/data"), NOW) else {
        return;
    };
    for series in store.select(&[], i64::MIN, i64::MAX).unwrap() {
        let mut samples = Samples::default();
        let _ = series.read(i64::MIN, i64::MAX, &mut samples);
        assert!(samples.times.windows(2).all(|pair| pair[0] < pair[1]), "out of order");
        let _ = series.labels();
    }
    let mut batch = Batch::default();
    batch.push([("__name__", "after")], [(NOW, 1.0)]);
    let _ = store.append(NOW, &batch);
    store.maintain(NOW + MINUTE);
});
