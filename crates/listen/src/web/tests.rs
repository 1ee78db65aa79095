//! What a web-config file may say, and what becomes of changes.

use super::*;
use crate::testing::{Site, hash};

fn refusal(site: &Site, text: &str) -> String {
    let path = site.write("web.yml", text);
    chain(&WebConfig::open(&path).unwrap_err())
}

/// Two looks: a change is taken when it stands still.
fn settle(web: &WebConfig) {
    web.look();
    web.look();
}

#[test]
fn an_empty_file_asks_nothing_and_one_with_all_keys_is_read() {
    let site = Site::new();
    let web = WebConfig::open(&site.write("web.yml", "# nothing\n---\n")).unwrap();
    assert_eq!(web.protection(), Protection::default());
    site.write("ca.crt", &site.authority.pem);
    let path = site.tls(&format!(
        "  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n  \
         client_allowed_sans: [scraper]\n  min_version: TLS12\n  max_version: TLS13\n  \
         cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA]\n  \
         curve_preferences: [CurveP256, X25519, CurveP521]\n  prefer_server_cipher_suites: false\n\
         http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n\
         basic_auth_users:\n  ann: {}\n",
        hash("x")
    ));
    let web = WebConfig::open(&path).unwrap();
    let all = Protection { tls: true, users: true, client_certificates: true };
    assert_eq!(web.protection(), all);
    assert!(all.asks_who() && !Protection { tls: true, ..Protection::default() }.asks_who());
    let version = web.newest();
    assert_eq!(version.headers.len(), 1);
    assert_eq!(version.tls.as_ref().unwrap().alpn_protocols, [b"http/1.1"]);
}

