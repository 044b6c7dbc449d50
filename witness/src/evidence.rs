//! Words of a settlement server about its history, brought before somebody who has seen none.
//! SETTLEMENT, section "Evidence".

use auction::evidence::{Evidence, Kind, Role, Ruling};
use auction::layout::Digest;
use serde::{Deserialize, Serialize};

use crate::continuation::SignedContinuation;
use crate::contradiction::{Beginnings, Claim, Contradiction, compare, compare_entries};
use crate::head::{LedgerKey, SignedHead, Unproven};
use crate::inclusion::Inclusion;

/// Most heads that say how epochs began, in one piece of evidence.
pub const MAX_BEGINNINGS: usize = 1026;

/// A signed word of a server about its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// A head.
    Head(SignedHead),
    /// That a tree continues an older one.
    Continuation(Box<SignedContinuation>),
    /// That an entry stands under a head.
    Entry(Box<Inclusion>),
}

/// What is brought against a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Case {
    /// Two words that contradict each other. Where epochs lie between them: a head of each.
    Words(Box<[Word; 2]>, Vec<SignedHead>),
    /// One word that contradicts itself: a signed proof that is none.
    FalseProof(Box<SignedContinuation>),
    /// The server has not shown that the second head continues the first. It convicts nobody: the
    /// server can show it.
    Unanswered(Box<[SignedHead; 2]>),
}

/// Evidence against a settlement server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEvidence {
    /// Whose words they are.
    pub of: LedgerKey,
    /// The words.
    pub case: Case,
}

impl Evidence for ServerEvidence {
    const KIND: Kind = Kind::History;
    const MAX_BYTES: usize = 1 << 20;
}

/// Why words of a server prove nothing: whoever brings them is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadWords {
    /// One of them is not the server's, or proves nothing.
    #[error("a word in the evidence is not the server's: {0}")]
    Unproven(#[from] Unproven),
    /// They can all be true.
    #[error("the words do not contradict each other")]
    NoContradiction,
    /// More beginnings than epochs that matter.
    #[error("got {0} heads of epochs in between, expected at most {MAX_BEGINNINGS}")]
    TooMany(usize),
}

impl Word {
    /// Verifies the signature, and what the word shows: claims, and an entry where it is one.
    fn claims(&self, of: &LedgerKey) -> Result<Vec<Claim>, Unproven> {
        Ok(match self {
            Self::Head(head) => vec![head.verify(of)?.claim()],
            Self::Continuation(word) => word.verify(of)?.claims().to_vec(),
            Self::Entry(entry) => vec![entry.verify(of)?.claim()],
        })
    }
}

impl ServerEvidence {
    /// What the words prove against the server; nothing, where they are an accusation alone.
    ///
    /// # Errors
    /// [`BadWords`].
    pub fn convict(&self) -> Result<Option<Contradiction>, BadWords> {
        match &self.case {
            Case::Words(words, between) => {
                if between.len() > MAX_BEGINNINGS {
                    return Err(BadWords::TooMany(between.len()));
                }
                let mut known = Beginnings::default();
                for head in between {
                    known.learn(&head.verify(&self.of)?);
                }
                self.contradiction(words, &known).map(Some)
            }
            Case::FalseProof(word) => match word.verify(&self.of)?.check() {
                Err(contradiction) => Ok(Some(contradiction)),
                Ok(()) => Err(BadWords::NoContradiction),
            },
            Case::Unanswered(heads) => {
                for head in &**heads {
                    head.verify(&self.of)?;
                }
                Ok(None)
            }
        }
    }

    fn contradiction(
        &self,
        words: &[Word; 2],
        known: &Beginnings,
    ) -> Result<Contradiction, BadWords> {
        let [one, other] = words;
        let (ones, others) = (one.claims(&self.of)?, other.claims(&self.of)?);
        let pairs = ones.iter().flat_map(|one| others.iter().map(move |other| (one, other)));
        let mut found = pairs.map(|(one, other)| compare(one, other, known));
        if let Some(Err(contradiction)) = found.find(Result::is_err) {
            return Ok(contradiction);
        }
        if let (Word::Entry(one), Word::Entry(other)) = (one, other)
            && let Err(contradiction) = compare_entries(one, other, known)
        {
            return Ok(contradiction);
        }
        Err(BadWords::NoContradiction)
    }

    /// Judges the words.
    ///
    /// # Errors
    /// [`BadWords`].
    pub fn judge(&self) -> Result<Ruling, BadWords> {
        let ruling = about(&self.of);
        match (self.convict()?, &self.case) {
            (Some(contradiction), _) => {
                Ok(ruling.convict(Role::Server, self.of.server, contradiction.to_string()))
            }
            (None, Case::Unanswered(heads)) => {
                let [one, other] = (**heads).map(|signed| signed.head);
                Ok(ruling
                    .prove(format!(
                        "the server signed a head over {} entries and one over {}",
                        one.size, other.size
                    ))
                    .leave_open(format!(
                        "whether the second continues the first. The server clears itself by a \
                         signed continuation from {} to {} entries; one with another root, or a \
                         false proof, convicts it. That it did not answer, nobody can prove",
                        one.size, other.size
                    )))
            }
            (None, _) => Ok(ruling),
        }
    }

    /// A short name of what it is about, for a file: equal for equal evidence.
    #[must_use]
    pub fn name(&self) -> String {
        let number = |word: &Word| match word {
            Word::Head(signed) => signed.head.size,
            Word::Continuation(signed) => signed.continuation.old_size,
            Word::Entry(entry) => entry.number,
        };
        let short = |digest: &Digest| digest.to_string().chars().take(16).collect::<String>();
        let ledger = short(&self.of.ledger);
        match &self.case {
            Case::Words(words, _) => {
                let [one, other] = &**words;
                format!("{ledger}.words-{}-{}", number(one), number(other))
            }
            Case::FalseProof(word) => {
                let word = &word.continuation;
                format!("{ledger}.proof-{}-{}", word.old_size, word.new_size)
            }
            Case::Unanswered(heads) => {
                let [one, other] = **heads;
                format!("{ledger}.unanswered-{}-{}", one.head.size, other.head.size)
            }
        }
    }
}

/// A ruling about a server's ledger.
#[must_use]
pub fn about(of: &LedgerKey) -> Ruling {
    Ruling::about([("Ledger", of.ledger.to_string()), ("Server", of.server.to_string())])
}
