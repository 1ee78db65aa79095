//! What is wrong with a scenario is said with file and line, before any of it runs.

#![cfg(test)]

use sim::Scenario;

/// A node with two GPUs, the second cut; what is tested goes behind it, from line 13 on.
const BASE: &str = r#"seed = 1

[[node]]
name = "a"

[[node.gpu]]
model = "h100-80gb-hbm3"

[[node.gpu]]
model = "h100-80gb-hbm3"
mig = ["3g.40gb", "1g.10gb"]

"#;

fn refused(rest: &str) -> String {
    Scenario::from_text("bad.toml", &format!("{BASE}{rest}")).unwrap_err().to_string()
}

#[track_caller]
fn says(rest: &str, line: usize, words: &str) {
    let error = refused(rest);
    assert!(error.starts_with(&format!("bad.toml:{line}: ")), "{error}");
    assert!(error.contains(words), "{error}");
}

const PROCESS: &str = "[[node.process]]\ncommand = \"x\"\n";

#[test]
fn the_base_itself_is_fine() {
    Scenario::from_text("good.toml", BASE).unwrap();
}

#[test]
fn memory_over_the_device_is_refused() {
    says(&format!("{PROCESS}gpu = [\"0\"]\nmemory = \"81GiB\"\n"), 13, "can hold 81.0 GiB");
    let two = format!("{PROCESS}gpu = [\"0\"]\nmemory = \"50GiB\"\n\n").repeat(2);
    says(&two, 13, "processes on GPU 0 can hold 100.0 GiB together, and it has 79.2 GiB");
    says(&format!("{PROCESS}gpu = [\"1/1\"]\nmemory = \"10GiB\"\n"), 13, "GPU 1/1 can hold");
    let churn =
        format!("{PROCESS}gpu = [\"0\"]\nmemory = \"20GiB\"\nevery = \"1s\"\nlives = \"9s\"\n");
    says(&churn, 13, "can hold 180.0 GiB");
}

