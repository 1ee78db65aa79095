//! A real Kubernetes API server over a real etcd, for tests of what speaks to a cluster: no nodes,
//! no controllers, no scheduler.
//!
//! The server makes its own certificate; objects are written by `kubectl`, which lies beside it.
//! Processes are killed when the last test that uses them ends: a graceful stop takes 14 s.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::child::Child;
use crate::environment::{self, ETCD, KUBE_APISERVER};
use crate::http;

/// The token of an administrator.
const ADMIN: &str = "an-administrator-of-a-test";

/// The programs that make a cluster.
#[derive(Debug, Clone)]
pub struct Programs {
    etcd: PathBuf,
    server: PathBuf,
}

impl Programs {
    /// Where the set-up put them.
    ///
    /// # Errors
    /// The reason to skip.
    pub fn find() -> Result<Self, String> {
        let (etcd, server) = (environment::program(ETCD)?, environment::program(KUBE_APISERVER)?);
        let kubectl = server.with_file_name("kubectl");
        if kubectl.is_file() {
            Ok(Self { etcd, server })
        } else {
            Err(format!("{KUBE_APISERVER} has no kubectl beside it: {}", kubectl.display()))
        }
    }

    /// These ones; `kubectl` lies beside the server.
    #[must_use]
    pub fn at(etcd: PathBuf, server: PathBuf) -> Self {
        Self { etcd, server }
    }
}

/// A running API server with its etcd.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    port: u16,
    etcd_url: String,
    server: Mutex<Option<Child>>,
    _etcd: Child,
    folder: TempDir,
}

