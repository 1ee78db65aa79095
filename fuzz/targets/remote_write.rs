//! Bodies of remote write as anybody may send them: taken or refused, within bounds. The input is the
//! message; half of the runs send it as it is, where it is hardly ever snappy.

#![no_main]
#![expect(clippy::unwrap_used, reason = "a target fails by panicking")]

use std::cell::RefCell;
use std::sync::Arc;

use journal::faulty::FaultDisk;
use server::{App, Config};
use store::{Options, Store};

/// Bodies that one store takes: it lies in memory.
const BODIES: u32 = 500;

thread_local! {
    static APP: RefCell<Option<(App, u32)>> = const { RefCell::new(None) };
}

fn fresh() -> App {
    let disk = Arc::new(FaultDisk::new());
    let (store, _) = Store::open(disk, Options::new("/data"), 1_795_550_400_000).unwrap();
    App::new(Arc::new(store), Config::default())
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    APP.with_borrow_mut(|slot| {
        let (app, left) = slot.get_or_insert_with(|| (fresh(), BODIES));
        let compressed = snap::raw::Encoder::new().compress_vec(input).unwrap();
        let body =
            if input.first().is_some_and(|first| first & 1 == 1) { input } else { &compressed };
        let status = app.remote_write(body.to_vec()).status().as_u16();
        assert!([204, 400, 413].contains(&status), "status {status}");
        *left -= 1;
        if *left == 0 {
            *slot = None;
        }
    });
});
