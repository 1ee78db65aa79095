//! Bearer tokens, each with what it allows.

use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use subtle::{Choice, ConstantTimeEq as _};

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Asking.
    Read,
    /// Sending samples.
    Write,
    /// Everything.
    Admin,
}

impl Role {
    /// Whether this role does what asks for `needed`.
    pub(super) fn covers(self, needed: Self) -> bool {
        self == Self::Admin || self == needed
    }

    fn named(name: &str) -> Option<Self> {
        match name {
            "read" => Some(Self::Read),
            "write" => Some(Self::Write),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        })
    }
}

/// Tokens and their roles.
#[derive(Clone, Default)]
pub struct Tokens(Vec<(Role, String)>);

/// Why a token cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum TokenError {
    #[error("cannot read the token file {path}")]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("the token file {path} holds no token: write one line of at least {LEAST} characters")]
    Short { path: PathBuf },
    #[error("the token file {path} holds a character that no header can carry")]
    Unsendable { path: PathBuf },
}

/// Fewer characters than this are guessed, not stolen.
const LEAST: usize = 16;

impl Tokens {
    /// Reads what `--token-file [ROLE=]FILE` names, one token to a file; without a role: admin.
    ///
    /// # Errors
    /// A file that cannot be read or holds nothing fit to be a token.
    pub fn read<S: AsRef<str>>(given: &[S]) -> Result<Self, TokenError> {
        let mut tokens = Self::default();
        for one in given {
            let (role, path) = split(one.as_ref());
            tokens.0.push((role, read(path)?));
        }
        Ok(tokens)
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The role of a token. Takes as long whichever token it is compared with.
    pub(super) fn role_of(&self, given: &str) -> Option<Role> {
        let mut found = None;
        for (role, token) in &self.0 {
            let same: Choice = token.as_bytes().ct_eq(given.as_bytes());
            if bool::from(same) {
                found = Some(*role);
            }
        }
        found
    }
}

/// The role before `=`, if it is one: a path may hold that sign too.
fn split(given: &str) -> (Role, &Path) {
    let role = given.split_once('=').and_then(|(name, path)| Some((Role::named(name)?, path)));
    let (role, path) = role.unwrap_or((Role::Admin, given));
    (role, Path::new(path))
}

fn read(path: &Path) -> Result<String, TokenError> {
    let text = fs::read_to_string(path)
        .map_err(|cause| TokenError::Read { path: path.to_owned(), cause })?;
    let token = text.trim();
    if token.len() < LEAST {
        return Err(TokenError::Short { path: path.to_owned() });
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenError::Unsendable { path: path.to_owned() });
    }
    Ok(token.to_owned())
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(role, _)| role)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_file_gives_its_role_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a=b");
        fs::write(&path, "0123456789abcdef\n").unwrap();
        let path = path.display();
        let tokens = Tokens::read(&[format!("read={path}"), format!("{path}")]).unwrap();
        assert_eq!(format!("{tokens:?}"), "[Read, Admin]");
        assert_eq!(tokens.role_of("0123456789abcdef"), Some(Role::Admin));
        assert_eq!(tokens.role_of("0123456789abcdeg"), None);
        assert_eq!(tokens.role_of(""), None);
    }

    #[test]
    fn a_file_without_a_token_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let read = || Tokens::read(&[path.display().to_string()]).unwrap_err();
        assert!(matches!(read(), TokenError::Read { .. }));
        fs::write(&path, "short").unwrap();
        assert!(matches!(read(), TokenError::Short { .. }));
        fs::write(&path, "one two three four").unwrap();
        assert!(matches!(read(), TokenError::Unsendable { .. }));
    }
}
