//! Looking for secrets in files: as raw bytes, as hexadecimal digits, as Rust prints bytes.

use std::path::{Path, PathBuf};

/// Bytes printed as numbers that are enough to know a secret by.
const PRINTED: usize = 10;

/// What is looked for, each with the name that a finding gets.
#[derive(Default)]
pub struct Needles {
    all: Vec<(String, Vec<u8>)>,
}

impl Needles {
    /// Looks for these bytes: as they are, as digits, and as a list of numbers.
    pub fn secret(&mut self, name: &str, bytes: &[u8]) {
        self.raw(name, bytes);
        self.text(name, &hex::encode(bytes));
        self.text(name, &hex::encode_upper(bytes));
        let numbers: Vec<String> = bytes.iter().take(PRINTED).map(u8::to_string).collect();
        self.text(name, &numbers.join(", "));
    }

    /// Looks for these bytes as they are.
    pub fn raw(&mut self, name: &str, bytes: &[u8]) {
        self.all.push((name.to_owned(), bytes.to_vec()));
    }

    /// Looks for this text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.raw(&format!("{name} as '{text}'"), text.as_bytes());
    }

    /// All findings in `bytes`, by name.
    #[must_use]
    pub fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let mut by_first: Vec<Vec<usize>> = vec![Vec::new(); 256];
        for (i, (_, needle)) in self.all.iter().enumerate() {
            by_first[usize::from(needle[0])].push(i);
        }
        let mut found = vec![false; self.all.len()];
        for (at, byte) in bytes.iter().enumerate() {
            for i in &by_first[usize::from(*byte)] {
                found[*i] |= bytes[at..].starts_with(&self.all[*i].1);
            }
        }
        let names = self.all.iter().zip(found).filter(|(_, found)| *found);
        names.map(|((name, _), _)| name.as_str()).collect()
    }

    /// All findings in the files at and below `path`, with the file that each is in.
    ///
    /// # Panics
    /// When a file cannot be read.
    #[must_use]
    pub fn found_below(&self, path: &Path) -> Vec<(PathBuf, String)> {
        files(path)
            .into_iter()
            .flat_map(|file| {
                let bytes = std::fs::read(&file).unwrap();
                let found = self.found_in(&bytes).into_iter().map(str::to_owned);
                found.map(|name| (file.clone(), name)).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// All files at and below `path`.
///
/// # Panics
/// When a directory cannot be read.
#[must_use]
pub fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    std::fs::read_dir(path).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect()
}

/// Copies a directory with everything in it, permissions included.
///
/// # Panics
/// When it cannot be copied.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (file, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if file.is_dir() {
            copy(&file, &target);
        } else {
            std::fs::copy(&file, &target).unwrap();
        }
    }
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_in_every_form_and_nothing_else_is() {
        let secret: Vec<u8> = (200..232).collect();
        let mut needles = Needles::default();
        needles.secret("key", &secret);
        let forms = [
            [b"..".as_slice(), &secret].concat(),
            format!("key {}", hex::encode(&secret)).into_bytes(),
            format!("key {}", hex::encode_upper(&secret)).into_bytes(),
            format!("Key({secret:?})").into_bytes(),
        ];
        for form in &forms {
            assert_eq!(needles.found_in(form).len(), 1, "{form:?}");
        }
        assert!(needles.found_in(&secret[..31]).is_empty());
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("deep")).unwrap();
        std::fs::write(dir.path().join("deep/file"), &forms[3]).unwrap();
        let copied = dir.path().join("copy");
        copy(&dir.path().join("deep"), &copied);
        assert_eq!(needles.found_below(&copied)[0].0, copied.join("file"));
    }
}
