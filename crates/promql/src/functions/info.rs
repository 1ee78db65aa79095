//! `info`: not yet.

use promql_parser::parser::Call;

use crate::error::{QueryError, failed};
use crate::query::Query;
use crate::steps::Steps;
use crate::value::Evaluated;

pub(super) fn eval<'q>(_: &Query<'q>, _: &'q Call, _: Steps) -> Result<Evaluated<'q>, QueryError> {
    failed("info() is not supported: join with `* on (instance, job) group_left (…) target_info`")
}
