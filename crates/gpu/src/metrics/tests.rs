//! The metric table: its order, its words, its conversions, and the lists it must hold.

use std::collections::BTreeSet;

use model::ErrorKind;

use super::*;

fn row(name: &str) -> &'static MetricRow {
    &ROWS[position(name).unwrap_or_else(|| panic!("no row {name}"))]
}

#[test]
fn rows_stand_in_order_of_field_number_and_no_name_twice() {
    assert!(ROWS.windows(2).all(|pair| pair[0].field < pair[1].field));
    let names: BTreeSet<_> = ROWS.iter().map(|row| row.metric.name).collect();
    assert_eq!(names.len(), ROWS.len());
    assert_eq!(position_of_field(155), position("DCGM_FI_DEV_POWER_USAGE"));
    assert_eq!(position_of_field(156).map(|place| ROWS[place].field), Some(156));
    assert_eq!(position("DCGM_FI_DEV_NO_SUCH"), None);
}

#[test]
fn the_built_in_list_is_the_seeds_fields_and_the_original_default_file() {
    let fields: Vec<u16> = RowSet::BUILT_IN.places().map(|place| ROWS[place].field).collect();
    let seed = [
        1, 2, 50, 53, 54, 65, 66, 67, 69, 76, 77, 100, 101, 150, 155, 190, 203, 250, 251, 252, 253,
        254, 312, 313, 500, 1001, 1002, 1003, 1004, 1005, 1009, 1010,
    ];
    let default_file = [
        1, 100, 101, 140, 150, 155, 156, 202, 203, 204, 206, 207, 230, 251, 252, 253, 393, 394,
        395, 449, 526, 1001, 1004, 1005, 1009, 1010,
    ];
    assert_eq!((seed.len(), default_file.len()), (32, 26));
    let wanted: BTreeSet<u16> = seed.into_iter().chain(default_file).chain([NO_FIELD]).collect();
    assert_eq!(fields, wanted.into_iter().collect::<Vec<_>>());
    let built_in = ROWS.iter().filter(|row| row.built_in);
    let printed = built_in.filter(|row| row.metric.kind != Kind::Label).count();
    assert!(printed + 12 >= 40, "{printed} families besides the label rows");
}

#[test]
fn kinds_are_those_of_the_seed_where_it_differs() {
    for name in ["DCGM_FI_PROF_PCIE_TX_BYTES", "DCGM_FI_PROF_PCIE_RX_BYTES"] {
        assert_eq!(row(name).metric.kind, Kind::Counter, "{name}");
    }
    for row in ROWS {
        let is_text = matches!(row.nvml, Source::Text(_) | Source::GpuText(_));
        assert_eq!(is_text, row.metric.kind == Kind::Label, "{}", row.metric.name);
    }
}

#[test]
fn double_fields_have_six_decimals_and_no_other_does() {
    for row in ROWS.iter().filter(|row| row.metric.kind != Kind::Label && row.field != NO_FIELD) {
        let double = matches!(row.field, 155 | 157 | 160..=164 | 254 | 1001..=1008 | 1013..=1034);
        let wanted = if double { Format::SixDecimals } else { Format::Integer };
        assert_eq!(row.format, wanted, "{}", row.metric.name);
    }
    assert_eq!(row("DCGM_FI_DEV_WEIGHTED_GPU_UTIL").format, Format::Shortest);
}

#[test]
fn a_help_is_one_sentence_that_names_the_unit() {
    for MetricRow { metric, .. } in ROWS {
        let help = metric.help;
        assert!(help.ends_with('.') && !help.contains('\n'), "{}: {help}", metric.name);
        let named = match metric.unit {
            Unit::None if metric.kind == Kind::Label => "",
            Unit::None => "without unit",
            Unit::Count => "Count",
            Unit::Ratio => "ratio",
            unit => unit.as_str(),
        };
        assert!(help.contains(named), "{}: {help} lacks {named}", metric.name);
    }
}

#[test]
fn units_agree_with_the_suffix_of_the_name() {
    for MetricRow { metric, .. } in ROWS {
        let unit = metric.unit;
        let fits = match metric.name.rsplit('_').next().unwrap() {
            "CLOCK" => unit == Unit::Megahertz,
            "TEMP" => unit == Unit::Celsius,
            "USAGE" => unit == Unit::Watts,
            "CONSUMPTION" => unit == Unit::Millijoules,
            "UTIL" => matches!(unit, Unit::Percent | Unit::Ratio),
            "FREE" | "USED" | "RESERVED" => unit == Unit::Mebibytes,
            "PERCENT" | "ACTIVE" | "OCCUPANCY" => unit == Unit::Ratio,
            "BYTES" => unit == Unit::BytesPerSecond,
            "ROWS" | "COUNTER" => unit == Unit::Count,
            _ => true,
        };
        assert!(fits, "{} in {unit:?}", metric.name);
    }
}

#[test]
fn what_mig_takes_away_is_marked() {
    for name in [
        "DCGM_FI_DEV_GPU_UTIL",
        "DCGM_FI_DEV_MEM_COPY_UTIL",
        "DCGM_FI_DEV_ENC_UTIL",
        "DCGM_FI_DEV_DEC_UTIL",
        "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
        "DCGM_FI_PROF_PCIE_TX_BYTES",
        "DCGM_FI_PROF_PCIE_RX_BYTES",
    ] {
        assert_eq!(row(name).level, Level::WholeGpu, "{name}");
    }
    assert_eq!(row("DCGM_FI_DEV_FB_USED").level, Level::GpuInstance);
    assert_eq!(row("DCGM_FI_DEV_POWER_USAGE").level, Level::Gpu);
}

