//! List and watch: all objects of one kind that a selector picks, kept up to date for as long as it
//! is polled.
//!
//! The list asks for "any version", which the API server answers from its memory and by its index of
//! nodes: a list from etcd would read every pod of the cluster for each node. The watch goes on from
//! the list's version. Where the server has lost that version, the list is made again.

use std::time::Duration;

use http::Request;
use kube::Client;
use kube::api::{ListParams, WatchParams};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ask::{Lines, ask, explanation};
use super::state::{Fault, Lack, Reason, chain};

/// Objects of one page. A server that answers from memory sends all at once.
const PAGE: u32 = 250;
/// Pages of one list.
const PAGES: usize = 64;
/// How long the server may keep one watch open; it is opened anew from where it ended.
const WATCH: Duration = Duration::from_secs(240);
/// How long past that the end may take, before the connection counts as dead.
const GRACE: Duration = Duration::from_secs(30);
/// How often the target may do its housekeeping.
const TICK: Duration = Duration::from_secs(20);
/// A watch that lived so long was a good one: the next fault waits shortly again.
const GOOD: Duration = Duration::from_secs(10);

/// What is followed.
pub(super) struct Question {
    /// Path of the collection, `/api/v1/pods`.
    pub path: &'static str,
    /// Which of its objects.
    pub fields: String,
    /// What it is, in a complaint.
    pub subject: String,
    /// What the account must be allowed to do.
    pub right: &'static str,
}

/// Where the objects go.
pub(super) trait Target {
    /// The part of an object that is read.
    type Object: DeserializeOwned;

    /// These are all there are.
    fn replace(&self, objects: Vec<Self::Object>);
    /// One appeared or changed.
    fn apply(&self, object: Self::Object);
    /// One is there no more.
    fn remove(&self, object: Self::Object);
    /// Some time has passed.
    fn tick(&self) {}
    /// Whether another source has told it all since the last list: changes do not fit that.
    fn needs_list(&self) -> bool {
        false
    }
    /// How an attempt went.
    fn attempted(&self, attempt: Result<(), Lack>);
}

/// Follow without end.
pub(super) async fn follow<T: Target>(
    client: &Client,
    question: &Question,
    target: &T,
    mut wait: Backoff,
) {
    let (mut version, mut expired) = (None, false);
    loop {
        if target.needs_list() {
            version = None;
        }
        let Err((step, fault)) = turn(client, question, target, &mut version, &mut wait).await
        else {
            expired = false;
            continue;
        };
        tracing::debug!("{}: {}", question.subject, chain(&fault));
        if step == Step::List || !fault.is_passing() {
            version = None;
        }
        // A version that is gone is nobody's fault: a list at once, if it does not happen again.
        if std::mem::replace(&mut expired, fault.is_expired()) || !fault.is_expired() {
            target.attempted(Err(lack(question, step, &fault)));
            pause(wait.next(), target).await;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    List,
    Watch,
}

/// A list if there is no version to go on from, then one watch to its end.
async fn turn<T: Target>(
    client: &Client,
    question: &Question,
    target: &T,
    version: &mut Option<String>,
    wait: &mut Backoff,
) -> Result<(), (Step, Fault)> {
    let from = match version {
        Some(known) => known,
        none => {
            let (objects, at) =
                list(client, question).await.map_err(|fault| (Step::List, fault))?;
            target.replace(objects);
            none.insert(at)
        }
    };
    watch(client, question, target, from, wait).await.map_err(|fault| (Step::Watch, fault))
}

fn lack(question: &Question, step: Step, fault: &Fault) -> Lack {
    let lack = fault.about(&question.subject, question.right);
    match (step, lack.reason) {
        (Step::Watch, Reason::BadAnswer) => Lack { reason: Reason::WatchBroken, ..lack },
        _ => lack,
    }
}

async fn pause<T: Target>(span: Duration, target: &T) {
    let mut left = span;
    while !left.is_zero() {
        let part = left.min(TICK);
        tokio::time::sleep(part).await;
        left -= part;
        target.tick();
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct List<T> {
    #[serde(default)]
    metadata: ListMetadata,
    #[serde(default = "Option::default")]
    items: Option<Vec<T>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ListMetadata {
    resource_version: String,
    r#continue: Option<String>,
}

async fn list<T: DeserializeOwned>(
    client: &Client,
    question: &Question,
) -> Result<(Vec<T>, String), Fault> {
    let mut all = Vec::new();
    let mut page = first_page(question)?;
    for _ in 0..PAGES {
        let list: List<T> = ask(client, page).await?;
        all.extend(list.items.into_iter().flatten());
        let Some(token) = list.metadata.r#continue.filter(|token| !token.is_empty()) else {
            return Ok((all, list.metadata.resource_version));
        };
        let next = ListParams::default().fields(&question.fields).limit(PAGE);
        page = request(question).list(&next.continue_token(&token))?;
    }
    Err(Fault::Endless(PAGES))
}

/// Any version, in pages where the server makes some: `kube` gives either and not both.
fn first_page(question: &Question) -> Result<Request<Vec<u8>>, Fault> {
    let any = ListParams::default().fields(&question.fields).match_any();
    let mut request = request(question).list(&any)?;
    let uri = format!("{}&limit={PAGE}", request.uri());
    *request.uri_mut() = uri.parse().map_err(|cause: http::uri::InvalidUri| {
        Fault::Question(kube::core::request::Error::BuildRequest(cause.into()))
    })?;
    Ok(request)
}

fn request(question: &Question) -> kube::core::Request {
    kube::core::Request::new(question.path)
}

fn watch_request(question: &Question, from: &str) -> Result<Request<Vec<u8>>, Fault> {
    let seconds = u32::try_from(WATCH.as_secs()).unwrap_or(u32::MAX);
    let parameters = WatchParams::default().fields(&question.fields).timeout(seconds);
    Ok(request(question).watch(&parameters, from)?)
}

/// One watch, until the server ends it in good order.
async fn watch<T: Target>(
    client: &Client,
    question: &Question,
    target: &T,
    version: &mut String,
    wait: &mut Backoff,
) -> Result<(), Fault> {
    let mut lines = Lines::open(client, watch_request(question, version)?).await?;
    target.attempted(Ok(()));
    if target.needs_list() {
        return Ok(()); // Told by the other in this very moment.
    }
    let opened = tokio::time::Instant::now();
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            line = lines.next() => match line? {
                Some(line) => event(line, target, version)?,
                // A server that hangs up at once is asked again after a pause.
                None if opened.elapsed() < Duration::from_secs(1) => return Err(hung_up()),
                None => return Ok(()),
            },
            _ = tick.tick() => target.tick(),
            () = tokio::time::sleep_until(opened + WATCH + GRACE) => {
                return Err(Fault::Late((WATCH + GRACE).as_secs()));
            }
        }
        if opened.elapsed() > GOOD {
            wait.reset();
        }
    }
}

fn hung_up() -> Fault {
    Fault::BrokenOff("the watch ended as soon as it began".into())
}

#[derive(Deserialize)]
struct Event<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a serde_json::value::RawValue,
}

#[derive(Deserialize)]
struct Versioned {
    metadata: Version,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    resource_version: String,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: u16,
}

fn event<T: Target>(line: &[u8], target: &T, version: &mut String) -> Result<(), Fault> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let Event { r#type, object } = serde_json::from_slice(line)?;
    let text = object.get();
    match r#type {
        "ADDED" | "MODIFIED" => target.apply(serde_json::from_str(text)?),
        "DELETED" => target.remove(serde_json::from_str(text)?),
        "ERROR" => {
            let code = serde_json::from_str::<Status>(text)?.code;
            return Err(Fault::Refused { code, message: explanation(text.as_bytes()) });
        }
        _ => {} // BOOKMARK, and what may come later: the version alone counts.
    }
    *version = serde_json::from_str::<Versioned>(text)?.metadata.resource_version;
    Ok(())
}

