//! Files of the web UI, compressed once: by the build script for the program, by tests for a
//! folder of theirs.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

/// One file, ready to be sent.
#[derive(Debug)]
pub(crate) struct Packed {
    /// Below the folder, with `/`.
    pub(crate) path: String,
    /// For `Content-Type`.
    pub(crate) mime: &'static str,
    /// Of the content, with its quotes.
    pub(crate) etag: String,
    pub(crate) brotli: Vec<u8>,
    pub(crate) gzip: Vec<u8>,
}

/// All files below a folder by path; none where there is no folder. `quality` is brotli's.
pub(crate) fn pack(folder: &Path, quality: u32) -> io::Result<Vec<Packed>> {
    let mut packed = Vec::new();
    if folder.is_dir() {
        walk(folder, "", quality, &mut packed)?;
    }
    packed.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(packed)
}

fn walk(folder: &Path, above: &str, quality: u32, into: &mut Vec<Packed>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let path = format!("{above}{}", name.to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{path}/"), quality, into)?;
        } else {
            into.push(file(path, &fs::read(entry.path())?, quality)?);
        }
    }
    Ok(())
}

/// One file from its content.
pub(crate) fn file(path: String, content: &[u8], quality: u32) -> io::Result<Packed> {
    let mime = mime(&path);
    let etag = etag(content);
    Ok(Packed { path, mime, etag, brotli: brotli(content, quality)?, gzip: gzip(content)? })
}

/// The first 12 bytes of SHA-256: no two files of one program share them.
pub(crate) fn etag(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn brotli(content: &[u8], quality: u32) -> io::Result<Vec<u8>> {
    // 22 is the window that every browser takes.
    let mut writer = ::brotli::CompressorWriter::new(Vec::new(), 4096, quality, 22);
    writer.write_all(content)?;
    Ok(writer.into_inner())
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(content)?;
    writer.finish()
}

fn mime(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
