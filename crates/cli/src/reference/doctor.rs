//! `docs/reference/doctor.md`: the checks, from their table.

use std::fmt::Write as _;

use exporter::doctor::CHECKS;

use super::{GENERATED, cell};

/// The page.
pub(super) fn page() -> String {
    let mut out = format!("# Checks of `gpulse doctor`\n{GENERATED}\n\n");
    out.push_str(
        "Ids stay the same. A check comes out as `ok`, `warn` (not in full, nothing is broken), \
         `fail` (exit code 1)\nor `not_applicable` (the question does not arise here).\n\n\
         | id | question | remedy, unless the check knows a better one |\n|---|---|---|\n",
    );
    for check in CHECKS {
        let _ =
            writeln!(out, "| `{}` | {} | {} |", check.id, cell(check.question), cell(check.remedy));
    }
    out
}
