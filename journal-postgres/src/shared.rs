//! What all handles of a database share: the files, the one connection that writes, the lease.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use rand::Rng as _;

use crate::Times;
use crate::commit::{Write, attempt};
use crate::files::Files;
use crate::lease;
use crate::session::{Prepared, Session};
use crate::target::Target;
use crate::trouble::Trouble;
use crate::worker::Worker;

/// Pauses between tries to find out what became of a transaction.
const PAUSE: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// Most tries.
const MAX_TRIES: u32 = 64;
/// For so long a server that ends waits for its lease to be let go of.
const RELEASE: Duration = Duration::from_secs(2);

/// What all handles share.
pub(crate) struct Shared {
    pub(crate) target: Target,
    pub(crate) times: Times,
    pub(crate) files: Mutex<Files>,
    /// Nothing where the files are only read.
    writing: Option<Mutex<Writing>>,
    /// Why nothing more is written or read.
    ended: OnceLock<Trouble>,
    pub(crate) worker: Worker,
}

/// The one connection that writes, and under which lease.
pub(crate) struct Writing {
    session: Option<(Session, Prepared)>,
    fencing: i64,
    /// The last row that is known to stand.
    last: i64,
    /// When the last renewal of the lease that was answered was asked for.
    renewed: Instant,
}

impl Writing {
    pub(crate) fn new(session: Session, prepared: Prepared, lease: &lease::Lease) -> Self {
        let renewed = Instant::now();
        let (fencing, last) = (lease.fencing, lease.last);
        Self { session: Some((session, prepared)), fencing, last, renewed }
    }
}

impl Shared {
    pub(crate) fn new(
        target: Target,
        times: Times,
        worker: Worker,
        files: Files,
        writing: Option<Writing>,
    ) -> Self {
        let (files, writing) = (Mutex::new(files), writing.map(Mutex::new));
        Self { target, times, files, writing, ended: OnceLock::new(), worker }
    }

    /// Whether the files are still this process's, as far as is known.
    pub(crate) fn sound(&self) -> io::Result<()> {
        self.ended.get().map_or(Ok(()), |trouble| Err(trouble.clone().into()))
    }

    pub(crate) fn files(&self) -> io::Result<MutexGuard<'_, Files>> {
        self.files.lock().map_err(|_| io::Error::other("a thread that held the files has died"))
    }

    pub(crate) fn writes(&self) -> bool {
        self.writing.is_some()
    }

    fn writing(&self) -> io::Result<MutexGuard<'_, Writing>> {
        let writing = self.writing.as_ref().ok_or_else(|| {
            io::Error::new(io::ErrorKind::PermissionDenied, "the journal was opened to be read")
        })?;
        writing.lock().map_err(|_| io::Error::other("a thread that wrote has died"))
    }

    /// Puts all that was written into one transaction, and waits until it stands. Where that is
    /// not to be found out, nothing more is written: as after a failed flush of a disk.
    pub(crate) fn commit(&self) -> io::Result<()> {
        let mut writing = self.writing()?;
        self.sound()?;
        let Some(batch) = self.files()?.take() else { return Ok(()) };
        let mut id = [0; 16];
        rand::rng().fill_bytes(&mut id);
        let write = Arc::new(Write {
            seq: writing.last + 1,
            id,
            fencing: writing.fencing,
            term: self.times.lease,
            batch,
        });
        match self.carry_out(&mut writing, &write) {
            Ok(()) => {
                writing.last = write.seq;
                self.files()?.saved(&write.batch);
                Ok(())
            }
            Err(trouble) => Err(self.end(trouble)),
        }
    }

    /// Tries until it stands, or cannot, or time is up.
    fn carry_out(&self, writing: &mut Writing, write: &Arc<Write>) -> Result<(), Trouble> {
        let (begin, mut pause) = (Instant::now(), PAUSE);
        for tries in 1.. {
            let asked = Instant::now();
            let trouble = match self.try_once(writing, write, tries > 1) {
                Ok(()) => {
                    writing.renewed = asked;
                    return Ok(());
                }
                Err(trouble) => trouble,
            };
            // Whatever state the connection is in, it is not used again.
            writing.session = None;
            let spent = begin.elapsed() + pause >= self.times.resolve || tries >= MAX_TRIES;
            if spent || !trouble.passes() {
                return Err(trouble);
            }
            tracing::warn!(%trouble, tries, "a flush is unanswered: asking what became of it");
            std::thread::sleep(pause);
            pause = (pause * 2).min(MAX_PAUSE);
        }
        Err(Trouble::Lost("too many tries".to_owned()))
    }

    fn try_once(
        &self,
        writing: &mut Writing,
        write: &Arc<Write>,
        asks: bool,
    ) -> Result<(), Trouble> {
        let (session, prepared) = self.session(writing)?;
        let write = Arc::clone(write);
        self.worker.wait(self.times.answer, async move {
            attempt(&session, &prepared, &write, asks).await
        })
    }

    /// The connection that writes, made anew where it is lost.
    fn session(&self, writing: &mut Writing) -> Result<(Session, Prepared), Trouble> {
        if let Some((session, prepared)) = &writing.session {
            return Ok((session.clone(), prepared.clone()));
        }
        let target = self.target.clone();
        let made = self.worker.wait(self.times.answer, async move {
            let session = Session::connect(target, true).await?;
            let prepared = session.prepare().await?;
            Ok((session, prepared))
        })?;
        writing.session = Some(made.clone());
        Ok(made)
    }

    /// Nothing more is written or read, for this reason.
    fn end(&self, trouble: Trouble) -> io::Error {
        let kept = self.ended.get_or_init(|| trouble);
        tracing::error!(trouble = %kept, "the journal's database can no longer be used");
        kept.clone().into()
    }

    /// Renews the lease where no flush has done so. One that cannot be renewed before it runs out
    /// is the end: another may have it, and what this process knows may be old.
    pub(crate) fn renew(&self) -> io::Result<()> {
        let mut writing = self.writing()?;
        self.sound()?;
        if writing.renewed.elapsed() < self.times.lease / 4 {
            return Ok(());
        }
        let asked = Instant::now();
        let (fencing, term) = (writing.fencing, self.times.lease);
        let renewed = self.session(&mut writing).and_then(|(session, _)| {
            let renew = async move { lease::renew(&session, fencing, term).await };
            self.worker.wait(self.times.answer.min(term / 4), renew)
        });
        match renewed {
            Ok(()) => {
                writing.renewed = asked;
                Ok(())
            }
            Err(trouble) => {
                writing.session = None;
                if trouble.passes() && writing.renewed.elapsed() < self.times.lease {
                    tracing::warn!(%trouble, "the lease was not renewed");
                    return Ok(());
                }
                Err(self.end(trouble))
            }
        }
    }
}

impl Drop for Shared {
    /// Lets go of the lease, so that the next server need not wait.
    fn drop(&mut self) {
        let Some(Ok(writing)) = self.writing.take().map(Mutex::into_inner) else { return };
        let (None, Some((session, _))) = (self.ended.get(), writing.session) else { return };
        let release = async move { lease::release(&session, writing.fencing).await };
        if let Err(trouble) = self.worker.wait(RELEASE, release) {
            tracing::warn!(%trouble, "the lease was not let go of: it runs out by itself");
        }
    }
}
