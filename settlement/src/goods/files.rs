//! Goods from file to file. What is written goes to a temporary file beside its target and gets
//! its name when everything in it was checked and flushed. Of a process that was killed the
//! temporary file stays, perhaps with plaintext: the next one with the same target removes it.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use auction::settlement_terms::Goods;
use rand::CryptoRng;

use super::{GoodsError, GoodsKey, check, open, seal};

/// How many names a temporary file is tried under.
const NAMES: u32 = 100;
/// For its owner alone: the goods in the clear.
const PRIVATE: u32 = 0o600;
/// As every file, for whom the user's mask lets read it: the goods encrypted.
const ORDINARY: u32 = 0o666;

/// What to do where the target exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it, with [`GoodsError::Exists`].
    Keep,
    /// Replace it, once what takes its place is whole.
    Replace,
}

/// Encrypts the file `from` to `to`, and says what a spec has to name.
///
/// # Errors
/// [`GoodsError`]; there is nothing new under the name `to` then.
pub fn seal_file<R: CryptoRng + ?Sized>(
    from: &Path,
    to: &Path,
    key: &GoodsKey,
    existing: Existing,
    rng: &mut R,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Goods, GoodsError> {
    let (file, length) = read(from)?;
    let part = Part::create(to, existing, ORDINARY)?;
    let goods = seal(file, length, &part.file, key, rng, progress)?;
    part.keep()?;
    Ok(goods)
}

/// Decrypts the file `from` to `to`, which only its owner may read.
///
/// # Errors
/// [`GoodsError`] when these are not the expected goods, the key is another one or something
/// fails; there is nothing new under the name `to` then, nor beside it.
pub fn open_file(
    from: &Path,
    to: &Path,
    key: &GoodsKey,
    expected: &Goods,
    existing: Existing,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), GoodsError> {
    let (file, _) = read(from)?;
    let part = Part::create(to, existing, PRIVATE)?;
    open(file, &part.file, key, expected, progress)?;
    part.keep()
}

/// Encrypted goods that lie whole on this machine's disk, found to be the promised ones and
/// flushed. Only [`check_file`] makes one: whoever needs it to go on cannot skip the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedGoods(Goods);

impl CheckedGoods {
    /// Which goods they are.
    #[must_use]
    pub fn goods(&self) -> Goods {
        self.0
    }
}

/// Checks that a file holds the expected goods, whole, and flushes it and its name to the disk.
///
/// # Errors
/// [`GoodsError`] when they are others, or something fails.
pub fn check_file(
    path: &Path,
    expected: &Goods,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<CheckedGoods, GoodsError> {
    let (file, _) = read(path)?;
    let unflushed = |source| GoodsError::File { doing: "flush", path: path.to_owned(), source };
    file.sync_all().map_err(unflushed)?;
    sync_directory_of(path).map_err(unflushed)?;
    check(io::BufReader::with_capacity(1 << 17, file), expected, progress)?;
    Ok(CheckedGoods(*expected))
}

/// Opens a file and says its length.
fn read(path: &Path) -> Result<(File, u64), GoodsError> {
    let unreadable = |source| GoodsError::File { doing: "read", path: path.to_owned(), source };
    // Before it is opened: that would wait for the other end of a pipe.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(GoodsError::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    Ok((file, length))
}

/// A temporary file that goes when dropped. Whoever writes it holds its lock, so that one without
/// a lock is known to be nobody's.
struct Part {
    file: File,
    path: PathBuf,
    target: PathBuf,
    existing: Existing,
}

impl Part {
    fn create(target: &Path, existing: Existing, mode: u32) -> Result<Self, GoodsError> {
        let uncreated = |path: &Path, source| GoodsError::File {
            doing: "create",
            path: path.to_owned(),
            source,
        };
        if existing == Existing::Keep && target.symlink_metadata().is_ok() {
            return Err(GoodsError::Exists { path: target.to_owned() });
        }
        let Some(name) = target.file_name() else {
            return Err(uncreated(target, io::ErrorKind::InvalidFilename.into()));
        };
        remove_left_over(target);
        for number in 0..NAMES {
            let mut name = name.to_owned();
            name.push(format!(".{}-{number}{PART}", std::process::id()));
            let path = target.with_file_name(name);
            match create_locked(&path, mode) {
                Ok(Some(file)) => {
                    return Ok(Self { file, path, target: target.to_owned(), existing });
                }
                Ok(None) => {}
                Err(error) => return Err(uncreated(&path, error)),
            }
        }
        Err(uncreated(target, io::ErrorKind::AlreadyExists.into()))
    }

    /// Flushes the file and gives it its name.
    fn keep(self) -> Result<(), GoodsError> {
        let failed = |doing, source| GoodsError::File { doing, path: self.target.clone(), source };
        self.file.sync_all().map_err(|source| failed("flush", source))?;
        if self.existing == Existing::Keep {
            // Renaming would replace a file that has come meanwhile; this cannot.
            create_new(&self.target, PRIVATE).map_err(|source| match source.kind() {
                io::ErrorKind::AlreadyExists => GoodsError::Exists { path: self.target.clone() },
                _ => failed("create", source),
            })?;
        }
        if let Err(source) = std::fs::rename(&self.path, &self.target) {
            if self.existing == Existing::Keep {
                // The empty file of just now; that it stays is not what failed.
                let _ = std::fs::remove_file(&self.target);
            }
            return Err(failed("rename", source));
        }
        sync_directory_of(&self.target).map_err(|source| failed("flush the directory of", source))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Once it was renamed it is not there any more, and otherwise nobody needs it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// How temporary files end.
const PART: &str = ".part";

/// Removes the temporary files of a target that processes have left which were killed. That one
/// cannot be removed is not what was asked for: it stays for the next time.
fn remove_left_over(target: &Path) {
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Ok(entries) = std::fs::read_dir(parent.unwrap_or(Path::new("."))) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if is_part_of(&path, target)
            && let Ok(file) = OpenOptions::new().write(true).open(&path)
            && file.try_lock().is_ok()
        {
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Whether a file has the name of a temporary one of this target.
fn is_part_of(path: &Path, target: &Path) -> bool {
    let names = (path.file_name().and_then(OsStr::to_str), target.file_name());
    let (Some(name), Some(target)) = (names.0, names.1.and_then(OsStr::to_str)) else {
        return false;
    };
    let middle = name.strip_prefix(target).and_then(|rest| rest.strip_prefix('.'));
    let numbers = middle.and_then(|rest| rest.strip_suffix(PART)?.split_once('-'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(process, number)| is_number(process) && is_number(number))
}

/// Makes a new file and takes its lock; nothing, where the name is taken.
fn create_locked(path: &Path, mode: u32) -> io::Result<Option<File>> {
    let file = match create_new(path, mode) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        // Before it was locked another process may have taken it for one that was left over.
        Ok(()) => Ok(path.symlink_metadata().is_ok().then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)
}

/// Makes a new name last. Only Unix has directories to flush.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::unwatched;
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_goes_there_and_back_and_nothing_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("vase"), b"blue").unwrap();
        let key = GoodsKey::generate(&mut rand::rng());
        let rng = &mut rand::rng();
        let (from, to) = (at("vase"), at("vase.goods"));
        let goods = seal_file(&from, &to, &key, Existing::Keep, rng, &mut unwatched).unwrap();
        assert_eq!(std::fs::metadata(&to).unwrap().len(), goods.bytes);
        let back = at("back");
        open_file(&to, &back, &key, &goods, Existing::Keep, &mut unwatched).unwrap();
        assert_eq!(std::fs::read(&back).unwrap(), b"blue");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&back).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(names(dir.path()), ["back", "vase", "vase.goods"]);
    }

    #[test]
    fn an_existing_file_is_replaced_only_on_demand() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("a"), b"new").unwrap();
        std::fs::write(at("b"), b"old").unwrap();
        let key = GoodsKey::generate(&mut rand::rng());
        let seal = |existing| {
            seal_file(&at("a"), &at("b"), &key, existing, &mut rand::rng(), &mut unwatched)
        };
        assert!(matches!(seal(Existing::Keep), Err(GoodsError::Exists { .. })));
        assert_eq!(std::fs::read(at("b")).unwrap(), b"old");
        let goods = seal(Existing::Replace).unwrap();
        // Onto itself: it was read to its end before it is replaced.
        open_file(&at("b"), &at("b"), &key, &goods, Existing::Replace, &mut unwatched).unwrap();
        assert_eq!(std::fs::read(at("b")).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["a", "b"]);
    }

    #[test]
    fn a_file_that_comes_meanwhile_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("a"), b"new").unwrap();
        let key = GoodsKey::generate(&mut rand::rng());
        let mut meanwhile = |_| {
            std::fs::write(at("b"), b"other").unwrap();
            ControlFlow::Continue(())
        };
        let rng = &mut rand::rng();
        let sealed = seal_file(&at("a"), &at("b"), &key, Existing::Keep, rng, &mut meanwhile);
        assert!(matches!(sealed, Err(GoodsError::Exists { .. })));
        assert_eq!(std::fs::read(at("b")).unwrap(), b"other");
        assert_eq!(names(dir.path()), ["a", "b"]);
    }

    #[test]
    fn nothing_stays_of_what_was_refused_or_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("a"), vec![7; 200_000]).unwrap();
        let key = GoodsKey::generate(&mut rand::rng());
        let rng = &mut rand::rng();
        let goods =
            seal_file(&at("a"), &at("g"), &key, Existing::Keep, rng, &mut unwatched).unwrap();
        let other = Goods { checksum: Default::default(), ..goods };
        let opened = open_file(&at("g"), &at("o"), &key, &other, Existing::Keep, &mut unwatched);
        assert!(matches!(opened, Err(GoodsError::Checksum { .. })));
        let mut stop = |done| {
            // While it goes on, the plaintext is there under another name, for its owner alone.
            assert_eq!(names(dir.path()).len(), 3);
            if done > 100_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let opened = open_file(&at("g"), &at("o"), &key, &goods, Existing::Keep, &mut stop);
        assert!(matches!(opened, Err(GoodsError::Stopped)));
        assert_eq!(names(dir.path()), ["a", "g"]);
    }

    #[test]
    fn what_a_killed_process_left_goes_with_the_next_run_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("a"), b"new").unwrap();
        let key = GoodsKey::generate(&mut rand::rng());
        let left = ["b.1-0.part", "b.4294967295-99.part"];
        let others = ["b.1-0", "b.part", "b.x-1.part", "b.1-.part", "bb.1-0.part", "c.1-0.part"];
        for name in left.into_iter().chain(others) {
            std::fs::write(at(name), b"plaintext").unwrap();
        }
        // Somebody writes this one.
        let held = create_locked(&at("b.7-0.part"), PRIVATE).unwrap().unwrap();
        let rng = &mut rand::rng();
        seal_file(&at("a"), &at("b"), &key, Existing::Keep, rng, &mut unwatched).unwrap();
        let mut expected = vec!["a", "b", "b.7-0.part"];
        expected.extend(others);
        expected.sort_unstable();
        assert_eq!(names(dir.path()), expected);
        drop(held);
        seal_file(&at("a"), &at("b"), &key, Existing::Replace, rng, &mut unwatched).unwrap();
        assert!(!at("b.7-0.part").exists());
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let key = GoodsKey::generate(&mut rand::rng());
        let to = dir.path().join("to");
        let rng = &mut rand::rng();
        let sealed = seal_file(dir.path(), &to, &key, Existing::Keep, rng, &mut unwatched);
        assert!(matches!(sealed, Err(GoodsError::NotAFile { .. })));
        let missing = dir.path().join("missing");
        let sealed = seal_file(&missing, &to, &key, Existing::Keep, rng, &mut unwatched);
        assert!(matches!(sealed, Err(GoodsError::File { doing: "read", .. })));
        assert!(names(dir.path()).is_empty());
    }
}
