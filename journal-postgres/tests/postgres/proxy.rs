//! A line between server and database that is cut at a commit.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where the line is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The commit does not reach the database.
    Before,
    /// It does; what became of it does not reach the server.
    Answer,
    /// The server is cut off first, and the commit arrives when it has long asked again.
    Late,
}

/// The line; it takes no connections more when this is dropped.
pub struct Proxy {
    place: tempfile::TempDir,
    next: Arc<Mutex<Option<(u32, Cut)>>>,
}

/// The name of PostgreSQL's socket.
const SOCKET: &str = ".s.PGSQL.5432";
const COMMIT: &[u8] = b"COMMIT\0";
/// How late a late commit is. Any time will do: whichever try comes first, one alone stands.
const LATE: Duration = Duration::from_millis(150);

impl Proxy {
    pub fn before(database: &Path) -> Self {
        let place = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(place.path().join(SOCKET)).unwrap();
        let next = Arc::new(Mutex::new(None));
        let (to, plan) = (database.join(SOCKET), Arc::clone(&next));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (to, plan) = (to.clone(), Arc::clone(&plan));
                std::thread::spawn(move || carry(client, &to, &plan));
            }
        });
        Self { place, next }
    }

    pub fn socket(&self) -> &Path {
        self.place.path()
    }

    /// Cuts at the commit that comes after `passed` others.
    pub fn cut_after(&self, passed: u32, cut: Cut) {
        *self.next.lock().unwrap() = Some((passed, cut));
    }

    /// Whether the cut was made.
    pub fn is_done(&self) -> bool {
        self.next.lock().unwrap().is_none()
    }
}

/// Whether this commit is the one.
fn due(plan: &Mutex<Option<(u32, Cut)>>) -> Option<Cut> {
    let mut plan = plan.lock().unwrap();
    match &mut *plan {
        Some((0, cut)) => {
            let cut = *cut;
            *plan = None;
            Some(cut)
        }
        Some((passed, _)) => {
            *passed -= 1;
            None
        }
        None => None,
    }
}

fn carry(mut client: UnixStream, to: &PathBuf, plan: &Mutex<Option<(u32, Cut)>>) {
    // While the database is down, nobody is there.
    let Ok(mut database) = UnixStream::connect(to) else { return };
    let silent = Arc::new(Mutex::new(false));
    let (mut from, mut back) = (database.try_clone().unwrap(), client.try_clone().unwrap());
    let muted = Arc::clone(&silent);
    let answers = std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if *muted.lock().unwrap() {
                // The answer to the commit: it is done, and nobody hears it.
                break;
            }
            if back.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = back.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let bytes = &buffer[..read];
        let commits = bytes.windows(COMMIT.len()).any(|part| part == COMMIT);
        match if commits { due(plan) } else { None } {
            None => {
                if database.write_all(bytes).is_err() {
                    break;
                }
                continue;
            }
            Some(Cut::Before) => {}
            Some(Cut::Answer) => {
                *silent.lock().unwrap() = true;
                database.write_all(bytes).unwrap();
                answers.join().unwrap();
                return;
            }
            Some(Cut::Late) => {
                *silent.lock().unwrap() = true;
                client.shutdown(Shutdown::Both).unwrap();
                std::thread::sleep(LATE);
                database.write_all(bytes).unwrap();
                answers.join().unwrap();
                return;
            }
        }
        break;
    }
    let _ = database.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
    let _ = answers.join();
}
