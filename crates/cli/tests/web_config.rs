//! `--web-config-file` as an operator meets it: the server that others reach, clients over https, and
//! what is refused at the start.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use std::path::Path;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use running::{Server, gpulse, run, start_program};

/// A certificate for this machine until the year given, as `server.crt` and `server.key`.
fn certificate(home: &Path, until: i32) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names).unwrap();
    params.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap().pem();
    std::fs::write(home.join("server.crt"), own).unwrap();
    std::fs::write(home.join("server.key"), key.serialize_pem()).unwrap();
}

const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

fn users() -> String {
    format!("basic_auth_users:\n  ann: {}\n", bcrypt::hash("open sesame", 4).unwrap())
}

fn start(home: &Path, args: &[&str]) -> Server {
    start_program(gpulse(home).args(["server", "--data", "kept"]), args)
}

#[test]
fn users_are_the_choice_that_a_port_for_others_needs_and_tls_alone_is_not() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    certificate(home, 2090);
    let all = ["--listen", "0.0.0.0:0", "--web-config-file", "web.yml"];
    std::fs::write(home.join("web.yml"), TLS).unwrap();
    let refused = run(home, &[&["server", "--data", "kept"], &all[..]].concat());
    assert!(refused.starts_with("exit 2\n") && refused.contains("--web-config-file"), "{refused}");

    std::fs::write(home.join("web.yml"), format!("{TLS}{}", users())).unwrap();
    let server = start(home, &all);
    server.stop("TERM");
    std::fs::write(home.join("token"), "0123456789abcdef").unwrap();
    let both = [&["server", "--data", "kept", "--token-file", "token"], &all[..]].concat();
    let refused = run(home, &both);
    assert!(refused.starts_with("exit 2\n") && refused.contains("one of them"), "{refused}");
}

#[test]
fn who_and_query_ask_over_https_with_a_users_password() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    certificate(home, 2090);
    std::fs::write(home.join("web.yml"), format!("{TLS}{}", users())).unwrap();
    std::fs::write(home.join("password"), "open sesame\n").unwrap();
    std::fs::write(home.join("wrong"), "open barley\n").unwrap();
    let server = start(home, &["--listen", "127.0.0.1:0", "--web-config-file", "web.yml"]);
    let port = server.address.rsplit_once(':').unwrap().1;
    let url = format!("https://ann@localhost:{port}");
    let ask = |url: &str, further: &[&str]| {
        run(home, &[&["query", "vector(7)", "--csv", "--server", url], further].concat())
    };
    let answer = ask(&url, &["--ca-file", "server.crt", "--token-file", "password"]);
    assert!(answer.starts_with("exit 0\n") && answer.contains(",7"), "{answer}");
    let inside = format!("https://ann:open%20sesame@127.0.0.1:{port}/");
    let answer = ask(&inside, &["--ca-file", "server.crt"]);
    assert!(answer.starts_with("exit 0\n"), "{answer}");
    let who = ["who", "--json", "--server", &url, "--ca-file", "server.crt", "--token-file"];
    let answer = run(home, &[&who[..], &["password"]].concat());
    assert!(answer.starts_with("exit 0\n"), "{answer}");

    let wrong = ask(&url, &["--ca-file", "server.crt", "--token-file", "wrong"]);
    assert!(wrong.starts_with("exit 4\n") && !wrong.contains("barley"), "{wrong}");
    let nobody = ask(&format!("https://localhost:{port}"), &["--ca-file", "server.crt"]);
    assert!(nobody.starts_with("exit 4\n"), "{nobody}");
    let stranger = ask(&inside.replace("sesame", "barley"), &["--ca-file", "other.crt"]);
    assert!(stranger.starts_with("exit 2\n") && stranger.contains("other.crt"), "{stranger}");
    let home_two = tempfile::tempdir().unwrap();
    certificate(home_two.path(), 2090);
    let other = home_two.path().join("server.crt");
    let stranger = ask(&inside, &["--ca-file", other.to_str().unwrap()]);
    assert!(stranger.starts_with("exit 5\n") && stranger.contains("certificate"), "{stranger}");
    assert!(!stranger.contains("sesame"), "{stranger}");
    let log = server.stop("TERM");
    assert!(!log.contains("sesame"), "{log}");
}

#[test]
fn every_role_that_listens_takes_the_file_and_says_what_is_wrong_with_it() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    std::fs::write(home.join("web.yml"), TLS).unwrap();
    let roles: [&[&str]; 4] = [
        &["exporter", "--sim", "h100-idle"],
        &["up", "--sim", "h100-idle"],
        &["demo"],
        &["server", "--data", "d"],
    ];
    for role in roles {
        let args = [role, &["--listen", "127.0.0.1:0", "--web-config-file", "web.yml"]].concat();
        std::fs::remove_file(home.join("server.crt")).ok();
        let missing = run(home, &args);
        assert!(missing.starts_with("exit 2\n") && missing.contains("server.crt"), "{missing}");
        certificate(home, 2020);
        let expired = run(home, &args);
        assert!(expired.starts_with("exit 2\n"), "{expired}");
        assert!(expired.contains("server.crt: it expired on") && expired.contains("put a new one"));
    }
    certificate(home, 2090);
    let mut command = gpulse(home);
    let web = ["--web-config-file", "web.yml", "--listen", "127.0.0.1:0"];
    let up = start_program(command.args(["up", "--sim", "h100-idle"]), &web);
    assert!(up.get("/readyz").is_none(), "plain HTTP is not answered");
    up.stop("TERM");
}
