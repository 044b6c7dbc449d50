//! What the dispatcher, the winner and the arbiter sign about physical goods. SETTLEMENT, section
//! "Physical goods", step 2.

use auction::keys::{BadSignature, PublicKey, SecretKey, Signature};
use auction::layout::Digest;
use auction::money::Amount;
use serde::{Deserialize, Serialize};

use crate::auctions::payment::Payment;
use crate::layout::{Label, Signer, Statement};

/// Longest text in a word, in bytes.
pub const MAX_TEXT: usize = 1000;

/// What a word says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Saying {
    /// The dispatcher: the goods are on their way to the winner.
    Dispatched {
        /// By what they can be followed, in his words.
        tracking: String,
    },
    /// The winner: I have the goods, and the price is the seller's.
    Received,
    /// The winner: the goods have not come, or are not what was offered.
    Disputed {
        /// Why, in his words.
        reason: String,
    },
    /// The arbiter: so much of the price to each side.
    Awarded {
        /// To the seller, who pays the sale fee out of it in proportion.
        to_seller: Amount,
        /// Back to the winner. Both together are the price.
        to_winner: Amount,
        /// Why, in his words.
        reason: String,
    },
}

/// A word as received: about one auction, good in one ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    auction: Digest,
    saying: Saying,
    signature: Signature,
}

/// A word whose text is within limits and which the right key has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedWord(Word);

/// Why a word says nothing: always its sender's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordRefused {
    /// It is about another auction.
    #[error("the word is about auction {got}, expected {expected}")]
    OtherAuction {
        /// The word's.
        got: Digest,
        /// The one it was brought for.
        expected: Digest,
    },
    /// The winner of this auction gets a file.
    #[error("the goods of this auction are not sent: nothing is dispatched or disputed")]
    NotPhysical,
    /// Text outside its limits.
    #[error("got a text of {0} bytes, expected 1 to {MAX_TEXT} without control characters")]
    Text(usize),
    /// Another key signed, or for another ledger.
    #[error("the word is not the {who}'s, for this auction and ledger: {bad}")]
    Signature {
        /// Whose word it would have to be.
        who: &'static str,
        /// What is wrong with the signature.
        bad: BadSignature,
    },
}

impl Word {
    /// Signs a word about an auction in the ledger with this id.
    ///
    /// # Errors
    /// [`WordRefused::Text`].
    pub fn sign(
        ledger: &Digest,
        auction: Digest,
        saying: Saying,
        key: &SecretKey,
    ) -> Result<Self, WordRefused> {
        saying.check_text()?;
        let signature = Signer::new(key).sign(&saying.statement(ledger, &auction));
        Ok(Self { auction, saying, signature })
    }

    /// The auction, as claimed.
    #[must_use]
    pub fn auction(&self) -> Digest {
        self.auction
    }

    /// What it says, as claimed.
    #[must_use]
    pub fn saying(&self) -> &Saying {
        &self.saying
    }

    /// Whether two words say the same about one auction; their signatures may differ.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.auction == other.auction && self.saying == other.saying
    }

    /// Checks the text, and the signature under the key that the terms, or the sale, name for
    /// such a word.
    ///
    /// # Errors
    /// [`WordRefused`].
    pub fn verify(
        self,
        payment: &Payment,
        winner: &PublicKey,
    ) -> Result<VerifiedWord, WordRefused> {
        let (got, expected) = (self.auction, payment.id());
        if got != expected {
            return Err(WordRefused::OtherAuction { got, expected });
        }
        let terms = payment.physical().ok_or(WordRefused::NotPhysical)?;
        self.saying.check_text()?;
        let (who, key) = match self.saying {
            Saying::Dispatched { .. } => ("dispatcher", terms.dispatcher),
            Saying::Received | Saying::Disputed { .. } => ("winner", *winner),
            Saying::Awarded { .. } => ("arbiter", terms.arbiter),
        };
        let statement = self.saying.statement(&payment.settlement().ledger, &self.auction);
        let verified = statement.verify(&key, &self.signature);
        verified.map_err(|bad| WordRefused::Signature { who, bad })?;
        Ok(VerifiedWord(self))
    }
}

impl VerifiedWord {
    /// The word as it came.
    #[must_use]
    pub fn word(&self) -> &Word {
        &self.0
    }

    /// What it says.
    #[must_use]
    pub fn saying(&self) -> &Saying {
        &self.0.saying
    }
}

impl Saying {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Dispatched { tracking } => Some(tracking),
            Self::Received => None,
            Self::Disputed { reason } | Self::Awarded { reason, .. } => Some(reason),
        }
    }

    fn check_text(&self) -> Result<(), WordRefused> {
        let Some(text) = self.text() else { return Ok(()) };
        let plain = !text.chars().any(|c| c.is_control() && c != '\n');
        if plain && (1..=MAX_TEXT).contains(&text.len()) {
            Ok(())
        } else {
            Err(WordRefused::Text(text.len()))
        }
    }

    fn statement(&self, ledger: &Digest, auction: &Digest) -> Statement {
        let label = match self {
            Self::Dispatched { .. } => Label::Dispatch,
            Self::Received => Label::Confirmation,
            Self::Disputed { .. } => Label::Dispute,
            Self::Awarded { .. } => Label::Award,
        };
        let mut statement = Statement::new(label, ledger);
        statement.fixed(&auction.0);
        if let Self::Awarded { to_seller, to_winner, .. } = self {
            statement.u64(to_seller.0).u64(to_winner.0);
        }
        if let Some(text) = self.text() {
            statement.u64(text.len() as u64).fixed(text.as_bytes());
        }
        statement
    }
}