impl Cluster {
    /// One that tests of a program share: each takes namespaces and nodes of its own.
    ///
    /// # Errors
    /// It does not become ready.
    pub fn shared(programs: &Programs) -> Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cluster) = shared.upgrade() {
            return Ok(cluster);
        }
        let cluster = Arc::new(Self::start(programs)?);
        *shared = Arc::downgrade(&cluster);
        Ok(cluster)
    }

    /// One of one's own.
    ///
    /// # Errors
    /// It does not become ready.
    pub fn start(programs: &Programs) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("tokens"), format!("{ADMIN},admin,1,system:masters\n"))?;
        let etcd_url = format!("http://127.0.0.1:{}", http::free_port()?);
        let peer_url = format!("http://127.0.0.1:{}", http::free_port()?);
        let mut command = Command::new(&programs.etcd);
        command
            .args(["--unsafe-no-fsync", "--log-level=error", "--data-dir"])
            .arg(folder.path().join("etcd"))
            .args(["--listen-client-urls", &etcd_url, "--advertise-client-urls", &etcd_url])
            .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
            .args(["--initial-cluster", &format!("default={peer_url}")]);
        let etcd = Child::start("etcd", &mut command, folder.path())?;
        let cluster = Self {
            programs: programs.clone(),
            port: http::free_port()?,
            etcd_url,
            server: Mutex::default(),
            _etcd: etcd,
            folder,
        };
        cluster.start_server()?;
        Ok(cluster)
    }

    /// Start the API server, anew after [`Cluster::kill_server`]: same address, same objects.
    ///
    /// # Errors
    /// It does not become ready.
    pub fn start_server(&self) -> Result<()> {
        self.serve("/readyz", &[])
    }

    /// The same, and the server has no such API, as older ones.
    ///
    /// # Errors
    /// It does not become ready.
    pub fn start_server_without(&self, api: &str) -> Result<()> {
        // Its own informer of that API never has an answer, and this keeps it from being ready.
        self.serve("/readyz?exclude=informer-sync", &[&format!("--runtime-config={api}=false")])
    }

    fn serve(&self, ready: &str, options: &[&str]) -> Result<()> {
        let keys = self.folder.path().join("certificates");
        let key = keys.join("apiserver.key");
        let mut command = Command::new(&self.programs.server);
        command
            .args(["--bind-address=127.0.0.1", "--authorization-mode=Node,RBAC"])
            .arg(format!("--secure-port={}", self.port))
            .arg(format!("--etcd-servers={}", self.etcd_url))
            .arg(format!("--cert-dir={}", keys.display()))
            .arg(format!("--token-auth-file={}", self.folder.path().join("tokens").display()))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg(format!("--service-account-signing-key-file={}", key.display()))
            .arg(format!("--service-account-key-file={}", key.display()))
            .args(["--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none"])
            // Nobody here makes the default accounts that it would wait for.
            .arg("--disable-admission-plugins=ServiceAccount")
            .args(options);
        let mut child = Child::start("kube-apiserver", &mut command, self.folder.path())?;
        child.until("the API server to be ready", |_| {
            self.kubectl(&["get", "--raw", ready], None)
        })?;
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        Ok(())
    }

    /// Kill the API server, as a crash would.
    pub fn kill_server(&self) {
        drop(self.server.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The file with the certificate that it is to be trusted by.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("certificates/apiserver.crt")
    }

    /// A folder that ends with the cluster.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// An object or a list, as an administrator.
    ///
    /// # Errors
    /// The server refuses, with its words.
    pub fn get(&self, path: &str) -> Result<Value> {
        let said = self.kubectl(&["get", "--raw", path], None)?;
        serde_json::from_slice(&said).with_context(|| format!("the answer to {path}"))
    }

    /// Make an object of a collection.
    ///
    /// # Errors
    /// The server refuses, with its words.
    pub fn create(&self, collection: &str, object: &Value) -> Result<Value> {
        let said = self.kubectl(&["create", "--raw", collection, "-f", "-"], Some(object))?;
        serde_json::from_slice(&said).with_context(|| format!("the answer to {collection}"))
    }

    /// Put an object, or its status, in place of what is there.
    ///
    /// # Errors
    /// The server refuses, with its words.
    pub fn replace(&self, path: &str, object: &Value) -> Result<()> {
        self.kubectl(&["replace", "--raw", path, "-f", "-"], Some(object)).map(drop)
    }

    /// Delete an object at once.
    ///
    /// # Errors
    /// The server refuses, with its words.
    pub fn delete(&self, path: &str) -> Result<()> {
        let path = format!("{path}?gracePeriodSeconds=0");
        self.kubectl(&["delete", "--raw", &path], None).map(drop)
    }

    /// Make a namespace and a service account without rights in it. The answer is the file with its
    /// token, signed by the server.
    ///
    /// # Errors
    /// The server refuses, with its words.
    pub fn account(&self, namespace: &str) -> Result<PathBuf> {
        self.create(
            "/api/v1/namespaces",
            &json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}
            }),
        )?;
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        self.create(
            &accounts,
            &json!({
                "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "gpulse"}
            }),
        )?;
        let token = self.create(
            &format!("{accounts}/gpulse/token"),
            &json!({
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}
            }),
        )?;
        let file = self.folder.path().join(format!("token-{namespace}"));
        let token = token["status"]["token"].as_str().context("no token came")?;
        File::create(&file)?.write_all(token.as_bytes())?;
        Ok(file)
    }

    /// Write a kubeconfig that reaches the server with the token in that file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_kubeconfig(&self, token: &Path, file: &Path) -> Result<()> {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": self.url(), "certificate-authority": self.ca_file()}}],
            "users": [{"name": "test", "user": {"tokenFile": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]
        });
        std::fs::write(file, config.to_string())
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Give that account rights in all namespaces; the name tells several grants apart.
    ///
    /// # Errors
    /// The server refuses, with its words.
    pub fn grant(&self, namespace: &str, name: &str, rules: &Value) -> Result<()> {
        const RBAC: &str = "rbac.authorization.k8s.io";
        let (name, api) = (format!("{namespace}-{name}"), format!("{RBAC}/v1"));
        let roles = format!("/apis/{api}/clusterroles");
        self.create(
            &roles,
            &json!({
                "apiVersion": api, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules
            }),
        )?;
        self.create(
            &format!("/apis/{api}/clusterrolebindings"),
            &json!({
                "apiVersion": api, "kind": "ClusterRoleBinding", "metadata": {"name": name},
                "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": "gpulse", "namespace": namespace}]
            }),
        )?;
        Ok(())
    }

    /// Take them away again.
    ///
    /// # Errors
    /// The server refuses, with its words.
    pub fn revoke(&self, namespace: &str, name: &str) -> Result<()> {
        let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
        self.delete(&format!("{bindings}/{namespace}-{name}"))
    }

    fn kubectl(&self, arguments: &[&str], input: Option<&Value>) -> Result<Vec<u8>> {
        let mut child = Command::new(self.programs.server.with_file_name("kubectl"))
            .args(["--server", &self.url(), "--token", ADMIN, "--kubeconfig", "/dev/null"])
            .arg("--certificate-authority")
            .arg(self.ca_file())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start kubectl")?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        if let Some(input) = input {
            stdin.write_all(input.to_string().as_bytes())?;
        }
        drop(stdin);
        let output = child.wait_with_output()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr))
    }
}