#[test]
fn temperatures_above_200_degrees_are_no_reading() {
    assert_eq!(board::celsius(Reading::Value(200)), Reading::Value(200.0));
    assert_eq!(board::celsius(Reading::Value(201)), Reading::NotSupported);
    let lost = Reading::Failed(ErrorKind::Lost);
    assert_eq!(board::celsius(Reading::Failed(ErrorKind::Lost)), lost);
}

#[test]
fn an_unknown_performance_state_is_no_reading() {
    assert_eq!(board::performance_state(15), Reading::Value(15.0));
    assert_eq!(board::performance_state(32), Reading::NotSupported);
}

#[test]
fn compute_modes_have_dcgms_numbers() {
    assert_eq!([0, 2, 3].map(labels::compute_mode), [Some(0), Some(1), Some(2)]);
    assert_eq!(labels::compute_mode(1), None);
}

#[test]
fn memory_is_cut_to_mebibytes_and_its_ratio_leaves_the_reserved_part_out() {
    assert_eq!(memory::mebibytes((5 << 20) - 1), 4.0);
    let mib = |count: u64| count << 20;
    let known =
        Memory { total: mib(1000), free: mib(600), used: mib(300), reserved: Some(mib(100)) };
    assert_eq!(memory::used_ratio(&known), Reading::Value(300.0 / 900.0));
    assert_eq!(memory::used_ratio(&Memory { reserved: None, ..known }), Reading::Value(0.3));
    let none = Memory { total: 0, free: 0, used: 0, reserved: None };
    assert_eq!(memory::used_ratio(&none), Reading::NotSupported);
}

#[test]
fn power_is_milliwatts_over_a_thousand() {
    assert_eq!(board::watts(699_999), 699.999);
}

#[test]
fn rows_agree_with_the_list_of_dcgm_fields() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/fields.tsv");
    let Ok(list) = std::fs::read_to_string(path) else {
        println!("skipped: ../shared/data/fields.tsv is not here");
        return;
    };
    let mut lines = list.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let column = |name: &str| head.iter().position(|title| *title == name).unwrap();
    let (name, id) = (column("name"), column("id"));
    let (seed, default, kind) = (column("in_seed"), column("in_default_csv"), column("prom_type"));
    let mut checked = 0;
    for line in lines.filter(|line| line[seed] != "no" || line[default] == "active") {
        let row = row(line[name]);
        assert_eq!(row.field.to_string(), line[id], "{}", line[name]);
        let wanted = if line[seed] == "no" { line[kind] } else { line[seed] };
        assert_eq!(row.metric.kind.as_str(), wanted, "{}", line[name]);
        checked += 1;
    }
    let built_in = RowSet::BUILT_IN.places().count();
    assert_eq!(checked, built_in - 1, "every row but the weighted one is in the list");
}

#[test]
fn every_name_leads_to_the_number_that_the_list_of_dcgm_fields_gives() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/fields.tsv");
    let Ok(list) = std::fs::read_to_string(path) else {
        println!("skipped: ../shared/data/fields.tsv is not here");
        return;
    };
    let mut lines = list.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let column = |name: &str| head.iter().position(|title| *title == name).unwrap();
    let (name, id, source) = (column("name"), column("id"), column("nvml_source"));
    let (notes, gpm, kind) = (column("notes"), column("gpm_metric"), column("prom_type"));
    for line in lines.filter(|line| line[id].parse::<u16>().is_ok_and(|id| id < 9000)) {
        let field = field_named(line[name]).unwrap_or_else(|| panic!("{} unknown", line[name]));
        assert_eq!(field.number.to_string(), line[id], "{}", line[name]);
        let aliases =
            line[notes].split("; ").filter_map(|note| note.strip_prefix("DCGM 4.6+ name "));
        for alias in aliases {
            let alias = alias.split(' ').next().unwrap();
            assert_eq!(field_named(alias).map(|f| f.number), Some(field.number), "{alias}");
        }
        let by_dcgm = line[source].starts_with("none") && line[gpm].is_empty();
        if field.origin != Origin::Binary {
            assert_eq!(
                field.origin == Origin::Dcgm,
                by_dcgm || line[source] == "-",
                "{}",
                line[name]
            );
        }
        if let Some(row) = position_of_field(field.number).map(|place| &ROWS[place]) {
            let is_label = row.metric.kind == Kind::Label;
            assert_eq!(is_label, line[kind] == "label", "{}", line[name]);
        }
    }
}

#[test]
fn names_of_the_first_generation_lead_to_the_same_fields() {
    let old =
        fields().flat_map(|(_, names)| names.split(' ')).filter(|name| name.starts_with("dcgm_"));
    assert_eq!(old.count(), 41);
    let number = |name: &str| field_named(name).map(|field| field.number);
    assert_eq!(number("dcgm_gpu_temp"), Some(150));
    assert_eq!(number("dcgm_fi_prof_sm_active"), Some(1002));
    assert_eq!(number("DCGM_FI_DEV_GPU_TEMP_CELSIUS"), number("DCGM_FI_DEV_GPU_TEMP"));
    assert_eq!(number("DCGM_EXP_XID_ERRORS_COUNT"), Some(9001));
    assert_eq!(number("dcgm_GPU_temp"), None);
    assert_eq!(number(""), None);
}

#[test]
fn every_row_of_dcgm_exporters_files_that_nvml_has_is_read() {
    let listed = [
        51, 56, 80, 81, 82, 85, 112, 240, 241, 242, 243, 244, 245, 310, 311, 390, 391, 392, 409,
        419, 429, 439, 440, 1006, 1007, 1008, 9001, 9002, 9004,
    ];
    for field in listed {
        let place = position_of_field(field).unwrap_or_else(|| panic!("no row for {field}"));
        assert!(!RowSet::BUILT_IN.contains(place), "{field} is read on request");
    }
}
