//! What the C calls write, as values: return codes, texts, ids, lists whose length is not known.

use std::ffi::CStr;
use std::os::raw::{c_char, c_uint};

use nvml_wrapper_sys::bindings::nvmlReturn_t;

use crate::nvml::{FieldValue, Result, Return};

/// Longest string that any of the calls writes (`NVML_DEVICE_UUID_V2_BUFFER_SIZE` and others: 96).
const TEXT: c_uint = 96;
/// A list can grow between two calls; one that grows this often is given up.
const TRIES: u32 = 5;
/// Longest list that is read: far above what a driver holds, and a bound on a broken answer.
pub(super) const LONGEST: c_uint = 1 << 20;

pub(super) const fn check(code: nvmlReturn_t) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(Return(code)) }
}

pub(super) fn text(buffer: &[c_char]) -> String {
    let bytes: Vec<u8> = buffer.iter().map(|byte| byte.to_ne_bytes()[0]).collect();
    let bytes = CStr::from_bytes_until_nul(&bytes).map_or(&bytes[..], CStr::to_bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) fn text_by(write: impl FnOnce(*mut c_char, c_uint) -> Result<()>) -> Result<String> {
    let mut buffer = [0; TEXT as usize];
    write(buffer.as_mut_ptr(), TEXT)?;
    Ok(text(&buffer))
}

/// All ones stand for "none" in NVML's ids.
pub(super) fn some_id(id: u32) -> Option<u32> {
    (id != u32::MAX).then_some(id)
}

pub(super) fn some_bytes(bytes: u64) -> Option<u64> {
    (bytes != u64::MAX).then_some(bytes)
}

/// Read a list whose length is known only by asking: again with more room while it did not fit.
pub(super) fn list<T: Clone>(
    mut room: c_uint,
    empty: &T,
    mut read: impl FnMut(*mut T, &mut c_uint) -> Result<()>,
) -> Result<Vec<T>> {
    for _ in 0..TRIES {
        let mut entries = vec![empty.clone(); room as usize];
        let mut count = room;
        match read(entries.as_mut_ptr(), &mut count) {
            Ok(()) => {
                entries.truncate(count as usize);
                return Ok(entries);
            }
            Err(Return::INSUFFICIENT_SIZE) if room < LONGEST => {
                // Some driver versions leave the count at what was given.
                let wanted = count.max(room.saturating_mul(2));
                room = wanted.saturating_add(wanted / 4).min(LONGEST);
            }
            Err(code) => return Err(code),
        }
    }
    Err(Return::INSUFFICIENT_SIZE)
}

/// The value by its type word, `nvmlValueType_t`: double 0, unsigned int 1, unsigned long 2,
/// unsigned long long 3, signed long long 4, signed int 5, unsigned short 6.
pub(super) fn field_value(kind: u32, raw: u64) -> Result<FieldValue> {
    let [a, b, c, d, ..] = raw.to_ne_bytes();
    match kind {
        0 => Ok(FieldValue::Double(f64::from_bits(raw))),
        1 => Ok(FieldValue::UnsignedInt(u32::from_ne_bytes([a, b, c, d]))),
        2 | 3 => Ok(FieldValue::UnsignedLongLong(raw)),
        4 => Ok(FieldValue::SignedLongLong(raw.cast_signed())),
        5 => Ok(FieldValue::SignedInt(i32::from_ne_bytes([a, b, c, d]))),
        6 => Ok(FieldValue::UnsignedInt(u32::from(u16::from_ne_bytes([a, b])))),
        _ => Err(Return::UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_grows_between_two_calls_is_read_again_with_more_room() {
        let mut rooms = Vec::new();
        let read = list(4, &0_u32, |to, count| {
            rooms.push(*count);
            let wanted = 100;
            if *count < wanted {
                *count = wanted - 20;
                return Err(Return::INSUFFICIENT_SIZE);
            }
            // SAFETY: the list has room for `*count` entries.
            unsafe { to.write(7) };
            *count = 1;
            Ok(())
        });
        assert_eq!(read, Ok(vec![7]));
        assert_eq!(rooms, [4, 100]);
    }

    #[test]
    fn a_list_that_never_fits_is_given_up() {
        let mut tries = 0;
        let read = list(4, &0_u32, |_, _| {
            tries += 1;
            Err(Return::INSUFFICIENT_SIZE)
        });
        assert_eq!((read, tries), (Err(Return::INSUFFICIENT_SIZE), TRIES));
    }

    #[test]
    fn a_count_beyond_the_room_reads_no_further_than_the_room() {
        let read = list(2, &0_u32, |_, count| {
            *count = 9;
            Ok(())
        });
        assert_eq!(read, Ok(vec![0, 0]));
    }

    #[test]
    fn text_ends_at_the_first_nul_and_broken_text_is_kept_readable() {
        let bytes =
            |text: &[u8]| text.iter().map(|b| c_char::from_ne_bytes([*b])).collect::<Vec<_>>();
        assert_eq!(text(&bytes(b"GPU-1\0junk")), "GPU-1");
        assert_eq!(text(&bytes(b"no end")), "no end");
        assert_eq!(text(&bytes(b"\xff\0")), "\u{fffd}");
    }

    #[test]
    fn a_field_value_is_read_by_its_type_word() {
        let minus_one = u64::from((-1_i32).cast_unsigned());
        assert_eq!(field_value(0, 0.5_f64.to_bits()), Ok(FieldValue::Double(0.5)));
        assert_eq!(field_value(5, minus_one), Ok(FieldValue::SignedInt(-1)));
        assert_eq!(field_value(3, 7 << 40), Ok(FieldValue::UnsignedLongLong(7 << 40)));
        assert_eq!(field_value(99, 0), Err(Return::UNKNOWN));
    }
}
