//! A real Prometheus scrapes the exporter by a web-config file: over TLS, with a password, with a
//! certificate of its own; while certificates are changed, and while they are broken.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tests::child::Child;
use tests::environment::{self, GPULSE, PROMETHEUS};
use tests::or_skip;
use tests::prometheus::{Point, Prometheus};

/// Who makes certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one, whose own certificate is put into the folder as `<name>.pem`.
    fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap().pem();
        std::fs::write(folder.join(format!("{name}.pem")), own).unwrap();
        Self { issuer: Issuer::new(params, key) }
    }

    /// A certificate for `localhost` and its key as `<name>.crt` and `<name>.key`.
    fn pair(&self, folder: &Path, name: &str) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        std::fs::write(folder.join(format!("{name}.crt")), certificate).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

/// The bcrypt hash of `open sesame`, as htpasswd makes it.
const SESAME: &str = "$2b$10$abcdefghijklmnopqrstuu4SuEsu2LsUrAYUpWQHLMMc4GV5pZTxK";

const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/// An exporter by `folder/web.yml`.
fn exporter(gpulse: &Path, folder: &Path, web: &str) -> (Child, SocketAddr) {
    std::fs::write(folder.join("web.yml"), web).unwrap();
    let mut command = Command::new(gpulse);
    command
        .args(["exporter", "--listen", "127.0.0.1:0", "--sim", "h100-idle", "--state"])
        .arg(folder.join("state"))
        .env("DCGM_EXPORTER_WEB_CONFIG_FILE", folder.join("web.yml"));
    let mut child = Child::start("exporter", &mut command, folder).unwrap();
    let address = child.address().unwrap();
    (child, address)
}

/// One job, with whatever it needs to get in.
fn job(name: &str, address: SocketAddr, further: &str) -> String {
    format!(
        "  - job_name: {name}\n    static_configs: [{{targets: ['{address}']}}]\n{}",
        further.lines().map(|line| format!("    {line}\n")).collect::<String>()
    )
}

fn trusting(authority: &str) -> String {
    format!("scheme: https\ntls_config: {{ca_file: {authority}.pem, server_name: localhost}}\n")
}

fn prometheus(program: &Path, folder: &Path, jobs: &[String]) -> Prometheus {
    let intervals = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n";
    Prometheus::start_by(program, folder, &format!("{intervals}{}", jobs.concat()), &[]).unwrap()
}

fn is(value: f64) -> impl Fn(&[Point]) -> bool {
    move |points| points.len() == 1 && points[0].value == value
}

