//! The one place that binds ports, handles signals and waits for the end of a role.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use host::Host;
use listen::WebConfig;
use socket2::{Domain, Socket, Type};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::address::ListenAddress;
use crate::fault::Fault;
use crate::output;

/// Connections that may wait to be accepted: a burst of scrapes, not a flood.
const BACKLOG: i32 = 128;

/// The web-config file, if one is given: read before a port is bound.
pub(crate) fn web(path: Option<&Path>) -> Result<Option<Arc<WebConfig>>, Fault> {
    let Some(path) = path else { return Ok(None) };
    let web = WebConfig::open(path).map_err(Fault::usage)?;
    Ok(Some(Arc::new(web)))
}

/// A bound port.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: TcpListener,
    web: Option<Arc<WebConfig>>,
    url: String,
}

/// Bind the address, to be answered on by a web-config file or in plain HTTP to everybody.
pub(crate) fn bind(address: ListenAddress, web: Option<Arc<WebConfig>>) -> Result<Bound, Fault> {
    let listener = listen(address).map_err(|cause| refusal(address, cause))?;
    let port = listener.local_addr().context("cannot ask for the bound port")?.port();
    // A URL that works on this machine: every address of it includes the loopback one.
    let ip = address.ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let encrypted = web.as_ref().is_some_and(|web| web.protection().tls);
    let scheme = if encrypted { "https" } else { "http" };
    Ok(Bound { listener, web, url: format!("{scheme}://{}", SocketAddr::new(ip, port)) })
}

fn listen(address: ListenAddress) -> io::Result<TcpListener> {
    if let Some(ip) = address.ip {
        return listen_on(SocketAddr::new(ip, address.port));
    }
    let every_v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, address.port));
    match listen_on(every_v6) {
        // A machine without IPv6.
        Err(cause) if cause.kind() != ErrorKind::AddrInUse => {
            listen_on(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port)))
        }
        bound => bound,
    }
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        // `[::]` is to mean IPv4 too, whatever the system's default.
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Why the address cannot be had, and the remedy. Who has a port is asked of this process's own
/// `/proc`, as ports are those of its network.
fn refusal(address: ListenAddress, cause: io::Error) -> Fault {
    let port = address.port;
    match cause.kind() {
        ErrorKind::AddrInUse => {
            let host = Host::new("/proc".into(), "/sys".into());
            let owner = host.port_owner(port).map_or_else(
                || "a process that cannot be seen from here".to_owned(),
                |(pid, name)| {
                    let line = host.command_line(pid).unwrap_or_default();
                    format!("{} (pid {pid})", crate::table::visible(&with_role(&name, &line)))
                },
            );
            anyhow!(
                "port {port} is in use by {owner}: stop it, or take another port with --listen :{}",
                port.checked_add(1).unwrap_or(port - 1)
            )
            .into()
        }
        ErrorKind::PermissionDenied => anyhow!(
            "port {port} needs more rights than this process has: take one above 1023 with --listen"
        )
        .into(),
        _ => anyhow!(cause).context(format!("cannot listen on {address}")).into(),
    }
}

/// The name of a process; of one of ours with its role, which says more: `gpulse up`.
fn with_role(name: &str, line: &str) -> String {
    let mut words = line.split(' ');
    let ours = words.next().is_some_and(|program| program.rsplit('/').next() == Some("gpulse"));
    match words.next().filter(|word| ours && word.bytes().all(|byte| byte.is_ascii_lowercase())) {
        Some(role) => format!("{name} {role}"),
        None => name.to_owned(),
    }
}

impl Bound {
    /// The address that was bound.
    pub(crate) fn local(&self) -> anyhow::Result<SocketAddr> {
        self.listener.local_addr().context("cannot ask for the bound port")
    }

    /// A URL that works on this machine, without a slash behind it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// Run a server on the port until SIGTERM or SIGINT; `about` is printed behind the first line.
/// SIGUSR1 calls `on_usr1`; `before_close` runs when no more is answered, before the store closes.
pub(crate) fn app_until_stopped(
    bound: Bound,
    app: server::App,
    about: &str,
    on_usr1: impl FnMut(),
    before_close: impl FnOnce() + Send + 'static,
) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let mut signals = Signals::new().context("cannot handle signals")?;
        output::print(&format!("listening on {}\n{about}", bound.url))?;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let until = async {
            let _ = stopped.await;
            let _ = tokio::task::spawn_blocking(before_close).await;
        };
        let mut served = tokio::spawn(server::serve(app, bound.listener, until));
        tokio::select! {
            ended = &mut served => return ended.context("the server ended by itself")?.map_err(Fault::from),
            name = signals.until_stop(on_usr1) => tracing::info!(signal = name, "stopping"),
        }
        drop(stop);
        served.await.context("the server did not end well")?.map_err(Fault::from)
    })
}

/// Answer on the port until SIGTERM or SIGINT. SIGUSR1 calls `on_usr1`.
pub(crate) fn until_stopped(
    bound: Bound,
    router: axum::Router,
    limits: listen::Limits,
    on_usr1: impl FnMut(),
) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(answer(bound, router, limits, on_usr1))
}

async fn answer(
    bound: Bound,
    router: axum::Router,
    limits: listen::Limits,
    on_usr1: impl FnMut(),
) -> Result<(), Fault> {
    let mut signals = Signals::new().context("cannot handle signals")?;
    let Bound { listener, web, url } = bound;
    output::print(&format!("listening on {url}\n"))?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let until = async {
        let _ = stopped.await;
    };
    let mut served = tokio::spawn(listen::serve(listener, router, web, limits, until));
    tokio::select! {
        ended = &mut served => {
            ended.context("the server ended by itself")?.context("cannot use the port")?;
        }
        name = signals.until_stop(on_usr1) => tracing::info!(signal = name, "stopping"),
    }
    drop(stop);
    let _ = served.await;
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    usr1: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            usr1: signal(SignalKind::user_defined1())?,
        })
    }

    async fn until_stop(&mut self, mut on_usr1: impl FnMut()) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.usr1.recv() => on_usr1(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_port_is_told_with_its_role_and_nothing_else_of_its_command_line() {
        assert_eq!(with_role("gpulse", "/usr/bin/gpulse up --token secret"), "gpulse up");
        assert_eq!(with_role("gpulse", "gpulse exporter"), "gpulse exporter");
        assert_eq!(with_role("nginx", "nginx: master process"), "nginx");
        assert_eq!(with_role("gpulse", "gpulse --version"), "gpulse");
        assert_eq!(with_role("python3", "python3 serve"), "python3");
        assert_eq!(with_role("kernel", ""), "kernel");
    }
}
