//! What the judge of a payment says: findings, one for each thing that he looked at.

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::money::Amount;

/// One thing that the judge looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// What was found.
    pub found: Found,
    /// Whether the server's own signatures prove the wrong against it.
    pub convicts_server: bool,
    /// In words: what is proved, or what is wrong and whose fault it is.
    pub words: String,
}

/// What a finding is about, in the order in which things happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// What the seller offered, and that its key was in escrow before.
    Offered,
    /// Who won, at which price.
    Sold,
    /// What the winner ordered.
    Ordered,
    /// What was paid, from whom to whom; of physical goods, into escrow.
    Paid,
    /// That the goods are those that were offered.
    Goods,
    /// That the key is the one that was offered.
    Key,
    /// That physical goods were dispatched.
    Dispatched,
    /// That the winner disputed.
    Disputed,
    /// Where the price went from escrow, and why.
    PaidOut,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Proved.
    Holds,
    /// Disproved, or not proved by what was brought to prove it.
    Fails,
    /// Nothing was brought for it.
    NotShown,
    /// There is no sale, or nothing rests on it: nothing is owed.
    NotOwed,
    /// Proved as far as files can; the rest a person must see. Of purchases alone.
    ToBeSeen,
}

/// All findings, in the order of [`Subject`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The auction, where the transcript could be read.
    pub auction: Option<Digest>,
    /// Who won, at which price, where the transcript proves it.
    pub sale: Option<(PublicKey, Amount)>,
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// Whether nothing fails and whatever was owed was shown.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let settled = |found: Found| matches!(found, Found::Holds | Found::NotOwed);
        self.findings.iter().all(|finding| settled(finding.found))
    }

    /// Whether the server's own signatures prove something against it.
    #[must_use]
    pub fn convicts_server(&self) -> bool {
        self.findings.iter().any(|finding| finding.convicts_server)
    }

    /// Whether something was brought that does not hold.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.findings.iter().any(|finding| finding.found == Found::Fails)
    }

    pub(super) fn add(&mut self, subject: Subject, found: Found, words: impl Into<String>) {
        self.findings.push(Finding { subject, found, convicts_server: false, words: words.into() });
    }

    /// Something that fails, and whether by the server's own signatures.
    pub(super) fn fail(&mut self, subject: Subject, wrong: Wrong) {
        let (convicts_server, words) = match wrong {
            Wrong::Brought(words) => (false, words),
            Wrong::Servers(words) => (true, words),
        };
        self.findings.push(Finding { subject, found: Found::Fails, convicts_server, words });
    }
}

/// What does not hold, in words.
pub(super) enum Wrong {
    /// What was brought proves nothing, or nothing against anybody.
    Brought(String),
    /// The server signed what it must not sign.
    Servers(String),
}

impl Wrong {
    pub(super) fn brought(words: impl Into<String>) -> Self {
        Self::Brought(words.into())
    }

    pub(super) fn servers(words: impl Into<String>) -> Self {
        Self::Servers(words.into())
    }
}
