//! A kubelet's `/pods` over TLS with a certificate that it signed itself, as most kubelets do, for
//! the bearer of one token.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

/// A running one. Its thread ends with the test program.
pub(crate) struct Kubelet {
    address: SocketAddr,
    told: Arc<Told>,
}

struct Told {
    token: String,
    pods: Mutex<Value>,
    refuses: AtomicBool,
    asked: AtomicUsize,
}

impl Kubelet {
    pub(crate) fn start(token: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let told = Arc::new(Told {
            token: token.to_owned(),
            pods: Mutex::default(),
            refuses: AtomicBool::default(),
            asked: AtomicUsize::default(),
        });
        let (config, all) = (Arc::new(tls()?), Arc::clone(&told));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that hangs up is its own affair.
                let _ = answer(stream, Arc::clone(&config), &all);
            }
        });
        Ok(Self { address, told })
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// What it lists from now on.
    pub(crate) fn tell(&self, pods: Value) {
        *self.told.pods.lock().unwrap() = pods;
    }

    /// Refuse everybody from now on.
    pub(crate) fn refuse(&self) {
        self.told.refuses.store(true, Ordering::SeqCst);
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.told.asked.load(Ordering::SeqCst)
    }
}

fn tls() -> Result<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["another-name".to_owned()])?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?)
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>, told: &Told) -> Result<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(config)?, stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head)?.to_lowercase();
    told.asked.fetch_add(1, Ordering::SeqCst);
    let bearer = format!("authorization: bearer {}", told.token.to_lowercase());
    let (status, body) = if told.refuses.load(Ordering::SeqCst) || !head.contains(&bearer) {
        ("403 Forbidden", "Forbidden (verb=get, subresource=[pods])".to_owned())
    } else if head.starts_with("get /pods") {
        ("200 OK", told.pods.lock().unwrap().to_string())
    } else {
        ("404 Not Found", String::new())
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}
