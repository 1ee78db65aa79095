//! Who listens on a TCP port, for the message about a port in use.

use std::fs;
use std::path::Path;

use crate::{file, process, stat};

/// Most of a socket table that is read: about 100,000 sockets.
const MAX_TABLE: usize = 16 << 20;
/// Most processes whose open files are searched.
const MAX_PROCESSES: usize = 65_536;
/// State `LISTEN` of the kernel's `tcp_states.h`.
const LISTEN: &str = "0A";

/// PID and command of the listener, if this user may see its open files.
pub(crate) fn owner(procfs: &Path, port: u16) -> Option<(u32, String)> {
    let inodes = listening_inodes(procfs, port);
    if inodes.is_empty() {
        return None;
    }
    let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let pids = fs::read_dir(procfs)
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    let pid = pids.take(MAX_PROCESSES).find(|pid| holds_one_of(procfs, *pid, &links))?;
    let comm = stat::read(procfs, pid).map(|stat| stat.comm).unwrap_or_default();
    Some((pid, process::command(procfs, pid, &comm)))
}

fn listening_inodes(procfs: &Path, port: u16) -> Vec<u64> {
    let tables = ["net/tcp", "net/tcp6"];
    let texts = tables.iter().filter_map(|table| file::read(&procfs.join(table), MAX_TABLE).ok());
    texts
        .flat_map(|bytes| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.lines().filter_map(|line| listener(line, port)).collect::<Vec<_>>()
        })
        .collect()
}

/// The inode of a line whose socket listens on the port.
fn listener(line: &str, port: u16) -> Option<u64> {
    let fields: Vec<&str> = line.split_ascii_whitespace().take(10).collect();
    let (_, hex) = fields.get(1)?.rsplit_once(':')?;
    let fits = u16::from_str_radix(hex, 16) == Ok(port) && *fields.get(3)? == LISTEN;
    fits.then(|| fields.get(9)?.parse().ok()).flatten()
}

fn holds_one_of(procfs: &Path, pid: u32, links: &[String]) -> bool {
    let Ok(files) = fs::read_dir(file::of_process(procfs, pid, "fd")) else { return false };
    files
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|link| links.iter().any(|wanted| link.as_os_str() == wanted.as_str()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_of_this_very_test_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (pid, command) = owner(Path::new("/proc"), port).unwrap();
        assert_eq!(pid, std::process::id());
        assert!(command.starts_with("host-"), "{command}");
        drop(listener);
        assert_eq!(owner(Path::new("/proc"), port), None);
    }

    #[test]
    fn connections_and_broken_lines_are_no_listeners() {
        let open = "0: 0100007F:24B8 00000000:0000 0A 0:0 0:0 0 1000 0 777 1";
        assert_eq!(listener(open, 9400), Some(777));
        assert_eq!(listener(&open.replace(" 0A ", " 01 "), 9400), None);
        assert_eq!(listener(open, 9401), None);
        assert_eq!(listener("sl local_address rem_address st", 9400), None);
    }
}
