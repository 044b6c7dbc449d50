//! The ids of all requests that the postings module makes for an auction: each has one, derived
//! from the auction id, so that nothing is done twice and one decision makes the others
//! impossible.

use auction::layout::Digest;

use crate::layout::{Label, Statement};
use crate::ledger::{HoldKey, RequestId};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role<'a> {
    /// Opens the escrow account.
    Open,
    /// Sale, no sale or void: whichever comes first has the id.
    Decision,
    /// The seller's part of a sale.
    Seller,
    /// The house's part of a sale.
    House,
    /// Releases this hold after the decision.
    Release(&'a HoldKey),
    /// Asks the ledger for the time; it can never commit.
    Probe,
    /// Journals the dispatch of physical goods.
    Dispatch,
    /// Journals a dispute.
    Dispute,
    /// Pays the price of physical goods out of escrow, to whomever: whichever comes first has the
    /// id.
    Payout,
    /// The seller's part of a payout.
    PaidSeller,
    /// The house's part of a payout.
    PaidHouse,
    /// The winner's part of a payout.
    PaidBack,
}

/// The id of a request for an auction.
pub(super) fn posting_id(auction: &Digest, role: Role<'_>) -> RequestId {
    let mut statement = Statement::new(Label::PostingId, auction);
    match role {
        Role::Open => statement.fixed(&[1]),
        Role::Decision => statement.fixed(&[2]),
        Role::Seller => statement.fixed(&[3]),
        Role::House => statement.fixed(&[4]),
        Role::Release(hold) => {
            statement.fixed(&[5]).fixed(&hold.account.0.0).fixed(&hold.id.get().to_le_bytes())
        }
        Role::Probe => statement.fixed(&[6]),
        Role::Dispatch => statement.fixed(&[160]),
        Role::Dispute => statement.fixed(&[161]),
        Role::Payout => statement.fixed(&[162]),
        Role::PaidSeller => statement.fixed(&[163]),
        Role::PaidHouse => statement.fixed(&[164]),
        Role::PaidBack => statement.fixed(&[165]),
    };
    let mut bytes = [0; 16];
    // A digest has more than sixteen bytes.
    bytes.copy_from_slice(&statement.hash().0[..16]);
    let number = u128::from_le_bytes(bytes);
    // Neither zero nor all ones, whatever the hash.
    let number = (number >> 1) | 1;
    #[expect(clippy::expect_used, reason = "its lowest bit is one and its highest is zero")]
    RequestId::new(number).expect("not reserved")
}

/// What the requests of an auction that is void refer to, where others name a transcript.
pub(super) fn void_reference(auction: &Digest) -> Digest {
    Statement::new(Label::VoidAuction, auction).hash()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::AccountId;

    #[test]
    fn every_role_of_every_auction_has_its_own_id() {
        let hold =
            |n| HoldKey { account: AccountId(Digest([1; 32])), id: RequestId::new(n).unwrap() };
        let (one, two) = (hold(1), hold(2));
        let roles = [
            Role::Open,
            Role::Decision,
            Role::Seller,
            Role::House,
            Role::Release(&one),
            Role::Release(&two),
            Role::Probe,
            Role::Dispatch,
            Role::Dispute,
            Role::Payout,
            Role::PaidSeller,
            Role::PaidHouse,
            Role::PaidBack,
        ];
        let auctions = [Digest([1; 32]), Digest([2; 32])];
        let ids: std::collections::BTreeSet<_> = auctions
            .iter()
            .flat_map(|auction| roles.iter().map(|role| posting_id(auction, *role)))
            .collect();
        assert_eq!(ids.len(), 2 * roles.len());
    }
}
