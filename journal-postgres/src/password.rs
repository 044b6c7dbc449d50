//! The password: from a file of PostgreSQL's form that nobody else can read, or the environment.

use std::path::{Path, PathBuf};

use settlement::server::private_file::open_to_others;
use zeroize::Zeroizing;

use crate::target::TargetError;

/// Longest password file, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// For what a password is wanted.
pub(crate) struct Wanted<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) database: &'a str,
    pub(crate) user: &'a str,
}

/// The password that `PGPASSWORD` holds, or else the first that fits in `named`, in the file of
/// `PGPASSFILE`, or in `~/.pgpass`. A named file must be there; none may be readable by others.
pub(crate) fn find(
    named: Option<&Path>,
    wanted: &Wanted<'_>,
) -> Result<Option<Zeroizing<String>>, TargetError> {
    let given =
        named.map(Path::to_owned).or_else(|| std::env::var_os("PGPASSFILE").map(PathBuf::from));
    if named.is_none()
        && let Ok(password) = std::env::var("PGPASSWORD")
    {
        return Ok(Some(Zeroizing::new(password)));
    }
    let file = match given {
        Some(file) => file,
        None => match std::env::home_dir().map(|home| home.join(".pgpass")) {
            Some(file) if file.is_file() => file,
            _ => return Ok(None),
        },
    };
    in_file(&file, wanted)
}

fn in_file(file: &Path, wanted: &Wanted<'_>) -> Result<Option<Zeroizing<String>>, TargetError> {
    let wrong = |reason: String| TargetError::PasswordFile { path: file.to_owned(), reason };
    let mode = open_to_others(file).map_err(|error| wrong(error.to_string()))?;
    if let Some(mode) = mode {
        return Err(wrong(format!("others can read it (mode {mode:03o}); run: chmod 600 on it")));
    }
    let length = file.metadata().map_err(|error| wrong(error.to_string()))?.len();
    if length > MAX_FILE_BYTES {
        return Err(wrong(format!("got {length} bytes, expected at most {MAX_FILE_BYTES}")));
    }
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let text = Zeroizing::new(text);
    Ok(text.lines().find_map(|line| in_line(line, wanted)))
}

/// `host:port:database:user:password`; a star fits everything, and a backslash takes the meaning
/// of a colon or backslash after it (PostgreSQL, "The Password File").
fn in_line(line: &str, wanted: &Wanted<'_>) -> Option<Zeroizing<String>> {
    if line.starts_with('#') {
        return None;
    }
    let port = wanted.port.to_string();
    // libpq calls every Unix socket localhost in this file.
    let host = if wanted.host.starts_with('/') { "localhost" } else { wanted.host };
    let mut rest = line;
    for expected in [host, &port, wanted.database, wanted.user] {
        let (field, after) = field(rest)?;
        if *field != *"*" && *field != *expected {
            return None;
        }
        rest = after;
    }
    Some(unescaped(rest))
}

/// The text before the first bare colon, and what comes after it.
fn field(text: &str) -> Option<(Zeroizing<String>, &str)> {
    let mut escaped = false;
    let end = text.find(|letter| {
        let ends = letter == ':' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })?;
    let (field, rest) = text.split_at(end);
    Some((unescaped(field), rest.get(1..)?))
}

fn unescaped(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut escaped = false;
    for letter in text.chars() {
        if letter == '\\' && !escaped {
            escaped = true;
        } else {
            out.push(letter);
            escaped = false;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const WANTED: Wanted<'_> =
        Wanted { host: "db.example", port: 5432, database: "gavel", user: "bank" };

    #[test]
    fn lines_fit_by_name_or_star() {
        let found = |line| in_line(line, &WANTED).map(|password| password.to_string());
        let fits = [
            ("db.example:5432:gavel:bank:hunter2", "hunter2"),
            ("*:*:*:*:a:b", "a:b"),
            (r"*:*:gavel:b\ank:h\:u\\n", r"h:u\n"),
        ];
        for (line, password) in fits {
            assert_eq!(found(line).as_deref(), Some(password), "{line}");
        }
        for line in [
            "",
            "# *:*:*:*:x",
            "db.example:5432:gavel",
            "db.example:5433:gavel:bank:x",
            "other:5432:gavel:bank:x",
            r"db.example\:5432:gavel:bank:x",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
        let socket = Wanted { host: "/run/postgresql", ..WANTED };
        assert!(in_line("localhost:5432:gavel:bank:x", &socket).is_some());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_unseen() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("pgpass");
        assert!(in_file(&file, &WANTED).is_err());
        std::fs::write(&file, "other:*:*:*:no\n*:*:*:*:hunter2\n").unwrap();
        for (mode, taken) in [(0o640, false), (0o604, false), (0o600, true)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            match in_file(&file, &WANTED) {
                Ok(password) => assert!(taken && **password.as_ref().unwrap() == *"hunter2"),
                Err(error) => assert!(!taken && !format!("{error:?}").contains("hunter2")),
            }
        }
    }
}
