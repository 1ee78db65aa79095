//! The names under which a port without sign-in may be asked for.
//!
//! A page of a foreign site can make its own name resolve to 127.0.0.1 and then read what a browser
//! on this machine may read. It cannot choose the `Host` header, which keeps the foreign name.

use std::net::IpAddr;

/// Names, lower case, without port.
#[derive(Debug, Clone)]
pub(super) struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    pub(super) fn new(listen: IpAddr, further: &[String]) -> Self {
        let usual = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let further = further.iter().map(|name| bare(name).to_ascii_lowercase());
        Self(usual.into_iter().chain([listen.to_string()]).chain(further).collect())
    }

    pub(super) fn accepts(&self, host: &str) -> bool {
        let name = bare(host);
        self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }
}

/// A host without its port and brackets: `[::1]:9470` is `::1`.
fn bare(host: &str) -> &str {
    if let Some(inside) = host.strip_prefix('[') {
        return inside.split_once(']').map_or(host, |(address, _)| address);
    }
    match host.rsplit_once(':') {
        // More than one colon without brackets is an address, not a port.
        Some((name, _)) if !name.contains(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_and_those_given_pass() {
        let allowed = AllowedHosts::new([127, 0, 0, 2].into(), &["GPU.example:80".to_owned()]);
        for host in ["localhost", "LOCALHOST:9470", "127.0.0.1:1", "[::1]:9470", "::1", "[::1]"] {
            assert!(allowed.accepts(host), "{host}");
        }
        assert!(allowed.accepts("127.0.0.2:9470") && allowed.accepts("gpu.example:9470"));
        for host in ["", "evil.example", "localhost.evil.example:9470", "127.0.0.3", "[::2]:1", "["]
        {
            assert!(!allowed.accepts(host), "{host}");
        }
    }
}
