//! What decides: the transcript that was proven first, on the disk before it counts. SETTLEMENT,
//! section "An auction's payment", step 4.

use std::sync::Arc;

use auction::layout::Digest;
use auction::transcript::TranscriptError;

use super::transcripts::Part;
use super::turns::Turn;
use super::{Auctions, aside, lock};
use crate::auctions::{Proven, Registered};

/// Why a transcript does not count.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotProven {
    /// It proves nothing.
    #[error("{0}")]
    Nothing(#[from] TranscriptError),
    /// The server cannot read or write it.
    #[error("the server cannot read or write the transcript: tell its operator")]
    Server,
}

impl Auctions {
    /// What is proven about an auction already.
    pub(super) fn proof(&self, auction: &Digest) -> Option<Proven> {
        lock(&self.proofs).get(auction).copied()
    }

    /// What is proven about an auction: known, or shown by the transcript on the disk, which is
    /// verified once after a start.
    pub(super) async fn proven(self: &Arc<Self>, registered: &Registered) -> Option<Proven> {
        let auction = registered.id();
        if let Some(known) = self.proof(&auction) {
            return Some(known);
        }
        let turn = self.verifying.take(registered.spec().spec().seller).await;
        let this = Arc::clone(self);
        let kept = aside(move || {
            let _turn = turn;
            let bytes = this.transcripts.load(&auction).ok().flatten()?;
            Proven::prove(&bytes, &auction, &mut rand::rng()).ok()
        });
        let proven = kept.await.flatten()?;
        lock(&self.proofs).insert(auction, proven);
        Some(proven)
    }

    /// Verifies a transcript that came, and keeps it unless another one was proven before: of two
    /// runs the first decides, and its file stays for audits. `turn` is the one it waits for.
    pub(super) async fn prove(
        self: &Arc<Self>,
        registered: &Registered,
        part: Part,
        turn: impl Future<Output = Turn>,
    ) -> Result<Proven, NotProven> {
        let auction = registered.id();
        let turn = turn.await;
        let verified = aside(move || {
            let _turn = turn;
            let Ok(bytes) = part.read() else { return Err(NotProven::Server) };
            // Cheap to refuse: what does not decode, then the seller's signature, then the id.
            let proven = Proven::prove(&bytes, &auction, &mut rand::rng())?;
            Ok((part, proven))
        });
        let (part, proven) = verified.await.unwrap_or(Err(NotProven::Server))?;
        let _one = self.keeping.lock().await;
        if let Some(known) = self.proven(registered).await {
            return Ok(known);
        }
        let this = Arc::clone(self);
        match aside(move || this.transcripts.keep(&auction, &part)).await {
            Some(Ok(())) => {
                lock(&self.proofs).insert(auction, proven);
                Ok(proven)
            }
            Some(Err(error)) => {
                tracing::error!(%auction, %error, "the transcript cannot be kept");
                Err(NotProven::Server)
            }
            None => Err(NotProven::Server),
        }
    }
}
