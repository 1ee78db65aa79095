//! Remote write as a sender encodes it.

/// Appends a varint.
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a field of bytes.
pub(crate) fn bytes(out: &mut Vec<u8>, number: u64, content: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// One `TimeSeries`.
#[derive(Debug, Default)]
pub(crate) struct Series<'a> {
    pub(crate) labels: &'a [(&'a str, &'a str)],
    pub(crate) samples: &'a [(i64, f64)],
    pub(crate) exemplars: usize,
    pub(crate) histograms: usize,
}

impl Series<'_> {
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in self.labels {
            let mut label = Vec::new();
            bytes(&mut label, 1, name.as_bytes());
            bytes(&mut label, 2, value.as_bytes());
            bytes(&mut out, 1, &label);
        }
        for (time, value) in self.samples {
            let mut sample = vec![0x09];
            sample.extend(value.to_le_bytes());
            sample.push(0x10);
            varint(&mut sample, time.cast_unsigned());
            bytes(&mut out, 2, &sample);
        }
        (0..self.exemplars).for_each(|_| bytes(&mut out, 3, b""));
        (0..self.histograms).for_each(|_| bytes(&mut out, 4, b""));
        out
    }
}

/// A `WriteRequest` of encoded series.
pub(crate) fn request(series: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    series.iter().for_each(|one| bytes(&mut out, 1, one));
    out
}

/// As it goes over the wire.
pub(crate) fn snappy(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).unwrap()
}
