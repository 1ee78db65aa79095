//! The rules of answers, over a folder that is packed as the build script packs `web/dist`.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use axum::http::header::{ACCEPT_ENCODING, HeaderName};

use super::*;

const INDEX: &str = "<!doctype html><html><head><title>t</title></head><body></body></html>";

fn dist() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("index.html", INDEX);
    write("boot.js", "document.documentElement.lang='ko'");
    write("assets/app-1a2b.js", &"console.log('gpulse');".repeat(100));
    write("assets/style.css", "body{}");
    folder
}

fn assets(folder: &Path, prefix: &str) -> Assets {
    let packed = pack::pack(folder, 5).unwrap();
    let files = packed.into_iter().map(|file| Asset {
        path: file.path.into(),
        mime: file.mime,
        etag: HeaderValue::from_str(&file.etag).unwrap(),
        brotli: Some(file.brotli.into()),
        gzip: Some(file.gzip.into()),
        plain: Bytes::new(),
    });
    Assets::new(files.collect(), prefix)
}

fn get(assets: &Assets, path: &str, headers: &[(HeaderName, &str)]) -> (Response, Vec<u8>) {
    let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
    let response = assets.answer(&Method::GET, path, &headers.collect());
    let (parts, body) = response.into_parts();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let body = runtime.block_on(axum::body::to_bytes(body, 1 << 20)).unwrap();
    (Response::from_parts(parts, Body::empty()), body.to_vec())
}

fn header(response: &Response, name: HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn an_asset_comes_in_the_encoding_that_is_accepted() {
    let folder = dist();
    let assets = assets(folder.path(), "/");
    let plain = "console.log('gpulse');".repeat(100).into_bytes();
    let expected = [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0, gzip;q=0", ""),
        ("identity", ""),
    ];
    for (accept, encoding) in expected {
        let (response, body) = get(&assets, "assets/app-1a2b.js", &[(ACCEPT_ENCODING, accept)]);
        assert_eq!(header(&response, CONTENT_ENCODING), encoding, "{accept}");
        assert_eq!(header(&response, CONTENT_TYPE), "text/javascript; charset=utf-8");
        assert_eq!(header(&response, VARY), "accept-encoding");
        assert_eq!(header(&response, CACHE_CONTROL), "public, max-age=31536000, immutable");
        let mut read = Vec::new();
        let size = match encoding {
            "br" => brotli::Decompressor::new(&body[..], 4096).read_to_end(&mut read),
            "gzip" => GzDecoder::new(&body[..]).read_to_end(&mut read),
            _ => (&body[..]).read_to_end(&mut read),
        };
        assert_eq!(size.unwrap(), plain.len());
        assert_eq!(read, plain, "{accept}");
    }
}

#[test]
fn what_a_browser_has_is_not_sent_again() {
    let folder = dist();
    let assets = assets(folder.path(), "/");
    for path in ["", "boot.js", "assets/style.css"] {
        let (first, body) = get(&assets, path, &[]);
        assert!(first.status() == 200 && !body.is_empty(), "{path}");
        let etag = header(&first, ETAG);
        for known in [etag.to_owned(), format!("\"x\", W/{etag}"), "*".to_owned()] {
            let (again, body) = get(&assets, path, &[(IF_NONE_MATCH, &known)]);
            assert_eq!((again.status().as_u16(), body.len()), (304, 0), "{path} {known}");
            assert_eq!(header(&again, ETAG), etag);
        }
        assert_eq!(get(&assets, path, &[(IF_NONE_MATCH, "\"other\"")]).0.status(), 200);
    }
    assert_eq!(header(&get(&assets, "boot.js", &[]).0, CACHE_CONTROL), "no-cache");
}

#[test]
fn a_deep_link_is_the_index_and_an_unknown_asset_is_not() {
    let folder = dist();
    let assets = assets(folder.path(), "/");
    for path in ["", "index.html", "nodes/gpu-0003.rack.example", "explore"] {
        let (response, body) = get(&assets, path, &[]);
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(header(&response, CACHE_CONTROL), "no-cache");
        assert!(String::from_utf8(body).unwrap().contains("<head><base href=\"/\"><title>"));
    }
    for path in ["assets/gone.js", "assets/", "assets/../index.html"] {
        assert_eq!(get(&assets, path, &[]).0.status(), 404, "{path}");
    }
    let posted = assets.answer(&Method::POST, "", &HeaderMap::new());
    assert_eq!(posted.status(), 405);
}

#[test]
fn the_prefix_stands_in_the_index_and_in_its_tag() {
    let folder = dist();
    let (root, below) = (assets(folder.path(), "/"), assets(folder.path(), "/gpu/"));
    let (response, body) = get(&below, "nodes/a", &[]);
    assert!(String::from_utf8(body).unwrap().contains("<base href=\"/gpu/\">"));
    let (other, _) = get(&root, "nodes/a", &[]);
    assert_ne!(header(&response, ETAG), header(&other, ETAG));
    assert_eq!(with_base("<head><base href='x'></head>", "/"), "<head><base href=\"/\"></head>");
}

#[test]
fn without_the_ui_every_page_says_how_to_build_it() {
    let folder = tempfile::tempdir().unwrap();
    let assets = assets(&folder.path().join("dist"), "/");
    let (response, body) = get(&assets, "explore", &[(ACCEPT_ENCODING, "identity")]);
    assert_eq!(response.status(), 200);
    let page = String::from_utf8(body).unwrap();
    assert!(page.contains("The web UI is not built into this binary."), "{page}");
    assert!(page.contains("cargo xtask ui"));
}

#[test]
fn this_program_has_an_index_with_or_without_the_ui() {
    let assets = Assets::embedded("/");
    let (response, body) = get(&assets, "", &[]);
    assert_eq!(response.status(), 200);
    assert!(String::from_utf8(body).unwrap().contains("<base href=\"/\">"));
}
