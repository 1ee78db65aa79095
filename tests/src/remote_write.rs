//! A sender of remote write 1.0, small and independent of the product's own receiver.

use std::net::SocketAddr;

use anyhow::{Result, bail};

use crate::http;

/// One series with its samples: time in ms, and value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Labels sorted by name, `__name__` among them.
    pub labels: Vec<(String, String)>,
    /// Samples in order of time.
    pub samples: Vec<(i64, f64)>,
}

impl Series {
    /// A series without samples.
    #[must_use]
    pub fn new(name: &str, labels: &[(&str, &str)]) -> Self {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut labels: Vec<_> = labels.iter().map(pair).collect();
        labels.push(("__name__".to_owned(), name.to_owned()));
        labels.sort();
        Self { labels, samples: Vec::new() }
    }
}

/// Send series in one request and give back status and body.
///
/// # Errors
/// No answer.
pub fn send(address: SocketAddr, path: &str, series: &[Series]) -> Result<http::Answer> {
    post(address, path, &compressed(&message(series)))
}

/// Send series and expect that all are taken.
///
/// # Errors
/// Another answer than 2xx.
pub fn write(address: SocketAddr, path: &str, series: &[Series]) -> Result<()> {
    let answer = send(address, path, series)?;
    if answer.status / 100 != 2 {
        bail!("remote write to {address} answered {}: {}", answer.status, answer.text()?);
    }
    Ok(())
}

/// POST a body as remote write 1.0 does.
///
/// # Errors
/// No answer.
pub fn post(address: SocketAddr, path: &str, body: &[u8]) -> Result<http::Answer> {
    let headers = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
                   X-Prometheus-Remote-Write-Version: 0.1.0\r\n";
    http::post(address, path, headers, body)
}

/// `prometheus.WriteRequest`.
#[must_use]
pub fn message(series: &[Series]) -> Vec<u8> {
    let mut request = Vec::new();
    for one in series {
        let mut timeseries = Vec::new();
        for (name, value) in &one.labels {
            let mut label = Vec::new();
            bytes(&mut label, 1, name.as_bytes());
            bytes(&mut label, 2, value.as_bytes());
            bytes(&mut timeseries, 1, &label);
        }
        for (time, value) in &one.samples {
            let mut sample = vec![1 << 3 | 1];
            sample.extend(value.to_le_bytes());
            sample.push(2 << 3);
            varint(&mut sample, time.cast_unsigned());
            bytes(&mut timeseries, 2, &sample);
        }
        bytes(&mut request, 1, &timeseries);
    }
    request
}

/// In snappy's block format.
#[must_use]
pub fn compressed(message: &[u8]) -> Vec<u8> {
    // A block of literals is valid and needs no library: length, then runs of up to 64 KiB.
    let mut block = Vec::with_capacity(message.len() + message.len() / 1000 + 16);
    varint(&mut block, message.len() as u64);
    for run in message.chunks(1 << 16) {
        let last = u16::try_from(run.len() - 1).unwrap_or(u16::MAX);
        block.push(61 << 2);
        block.extend(last.to_le_bytes());
        block.extend(run);
    }
    block
}

fn bytes(into: &mut Vec<u8>, field: u8, content: &[u8]) {
    into.push(field << 3 | 2);
    varint(into, content.len() as u64);
    into.extend(content);
}

fn varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    into.push(u8::try_from(value).unwrap_or(0));
}
