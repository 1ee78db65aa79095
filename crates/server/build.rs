//! Embeds the web UI: `web/dist` as a table of compressed files. Runs no program and no network;
//! without `web/dist` the table is empty and the server shows one plain page.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[path = "src/assets/pack.rs"]
mod pack;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dist = Path::new("../../web/dist");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    // Of a path that is not there cargo would run this each time; its parent tells when it comes.
    let watched = if dist.exists() { dist } else { existing(dist) };
    println!("cargo:rerun-if-changed={}", watched.display());
    println!("cargo:rerun-if-changed=src/assets/pack.rs");
    println!("cargo:rerun-if-changed=build.rs");
    let quality =
        if env::var("PROFILE").is_ok_and(|profile| profile == "release") { 11 } else { 5 };
    write_table(&pack::pack(dist, quality)?, &out)?;
    Ok(())
}

/// The nearest folder above that exists.
fn existing(path: &Path) -> &Path {
    path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("."))
}

fn write_table(files: &[pack::Packed], out: &Path) -> io::Result<()> {
    let mut table = String::from("static ASSETS: &[Embedded] = &[\n");
    for (at, file) in files.iter().enumerate() {
        fs::write(out.join(format!("{at}.br")), &file.brotli)?;
        fs::write(out.join(format!("{at}.gz")), &file.gzip)?;
        table.push_str(&format!(
            "    Embedded {{ path: {:?}, mime: {:?}, etag: {:?}, brotli: include_bytes!(concat!(\
             env!(\"OUT_DIR\"), \"/{at}.br\")), gzip: include_bytes!(concat!(env!(\"OUT_DIR\"), \
             \"/{at}.gz\")) }},\n",
            file.path, file.mime, file.etag
        ));
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table)
}
