//! Rounds in which some forms failed.

use std::sync::Arc;
use std::time::Instant;

use super::*;
use crate::smi::list::ListedGpu;
use crate::smi::log;
use crate::smi::round::Part;
use crate::smi::run::RunError;
use crate::smi::table::{MigRow, Table};

pub(in crate::smi) const BUS: &str = "00000000:0C:00.0";

pub(in crate::smi) fn failed<T>() -> Part<T> {
    Err(Arc::new(RunError::TooLong { form: "nvidia-smi".to_owned() }))
}

/// Nothing but a list of one GPU.
pub(in crate::smi) fn round() -> Round {
    let gpu = ListedGpu {
        index: 0,
        name: "A".to_owned(),
        uuid: "GPU-a".to_owned(),
        mig: vec![ListedMig { number: 0, profile: "1g.5gb".to_owned(), uuid: "MIG-x".to_owned() }],
    };
    Round {
        at: Instant::now(),
        sheet: failed(),
        mig_modes: None,
        list: Ok(vec![gpu.clone()]),
        names: vec![gpu],
        table: failed(),
        log: failed(),
        apps: failed(),
        apps_by_uuid: None,
        refused: std::collections::BTreeSet::new(),
    }
}

fn table_with_mig() -> Table {
    let mig =
        MigRow { gpu: 0, gpu_instance: 7, compute_instance: 0, number: 0, memory: Some((9, 10)) };
    Table { gpus: vec![(0, BUS.to_owned())], mig: vec![mig], ..Table::default() }
}

#[test]
fn a_bus_id_is_told_from_other_words_whatever_the_width_of_its_domain() {
    assert_eq!(bus_number("0000:0C:00.0"), Some((0, 12, 0, 0)));
    assert_eq!(bus_number(BUS), bus_number("0000:0c:00.0"));
    assert_eq!(normal_bus_id("0000:0c:00.0").as_deref(), Some(BUS));
    for word in ["GPU-a", "12:00.0", "1.2.3.4", "", "0000:0C:00", "00000000:0C:00.0:1.0"] {
        assert_eq!(bus_number(word), None, "{word}");
    }
}

#[test]
fn the_table_alone_places_mig_devices_and_shows_their_memory() {
    let round = Round { table: Ok(table_with_mig()), ..round() };
    let gpus = gpus(&round, &[]);
    assert_eq!(gpus[0].mig, Some(true));
    let found = instances(&round, &gpus[0]);
    assert_eq!((found[0].gpu_instance, found[0].uuid.as_str()), (7, "MIG-x"));
    let memory = found[0].memory;
    assert_eq!((memory.used, memory.total), (Reading::Value(9), Reading::Value(10)));
    assert_eq!(memory.free, Reading::NotSupported);
}

#[test]
fn names_of_an_earlier_list_hold_only_while_the_devices_are_the_same() {
    let known = [Gpu { uuid: "GPU-a".to_owned(), ..Gpu::default() }];
    let same = Round { table: Ok(table_with_mig()), list: failed(), ..round() };
    assert_eq!(instances(&same, &gpus(&same, &known)[0]).len(), 1);
    let mut table = table_with_mig();
    table.mig.push(MigRow { number: 1, gpu_instance: 8, ..table.mig[0].clone() });
    let changed = Round { table: Ok(table), ..same };
    assert_eq!(instances(&changed, &gpus(&changed, &known)[0]), []);
}

#[test]
fn a_gpu_without_a_uuid_is_left_out() {
    let round = Round { table: Ok(table_with_mig()), list: failed(), ..round() };
    assert_eq!(gpus(&round, &[]), []);
}

#[test]
fn a_gpu_that_the_driver_cannot_open_keeps_its_name_and_is_lost() {
    use std::os::unix::process::ExitStatusExt;
    let said = "Unable to determine the device handle for GPU 0000:0C:00.0: GPU is lost. Reboot";
    let status = std::process::ExitStatus::from_raw(15 << 8);
    let error = RunError::Failed { form: String::new(), status, said: said.to_owned() };
    let round = Round { table: Err(Arc::new(error)), list: Ok(Vec::new()), ..round() };
    let known = Gpu {
        uuid: "GPU-a".to_owned(),
        bus_id: BUS.to_owned(),
        model: "A".to_owned(),
        ..Gpu::default()
    };
    let other = Gpu { index: 1, bus_id: "00000000:0D:00.0".to_owned(), ..known.clone() };
    let found = gpus(&round, &[known, other]);
    assert_eq!((found[0].uuid.as_str(), found[0].lost), ("GPU-a", true));
    assert!(found.get(1).is_none_or(|other| !other.lost));
}

#[test]
fn a_log_of_another_gpu_is_not_taken_for_this_one() {
    let text = "==NVSMI LOG==\nGPU 00000000:0D:00.0\n    GPU UUID    : GPU-other\n";
    let round = Round {
        table: Ok(Table { gpus: vec![(0, BUS.to_owned())], ..Table::default() }),
        log: Ok(log::parse(text).unwrap()),
        ..round()
    };
    let found = gpus(&round, &[]);
    assert_eq!(found[0].uuid, "GPU-a");
    assert!(found[0].log.is_none());
}
