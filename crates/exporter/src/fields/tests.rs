//! Lists out of text.

use super::*;

fn names(list: &FieldList) -> Vec<&str> {
    list.entries().iter().map(|entry| &*entry.name).collect()
}

fn faults(list: &FieldList) -> Vec<String> {
    list.faults().iter().map(ToString::to_string).collect()
}

#[test]
fn a_list_is_printed_by_number_and_then_by_name() {
    let list = FieldList::parse(
        "DCGM_FI_DEV_POWER_USAGE, gauge, Power\n\
         dcgm_gpu_temp, gauge, old\n\
         DCGM_FI_DEV_SM_CLOCK, gauge, Clock\n\
         DCGM_FI_DEV_GPU_TEMP, gauge, classic\n\
         DCGM_FI_DEV_GPU_TEMP_CELSIUS, gauge, new\n\
         DCGM_FI_DRIVER_VERSION, label, Driver\n",
    );
    assert_eq!(
        names(&list),
        [
            "DCGM_FI_DRIVER_VERSION",
            "DCGM_FI_DEV_SM_CLOCK",
            "DCGM_FI_DEV_GPU_TEMP",
            "DCGM_FI_DEV_GPU_TEMP_CELSIUS",
            "dcgm_gpu_temp",
            "DCGM_FI_DEV_POWER_USAGE",
        ]
    );
    let temperatures = &list.entries()[2..5];
    assert!(temperatures.iter().all(|entry| entry.number == 150 && entry.place.is_some()));
    assert!(list.faults().is_empty());
}

#[test]
fn help_is_kept_as_written_and_types_are_unchecked() {
    let list = FieldList::parse(
        "DCGM_FI_DEV_GPU_TEMP, counter, \"Temperature, in C.\" # code 150\n\
         DCGM_FI_DEV_SM_CLOCK, histogram, Clock # code 100\n\
         DCGM_FI_DEV_MEM_CLOCK, summary, \"Clock, memory\"\n",
    );
    let kept: Vec<_> =
        list.entries().iter().map(|e| (&*e.name, e.kind.printed(), &*e.help)).collect();
    assert_eq!(
        kept,
        [
            ("DCGM_FI_DEV_SM_CLOCK", "untyped", "Clock # code 100"),
            ("DCGM_FI_DEV_MEM_CLOCK", "untyped", "Clock, memory"),
        ],
        "text behind a quote is a fault of its row"
    );
    assert_eq!(faults(&list), ["line 1: text behind a quoted field"]);
}

#[test]
fn a_row_that_makes_no_sense_is_left_out_and_named_with_its_line() {
    let list = FieldList::parse(
        "# Format\n\
         DCGM_FI_DEV_GPU_TEMP, gauge\n\
         DCGM_FI_DEV_GPU_TEMPERATURE, gauge, x\n\
         DCGM_FI_DEV_GPU_TEMP, Gauge, x\n\
         DCGM_FI_DEV_PSTATE, gauge, first\n\
         DCGM_FI_DEV_PSTATE, counter, second\n\
         DCGM_FI_DEV_SM_CLOCK, gauge, a, b\n",
    );
    assert_eq!(names(&list), ["DCGM_FI_DEV_PSTATE"]);
    assert_eq!(&*list.entries()[0].help, "first");
    let told = faults(&list);
    assert!(told[0].starts_with("line 2: 2 fields"), "{told:?}");
    assert_eq!(told[1], "line 3: no field of DCGM is called `DCGM_FI_DEV_GPU_TEMPERATURE`");
    assert!(told[2].starts_with("line 4: `Gauge` is no type; one of gauge"), "{told:?}");
    assert_eq!(told[3], "line 6: DCGM_FI_DEV_PSTATE is listed already, the first row counts");
    assert!(told[4].starts_with("line 7: 4 fields"), "{told:?}");
    let grave: Vec<bool> = list.faults().iter().map(RowFault::is_grave).collect();
    assert_eq!(grave, [true, true, true, false, true]);
    let counts: Vec<_> = list.counts().collect();
    assert_eq!(
        counts,
        [
            ("listed", 1),
            ("repeated", 1),
            ("malformed", 2),
            ("unknown_field", 1),
            ("unknown_type", 1)
        ]
    );
}

#[test]
fn a_list_reads_what_it_names_and_what_that_is_made_of_and_nothing_else() {
    let fields = |text: &str| -> Vec<u16> {
        FieldList::parse(text).rows().places().map(|place| ROWS[place].field).collect()
    };
    assert_eq!(fields("DCGM_FI_DEV_FB_USED,gauge,x"), [252]);
    assert_eq!(fields("DCGM_FI_DEV_WEIGHTED_GPU_UTIL,gauge,x"), [69, 203, 1001, NO_FIELD]);
    assert_eq!(fields("DCGM_EXP_CLOCK_EVENTS_COUNT,gauge,x"), [112, 9002]);
    assert!(fields("DCGM_EXP_GPU_HEALTH_STATUS,gauge,x").is_empty());
    assert!(fields("").is_empty());
}

#[test]
fn what_is_not_read_has_its_reason() {
    let list = FieldList::parse(
        "DCGM_FI_DEV_NVSWITCH_TEMPERATURE_CURRENT,gauge,x\n\
         DCGM_EXP_GPU_HEALTH_STATUS,gauge,x\nDCGM_FI_DEV_CPU_AFFINITY_0,gauge,x\n",
    );
    let lacks: Vec<_> = list.entries().iter().map(|e| (e.place, e.origin.lack())).collect();
    assert!(lacks.iter().all(|(place, _)| place.is_none()));
    let reasons: Vec<_> = lacks.into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(reasons.iter().filter(|reason| **reason == "needs_dcgm").count(), 2);
    assert_eq!(reasons.iter().filter(|reason| **reason == "not_read").count(), 1);
}

#[test]
fn the_built_in_list_is_the_rows_that_are_printed_without_one() {
    let list = FieldList::built_in();
    assert_eq!(list.rows(), RowSet::BUILT_IN);
    assert!(list.entries().len() > 40);
    assert!(list.lists(230) && !list.lists(9001));
    assert_eq!(list.counts().next(), Some(("listed", list.entries().len() as u64)));
}

#[test]
fn no_file_can_make_a_long_page_or_a_long_log() {
    let mut text = String::new();
    for _ in 0..20_000 {
        text.push_str("no_such_field, gauge, x\n");
    }
    text.push_str("DCGM_FI_DEV_GPU_TEMP, gauge, x\n");
    let list = FieldList::parse(&text);
    assert!(list.entries().is_empty());
    assert_eq!(list.faults().len(), MOST_FAULTS);
    let long = format!("DCGM_FI_DEV_GPU_TEMP, gauge, {}", "é".repeat(5000));
    assert!(FieldList::parse(&long).entries()[0].help.len() <= LONGEST_HELP);
}
