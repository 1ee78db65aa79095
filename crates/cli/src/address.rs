//! `--listen`: which address and port to answer on, written as Go programs write it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ListenAddress {
    /// `None` is every address of the machine.
    pub(crate) ip: Option<IpAddr>,
    /// 0 lets the system choose.
    pub(crate) port: u16,
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not an address: write :9400 or 127.0.0.1:9400");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let ip = match host {
            "" | "*" => None,
            "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
            _ => Some(text.parse::<SocketAddr>().map_err(|_| wrong())?.ip()),
        };
        Ok(Self { ip, port })
    }
}

impl TryFrom<String> for ListenAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            None => write!(f, ":{}", self.port),
            Some(ip) => write!(f, "{}", SocketAddr::new(ip, self.port)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_as_it_is_written() {
        for text in [":9400", "127.0.0.1:0", "[::1]:9400"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
        assert_eq!("localhost:1".parse::<ListenAddress>().unwrap().to_string(), "127.0.0.1:1");
    }

    #[test]
    fn a_wrong_address_says_how_to_write_one() {
        for text in ["9400", ":", ":99999", "::1:9400", "host.example:80", ""] {
            let reason = text.parse::<ListenAddress>().unwrap_err();
            assert!(reason.contains("write :9400"), "{reason}");
        }
    }
}
