//! Every route of the server as one table, from which the router, the reference page
//! `docs/reference/api.md` and the label `route` of the server's own metrics follow.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, get, post};

use crate::security::{Role, guard};
use crate::{App, health, live, own, pages, query, sign_in, write};

/// Who may use a route where tokens are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Everybody: it tells nothing.
    Open,
    /// Everybody: the web UI without its data.
    Page,
    /// Holders of a token for reading.
    Read,
    /// Holders of a token for writing.
    Write,
    /// Holders of a token for everything.
    Admin,
}

impl Class {
    /// The role that is needed.
    pub(crate) fn role(self) -> Option<Role> {
        match self {
            Self::Open | Self::Page => None,
            Self::Read => Some(Role::Read),
            Self::Write => Some(Role::Write),
            Self::Admin => Some(Role::Admin),
        }
    }

    /// What a token must allow; `-` where none is needed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open | Self::Page => "-",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// Methods that are answered; HEAD goes with GET.
    pub methods: &'static str,
    /// Path below the prefix, `{name}` for a part that varies.
    pub path: &'static str,
    /// Who may use it.
    pub class: Class,
    /// What it answers, and its parameters.
    pub about: &'static str,
    handlers: fn() -> MethodRouter<App>,
}

macro_rules! row {
    ($methods:literal $path:literal $class:ident $handlers:expr, $about:literal) => {
        Route {
            methods: $methods,
            path: $path,
            class: Class::$class,
            about: $about,
            handlers: || $handlers,
        }
    };
}

/// GET and POST with a form.
macro_rules! both {
    ($handler:path) => {
        get($handler).post($handler)
    };
}

/// All routes. The last one answers whatever no other does.
pub const ROUTES: &[Route] = &[
    row!("POST" "/api/v1/write" Write post(write::remote), "Prometheus remote write 1.0: snappy over protocol buffers. 204; 400 names the first series that was refused, and the others of the request are kept; 413, 415; 503 with `Retry-After` while the disk is full or too many writes are under way."),
    row!("POST" "/api/v1/import/prometheus" Write post(write::import), "Prometheus text, each sample with its time in ms or now. `extra_label=name=value`, repeated, adds labels. 204; 400 names the line or the series."),
    row!("GET, POST" "/api/v1/query" Read both!(query::instant), "A query at one time: `query`, `time`, `timeout`, `limit`, `lookback_delta`, `stats`."),
    row!("GET, POST" "/api/v1/query_range" Read both!(query::range), "A query over a range: `query`, `start`, `end`, `step`, `timeout`, `limit`, `lookback_delta`, `stats`."),
    row!("GET, POST" "/api/v1/query_exemplars" Read both!(query::exemplars), "Exemplars: none are kept, so the list is empty. `query`, `start`, `end`."),
    row!("GET, POST" "/api/v1/format_query" Read both!(query::format), "A query in the usual layout: `query`."),
    row!("GET, POST" "/api/v1/parse_query" Read both!(query::parse), "A query as a tree: `query`."),
    row!("GET, POST" "/api/v1/series" Read both!(query::series), "Label sets: `match[]`, `start`, `end`, `limit`."),
    row!("GET, POST" "/api/v1/labels" Read both!(query::label_names), "Names of labels: `match[]`, `start`, `end`, `limit`."),
    row!("GET" "/api/v1/label/{name}/values" Read get(query::label_values), "Values of a label: `match[]`, `start`, `end`, `limit`. A name with other characters than letters, digits and `_` is written in Prometheus's `U__` form."),
    row!("GET" "/api/v1/metadata" Read get(query::metadata), "Type, help and unit of metrics, as senders gave them: `metric`, `limit`, `limit_per_metric`."),
    row!("GET" "/api/v1/targets" Read get(query::targets), "Scrape targets: none, since gpulse receives."),
    row!("GET" "/api/v1/rules" Read get(query::rules), "Rules: none are loaded."),
    row!("GET" "/api/v1/alerts" Read get(query::alerts), "Alerts: none, as no rules are loaded."),
    row!("GET" "/api/v1/status/buildinfo" Read get(query::build_info), "The version. `version` is that of the Prometheus whose API is answered, for clients that look at it."),
    row!("GET" "/api/v1/status/runtimeinfo" Read get(query::runtime_info), "Start, retention, and counts of the store."),
    row!("GET" "/api/v1/status/tsdb" Read get(query::tsdb), "Counts of series by metric and label: `limit`."),
    row!("GET" "/api/v1/status/config" Read get(query::config), "Configuration in YAML."),
    row!("GET" "/api/v1/status/flags" Read get(query::flags), "Options that the server was started with; no secrets."),
    row!("GET" "/api/v1/snapshot" Read get(live::snapshot), "The fleet now: GPUs, instances, sessions, funnel, what needs attention. `include=session` adds the table of sessions. ETag and 304."),
    row!("GET" "/api/v1/stream" Read get(live::stream), "The same as server-sent events: once in full, then what changes. `Last-Event-ID` goes on from there."),
    row!("POST" "/api/v1/signin" Open post(sign_in::sign_in), "Trades a token for a cookie: form field `token`. 204; 401."),
    row!("POST" "/api/v1/signout" Open post(sign_in::sign_out), "Ends the session of the cookie. 204."),
    row!("GET" "/-/healthy" Open get(health::healthy), "Whether the process answers."),
    row!("GET" "/-/ready" Open get(health::ready), "Whether it can be asked, with the reason."),
    row!("GET" "/healthz" Open get(health::healthy), "The same as `/-/healthy`."),
    row!("GET" "/readyz" Open get(health::ready), "The same as `/-/ready`."),
    row!("GET" "/metrics" Read get(own::page), "Metrics about the server itself, in Prometheus's text format."),
    row!("GET" "/" Page any(pages::page), "The web UI: its files, and its index for every path that nothing else answers. An unknown path below `/api/` is a 404 in JSON."),
];

