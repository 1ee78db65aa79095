//! Questions to a server of the cluster: one answer with a bound on its size and time, and a watch
//! as lines with a bound on each.

use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::state::Fault;

/// Bytes of one answer: a thousand pods of 30 KiB.
const ANSWER_BYTES: usize = 32 << 20;
/// Bytes of one line of a watch: one object in its envelope. etcd takes none above 1.5 MiB.
const LINE_BYTES: usize = 4 << 20;
/// Bytes of a refusal's explanation.
const REFUSAL_BYTES: usize = 64 << 10;
/// Time for a whole answer, or for the head of a watch.
const DEADLINE: Duration = Duration::from_secs(30);

/// Ask, and read the answer as JSON.
pub(super) async fn ask<T: DeserializeOwned>(
    client: &Client,
    question: Request<Vec<u8>>,
) -> Result<T, Fault> {
    let bytes = within_deadline(async {
        let body = open(client, question).await?;
        collect(body, ANSWER_BYTES).await
    })
    .await?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// A watch that was accepted.
pub(super) struct Lines {
    body: Body,
    buffer: Vec<u8>,
    /// How much of the buffer has been handed out.
    taken: usize,
}

impl Lines {
    /// Ask for a watch.
    pub(super) async fn open(client: &Client, question: Request<Vec<u8>>) -> Result<Self, Fault> {
        let body = within_deadline(open(client, question)).await?;
        Ok(Self { body, buffer: Vec::new(), taken: 0 })
    }

    /// The next line; none at the end. Dropping the wait loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<&[u8]>, Fault> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                self.taken = searched + at + 1;
                return Ok(Some(&self.buffer[..self.taken - 1]));
            }
            searched = self.buffer.len();
            if searched > LINE_BYTES {
                return Err(Fault::TooLarge(LINE_BYTES));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(cause)) => return Err(Fault::BrokenOff(Box::new(cause))),
                Some(Ok(frame)) => self.buffer.extend(frame.data_ref().into_iter().flatten()),
            }
        }
    }
}

async fn within_deadline<T>(answer: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    match tokio::time::timeout(DEADLINE, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Fault::Late(DEADLINE.as_secs())),
    }
}

/// The body of a success, or the fault.
async fn open(client: &Client, question: Request<Vec<u8>>) -> Result<Body, Fault> {
    let answer = client.send(question.map(Body::from)).await;
    let answer = answer.map_err(|cause| {
        Fault::Unreachable(match cause {
            kube::Error::Service(cause) => cause,
            cause => Box::new(cause),
        })
    })?;
    let code = answer.status().as_u16();
    if answer.status().is_success() {
        return Ok(answer.into_body());
    }
    let bytes = collect(answer.into_body(), REFUSAL_BYTES).await.unwrap_or_default();
    Err(Fault::Refused { code, message: explanation(&bytes) })
}

/// All of a body, each part let go as it is copied.
async fn collect(mut body: Body, limit: usize) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|cause| Fault::BrokenOff(Box::new(cause)))?;
        all.extend(frame.data_ref().into_iter().flatten());
        if all.len() > limit {
            return Err(Fault::TooLarge(limit));
        }
    }
    Ok(all)
}

/// What a refusal says: the message of a `Status`, else the beginning of its text.
pub(super) fn explanation(bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    let text = match serde_json::from_slice::<Status>(bytes) {
        Ok(status) => status.message,
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_whole_however_the_bytes_arrive_and_an_endless_one_is_refused() {
        let mut lines = Lines { body: b"one\ntwo\nhal".to_vec().into(), buffer: vec![], taken: 0 };
        assert_eq!(lines.next().await.unwrap().unwrap(), b"one");
        assert_eq!(lines.next().await.unwrap().unwrap(), b"two");
        assert!(lines.next().await.unwrap().is_none());
        let endless = vec![b'x'; LINE_BYTES + 1];
        let mut lines = Lines { body: endless.into(), buffer: vec![], taken: 0 };
        assert!(matches!(lines.next().await, Err(Fault::TooLarge(_))));
    }

    #[tokio::test]
    async fn an_answer_over_its_bound_is_refused() {
        let fault = collect(vec![b'x'; 11].into(), 10).await.unwrap_err();
        assert!(matches!(fault, Fault::TooLarge(10)), "{fault}");
    }

    #[test]
    fn a_refusal_is_told_in_one_bounded_line() {
        assert_eq!(explanation(br#"{"kind":"Status","message":"no\nway"}"#), "no way");
        assert_eq!(explanation("é".repeat(999).as_bytes()).chars().count(), 300);
    }
}
