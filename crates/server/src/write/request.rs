//! Remote write 1.0's message, read into a batch that borrows from it.
//!
//! Labels go in as the bytes they came in: a sender repeats them in every request, and the store
//! reads them only when it has not seen them.

use store::Batch;

use super::metadata::{Metadata, kind_numbered};
use super::protobuf::{DecodeError, Field, Fields};

/// Key of `TimeSeries.labels` on the wire: field 1, bytes.
const LABEL_KEY: u8 = 0x0a;

/// What a request held besides samples that are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) native_histograms: u64,
    pub(crate) exemplars: u64,
}

/// A batch that reads labels of remote write.
pub(crate) fn batch<'a>() -> Batch<'a> {
    Batch::with_reader(read_labels)
}

/// Reads `WriteRequest` into `batch`; stops at more than `most` samples.
pub(crate) fn read<'a>(
    body: &'a [u8],
    most: usize,
    batch: &mut Batch<'a>,
    metadata: &Metadata,
) -> Result<Left, DecodeError> {
    let mut left = Left::default();
    let mut fields = Fields(body);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => series(field.bytes()?, batch, &mut left)?,
            3 => describe(field.bytes()?, metadata)?,
            _ => {}
        }
        if batch.samples() > most || batch.rows() > most {
            return Err(DecodeError::TooMany(most));
        }
    }
    Ok(left)
}

fn series<'a>(
    message: &'a [u8],
    batch: &mut Batch<'a>,
    left: &mut Left,
) -> Result<(), DecodeError> {
    let mut fields = Fields(message);
    while fields.0.first() == Some(&LABEL_KEY) {
        fields.next()?;
    }
    let labels = &message[..message.len() - fields.0.len()];
    let (mut samples, mut late_labels) = (0_usize, false);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => late_labels = true,
            2 => {
                let (time, value) = sample(field.bytes()?)?;
                batch.sample(time, value);
                samples += 1;
            }
            3 => left.exemplars += 1,
            4 => left.native_histograms += 1,
            _ => {}
        }
    }
    if late_labels {
        each_label(message, |name, value| batch.label(name, value))?;
    } else {
        batch.raw(labels);
    }
    // Exemplars or histograms alone: the row says nothing.
    if samples > 0 || (left.native_histograms == 0 && left.exemplars == 0) {
        batch.end_row();
    }
    Ok(())
}

fn sample(message: &[u8]) -> Result<(i64, f64), DecodeError> {
    let (mut time, mut value) = (0, 0.0);
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => value = field.double()?,
            2 => time = field.int64()?,
            _ => {}
        }
    }
    Ok((time, value))
}

fn each_label<'a>(
    message: &'a [u8],
    mut each: impl FnMut(&'a str, &'a str),
) -> Result<(), DecodeError> {
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        if field.number == 1 {
            let (name, value) = label(&field)?;
            each(name, value);
        }
    }
    Ok(())
}

fn label<'a>(field: &Field<'a>) -> Result<(&'a str, &'a str), DecodeError> {
    let (mut name, mut value) = ("", "");
    let mut fields = Fields(field.bytes()?);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}

fn read_labels<'b>(raw: &'b [u8], into: &mut Vec<(&'b str, &'b str)>) -> Result<(), &'static str> {
    each_label(raw, |name, value| into.push((name, value))).map_err(|problem| match problem {
        DecodeError::NotText(_) => "a name or value is not UTF-8",
        _ => "they are not protocol buffers",
    })?;
    let named = into.iter().any(|(name, value)| *name == "__name__" && !value.is_empty());
    if named || into.is_empty() { Ok(()) } else { Err("the metric has no name") }
}

fn describe(message: &[u8], metadata: &Metadata) -> Result<(), DecodeError> {
    let (mut kind, mut name, mut help, mut unit) = (0, "", "", "");
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => kind = field.int64()?,
            2 => name = field.text()?,
            4 => help = field.text()?,
            5 => unit = field.text()?,
            _ => {}
        }
    }
    if !name.is_empty() {
        metadata.describe(name, kind_numbered(kind), help, unit);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