/// The routes over an app, below its prefix and without it.
#[expect(clippy::needless_pass_by_value, reason = "an app is the handle that routes keep")]
pub fn router(app: App) -> Router {
    let mut router = Router::new();
    for (number, route) in ROUTES.iter().enumerate() {
        let handlers = (route.handlers)().layer(from_fn_with_state((app.clone(), number), guard));
        router = if number + 1 == ROUTES.len() {
            router.fallback_service(handlers.with_state(app.clone()))
        } else {
            router.route(route.path, handlers)
        };
    }
    pages::below_prefix(router.with_state(app.clone()), app.config())
}

/// `docs/reference/api.md`.
#[cfg(test)]
fn reference() -> String {
    let mut page = String::from(
        "# HTTP API\n\n<!-- Generated by the tests of the crate server. Do not edit. -->\n\n\
         Routes of `gpulse up`, `gpulse demo` and `gpulse server`. Where the server wants tokens, the \
         last column says what the token must allow (`admin` allows everything). Answers and errors \
         of `/api/v1/` are those of Prometheus's HTTP API.\n\n\
         | method | path | what it does | token |\n|---|---|---|---|\n",
    );
    for route in ROUTES {
        let Route { methods, path, about, .. } = route;
        page.push_str(&format!("| {methods} | `{path}` | {about} | {} |\n", route.class.as_str()));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_is_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/api.md");
        let page = reference();
        if std::fs::read_to_string(path).ok().as_deref() != Some(&page) {
            std::fs::write(path, page).unwrap();
            panic!("docs/reference/api.md was not up to date; it is now");
        }
    }

    #[test]
    fn each_path_stands_once() {
        for (at, route) in ROUTES.iter().enumerate() {
            assert!(ROUTES[..at].iter().all(|other| other.path != route.path), "{}", route.path);
        }
    }
}
