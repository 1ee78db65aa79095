//! `gpulse query`: PromQL against a server, as a table or chart.

use std::time::Duration;

use model::Clock as _;
use model::clock::SystemClock;

use crate::fault::Fault;
use crate::language::Language;
use crate::moment;
use crate::output::{self, Format, OutputArgs};
use crate::query::{self, Answer, Asked, Form, Moments};
use crate::remote::{Refused, Server, TokenArgs};

/// Ask a server in PromQL.
///
/// Now, at a time, or over a range, which is drawn as a chart. Times are now, now-1h, unix seconds
/// or RFC 3339.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gpulse query DCGM_FI_DEV_GPU_TEMP
  gpulse query 'avg by (Hostname) (DCGM_FI_DEV_GPU_UTIL)' --start now-1h
  gpulse query 'sum(gpu_session_memory_bytes)' --server gpu-db:9470 --json
  gpulse query up --start now-30m --step 1m --csv

Exit codes: 0 also for an empty result, 1 failure, 2 a query that makes no sense, 4 not allowed,
5 server unreachable.")]
pub(crate) struct Args {
    /// The expression.
    expr: String,
    /// Server to ask: a URL, or HOST:PORT.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9470")]
    server: String,
    /// Moment of the answer instead of now.
    #[arg(long, value_name = "TIME", conflicts_with = "start")]
    time: Option<String>,
    /// Begin of a range.
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// End of the range instead of now.
    #[arg(long, value_name = "TIME", requires = "start")]
    end: Option<String>,
    /// Time between two points of the range: 15s, 5m.
    #[arg(long, value_name = "DURATION", requires = "start", value_parser = moment::read)]
    step: Option<Duration>,
    /// Short for `--output csv`.
    #[arg(long, conflicts_with_all = ["output", "json"])]
    csv: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    token: TokenArgs,
}

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    if !args.output.columns.is_empty() {
        let problem = "--columns does not apply: the columns are the labels of the answer";
        return Err(Fault::usage(anyhow::anyhow!(problem)));
    }
    let asked = Asked {
        time: args.time.as_deref(),
        start: args.start.as_deref(),
        end: args.end.as_deref(),
        step: args.step,
    };
    let moments = Moments::new(asked, SystemClock.now());
    let moments = moments.map_err(|problem| Fault::usage(anyhow::anyhow!(problem)))?;
    let server = Server::new(&args.server, &args.token)?;
    let answer = ask(&server, &args.expr, moments)?;
    answer.notes.iter().for_each(|note| output::say(note));
    let format = if args.csv { Format::Csv } else { args.output.format() };
    if answer.series.is_empty() {
        output::say(&nothing(&args.expr, Language::of_environment()));
        // A table of nothing is no table; programs get their empty document.
        if format == Format::Table {
            return Ok(0);
        }
    }
    output::print(&text(&answer, args, format, moments)?)?;
    Ok(0)
}

fn ask(server: &Server, expr: &str, moments: Moments) -> Result<Answer, Fault> {
    let answered = match moments {
        Moments::Now => server.post("/api/v1/query", &[("query", expr)]),
        Moments::At(time) => {
            server.post("/api/v1/query", &[("query", expr), ("time", &query::seconds(time))])
        }
        Moments::Range { start, end, step_ms } => {
            let (start, end) = (query::seconds(start), query::seconds(end));
            let step = query::seconds(i64::try_from(step_ms).unwrap_or(i64::MAX));
            let form = [("query", expr), ("start", &start), ("end", &end), ("step", &step)];
            server.post("/api/v1/query_range", &form)
        }
    };
    let body = answered.map_err(|refused| match refused {
        Refused::Bad(words) => Fault::usage(anyhow::anyhow!(query::caret(&words, expr))),
        Refused::Fault(fault) => fault,
    })?;
    Ok(query::read(&body)?)
}

fn text(answer: &Answer, args: &Args, format: Format, moments: Moments) -> Result<String, Fault> {
    let range = match moments {
        Moments::Range { start, end, .. } => Some((as_seconds(start), as_seconds(end))),
        Moments::Now | Moments::At(_) => None,
    };
    Ok(match format {
        Format::Table => query::table(
            answer,
            Form {
                query: &args.expr,
                range,
                look: args.output.look(),
                width: output::terminal_width(),
                wide: args.output.wide,
            },
        ),
        Format::Json => query::json(answer, &args.expr)?,
        Format::Jsonl => query::jsonl(answer)?,
        Format::Csv => query::csv(answer, !args.output.no_headers),
        Format::Prom => query::prom(answer),
    })
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of this era fit 53 bits")]
fn as_seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn nothing(expr: &str, language: Language) -> String {
    let shown = crate::table::visible(expr);
    language
        .pick(format!("nothing matches {shown}"), format!("{shown} 에 해당하는 결과가 없습니다"))
}
