//! Unpacking zstd frames, with a context per thread: making one costs more than most frames do.

use std::cell::RefCell;

use zstd::bulk::Decompressor;

thread_local! {
    static CONTEXT: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Fills `into`, all of it, with what a frame holds; false where it is damaged or holds another
/// number of bytes.
pub(crate) fn unpack(frame: &[u8], into: &mut [u8]) -> bool {
    CONTEXT.with_borrow_mut(|kept| {
        let context = match kept {
            Some(context) => context,
            None => match Decompressor::new() {
                Ok(context) => kept.insert(context),
                Err(_) => return false,
            },
        };
        context.decompress_to_buffer(frame, into).is_ok_and(|found| found == into.len())
    })
}
