//! What happens before and after every route: who asks, may they, and counting it.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::headers::answer_headers;
use super::{Access, Mode, Role};
use crate::App;
use crate::answer::{ApiError, Kind};
use crate::routes::{Class, ROUTES};

/// Lets a request through to a route, or answers why not.
pub(crate) async fn guard(
    State((app, number)): State<(App, usize)>,
    request: Request,
    next: Next,
) -> Response {
    let (begun, class) = (std::time::Instant::now(), ROUTES[number].class);
    let mut response = match refusal(&app, class, request.headers(), request.uri().host()) {
        None => next.run(request).await,
        Some(refused) => {
            let mut response = refused.clone().into_response();
            if refused.kind == Kind::Unauthorized {
                let scheme = HeaderValue::from_static("Bearer realm=\"gpulse\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            }
            response
        }
    };
    if class != Class::Page {
        answer_headers(response.headers_mut());
    }
    app.own().answered(number, response.status(), begun.elapsed());
    response
}

fn refusal(
    app: &App,
    class: Class,
    headers: &HeaderMap,
    uri_host: Option<&str>,
) -> Option<ApiError> {
    let host = uri_host.or_else(|| text(headers, HOST)).unwrap_or("");
    if let Mode::Local(hosts) = &app.config().access.0
        && !hosts.accepts(host)
    {
        return Some(ApiError::new(
            Kind::Forbidden,
            format!(
                "the name {host:?} is not one of this machine's: without sign-in only localhost is \
                 answered; ask for http://localhost, or start with --allow-host NAME"
            ),
        ));
    }
    let needed = class.role()?;
    // With tokens a foreign page has none, and a browser keeps a strict cookie from it. Passwords and
    // certificates it shows whichever page asks.
    if matches!(app.config().access.0, Mode::Local(_) | Mode::Guarded) && is_foreign(headers, host)
    {
        let message = "a page of another site asked: open this one's own address instead";
        return Some(ApiError::new(Kind::Forbidden, message));
    }
    let Mode::Tokens(_) = &app.config().access.0 else { return None };
    match role_of(app, headers) {
        None => Some(ApiError::new(
            Kind::Unauthorized,
            "a token is needed: send the header Authorization: Bearer TOKEN, or sign in",
        )),
        Some(role) if role.covers(needed) => None,
        Some(role) => Some(ApiError::new(
            Kind::Forbidden,
            format!("this token may {role}, and what is asked for needs {needed}"),
        )),
    }
}

/// Whether a browser says that a page of another site asks. Programs say nothing.
fn is_foreign(headers: &HeaderMap, host: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "cross-site" || site == "same-site";
    }
    let origin = text(headers, ORIGIN);
    origin.is_some_and(|origin| origin.split_once("://").is_none_or(|(_, name)| name != host))
}

fn role_of(app: &App, headers: &HeaderMap) -> Option<Role> {
    let bearer = text(headers, AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match bearer {
        Some((_, token)) => app.config().access.role_of(token.trim()),
        None => app.cookies().role_of(headers, app.now()),
    }
}

fn text(headers: &HeaderMap, name: axum::http::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

impl Access {
    /// The role of a token; nothing where it is none, or where no tokens are used.
    pub(crate) fn role_of(&self, token: &str) -> Option<Role> {
        match &self.0 {
            Mode::Tokens(tokens) => tokens.role_of(token),
            _ => None,
        }
    }

    /// Does it take a token to get in?
    pub(crate) fn wants_sign_in(&self) -> bool {
        matches!(self.0, Mode::Tokens(_))
    }
}
