//! Samples on disk: log, head, blocks, index, retention.
//!
//! [`Store::append`] checks a [`Batch`], writes it to a journal, and only then keeps it in the head,
//! where the last hours of every series lie compressed in memory. [`Store::maintain`] writes windows
//! of two hours as immutable blocks and drops what is past retention. Reading joins both:
//! [`model::series::SeriesSource`] for queries, [`Store::latest`] for what is now.
//!
//! It has no thread, no clock and no network: the owner passes `now_ms` and calls
//! [`Store::maintain`] every 100 ms to 1 s. The bytes are described in `docs/formats/wal.md` and
//! `docs/formats/block.md`.

mod batch;
mod bits;
mod block;
mod cache;
mod counters;
mod damage;
mod decimal;
mod error;
mod hash;
mod head;
mod lists;
mod lock;
mod maintain;
mod matching;
mod open;
mod options;
mod outcome;
mod packed;
mod pairs;
mod select;
mod stats;
mod store;
mod varint;
mod verify;
mod view;
mod wal;
mod window;
mod writer;

pub use journal::{Disk, RealDisk};

pub use batch::{Batch, ReadLabels};
pub use error::{AppendError, CloseError, OpenError};
pub use options::{Fsync, Limits, Options};
pub use outcome::{Appended, Latest, Listing, Reason, Refused, Report, SeriesRef, Stats};
pub use store::Store;
pub use verify::verify;
