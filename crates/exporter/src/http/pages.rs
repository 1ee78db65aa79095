//! The page of the newest pass, made at most once per pass and only when asked for.

use std::io::Write;
use std::sync::{Mutex, PoisonError, TryLockError};

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::page::{self, Style};
use crate::{Parts, Snapshot};

/// Pages and what they are made with.
#[derive(Debug)]
pub(super) struct Pages {
    parts: Parts,
    style: Style,
    made: Mutex<Made>,
}

/// The newest page, in the forms that were asked for.
#[derive(Debug, Default)]
struct Made {
    number: u64,
    plain: Bytes,
    gzip: Option<Bytes>,
}

impl Pages {
    pub(super) fn new(parts: Parts, style: Style) -> Self {
        Self { parts, style, made: Mutex::default() }
    }

    /// The page of that pass, if it is made and nobody is just making another.
    pub(super) fn ready(&self, number: u64, gzip: bool) -> Option<Bytes> {
        let made = match self.made.try_lock() {
            Ok(made) => made,
            Err(TryLockError::Poisoned(made)) => made.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        if made.number != number {
            return None;
        }
        if gzip { made.gzip.clone() } else { Some(made.plain.clone()) }
    }

    /// The page of that pass; those who ask at the same time wait for one making.
    pub(super) fn page(&self, snapshot: &Snapshot, gzip: bool) -> Bytes {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.number < snapshot.number {
            let plain = page::render(snapshot, self.parts, &self.style);
            *made = Made { number: snapshot.number, plain: plain.into(), gzip: None };
        }
        if !gzip {
            return made.plain.clone();
        }
        let plain = made.plain.clone();
        made.gzip.get_or_insert_with(|| compressed(&plain)).clone()
    }
}

/// Fast: a page shrinks to a tenth at every level, and higher ones only cost time.
fn compressed(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
    // Writing into memory cannot fail.
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default().into()
}
