//! What accumulators, as witnesses, say of settlement servers.

use auction::spec::Member;
use link::service::{Answer, Question};
use witness::service::{MAX_WITNESSED, Witnessed};

use super::{Client, unexpected};
use crate::error::MemberError;

/// What one accumulator says. Heads in it are signed, by the server and by the accumulator; how
/// the server stands with it is the accumulator's own word.
#[derive(Debug)]
pub struct MemberWitness {
    /// Its number: its place in the list of accumulators asked, from 0.
    pub accumulator: usize,
    /// What it says of each ledger.
    pub witnessed: Result<Vec<Witnessed>, MemberError>,
}

impl Client {
    /// What each of `members` has seen of settlement servers, in their order.
    pub async fn witnessed(&self, members: &[Member]) -> Vec<MemberWitness> {
        let deadline = self.patience().answer;
        let mut answers = self.ask_all(members, |_| Some(Question::Witnessed), deadline);
        let mut all = Vec::with_capacity(members.len());
        while let Some((accumulator, answer)) = answers.next().await {
            let witnessed = match answer {
                Ok(Answer::Witnessed(mut witnessed)) => {
                    witnessed.truncate(MAX_WITNESSED);
                    Ok(witnessed)
                }
                Ok(other) => Err(unexpected(&other, "what it witnessed").into()),
                Err(error) => Err(error),
            };
            all.push(MemberWitness { accumulator, witnessed });
        }
        all.sort_by_key(|one| one.accumulator);
        all
    }
}
