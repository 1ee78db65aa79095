//! What the two libraries export: exactly the names of the table, because programs conclude from
//! the set which structures a driver speaks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{Endianness, Object as _, ObjectSymbol as _};

use crate::built;

/// The one name that no driver has.
const MARKER: &str = "gpulse_simulated_nvml";

#[test]
fn the_library_exports_the_405_names_of_driver_590() {
    let names = exported(&built::library_590());
    assert_eq!(names.len(), 405);
    assert_eq!(names, table(&["590"]));
}

#[test]
fn the_other_library_exports_the_417_names_of_driver_610() {
    let names = exported(&built::library_610());
    assert_eq!(names.len(), 417);
    assert_eq!(names, table(&["590", "610"]));
}

#[test]
fn the_table_agrees_with_the_lists_read_from_real_drivers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/nvml-symbols.tsv");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: {} is absent", path.display());
        return;
    };
    let column = |index: usize| -> BTreeSet<String> {
        text.lines()
            .skip(1)
            .map(|line| line.split('\t').collect::<Vec<_>>())
            .filter(|cells| cells.get(index) == Some(&"y"))
            .filter_map(|cells| cells.first().map(ToString::to_string))
            .collect()
    };
    assert_eq!(table(&["590"]), column(1));
    assert_eq!(table(&["590", "610"]), column(2));
}

/// The names of a library's dynamic symbol table that begin as NVML's do, the marker apart; any
/// other name would be a leak of the Rust side.
fn exported(library: &Path) -> BTreeSet<String> {
    let bytes = fs::read(library).unwrap();
    let elf = ElfFile::<FileHeader64<Endianness>>::parse(&*bytes).unwrap();
    let mut names: BTreeSet<String> = elf
        .dynamic_symbols()
        .filter(|symbol| symbol.is_global() && symbol.is_definition())
        .map(|symbol| symbol.name().unwrap().to_owned())
        .collect();
    assert!(names.remove(MARKER), "{} lacks the marker", library.display());
    let foreign: Vec<_> = names.iter().filter(|name| !name.starts_with("nvml")).collect();
    assert!(foreign.is_empty(), "exported beside NVML's names: {foreign:?}");
    names
}

/// The names of the given generations in `symbols.tsv`.
fn table(generations: &[&str]) -> BTreeSet<String> {
    include_str!("../../symbols.tsv")
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .filter(|cells| generations.contains(&cells[1]))
        .map(|cells| cells[0].to_owned())
        .collect()
}
