//! Certificates made on the spot, web-config files in a folder, and a port that answers by one.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use tempfile::TempDir;

use crate::{Limits, WebConfig, serve};

/// The hash of `secret`, at the least cost.
pub(crate) fn hash(secret: &str) -> String {
    bcrypt::hash(secret, 4).unwrap()
}

/// A certificate authority of a test.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate and its key, as PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a name, valid in the given years.
    pub(crate) fn pair(&self, name: &str, years: std::ops::Range<i32>) -> Pair {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

/// A folder with `web.yml`, `server.crt` and `server.key`.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) authority: Authority,
}

impl Site {
    pub(crate) fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap(), authority: Authority::new() };
        site.pair(&site.authority.pair("localhost", 2020..2090));
        site
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        // Another file in its place, as certbot and Kubernetes do.
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &path).unwrap();
        path
    }

    pub(crate) fn pair(&self, pair: &Pair) {
        self.write("server.crt", &pair.certificate);
        self.write("server.key", &pair.key);
    }

    /// A web-config file with TLS and what is given beside it.
    pub(crate) fn tls(&self, further: &str) -> PathBuf {
        let tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
        self.write("web.yml", &format!("{tls}{further}"))
    }
}

/// Answers `/` with `hello` on a port of its own until the test ends.
pub(crate) fn answering(web: Option<Arc<WebConfig>>, limits: Limits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let large = "x".repeat(32 << 20);
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route("/large", get(async move || large.clone()));
        runtime.block_on(serve(listener, router, web, limits, std::future::pending())).unwrap();
    });
    address
}
