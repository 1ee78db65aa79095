//! Command lines as Go programs take them: a long flag may have one dash.
//!
//! `-collectors file` becomes `--collectors file`, `-rbmn` becomes `--rbmn`. A short flag with its
//! value behind it (`-a:9400`, `-c1000`) stays what it is.

use std::ffi::OsString;

/// The same command line with two dashes before every long flag.
pub(crate) fn with_two_dashes(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut ended = false;
    let two = |arg: OsString| {
        ended |= arg == "--";
        match arg.to_str() {
            Some(text) if !ended && is_long(text) => format!("-{text}").into(),
            _ => arg,
        }
    };
    args.into_iter().map(two).collect()
}

/// One dash, then a word of at least two letters: no short flag has a word as its value.
fn is_long(text: &str) -> bool {
    let Some(flag) = text.strip_prefix('-') else { return false };
    let name = flag.split('=').next().unwrap_or(flag);
    let letters = name.chars().take_while(char::is_ascii_alphabetic).count();
    letters >= 2 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two(args: &[&str]) -> Vec<String> {
        let args = with_two_dashes(args.iter().map(OsString::from));
        args.into_iter().map(|arg| arg.into_string().unwrap()).collect()
    }

    #[test]
    fn long_flags_get_their_second_dash() {
        assert_eq!(
            two(&[
                "-collectors",
                "x.csv",
                "-kubernetes=true",
                "-rbmn",
                "--debug",
                "-path.sysfs=/s"
            ]),
            ["--collectors", "x.csv", "--kubernetes=true", "--rbmn", "--debug", "--path.sysfs=/s"]
        );
    }

    #[test]
    fn short_flags_values_and_the_rest_stay() {
        let args = ["-f", "x", "-a:9400", "-c1000", "-k=true", "-", "x-y", "--", "-debug"];
        assert_eq!(two(&args), args);
    }
}
