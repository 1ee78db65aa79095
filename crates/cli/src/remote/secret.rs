//! How a client shows who it is: a token, or a user's name and password.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fault::Fault;

/// The environment variable that holds a token.
const TOKEN_VARIABLE: &str = "GPULSE_TOKEN";
/// Longest token file, in bytes.
const LONGEST: u64 = 64 << 10;

/// Value of the header `Authorization`, by what stands before the `@` of a URL and by the file or
/// the environment.
pub(super) fn authorization(
    user: Option<&str>,
    file: Option<&Path>,
) -> Result<Option<String>, Fault> {
    let Some(user) = user else {
        let token = given(file)?;
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Fault::usage(anyhow!("the token holds what no token may hold")));
        }
        return Ok((!token.is_empty()).then(|| format!("Bearer {token}")));
    };
    let (name, password) = match user.split_once(':') {
        Some((name, password)) => (decoded(name)?, decoded(password)?),
        None => (decoded(user)?, given(file)?),
    };
    Ok(Some(format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))))
}

/// The secret of the file, else of the environment; empty if there is none.
fn given(file: Option<&Path>) -> Result<String, Fault> {
    let Some(path) = file else {
        return Ok(std::env::var(TOKEN_VARIABLE).unwrap_or_default().trim().to_owned());
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        .with_context(|| format!("token file {} cannot be read", path.display()))
        .map_err(Fault::usage)?;
    Ok(text.trim().to_owned())
}

/// The text behind `%40` and its like (RFC 3986, 2.1).
fn decoded(text: &str) -> Result<String, Fault> {
    let wrong = || Fault::usage(anyhow!("--server: a % in the user must be written %25"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = behind.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok()).ok_or_else(wrong)?;
        bytes.push(byte);
        rest = &behind[2..];
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_of_the_url_comes_with_the_password_of_the_url_or_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "pass word\n").unwrap();
        let shown = |user, file| authorization(user, file).ok().unwrap().unwrap();
        assert_eq!(shown(Some("a:b"), None), "Basic YTpi");
        assert_eq!(shown(Some("a:p%40%25"), None), format!("Basic {}", STANDARD.encode("a:p@%")));
        assert_eq!(shown(Some("a"), Some(&file)), "Basic YTpwYXNzIHdvcmQ=");
        std::fs::write(&file, "0123456789abcdef\n").unwrap();
        assert_eq!(shown(None, Some(&file)), "Bearer 0123456789abcdef");
        for wrong in ["a:%", "a:%4", "a:%zz", "%ff"] {
            assert!(authorization(Some(wrong), None).is_err(), "{wrong}");
        }
    }
}
