//! Fetching a transcript from the accumulators of an auction, who may be slow, silent or false.
//! SETTLEMENT, section "An auction's payment", step 4.

use std::sync::Arc;
use std::time::Duration;

use auction::spec::Member;
use rand::seq::SliceRandom as _;
use tokio::time::timeout;

use super::proving::NotProven;
use super::transcripts::Part;
use super::{Auctions, aside};
use crate::auctions::{Proven, Registered};
use crate::server::error::ServerError;

/// Least that one accumulator may take before the next is asked.
const LEAST_SHARE: Duration = Duration::from_secs(3);

impl Auctions {
    /// What a transcript of the accumulators proves; it is on the disk when this returns. They
    /// share `patience`.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        registered: &Arc<Registered>,
        patience: Duration,
    ) -> Result<Proven, String> {
        let spec = registered.spec().spec();
        let turn = self.fetching.take(spec.seller).await;
        let client = bidder::Client::new().map_err(|error| error.to_string())?;
        let mut members = spec.accumulators.clone();
        // In another order each time: one that drips its answer, wherever the seller put it in
        // the spec, is not always asked before the others.
        members.shuffle(&mut rand::rng());
        let count = u32::try_from(members.len()).unwrap_or(u32::MAX).max(1);
        let share = (patience / count).max(LEAST_SHARE);
        let mut said = Vec::new();
        let mut proven = None;
        for member in &members {
            let part = timeout(share, self.download(&client, member, registered)).await;
            let reason = match part {
                Err(_) => "takes too long".to_owned(),
                Ok(Err(reason)) => reason,
                Ok(Ok(part)) => match self.prove_fetched(registered, part).await {
                    Ok(found) => {
                        proven = Some(found);
                        break;
                    }
                    Err(reason @ NotProven::Nothing(_)) => reason.to_string(),
                    Err(NotProven::Server) => return Err(NotProven::Server.to_string()),
                },
            };
            said.push(format!("accumulator {}: {reason}", member.key));
        }
        // Others need not wait until everybody was told good-bye.
        drop(turn);
        client.close_connections().await;
        proven.ok_or_else(|| format!("no transcript; {}", said.join("; ")))
    }

    /// What was fetched goes before what anybody has handed in.
    async fn prove_fetched(
        self: &Arc<Self>,
        registered: &Registered,
        part: Part,
    ) -> Result<Proven, NotProven> {
        let turn = self.verifying.take(registered.spec().spec().seller);
        self.prove(registered, part, turn).await
    }

    /// A transcript file of one accumulator, whatever it proves. Not in memory: many come at a
    /// time, and each may be long.
    async fn download(
        self: &Arc<Self>,
        client: &bidder::Client,
        member: &Member,
        registered: &Registered,
    ) -> Result<Part, String> {
        let auction = registered.id();
        let most = registered.spec().spec().most_transcript_bytes() as u64;
        let failed = |error: Option<ServerError>| {
            if let Some(error) = error {
                tracing::error!(%auction, %error, "a transcript cannot be written");
            }
            NotProven::Server.to_string()
        };
        let this = Arc::clone(self);
        let begun = aside(move || this.transcripts.begin(&auction)).await;
        let mut part = begun.ok_or_else(|| failed(None))?.map_err(|error| failed(Some(error)))?;
        let mut download = client.download(member, &auction, most);
        while let Some(bytes) = download.piece().await.map_err(|error| error.to_string())? {
            let appended = aside(move || part.append(&bytes).map(|()| part)).await;
            part = appended.ok_or_else(|| failed(None))?.map_err(|error| failed(Some(error)))?;
        }
        Ok(part)
    }
}