/// What Prometheus says about its last scrape of a job.
fn last_error(prometheus: &Prometheus, job: &str) -> String {
    let data = prometheus.api("/api/v1/targets").unwrap();
    let targets = data["activeTargets"].as_array().unwrap();
    let target = targets.iter().find(|target| target["labels"]["job"] == job).unwrap();
    target["lastError"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_password_over_tls_gets_in_and_a_wrong_one_is_told_401() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let program = or_skip!(environment::program(PROMETHEUS));
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    Authority::new(folder, "ca").pair(folder, "server");
    let web = format!("{TLS}basic_auth_users:\n  scraper: {SESAME}\n");
    let (mut exporter, address) = exporter(&gpulse, folder, &web);
    let said = exporter.log();
    assert!(said.contains(&format!("listening on https://{address}")), "{said}");

    let user = |password: &str| {
        format!("{}basic_auth: {{username: scraper, password: {password}}}\n", trusting("ca"))
    };
    let jobs = [
        job("right", address, &user("open sesame")),
        job("wrong", address, &user("open barley")),
        job("nobody", address, &trusting("ca")),
        job("plain", address, ""),
        job("stranger", address, "scheme: https\n"),
    ];
    let mut prometheus = prometheus(&program, folder, &jobs);
    prometheus.until("up{job='right'}", is(1.0)).unwrap();
    prometheus.until("count(DCGM_FI_DEV_GPU_TEMP{job='right'}) > bool 0", is(1.0)).unwrap();
    for (job, words) in
        [("wrong", "401"), ("nobody", "401"), ("plain", "400"), ("stranger", "certificate")]
    {
        prometheus.until(&format!("up{{job='{job}'}}"), is(0.0)).unwrap();
        let said = last_error(&prometheus, job);
        assert!(said.contains(words), "{job}: {said}");
    }
    // A scrape by a known password does not pay for a run of bcrypt, which takes 50 ms and more.
    let quick = "max_over_time(scrape_duration_seconds{job='right'}[3s]) < bool 0.5";
    prometheus.until(quick, is(1.0)).unwrap();
    exporter
        .until("no secret", |log| {
            ensure!(!log.contains("sesame") && !log.contains("$2"), "{log}");
            Ok(())
        })
        .unwrap();
    assert!(exporter.stop().unwrap().success());
}

#[test]
fn a_certificate_is_changed_while_it_runs_and_a_broken_one_keeps_the_old() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let program = or_skip!(environment::program(PROMETHEUS));
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    Authority::new(folder, "old").pair(folder, "server");
    let newer = Authority::new(folder, "new");
    let (mut exporter, address) = exporter(&gpulse, folder, TLS);
    let jobs = [job("old", address, &trusting("old")), job("new", address, &trusting("new"))];
    let mut first = prometheus(&program, folder, &jobs);
    first.until("up{job='old'}", is(1.0)).unwrap();
    first.until("up{job='new'}", is(0.0)).unwrap();

    newer.pair(folder, "server");
    first.until("up{job='new'}", is(1.0)).unwrap();

    // Neither a file cut short nor one without its key changes what is answered with.
    std::fs::write(folder.join("server.key"), "-----BEGIN PRIVATE KEY-----\nMIG").unwrap();
    exporter
        .until("a word about the key", |log| {
            ensure!(log.contains("the old one stays") && log.contains("server.key"), "{log}");
            Ok(())
        })
        .unwrap();
    std::fs::write(folder.join("web.yml"), "tls_server_conf").unwrap();
    exporter
        .until("a word about the file", |log| {
            ensure!(
                log.lines()
                    .any(|line| line.contains("the old one stays") && line.contains("expected")),
                "{log}"
            );
            Ok(())
        })
        .unwrap();
    let second = tempfile::tempdir().unwrap();
    for name in ["old.pem", "new.pem"] {
        std::fs::copy(folder.join(name), second.path().join(name)).unwrap();
    }
    // Its connections are new ones.
    let mut second = prometheus(&program, second.path(), &jobs);
    second.until("up{job='new'}", is(1.0)).unwrap();
    second.until("up{job='old'}", is(0.0)).unwrap();
    assert!(exporter.stop().unwrap().success());
}

#[test]
fn a_prometheus_without_the_certificate_that_is_asked_for_does_not_get_in() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let program = or_skip!(environment::program(PROMETHEUS));
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let authority = Authority::new(folder, "ca");
    authority.pair(folder, "server");
    authority.pair(folder, "scraper");
    Authority::new(folder, "foreign").pair(folder, "stranger");
    let web = format!(
        "{TLS}  client_ca_file: ca.pem\n  client_auth_type: RequireAndVerifyClientCert\n  \
         client_allowed_sans: [localhost]\n"
    );
    let (mut exporter, address) = exporter(&gpulse, folder, &web);
    let with = |own: &str| {
        format!(
            "scheme: https\ntls_config: {{ca_file: ca.pem, server_name: localhost, \
             cert_file: {own}.crt, key_file: {own}.key}}\n"
        )
    };
    let jobs = [
        job("known", address, &with("scraper")),
        job("stranger", address, &with("stranger")),
        job("without", address, &trusting("ca")),
    ];
    let mut prometheus = prometheus(&program, folder, &jobs);
    prometheus.until("up{job='known'}", is(1.0)).unwrap();
    for job in ["stranger", "without"] {
        prometheus.until(&format!("up{{job='{job}'}}"), is(0.0)).unwrap();
        let said = last_error(&prometheus, job);
        assert!(said.contains("tls"), "{job}: {said}");
    }
    assert!(exporter.stop().unwrap().success());
}