#[test]
fn impossible_layouts_are_refused() {
    let gpu = |mig: &str| format!("[[node.gpu]]\nmodel = \"h100-80gb-hbm3\"\nmig = {mig}\n");
    says(&gpu(r#"["4g.40gb", "4g.40gb"]"#), 13, "at most 1 of 4g.40gb");
    says(&gpu(r#"["9g.99gb"]"#), 13, "has no MIG profile `9g.99gb`");
    says(&gpu(r#"["3g.40gb", "1g.20gb", "1g.20gb", "1g.10gb"]"#), 13, "cannot hold");
    let workstation = "[[node.gpu]]\nmodel = \"rtx-2080-super\"\nmig = [\"1g.10gb\"]\n";
    says(workstation, 13, "cannot do MIG");
    let later = "[[node.fault]]\nkind = \"mig_set\"\ngpu = \"0\"\nat = \"1m\"\nmig = [\"7g.80gb\", \"1g.10gb\"]\n";
    says(later, 13, "8 slices");
}

#[test]
fn a_process_on_a_gpu_its_pod_was_not_given_is_refused_unless_it_is_meant() {
    let pod = "[[node.pod]]\nname = \"p\"\nnamespace = \"n\"\nresources = { \"nvidia.com/gpu\" = [\"0\"] }\n\n";
    let process = format!("{pod}{PROCESS}pod = \"n/p\"\ngpu = [\"1/0\"]\n");
    says(&process, 18, "pod `n/p` was not given GPU 1/0");
    Scenario::from_text("x", &format!("{BASE}{process}outside = true\n")).unwrap();
    says(&format!("{PROCESS}pod = \"n/q\"\ngpu = [\"0\"]\n"), 13, "no pod `n/q`");
}

#[test]
fn seats_that_do_not_exist_are_refused() {
    says(&format!("{PROCESS}gpu = [\"2\"]\n"), 13, "no GPU 2; the node has 2");
    says(&format!("{PROCESS}gpu = [\"1\"]\n"), 13, "name a device of it, such as \"1/0\"");
    says(&format!("{PROCESS}gpu = [\"1/2\"]\n"), 13, "no MIG device 2; it has 2");
    says(&format!("{PROCESS}gpu = [\"0/0\"]\n"), 13, "is not cut by MIG");
    says(&format!("{PROCESS}gpu = [\"zero\"]\n"), 13, "`zero` is no GPU");
    says(PROCESS, 13, "needs a GPU");
}

#[test]
fn faults_that_lack_what_they_need_are_refused() {
    let fault = |rest: &str| format!("[[node.fault]]\n{rest}\n");
    says(&fault("kind = \"xid\"\ngpu = \"0\""), 13, "needs `xid`");
    says(&fault("kind = \"zombie\"\npid = 7"), 13, "needs the `pid` of a process");
    says(&fault("kind = \"leak\""), 13, "needs `memory`");
    says(&fault("kind = \"lost\"\ngpu = \"5\""), 13, "no GPU 5");
    says(&fault("kind = \"hang\"\nat = \"2m\"\nuntil = \"1m\""), 13, "ends after it begins");
    says(&fault("kind = \"hang\"\ncalls = [\"nvmlDoIt\"]"), 13, "`nvmlDoIt` is no NVML function");
    says(&fault("kind = \"explode\""), 14, "unknown variant `explode`");
}

#[test]
fn wrong_words_and_values_are_refused_where_they_stand() {
    says(&format!("{PROCESS}gpu = [\"0\"]\ncolour = \"red\"\n"), 16, "unknown field `colour`");
    says(&format!("{PROCESS}gpu = [\"0\"]\nstart = \"soon\"\n"), 16, "`soon` is not a span");
    says(&format!("{PROCESS}gpu = [\"0\"]\nmemory = \"2GB\"\n"), 16, "`2GB` is not a size");
    let wave = "sm = { wave = \"square\", low = 1, high = 2, period = \"0s\" }\n";
    says(&format!("{PROCESS}gpu = [\"0\"]\n{wave}"), 16, "at least 100ms");
    says(&format!("{PROCESS}gpu = [\"0\"]\nsm = 140\n"), 13, "cannot pass 100");
    says(&format!("{PROCESS}gpu = [\"0\"]\nstart = \"9s\"\nstop = \"3s\"\n"), 13, "stops after");
    says("this is not toml", 13, "");
    let pids = format!("{PROCESS}gpu = [\"0\"]\npid = 9\n\n").repeat(2);
    says(&pids, 18, "PID 9 is another process's already");
}

#[test]
fn an_unknown_name_lists_all_and_a_missing_file_is_named() {
    let error = Scenario::load("h100x9").unwrap_err().to_string();
    assert!(error.contains("no scenario is named `h100x9`"), "{error}");
    assert!(error.contains("h100x8-busy") && error.contains("many-processes"), "{error}");
    let error = Scenario::load("./not-there.toml").unwrap_err().to_string();
    assert!(error.contains("cannot read the scenario ./not-there.toml"), "{error}");
}

#[test]
fn a_trace_is_read_from_its_file_beside_the_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    let text =
        format!("{BASE}{PROCESS}gpu = [\"0\"]\nsm = {{ wave = \"trace\", file = \"t.csv\" }}\n");
    std::fs::write(&path, text).unwrap();
    let error = Scenario::load(path.to_str().unwrap()).unwrap_err().to_string();
    assert!(error.contains("s.toml:16: cannot read the trace"), "{error}");
    std::fs::write(folder.path().join("t.csv"), "# seconds,value\n0,10\n60,x\n").unwrap();
    let error = Scenario::load(path.to_str().unwrap()).unwrap_err().to_string();
    assert!(error.contains("t.csv:3: not `seconds,value`"), "{error}");
    std::fs::write(folder.path().join("t.csv"), "0,10\n60,90\n").unwrap();
    Scenario::load(path.to_str().unwrap()).unwrap();
}
