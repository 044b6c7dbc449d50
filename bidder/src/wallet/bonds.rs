//! The bonds of a wallet: key and order stand in it durably before the order is sent, so that a
//! kill in between neither loses the key that a bond is for nor makes a second bond.
//!
//! A bond has two files, both named after its key: `.bond`, written once, and `.held` with what
//! the settlement server answered.

use std::path::{Path, PathBuf};

use auction::bid::BondTicket;
use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::prices::Level;
use auction::spec::VerifiedSpec;
use auction::wire::{decode, encode};

use super::bond_record::{
    BondAnswer, BondRecord, MAX_ANSWER_BYTES, MAX_BOND_BYTES, MAX_ORDER_BYTES,
};
use super::{MAX_WALLET_BIDS, Wallet, WalletError, files, now};

const BOND: &str = "bond";
const HELD: &str = "held";

impl Wallet {
    /// All bonds, the oldest first.
    ///
    /// # Errors
    /// [`WalletError`] when any of them cannot be read.
    pub fn bonds(&self) -> Result<Vec<BondRecord>, WalletError> {
        let paths = files::list(self.dir(), BOND)?;
        let bonds = paths.iter().map(|path| self.read_bond(path));
        let mut bonds = bonds.collect::<Result<Vec<_>, _>>()?;
        bonds.sort_by_key(|bond| (bond.made_at(), bond.bidder()));
        Ok(bonds)
    }

    /// The bonds in an auction, the oldest first.
    ///
    /// # Errors
    /// [`WalletError`] when any bond cannot be read.
    pub fn bonds_in(&self, auction: &Digest) -> Result<Vec<BondRecord>, WalletError> {
        let mut bonds = self.bonds()?;
        bonds.retain(|bond| bond.auction_id() == *auction);
        Ok(bonds)
    }

    /// The bond in an auction that a bid can still use: not refused, and no bid is made under its
    /// key. It may wait for its ticket: then its order is to be sent again.
    ///
    /// # Errors
    /// [`WalletError`] when a bond or a bid cannot be read.
    pub fn unused_bond(&self, auction: &Digest) -> Result<Option<BondRecord>, WalletError> {
        let bids = self.bids()?;
        let used = |bond: &BondRecord| bids.iter().any(|bid| bid.bidder() == bond.bidder());
        let mut bonds = self.bonds_in(auction)?.into_iter();
        Ok(bonds.find(|bond| !bond.is_refused() && !used(bond)))
    }

    /// Records a bond: the key made for it, and the signed order; when this returns, both are on
    /// the disk. Only then may the order be sent, and a retry sends these bytes.
    ///
    /// # Errors
    /// [`WalletError::AlreadyBonded`] while the wallet holds a bond in the auction that no bid
    /// has used; [`WalletError::Full`], [`WalletError::Order`], [`WalletError::Io`].
    pub fn record_bond(
        &self,
        spec: &VerifiedSpec,
        bidder: SecretKey,
        cover: Level,
        order: Vec<u8>,
    ) -> Result<BondRecord, WalletError> {
        if order.is_empty() || order.len() > MAX_ORDER_BYTES || spec.spec().settlement.is_none() {
            return Err(WalletError::Order { got: order.len() });
        }
        let _lock = self.lock()?;
        if files::list(self.dir(), BOND)?.len() >= MAX_WALLET_BIDS {
            return Err(WalletError::Full);
        }
        if let Some(known) = self.unused_bond(&spec.id())? {
            let (auction, bidder) = (spec.id(), known.bidder());
            return Err(WalletError::AlreadyBonded { auction, bidder });
        }
        let record = BondRecord::new(spec.clone(), bidder, cover, order, now());
        let path = self.bond_path(&record.bidder(), BOND);
        let bytes = record.to_bytes();
        let bytes = bytes.map_err(|reason| WalletError::Damaged { path: path.clone(), reason })?;
        files::write(&path, &bytes)?;
        Ok(record)
    }

    /// Keeps the ticket that a bond's order was answered with; when this returns, it is on the
    /// disk.
    ///
    /// # Errors
    /// [`WalletError::OtherTicket`] when it is not the answer to this order;
    /// [`WalletError::Io`].
    pub fn keep_ticket(
        &self,
        bond: &mut BondRecord,
        ticket: BondTicket,
    ) -> Result<(), WalletError> {
        if !bond.is_answered_by(&ticket) {
            return Err(WalletError::OtherTicket(bond.bidder()));
        }
        self.keep_answer(bond, BondAnswer::Held(ticket))
    }

    /// Keeps that a bond's order was refused for ever, unless a ticket is there already.
    ///
    /// # Errors
    /// [`WalletError::Io`].
    pub fn keep_refusal(&self, bond: &mut BondRecord, why: &str) -> Result<(), WalletError> {
        self.keep_answer(bond, BondAnswer::refused(why))
    }

    fn keep_answer(&self, bond: &mut BondRecord, answer: BondAnswer) -> Result<(), WalletError> {
        let _lock = self.lock()?;
        let known = self.answer(bond)?;
        let answer = known.filter(|known| matches!(known, BondAnswer::Held(_))).unwrap_or(answer);
        let path = self.bond_path(&bond.bidder(), HELD);
        let bytes = encode(&answer).map_err(|error| WalletError::Damaged {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        files::write(&path, &bytes)?;
        bond.answer = Some(answer);
        Ok(())
    }

    fn read_bond(&self, path: &Path) -> Result<BondRecord, WalletError> {
        let damaged = |reason| WalletError::Damaged { path: path.to_owned(), reason };
        let bytes = files::read(path, MAX_BOND_BYTES)?.ok_or_else(|| damaged("gone".to_owned()))?;
        let mut bond = BondRecord::from_bytes(&bytes).map_err(damaged)?;
        if path != self.bond_path(&bond.bidder(), BOND) {
            return Err(damaged(format!("it holds the bond of key {}", bond.bidder())));
        }
        bond.answer = self.answer(&bond)?;
        Ok(bond)
    }

    /// What was answered; a ticket that does not verify, as after damage, is asked for again.
    fn answer(&self, bond: &BondRecord) -> Result<Option<BondAnswer>, WalletError> {
        let path = self.bond_path(&bond.bidder(), HELD);
        let Some(bytes) = files::read(&path, MAX_ANSWER_BYTES)? else { return Ok(None) };
        let answer: BondAnswer = decode(&bytes, MAX_ANSWER_BYTES)
            .map_err(|error| WalletError::Damaged { path, reason: error.to_string() })?;
        let sound = match &answer {
            BondAnswer::Held(ticket) => bond.is_answered_by(ticket),
            BondAnswer::Refused(_) => true,
        };
        Ok(sound.then_some(answer))
    }

    fn bond_path(&self, bidder: &PublicKey, ending: &str) -> PathBuf {
        self.dir().join(format!("{bidder}.{ending}"))
    }
}
