//! The way to a server against real ones, and against things that are none.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use server::{Access, Choice};

use super::testing::Running;
use super::{Refused, Server, TokenArgs};
use crate::fault::{Fault, NOT_ALLOWED, UNREACHABLE};

const NO_TOKEN: TokenArgs = TokenArgs { token_file: None, ca_file: None };

/// Something on a port that answers every request alike.
fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    address.to_string()
}

fn fault_of(url: &str) -> Fault {
    Fault::from(Server::new(url, &NO_TOKEN).ok().unwrap().get("/api/v1/query").unwrap_err())
}

#[test]
fn a_port_without_listener_and_one_that_hangs_up_are_unreachable() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert_eq!(fault_of(&closed).code(), UNREACHABLE);
    assert!(fault_of(&closed).to_string().contains("cannot be reached"));
    assert_eq!(fault_of(&answering(b"")).code(), UNREACHABLE);
    assert_eq!(fault_of(&answering(b"SSH-2.0-OpenSSH_9.2\r\n")).code(), UNREACHABLE);
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{}";
    assert_eq!(fault_of(&answering(cut)).code(), UNREACHABLE);
}

#[test]
fn a_server_that_is_another_one_is_said_to_be_one() {
    let other = answering(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno");
    assert!(fault_of(&other).to_string().contains("is no gpulse server"));
    let page = answering(b"HTTP/1.1 500 Oops\r\ncontent-length: 3\r\n\r\n<p>");
    assert!(fault_of(&page).to_string().contains("500"));
    let elsewhere = answering(b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n");
    assert!(fault_of(&elsewhere).to_string().contains("302"), "redirects are not followed");
    assert!(Server::new("ftp://a", &NO_TOKEN).is_err());
}

#[test]
fn a_token_is_sent_and_its_lack_is_not_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "0123456789abcdef0123\n").unwrap();
    let given = [file.to_str().unwrap().to_owned()];
    let tokens = server::Tokens::read(&given).unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let access = Access::choose(listen, Choice { tokens, ..Choice::default() });
    let running = Running::new(access.ok().unwrap());
    let path = "/api/v1/query?query=1";
    let refused = running.way().get(path).map_err(Fault::from).unwrap_err();
    assert_eq!(refused.code(), NOT_ALLOWED, "{refused}");
    let token = TokenArgs { token_file: Some(file), ca_file: None };
    assert!(Server::new(&running.url, &token).ok().unwrap().get(path).is_ok());
    let missing = TokenArgs { token_file: Some(folder.path().join("none")), ..NO_TOKEN };
    assert!(Server::new(&running.url, &missing).is_err());
    std::fs::write(folder.path().join("odd"), "a\nb").unwrap();
    let odd = TokenArgs { token_file: Some(folder.path().join("odd")), ..NO_TOKEN };
    assert!(Server::new(&running.url, &odd).is_err(), "nothing that would break a header");
}

#[test]
fn a_request_that_makes_no_sense_comes_back_with_the_servers_words() {
    let running = Running::new(Access::local());
    match running.way().post("/api/v1/query", &[("query", "sum(up")]) {
        Err(Refused::Bad(words)) => assert!(words.contains("parse error"), "{words}"),
        other => panic!("{other:?}"),
    }
}
