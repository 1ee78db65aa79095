//! Messages as Prometheus encodes them, and broken ones.

use proptest::prelude::*;

use super::*;
use crate::testing::wire::{Series, bytes, request, varint};

/// Labels of each row.
type Rows = Vec<Vec<(String, String)>>;

fn read_all(body: &[u8]) -> Result<(Rows, usize, Left), DecodeError> {
    let mut batch = batch();
    let left = read(body, 1_000, &mut batch, &Metadata::new(10))?;
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let rows = 0..batch.rows();
    let labels = rows.map(|row| batch.labels_of(row).into_iter().map(owned).collect());
    Ok((labels.collect(), batch.samples(), left))
}

fn series(samples: &[(i64, f64)]) -> Vec<u8> {
    let labels = [("__name__", "up"), ("gpu", "0")];
    Series { labels: &labels, samples, ..Series::default() }.encoded()
}

#[test]
fn series_come_with_their_labels_and_samples() {
    let body = request(&[series(&[(1, 0.5), (-2, f64::NAN)]), series(&[(3, 1.0)])]);
    let (labels, samples, left) = read_all(&body).unwrap();
    let expected = [("__name__", "up"), ("gpu", "0")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(labels, [expected.to_vec(), expected.to_vec()]);
    assert_eq!((samples, left), (3, Left::default()));
}

#[test]
fn labels_after_samples_are_read_too() {
    let mut late = Series { samples: &[(1, 1.0)], ..Series::default() }.encoded();
    late.extend(Series { labels: &[("__name__", "late")], ..Series::default() }.encoded());
    let (labels, samples, _) = read_all(&request(&[late])).unwrap();
    assert_eq!(labels, [[("__name__".to_owned(), "late".to_owned())]]);
    assert_eq!(samples, 1);
}

#[test]
fn native_histograms_and_exemplars_are_counted_and_make_no_row() {
    let only = Series { histograms: 2, ..Series::default() }.encoded();
    let beside = Series { samples: &[(1, 1.0)], exemplars: 1, ..Series::default() }.encoded();
    let (labels, samples, left) = read_all(&request(&[only, beside])).unwrap();
    assert_eq!((labels.len(), samples), (1, 1));
    assert_eq!(left, Left { native_histograms: 2, exemplars: 1 });
}

#[test]
fn unknown_fields_are_skipped() {
    let mut body = request(&[series(&[(1, 1.0)])]);
    bytes(&mut body, 15, b"later versions");
    varint(&mut body, 16 << 3);
    varint(&mut body, u64::MAX);
    assert_eq!(read_all(&body).unwrap().1, 1);
}

#[test]
fn metadata_is_kept() {
    let metadata = Metadata::new(10);
    let mut message = Vec::new();
    message.extend([0x08, 1]);
    bytes(&mut message, 2, b"requests_total");
    bytes(&mut message, 4, b"Requests.");
    let mut body = Vec::new();
    bytes(&mut body, 3, &message);
    read(&body, 10, &mut Batch::new(), &metadata).unwrap();
    let (name, described) = metadata.list("", 1).remove(0);
    assert_eq!(
        (name.as_str(), described.kind, &*described.help),
        ("requests_total", "counter", "Requests.")
    );
}

#[test]
fn broken_messages_are_refused_by_their_fault() {
    let good = request(&[series(&[(1, 1.0)])]);
    for cut in 1..good.len() {
        assert!(read_all(&good[..cut]).is_err(), "cut at {cut}");
    }
    let faults: [(&[u8], DecodeError); 5] = [
        (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], DecodeError::Truncated),
        (&[0x0b], DecodeError::WireType(1)),
        (&[0x08, 0x01], DecodeError::WireType(1)),
        (&[0x02, 0x00], DecodeError::NoField),
        (
            &[0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            DecodeError::Overlong,
        ),
    ];
    for (body, fault) in faults {
        assert_eq!(read_all(body).unwrap_err(), fault, "{body:x?}");
    }
    let many = request(&vec![series(&[(1, 1.0)]); 1_001]);
    assert_eq!(read_all(&many).unwrap_err(), DecodeError::TooMany(1_000));
}

#[test]
fn labels_without_a_name_or_that_are_no_text_are_refused_when_they_are_read() {
    let nameless = Series { labels: &[("gpu", "0")], ..Series::default() }.encoded();
    assert_eq!(read_labels(&nameless, &mut Vec::new()), Err("the metric has no name"));
    let mut label = Vec::new();
    bytes(&mut label, 1, b"__name__");
    bytes(&mut label, 2, &[0xff]);
    let mut raw = Vec::new();
    bytes(&mut raw, 1, &label);
    assert_eq!(read_labels(&raw, &mut Vec::new()), Err("a name or value is not UTF-8"));
    assert_eq!(read_labels(&[0x0a], &mut Vec::new()), Err("they are not protocol buffers"));
}

proptest! {
    #[test]
    fn nothing_that_comes_in_breaks_it(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_all(&body);
    }

    #[test]
    fn a_changed_byte_breaks_nothing(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = request(&[series(&[(1, 1.0), (2, 2.0)]), series(&[(3, 1.0)])]);
        let at = at.index(body.len());
        body[at] = byte;
        let _ = read_all(&body);
    }
}