#[test]
fn certificate_and_key_may_stand_in_the_file_itself() {
    let site = Site::new();
    let pair = site.authority.pair("localhost", 2020..2090);
    let indented = |pem: &str| pem.trim().replace('\n', "\n    ");
    let (cert, key) = (indented(&pair.certificate), indented(&pair.key));
    let text = format!("tls_server_config:\n  cert: |\n    {cert}\n  key: |\n    {key}\n");
    assert!(WebConfig::open(&site.write("web.yml", &text)).unwrap().protection().tls);
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_the_remedy() {
    let site = Site::new();
    let tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    let has = |further: &str, words: &[&str]| {
        let said = refusal(&site, &format!("{tls}{further}"));
        assert!(words.iter().all(|word| said.contains(word)), "{further}: {said}");
        assert!(!said.contains("PRIVATE KEY-----"), "{said}");
    };
    has("  cert_fil: x\n", &["web.yml", "cert_fil", "line 4"]);
    has("  min_version: TLS14\n", &["min_version", "TLS12"]);
    has("  max_version: TLS11\n", &["max_version"]);
    has("  min_version: TLS13\n  max_version: TLS12\n", &["max_version"]);
    has("  cipher_suites: [AES]\n", &["cipher_suites", "AES"]);
    has("  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n  max_version: TLS12\n", &["suites"]);
    has("  curve_preferences: [P1]\n", &["curve_preferences", "CurveP256"]);
    has("  curve_preferences: [CurveP521]\n", &["curve_preferences", "X25519"]);
    has("  client_auth_type: Yes\n", &["RequireAndVerifyClientCert"]);
    has("  client_auth_type: RequireAndVerifyClientCert\n", &["client_ca_file"]);
    has("  client_ca_file: server.crt\n", &["client_auth_type"]);
    has("  client_allowed_sans: [a]\n", &["client_auth_type"]);
    has("  cert: x\n", &["cert_file", "keep one"]);
    has("http_server_config:\n  headers:\n    Server: x\n", &["Server", "X-Frame-Options"]);
    has("basic_auth_users:\n  ann: secret\n", &["ann", "htpasswd"]);
    let said = refusal(&site, "tls_server_config:\n  cert_file: server.crt\n");
    assert!(said.contains("key_file"), "{said}");
    let said = refusal(&site, "tls_server_config:\n  cert_file: no.crt\n  key_file: server.key\n");
    assert!(said.contains("no.crt") && said.contains("No such file"), "{said}");
    let said =
        refusal(&site, "tls_server_config:\n  cert_file: /dev/zero\n  key_file: server.key\n");
    assert!(said.contains("/dev/zero") && said.contains("no file"), "{said}");
    let said = chain(&WebConfig::open(&site.folder.path().join("none.yml")).unwrap_err());
    assert!(said.contains("none.yml"), "{said}");
}

#[test]
fn a_certificate_out_of_its_time_or_with_another_key_is_refused_by_its_file() {
    let site = Site::new();
    let path = site.tls("");
    let said = || chain(&WebConfig::open(&path).unwrap_err());
    site.pair(&site.authority.pair("localhost", 2019..2020));
    assert!(said().contains("server.crt") && said().contains("expired on"), "{}", said());
    site.pair(&site.authority.pair("localhost", 2089..2090));
    assert!(said().contains("valid from"), "{}", said());
    site.pair(&site.authority.pair("localhost", 2020..2090));
    site.write("server.key", &site.authority.pair("localhost", 2020..2090).key);
    assert!(said().contains("server.key does not belong to it"), "{}", said());
    site.write("server.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n");
    assert!(said().contains("server.key") && said().contains("passphrase"), "{}", said());
    site.write("server.crt", "nothing\n");
    assert!(said().contains("BEGIN CERTIFICATE"), "{}", said());
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    site.write("server.crt", damaged);
    assert!(said().contains("damaged"), "{}", said());
}

#[test]
fn a_new_certificate_is_taken_and_a_broken_one_keeps_the_old() {
    let site = Site::new();
    let web = WebConfig::open(&site.tls("")).unwrap();
    let shown = || Arc::as_ptr(web.newest().tls.as_ref().unwrap());
    let first = shown();
    settle(&web);
    assert_eq!((shown(), web.reloads()), (first, (0, 0)));

    // The new certificate is there before its key: between the two nothing fits.
    let pair = site.authority.pair("localhost", 2020..2090);
    site.write("server.crt", &pair.certificate);
    settle(&web);
    assert_eq!((shown(), web.reloads()), (first, (0, 1)));
    settle(&web);
    assert_eq!(web.reloads(), (0, 1), "said once");
    site.write("server.key", &pair.key);
    settle(&web);
    assert!(shown() != first && web.reloads() == (1, 1));

    let second = shown();
    std::fs::remove_file(site.folder.path().join("server.key")).unwrap();
    settle(&web);
    assert_eq!((shown(), web.reloads()), (second, (1, 2)));
    site.pair(&site.authority.pair("localhost", 2019..2020));
    settle(&web);
    assert_eq!((shown(), web.reloads()), (second, (1, 3)));
    site.pair(&pair);
    settle(&web);
    assert_eq!(web.reloads(), (2, 3));
}

#[test]
fn a_file_that_is_being_written_is_not_read() {
    let site = Site::new();
    let web = WebConfig::open(&site.tls("")).unwrap();
    for n in 0..5 {
        site.tls(&format!("# {n}\n"));
        web.look();
    }
    assert_eq!(web.reloads(), (0, 0));
    web.look();
    assert_eq!(web.reloads(), (1, 0));
}

#[test]
fn users_change_and_do_not_vanish() {
    let site = Site::new();
    let users = |names: &[&str]| {
        let lines = names.iter().map(|name| format!("  {name}: {}\n", hash("x")));
        format!("basic_auth_users:\n{}", lines.collect::<String>())
    };
    let web = WebConfig::open(&site.tls(&users(&["ann"]))).unwrap();
    site.tls(&users(&["ann", "bob"]));
    settle(&web);
    assert_eq!(web.reloads(), (1, 0));
    for less in ["", "# cut short\n", "basic_auth_users: {}\n", "basic_auth_users:\n"] {
        site.write("web.yml", less);
        settle(&web);
        site.tls(less);
        settle(&web);
        let kept = Protection { tls: true, users: true, client_certificates: false };
        assert_eq!(web.protection(), kept, "{less}");
    }
    assert_eq!(web.reloads().0, 1);
}