/// How long to wait after a fault: twice as long each time up to a limit, with chance in it, so that
/// a thousand nodes do not come back in the same second.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Between these two.
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// The next wait: between half of what it is and all of it.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.next.min(self.most);
        self.next = (whole * 2).min(self.most);
        jittered(whole)
    }

    /// All is well again.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Between half of a span and all of it.
pub(super) fn jittered(span: Duration) -> Duration {
    let mut byte = [0];
    let _ = getrandom::fill(&mut byte); // Without chance: all of it, more or less at once.
    span.mul_f64(1.0 - f64::from(byte[0]) / 512.0)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Remembers what it was told.
    #[derive(Default)]
    struct Told(RefCell<Vec<String>>);

    #[derive(Deserialize)]
    struct Named {
        name: String,
    }

    impl Target for Told {
        type Object = Named;
        fn replace(&self, objects: Vec<Named>) {
            self.0.borrow_mut().push(format!("all {}", objects.len()));
        }
        fn apply(&self, object: Named) {
            self.0.borrow_mut().push(format!("+{}", object.name));
        }
        fn remove(&self, object: Named) {
            self.0.borrow_mut().push(format!("-{}", object.name));
        }
        fn attempted(&self, _: Result<(), Lack>) {}
    }

    fn told(line: &str) -> (Result<(), Fault>, Vec<String>, String) {
        let (target, mut version) = (Told::default(), "1".to_owned());
        let result = event(line.as_bytes(), &target, &mut version);
        (result, target.0.into_inner(), version)
    }

    #[test]
    fn each_event_moves_the_version_on() {
        let line = |kind: &str| {
            format!(
                r#"{{"type":"{kind}","object":{{"name":"a","metadata":{{"resourceVersion":"7"}}}}}}"#
            )
        };
        for (kind, expected) in [
            ("ADDED", vec!["+a"]),
            ("MODIFIED", vec!["+a"]),
            ("DELETED", vec!["-a"]),
            ("BOOKMARK", vec![]),
        ] {
            let (result, seen, version) = told(&line(kind));
            result.unwrap();
            assert_eq!(
                (seen, version.as_str()),
                (expected.iter().map(ToString::to_string).collect(), "7")
            );
        }
        told("  ").0.unwrap();
    }

    #[test]
    fn a_version_that_is_gone_is_told_apart_from_other_faults() {
        let line = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}"#;
        assert!(told(line).0.unwrap_err().is_expired());
        let fault = told(&line.replace("410", "500")).0.unwrap_err();
        assert!(!fault.is_expired() && fault.to_string().contains("too old"), "{fault}");
    }

    #[test]
    fn garbage_is_a_fault_and_moves_nothing() {
        for line in ["{", "null", r#"{"type":"ADDED","object":{}}"#, r#"{"type":5}"#, "\u{0}"] {
            let (result, seen, version) = told(line);
            assert!(result.is_err() && seen.is_empty() && version == "1", "{line}");
        }
    }

    #[test]
    fn waits_grow_to_their_limit_and_start_anew() {
        let seconds = Duration::from_secs;
        let mut wait = Backoff::new(seconds(1), seconds(60));
        let waits: Vec<_> = (0..9).map(|_| wait.next()).collect();
        assert!(waits[0] >= seconds(1) / 2 && waits[0] <= seconds(1), "{waits:?}");
        assert!(waits[8] >= seconds(30) && waits[8] <= seconds(60), "{waits:?}");
        wait.reset();
        assert!(wait.next() <= seconds(1));
    }
}
