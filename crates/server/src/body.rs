//! Reading a request's body up to a bound.

use axum::body::{Body, HttpBody as _};
use http_body_util::BodyExt as _;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// More bytes than the bound.
    #[error("the body is too long")]
    TooLong,
    /// The client went away, or sent nonsense.
    #[error("the body cannot be read: {0}")]
    Broken(axum::Error),
}

/// Appends the body to `into`. A declared length over the bound is refused before anything is read.
pub(crate) async fn read(
    mut body: Body,
    most: usize,
    mut into: Vec<u8>,
) -> Result<Vec<u8>, BodyError> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > most {
        return Err(BodyError::TooLong);
    }
    into.reserve(declared);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(BodyError::Broken)?;
        let Some(data) = frame.data_ref() else { continue };
        if into.len() + data.len() > most {
            return Err(BodyError::TooLong);
        }
        into.extend_from_slice(data);
    }
    Ok(into)
}
