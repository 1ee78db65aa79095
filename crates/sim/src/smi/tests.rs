//! The printed forms against the captures' own lines.

use std::sync::Arc;

use super::*;
use crate::clock::SimClock;
use crate::scenario::Scenario;
use crate::world::World;

fn ask(name: &str, age_s: u64, arguments: &[&str]) -> Answer {
    let world = Arc::new(World::new(&Scenario::load(name).unwrap()));
    let clock = Arc::new(SimClock::manual(Duration::from_secs(age_s)));
    answer(&SimDriver::new(world, 0, clock), arguments)
}

/// The lines, without what cannot be the same: UUIDs and times.
fn holds(answer: &Answer, lines: &[&str]) {
    for line in lines {
        let found = answer.text.lines().any(|printed| printed.trim_end() == line.trim_end());
        assert!(found, "no line\n{line}\nin\n{}", answer.text);
    }
}

#[test]
fn the_default_table_is_the_captured_one() {
    let idle = ask("h100-idle", 600, &[]);
    assert_eq!(idle.code, 0);
    holds(
        &idle,
        &[
            "| NVIDIA-SMI 590.48.01              Driver Version: 590.48.01      CUDA Version: 13.1     |",
            "|   0  NVIDIA H100 80GB HBM3          On  |   00000000:00:09.0 Off |                    0 |",
            "| N/A   41C    P0             69W /  700W |       0MiB /  81559MiB |      0%      Default |",
            "|                                         |                        |             Disabled |",
            "|  No running processes found                                                             |",
        ],
    );
    holds(
        &ask("h100-load", 640, &[]),
        &[
            "|    0   N/A  N/A           11327      C   /root/tools/memhog                     2566MiB |",
            "|    0   N/A  N/A           11345      C   ./gpu_burn                            15690MiB |",
        ],
    );
    holds(
        &ask("rtx2080s-encode", 100, &[]),
        &[
            "|   0  NVIDIA GeForce RTX 2080 ...    Off |   00000000:0C:00.0 Off |                  N/A |",
            "|    0   N/A  N/A            1696      G   /usr/bin/gnome-shell                    176MiB |",
            "|    0   N/A  N/A            5267      C   ffmpeg                                  230MiB |",
        ],
    );
}

#[test]
fn mig_rows_are_the_captured_ones() {
    holds(
        &ask("h100-mig", 640, &[]),
        &[
            "|  0    2   0   0  |           11091MiB / 40448MiB    | 60      0 |  3   0    3    0    3 |",
            "|                  |               0MiB / 24739MiB    |           |                       |",
            "|  0    3   0   1  |              17MiB / 20096MiB    | 32      0 |  2   0    2    0    2 |",
            "|  0   10   0   3  |               9MiB /  9984MiB    | 16      0 |  1   0    1    0    1 |",
            "|    0    2    0            21198      C   ./gpu_burn                             7484MiB |",
            "|                                         |                        |              Enabled |",
        ],
    );
    let list = ask("h100-mig", 640, &["-L"]);
    let second = list.text.lines().nth(1).unwrap();
    assert!(second.starts_with("  MIG 3g.40gb     Device  0: (UUID: MIG-"), "{second}");
}

#[test]
fn queries_print_what_they_are_asked_for() {
    let fields = "--query-gpu=index,memory.total,memory.used,memory.free,memory.reserved,\
                  utilization.gpu,temperature.memory,mig.mode.current,display_mode";
    let idle = ask("h100-mig-idle", 600, &[fields, "--format=csv"]);
    assert_eq!(
        idle.text,
        "index, memory.total [MiB], memory.used [MiB], memory.free [MiB], memory.reserved [MiB], \
         utilization.gpu [%], temperature.memory, mig.mode.current, display_mode\n\
         0, 81559 MiB, 59 MiB, 81022 MiB, 479 MiB, [N/A], 48, Enabled, \
         [Requested functionality has been deprecated]\n"
    );
    let load =
        ask("h100-load", 640, &["--query-gpu=memory.free,pstate", "--format=csv,noheader,nounits"]);
    assert_eq!(load.text, "61263, P0\n");
    let apps = "--query-compute-apps=pid,process_name,used_gpu_memory";
    let apps = ask("rtx2080s-encode", 100, &[apps, "--format=csv"]);
    assert_eq!(
        apps.text,
        "pid, process_name, used_gpu_memory [MiB]\n5267, ffmpeg, 230 MiB\n5268, ffmpeg, 370 MiB\n"
    );
    let bad = ask("h100-idle", 600, &["--query-gpu=index,colour", "--format=csv"]);
    assert_eq!((bad.code, bad.text.contains("\"colour\" is not a valid field")), (2, true));
}

#[test]
fn pmon_shows_use_and_dashes() {
    let load = ask("h100-load", 640, &["pmon", "-c", "1"]);
    holds(
        &load,
        &[
            "    0      11327     C      -      -      -      -      -      -    memhog         ",
            "    0      11345     C     99     10      -      -      -      -    gpu_burn       ",
        ],
    );
    holds(
        &ask("h100-idle", 640, &["pmon", "-c", "1"]),
        &["    0          -     -      -      -      -      -      -      -    -              "],
    );
    let twice = ask("h100-load", 640, &["pmon", "-c", "2"]);
    assert_eq!(twice.text.lines().count(), 2 + 6);
}

#[test]
fn the_long_listing_has_the_captured_lines() {
    let log = ask("h100-mig-idle", 600, &["-q"]);
    holds(
        &log,
        &[
            "        GPU Instance ID                                : 2",
            "            Free                                       : 40423 MiB",
            "    Minor Number                                       : 0",
            "        Replays Since Reset                            : 9",
            "        Reserved                                       : 479 MiB",
            "    Board ID                                           : 0x9",
        ],
    );
    holds(
        &ask("h100-load", 640, &["-q"]),
        &[
            "        Process ID                        : 11327",
            "            Used GPU Memory               : 2566 MiB",
            "        Used                                           : 19819 MiB",
        ],
    );
}

#[test]
fn failures_have_their_words_and_codes() {
    let none = ask("no-gpu", 60, &["-L"]);
    assert_eq!((none.code, none.text.contains("couldn't communicate")), (9, true));
    let lost = ask("fault-lost", 100, &["-L"]);
    assert_eq!((lost.code, lost.text.contains("GPU is lost")), (15, true));
    assert!(lost.text.contains("GPU 1: NVIDIA H100"));
    let zombie =
        ask("fault-zombie", 100, &["--query-compute-apps=pid,name", "--format=csv,noheader"]);
    assert!(zombie.text.contains("4001, [Not Found]"), "{}", zombie.text);
    assert_eq!(ask("h100-idle", 60, &["--reset"]).code, 2);
}

#[test]
fn dates_are_civil() {
    let at = Timestamp::from_secs(1_784_019_600);
    assert_eq!(long_time(at), "Tue Jul 14 09:00:00 2026");
    assert_eq!(csv_time(Timestamp(at.0 + 7_000)), "2026/07/14 09:00:00.007");
    assert_eq!(long_time(Timestamp::from_secs(951_782_400)), "Tue Feb 29 00:00:00 2000");
}
