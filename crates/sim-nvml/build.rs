//! Turns the table of exported names into one function per name that has no answer of its own.
//!
//! `symbols.tsv` lists what real drivers export: clients conclude from the *set* of names which
//! structures a driver speaks, so every name must be there and none more. A name with `y` in the
//! column `answer` is written by hand under `src/exports/`; the compiler refuses one that is both,
//! and the test of the export list one that is neither.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=symbols.tsv");
    let table = fs::read_to_string("symbols.tsv")?;
    let out_dir = env::var("OUT_DIR")?;
    for since in ["590", "610"] {
        let file = Path::new(&out_dir).join(format!("unanswered_{since}.rs"));
        fs::write(file, unanswered(&table, since)?)?;
    }
    Ok(())
}

/// The functions of one generation of the driver that answer "not supported".
fn unanswered(table: &str, since: &str) -> Result<String, Box<dyn Error>> {
    let mut code = String::new();
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, first, answer] = columns[..] else {
            return Err(format!("symbols.tsv: not three columns: {line:?}").into());
        };
        if first == since && answer.is_empty() {
            // Arguments are left out: the C ABI lets a caller pass more than a function takes.
            writeln!(
                code,
                "#[unsafe(no_mangle)]\nextern \"C\" fn {name}() -> u32 {{ NOT_SUPPORTED }}"
            )?;
        }
    }
    Ok(code)
}
