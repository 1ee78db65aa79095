//! `docs/reference/metrics.md`: every metric, from the tables of the crates that print them.

use std::fmt::Write as _;

use gpu::metrics::{Level, MetricRow, NO_FIELD, ROWS};
use model::metric::{Kind, Metric};

use super::{GENERATED, cell};

/// The page.
pub(super) fn page() -> String {
    let mut out = format!("# Metrics\n{GENERATED}\n\n");
    out.push_str(
        "What `gpulse exporter` prints, and `gpulse server` about itself. A reading that is not supported or failed is an absent \
         sample, never a zero.\n",
    );
    push_devices(&mut out);
    push_families(
        &mut out,
        "Sessions, as the first exporters named them",
        "Compute processes and idle devices. Part `sessions`.",
        session::exposition::SEED_METRICS,
    );
    push_families(
        &mut out,
        "Sessions and devices",
        "One process on one device is a session. Part `sessions`.",
        session::exposition::SESSION_METRICS,
    );
    push_families(
        &mut out,
        "Allocations and findings",
        "A container or a Slurm job that holds a device, used or not, is an allocation. Part `sessions`.",
        session::exposition::ALLOCATION_METRICS,
    );
    push_exporter(&mut out);
    push_families(
        &mut out,
        "The server about itself",
        "On `/metrics` of `gpulse server`, `up` and `demo`.",
        &server::METRICS,
    );
    out
}

fn push_devices(out: &mut String) {
    out.push_str(
        "\n## GPUs\nNames, units and labels of dcgm-exporter. Part `gpu`. A row of type label is \
         no family: its value\nstands as a label on every sample of its GPU. A row that is \
         not in the built-in list is read when a field list\nnames it.\n\n\
         | field | name | type | unit | built in | with MIG | `nvidia-smi` | meaning |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in ROWS {
        let metric = &row.metric;
        let _ = writeln!(
            out,
            "| {} | `{}` | {} | {} | {} | {} | {} | {} |",
            field(row),
            metric.name,
            metric.kind.as_str(),
            metric.unit.as_str(),
            if row.built_in { "yes" } else { "" },
            level(row),
            row.smi.map(|field| format!("`{field}`")).unwrap_or_default(),
            cell(metric.help),
        );
    }
}

fn field(row: &MetricRow) -> String {
    if row.field == NO_FIELD { String::new() } else { row.field.to_string() }
}

const fn level(row: &MetricRow) -> &'static str {
    match row.level {
        Level::Global => "the machine's",
        Level::Gpu => "the GPU's, on each instance",
        Level::WholeGpu => "absent",
        Level::GpuInstance => "of each instance",
    }
}

fn push_families(out: &mut String, title: &str, about: &str, metrics: &[Metric]) {
    let _ = write!(out, "\n## {title}\n{about}\n\n");
    out.push_str("| name | type | unit | labels | meaning |\n|---|---|---|---|---|\n");
    for metric in metrics.iter().filter(|metric| metric.kind != Kind::Label) {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} |",
            metric.name,
            metric.kind.as_str(),
            metric.unit.as_str(),
            labels.join(", "),
            cell(metric.help),
        );
    }
}

fn push_exporter(out: &mut String) {
    push_families(
        out,
        "XIDs",
        "Errors that the driver reported. Part `gpu`.",
        exporter::page::XID_METRICS,
    );
    push_families(out, "The exporter about itself", "Part `self`.", exporter::page::OWN_METRICS);
    push_families(
        out,
        "The textfile about itself",
        "Written by `gpulse collect`.",
        exporter::textfile::TEXTFILE_METRICS,
    );
}
