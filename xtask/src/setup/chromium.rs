//! Chromium for the browser checks: one on PATH, else Debian's package and the libraries and Korean
//! fonts it lacks here, downloaded and unpacked without root.
//!
//! Only packages of the machine's own signed lists are taken, and only those that apt says are not
//! installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Part, key};
use crate::workspace;

/// Names under which distributions install it.
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What is asked of apt; the rest are dependencies.
const PACKAGES: &[&str] = &["chromium", "fonts-nanum"];

/// How to start it.
#[derive(Debug, Clone)]
pub(crate) struct Chromium {
    /// The program.
    pub program: PathBuf,
    /// What its environment needs beside the present one.
    pub environment: Vec<(&'static str, PathBuf)>,
}

/// The Chromium of this machine.
pub(super) fn installed() -> Option<Chromium> {
    let program = NAMES.iter().find_map(|name| workspace::on_path(name))?;
    Some(Chromium { program, environment: Vec::new() })
}

/// Debian's package, unpacked.
pub(super) fn unpacked() -> Part {
    Part {
        title: "Chromium, for the browser checks",
        cost: "up to 150 MB to fetch and 550 MB here, about a minute",
        big: true,
        folder: folder().map_err(|error| format!("no Chromium on PATH; {error:#}")),
        fill: Box::new(build),
    }
}

/// The Chromium in the folder that [`unpacked`] filled.
pub(super) fn of(folder: &Path) -> Chromium {
    let program = folder.join("usr/lib/chromium/chromium");
    let environment = vec![
        ("LD_LIBRARY_PATH", folder.join("libraries")),
        ("FONTCONFIG_FILE", folder.join("fonts.conf")),
    ];
    Chromium { program, environment }
}

fn folder() -> Result<String> {
    Ok(format!("chromium-{}", key([missing()?.join(" ").as_bytes()])))
}

/// The archives that apt would install, as `name_version_architecture.deb`.
fn missing() -> Result<Vec<String>> {
    for program in ["apt-get", "dpkg-deb"] {
        if workspace::on_path(program).is_none() {
            bail!("no {program} to get it with: install chromium");
        }
    }
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-qq", "--print-uris", "--no-install-recommends"]).args(PACKAGES);
    let said = workspace::output(&mut apt).context("apt's lists do not offer it")?;
    let archives = archives(&said);
    if !archives.iter().any(|name| name.starts_with("chromium_")) {
        bail!("apt offers no package chromium");
    }
    Ok(archives)
}

/// The second word of each line `'uri' name size hash`.
fn archives(said: &str) -> Vec<String> {
    let lines = said.lines().filter(|line| line.starts_with('\''));
    lines.filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect()
}

fn build(beside: &Path, at: &Path) -> Result<()> {
    let archives = tempfile::tempdir().context("cannot make a folder for the packages")?;
    let mut apt = Command::new("apt-get");
    apt.args(["download", "-qq"]).args(missing()?.iter().filter_map(|name| pinned(name)));
    workspace::run(apt.current_dir(archives.path()))?;
    for entry in std::fs::read_dir(archives.path())? {
        workspace::run(Command::new("dpkg-deb").arg("-x").arg(entry?.path()).arg(beside))?;
    }
    link_libraries(beside)?;
    std::fs::write(beside.join("fonts.conf"), fonts(at)).context("cannot write the fonts' list")
}

/// `name_version_architecture.deb` as apt wants it: `name:architecture=version`.
fn pinned(archive: &str) -> Option<String> {
    let mut parts = archive.strip_suffix(".deb")?.split('_');
    let (name, version, architecture) = (parts.next()?, parts.next()?, parts.next()?);
    let version = version.replace("%3a", ":");
    Some(match architecture {
        "all" => format!("{name}={version}"),
        architecture => format!("{name}:{architecture}={version}"),
    })
}

/// One folder for the loader, whatever this machine's architecture is called in paths.
fn link_libraries(beside: &Path) -> Result<()> {
    let links = beside.join("libraries");
    std::fs::create_dir_all(&links)?;
    let triplets = ["usr/lib", "lib"].map(|folder| beside.join(folder));
    for folder in triplets.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten() {
        let folder = folder?.path();
        let named =
            folder.file_name().is_some_and(|name| name.to_string_lossy().contains("-linux-"));
        let Some(entries) = named.then(|| std::fs::read_dir(&folder)).transpose()? else {
            continue;
        };
        for entry in entries {
            link(&entry?.path(), beside, &links)?;
        }
    }
    Ok(())
}

/// A relative link, which stays right when the folder gets its final name.
fn link(library: &Path, beside: &Path, links: &Path) -> Result<()> {
    let Some(name) = library.file_name().filter(|name| name.to_string_lossy().contains(".so"))
    else {
        return Ok(());
    };
    let inside = library.strip_prefix(beside)?;
    std::os::unix::fs::symlink(Path::new("..").join(inside), links.join(name))
        .with_context(|| format!("cannot link {}", library.display()))
}

/// The machine's fonts and the unpacked ones.
fn fonts(at: &Path) -> String {
    let (fonts, cache) = (at.join("usr/share/fonts"), at.join("font-cache"));
    format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n<fontconfig>\n\
         <include ignore_missing=\"yes\">/etc/fonts/fonts.conf</include>\n<dir>{}</dir>\n\
         <cachedir>{}</cachedir>\n</fontconfig>\n",
        fonts.display(),
        cache.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_would_install_is_asked_for_by_its_exact_version() {
        let said = "'http://a/b/chromium_156.0-1~deb12u1_amd64.deb' chromium_156.0-1~deb12u1_amd64.deb 81157036 SHA256:0\n\
                    'http://a/c/libnss3_2%3a3.87_amd64.deb' libnss3_2%3a3.87_amd64.deb 1330556 SHA256:1\n\
                    'http://a/d/fonts-nanum_2020-1_all.deb' fonts-nanum_2020-1_all.deb 10317512 SHA256:2";
        let asked: Vec<_> = archives(said).iter().filter_map(|name| pinned(name)).collect();
        let expected =
            ["chromium:amd64=156.0-1~deb12u1", "libnss3:amd64=2:3.87", "fonts-nanum=2020-1"];
        assert_eq!(asked, expected);
    }

    #[test]
    fn the_unpacked_folder_holds_program_libraries_and_fonts() {
        let chromium = of(Path::new("/c"));
        assert_eq!(chromium.program, Path::new("/c/usr/lib/chromium/chromium"));
        assert_eq!(chromium.environment.len(), 2);
    }
}
