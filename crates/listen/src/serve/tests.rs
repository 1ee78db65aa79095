//! Real ports: who gets in over TLS, who is let go of, and what slow clients cost.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Instant;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;
use crate::testing::{Authority, Pair, Site, answering, hash};

const QUICK: Limits = Limits {
    connections: 512,
    first_time: Duration::from_millis(400),
    idle_time: Duration::from_millis(800),
    stall_time: Duration::from_millis(400),
};

/// A client that trusts an authority and may show a certificate.
fn client(authority: &Authority, own: Option<&Pair>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match own {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

fn connect(address: SocketAddr) -> std::net::TcpStream {
    let stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// The whole answer, or why there is none.
fn ask(address: SocketAddr, client: ClientConfig, request: &str) -> Result<String, io::Error> {
    let name = "localhost".try_into().unwrap();
    let connection = ClientConnection::new(Arc::new(client), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, connect(address));
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if answer.is_empty() {
        read?;
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

const GET: &str = "GET / HTTP/1.0\r\n\r\n";

fn served(site: &Site, further: &str) -> (SocketAddr, Arc<WebConfig>) {
    let web = Arc::new(WebConfig::open(&site.tls(further)).unwrap());
    (answering(Some(Arc::clone(&web)), QUICK), web)
}

#[test]
fn every_path_needs_the_password_and_every_answer_has_the_headers() {
    let site = Site::new();
    let further = format!(
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\nbasic_auth_users:\n  ann: {}\n",
        hash("x")
    );
    let (address, _) = served(&site, &further);
    let ask = |request: &str| ask(address, client(&site.authority, None), request).unwrap();
    for path in ["/", "/none", "/metrics", "/healthz", "//", "/..%2f"] {
        for method in ["GET", "POST", "OPTIONS", "HEAD"] {
            let answer = ask(&format!("{method} {path} HTTP/1.0\r\n\r\n")).to_ascii_lowercase();
            assert!(answer.contains(" 401 "), "{method} {path}: {answer}");
            assert!(answer.contains("www-authenticate: basic"), "{answer}");
            assert!(answer.contains("x-frame-options: deny"), "{answer}");
        }
    }
    // ann:x
    let answer = ask("GET / HTTP/1.0\r\nAuthorization: Basic YW5uOng=\r\n\r\n");
    assert!(answer.ends_with("hello") && answer.contains("x-frame-options"), "{answer}");
    let answer = ask("GET /none HTTP/1.0\r\nAuthorization: Basic YW5uOng=\r\n\r\n");
    assert!(answer.contains(" 404 "), "{answer}");
}

#[test]
fn certificates_of_clients_are_asked_for_by_authority_and_by_name() {
    let site = Site::new();
    site.write("ca.crt", &site.authority.pem);
    let (address, _) = served(
        &site,
        "  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n  \
         client_allowed_sans: [scraper, 192.0.2.7]\n",
    );
    let get = |own: Option<&Pair>| ask(address, client(&site.authority, own), GET);
    let good = |name: &str| site.authority.pair(name, 2020..2090);
    assert!(get(Some(&good("scraper"))).unwrap().ends_with("hello"));
    assert!(get(Some(&good("192.0.2.7"))).unwrap().ends_with("hello"));
    get(None).unwrap_err();
    get(Some(&good("somebody"))).unwrap_err();
    get(Some(&site.authority.pair("scraper", 2019..2020))).unwrap_err();
    get(Some(&Authority::new().pair("scraper", 2020..2090))).unwrap_err();
}

#[test]
fn the_weaker_ways_to_ask_for_certificates_do_what_they_say() {
    let foreign = Authority::new().pair("x", 2020..2090);
    let rows = [
        ("RequestClientCert", true, true),
        ("RequireAnyClientCert", false, true),
        ("VerifyClientCertIfGiven", true, false),
    ];
    for (kind, without, with_foreign) in rows {
        let site = Site::new();
        site.write("ca.crt", &site.authority.pem);
        let further = format!("  client_ca_file: ca.crt\n  client_auth_type: {kind}\n");
        let (address, web) = served(&site, &further);
        assert!(!web.protection().asks_who());
        let get = |own: Option<&Pair>| ask(address, client(&site.authority, own), GET).is_ok();
        assert_eq!((get(None), get(Some(&foreign))), (without, with_foreign), "{kind}");
    }
}

#[test]
fn http_2_is_spoken_where_it_is_not_turned_off() {
    for (further, spoken) in [("", true), ("http_server_config:\n  http2: false\n", false)] {
        let site = Site::new();
        let (address, _) = served(&site, further);
        let mut client = client(&site.authority, None);
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let connection =
            ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(connection, connect(address));
        // The preface and an empty SETTINGS frame (RFC 9113, 3.4).
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
        assert_eq!(stream.conn.alpn_protocol() == Some(b"h2"), spoken);
        let mut answer = [0; 4];
        let answered = stream.read_exact(&mut answer).is_ok();
        // A SETTINGS frame, or the end of a connection that speaks HTTP/1 alone.
        assert_eq!(answered && answer[3] == 4, spoken, "{answer:?}");
    }
}

#[test]
fn a_change_of_the_file_is_seen_by_new_connections_within_seconds() {
    let site = Site::new();
    let (address, web) = served(&site, "");
    let newer = Authority::new();
    let get = |authority: &Authority| ask(address, client(authority, None), GET);
    get(&site.authority).unwrap();
    get(&newer).unwrap_err();
    site.pair(&newer.pair("localhost", 2020..2090));
    let begun = Instant::now();
    while web.reloads().0 == 0 && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    get(&newer).unwrap();
    get(&site.authority).unwrap_err();
}

#[test]
fn plain_http_where_tls_is_wanted_is_told_so() {
    let site = Site::new();
    let (address, _) = served(&site, "");
    let mut stream = connect(address);
    stream.write_all(GET.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.contains(" 400 ") && answer.contains("https"), "{answer}");
}

#[test]
fn a_client_that_says_nothing_or_stops_reading_is_let_go_of() {
    let site = Site::new();
    let ports = [served(&site, "").0, answering(None, QUICK)];
    for address in ports {
        for said in [&b""[..], b"\x16\x03\x01", b"GET / HTTP"] {
            let begun = Instant::now();
            let mut stream = connect(address);
            stream.write_all(said).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
            assert!(begun.elapsed() < Duration::from_secs(10), "{said:?}");
        }
    }
    let mut stream = connect(ports[1]);
    stream.write_all(b"GET /large HTTP/1.0\r\n\r\n").unwrap();
    std::thread::sleep(QUICK.stall_time * 4);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.len() < 32 << 20, "it was sent in full");
}

#[test]
fn more_connections_than_the_bound_wait_for_their_turn() {
    let limits = Limits { connections: 2, first_time: Duration::from_secs(2), ..QUICK };
    let address = answering(None, limits);
    let silent = [connect(address), connect(address)];
    let mut third = connect(address);
    third.write_all(GET.as_bytes()).unwrap();
    third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    third.read(&mut [0]).unwrap_err();
    drop(silent);
    third.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = String::new();
    third.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
}
