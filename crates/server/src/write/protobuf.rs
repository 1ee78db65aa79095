//! The part of protocol buffers that remote write uses: a reader that borrows from the body.
//!
//! No code is generated and no message is built; the caller walks fields in the order they come.
//! Unknown fields are skipped, groups are refused.

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("the message ends in the middle of a field")]
    Truncated,
    #[error("a number is longer than 64 bits")]
    Overlong,
    #[error("field {0} has the wrong wire type")]
    WireType(u64),
    #[error("field number 0")]
    NoField,
    #[error("field {0} is not UTF-8")]
    NotText(u64),
    #[error("the message has more than {0} parts of one kind")]
    TooMany(usize),
}

/// A value as it stands on the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

/// A field: its number and value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u64,
    pub(crate) value: Wire<'a>,
}

impl<'a> Field<'a> {
    fn wrong<T>(&self) -> Result<T, DecodeError> {
        Err(DecodeError::WireType(self.number))
    }

    pub(crate) fn bytes(&self) -> Result<&'a [u8], DecodeError> {
        if let Wire::Bytes(bytes) = self.value { Ok(bytes) } else { self.wrong() }
    }

    pub(crate) fn text(&self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::NotText(self.number))
    }

    pub(crate) fn double(&self) -> Result<f64, DecodeError> {
        if let Wire::Fixed64(bits) = self.value { Ok(f64::from_bits(bits)) } else { self.wrong() }
    }

    pub(crate) fn int64(&self) -> Result<i64, DecodeError> {
        if let Wire::Varint(value) = self.value { Ok(value.cast_signed()) } else { self.wrong() }
    }
}

/// Walks the fields of one message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next field, or nothing at the end.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, DecodeError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = key >> 3;
        if number == 0 {
            return Err(DecodeError::NoField);
        }
        let value = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(self.fixed64()?),
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => {
                self.take(4)?;
                Wire::Fixed32
            }
            _ => return Err(DecodeError::WireType(number)),
        };
        Ok(Some(Field { number, value }))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, DecodeError> {
        let (first, rest) = self.0.split_first().ok_or(DecodeError::Truncated)?;
        if *first < 0x80 {
            self.0 = rest;
            return Ok(u64::from(*first));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for (at, byte) in self.0.iter().enumerate().take(10) {
            // The tenth byte holds the last bit of 64.
            if at == 9 && *byte > 1 {
                return Err(DecodeError::Overlong);
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if *byte < 0x80 {
                self.0 = &self.0[at + 1..];
                return Ok(value);
            }
        }
        Err(if self.0.len() < 10 { DecodeError::Truncated } else { DecodeError::Overlong })
    }

    #[inline]
    fn fixed64(&mut self) -> Result<u64, DecodeError> {
        let (bytes, rest) = self.0.split_first_chunk::<8>().ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(bytes)
    }
}
