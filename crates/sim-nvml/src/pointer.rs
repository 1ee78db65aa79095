//! Pointers that a C caller handed in: where an answer goes and where a question is read.
//!
//! The types stand in the signatures of the exported functions in the place of C pointers. They
//! have no constructor, so a value always comes from a caller across the ABI, who promises what
//! NVML's documentation asks of him: a pointer is null, or valid for what its type says. Null is an
//! answer here (INVALID_ARGUMENT); everything else about a foreign pointer is the caller's word.

use std::ffi::c_char;

use gpu::nvml::{Result, Return};

/// Longest text read from a caller: bus ids and UUIDs are far shorter.
const MAX_TEXT: usize = 256;

/// Where one value, or an array of them, is written.
#[repr(transparent)]
#[derive(Debug)]
pub struct Out<T>(*mut T);

impl<T> Clone for Out<T> {
    fn clone(&self) -> Self {
        *self
    }
}

// A pointer can be copied whatever it points to; a derive would ask that of `T`.
impl<T> Copy for Out<T> {}

impl<T> Out<T> {
    /// Whether the caller passed null.
    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// Write one value; null is an invalid argument.
    pub(crate) fn put(self, value: T) -> Result<()> {
        self.put_at(0, value)
    }

    /// Write all values in a row into the caller's array, which holds that many.
    pub(crate) fn put_all(self, values: impl IntoIterator<Item = T>) -> Result<()> {
        values.into_iter().enumerate().try_for_each(|(index, value)| self.put_at(index, value))
    }

    fn put_at(self, index: usize, value: T) -> Result<()> {
        if self.0.is_null() {
            return Err(Return::INVALID_ARGUMENT);
        }
        // SAFETY: not null, so by NVML's contract valid for writes of as many values as the caller
        // said; those who pass an index above 0 checked it against that number. Unaligned, because
        // C callers pack structures at will.
        unsafe { self.0.add(index).write_unaligned(value) };
        Ok(())
    }
}

impl Out<c_char> {
    /// Write a text with its closing NUL into a buffer of `length` bytes.
    pub(crate) fn put_text(self, length: u32, text: &str) -> Result<()> {
        if self.is_null() {
            return Err(Return::INVALID_ARGUMENT);
        }
        if text.len() >= length as usize {
            return Err(Return::INSUFFICIENT_SIZE);
        }
        self.put_all(text.bytes().chain([0]).map(u8::cast_signed))
    }
}

/// A value that is read first and written then: a count, or a structure with a version word.
#[repr(transparent)]
#[derive(Debug, Clone, Copy)]
pub struct InOut<T>(*mut T);

impl<T: Copy> InOut<T> {
    /// What the caller put there; null is an invalid argument.
    pub(crate) fn read(self) -> Result<T> {
        self.at(0)
    }

    /// One element of the caller's array, which holds more than `index`.
    pub(crate) fn at(self, index: usize) -> Result<T> {
        if self.0.is_null() {
            return Err(Return::INVALID_ARGUMENT);
        }
        // SAFETY: not null, so by NVML's contract valid for reads of as many values as the caller
        // said, and `index` is below that.
        Ok(unsafe { self.0.add(index).read_unaligned() })
    }

    /// The first word, where the versioned structures of NVML name their version. The rest of the
    /// structure must not be touched before it is known: an older one is shorter.
    pub(crate) fn version(self) -> Result<u32> {
        InOut(self.0.cast::<u32>()).read()
    }

    /// The same place, to write.
    pub(crate) fn out(self) -> Out<T> {
        Out(self.0)
    }

    /// Write one element of the caller's array, which holds more than `index`.
    pub(crate) fn put_at(self, index: usize, value: T) -> Result<()> {
        self.out().put_at(index, value)
    }

    /// The part of the caller's memory that begins `bytes` further: an array behind a header.
    pub(crate) fn behind<U: Copy>(self, bytes: usize) -> InOut<U> {
        InOut(self.0.wrapping_byte_add(bytes).cast())
    }

    /// The version word must be this one.
    pub(crate) fn expect_version(self, version: u32) -> Result<()> {
        match self.version()? {
            given if given == version => Ok(()),
            _ => Err(Return::ARGUMENT_VERSION_MISMATCH),
        }
    }
}

/// NVML's version word of a structure: its size, and its number in the top byte.
pub(crate) const fn version_word<T>(number: u32) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "no structure of NVML is near 16 MiB")]
    let size = size_of::<T>() as u32;
    size | (number << 24)
}

/// A structure's pointer member, as a place to write an array.
pub(crate) fn member<T>(pointer: *mut T) -> Out<T> {
    Out(pointer)
}

/// A text from the caller.
#[repr(transparent)]
#[derive(Debug, Clone, Copy)]
pub struct Text(*const c_char);

impl Text {
    /// The text up to its NUL; null, unending and non-ASCII texts are invalid arguments.
    pub(crate) fn read(self) -> Result<String> {
        if self.0.is_null() {
            return Err(Return::INVALID_ARGUMENT);
        }
        let mut text = String::new();
        for index in 0..MAX_TEXT {
            // SAFETY: not null, so by NVML's contract a string that ends with NUL; the bytes before
            // this one were not NUL.
            let byte = unsafe { self.0.add(index).read() }.cast_unsigned();
            match byte {
                0 => return Ok(text),
                1..=127 => text.push(char::from(byte)),
                _ => break,
            }
        }
        Err(Return::INVALID_ARGUMENT)
    }
}

/// The two-step list of NVML: `count` says how many fit `buffer` and is set to how many there are;
/// too few, or no buffer, is INSUFFICIENT_SIZE, and the caller asks again.
pub(crate) fn put_list<T>(
    count: InOut<u32>,
    buffer: Out<T>,
    items: impl ExactSizeIterator<Item = T>,
) -> Result<()> {
    let room = count.read()?;
    let needed = u32::try_from(items.len()).map_err(|_| Return::UNKNOWN)?;
    count.out().put(needed)?;
    if needed > room {
        return Err(Return::INSUFFICIENT_SIZE);
    }
    buffer.put_all(items)
}
