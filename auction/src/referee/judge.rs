//! Judging the messages of a round: their shape, and all their proofs as one multiplication.

use crate::elgamal::Ciphertext;
use crate::group::{Point, PointBytes};
use crate::join::Auction;
use crate::keys::PublicKey;
use crate::layout::{Digest, Label};
use crate::messages::{
    Blinded, Content, EntriesPart, Listed, Opened, OrderPart, Product, RoundMessage, StageProof,
};
use crate::proofs::batch::EquationBatch;
use crate::proofs::masked::ShownVector;
use crate::proofs::opening::OpeningStatement;
use crate::proofs::placed::PlacedStatement;
use crate::proofs::{Place, ProofError};
use crate::referee::fault::{Fault, FaultReason};
use crate::referee::statements;
use crate::referee::tally::Tally;
use crate::set::{Lists, check_shown};
use crate::step::{Against, Masked, Multiplied, Shown, Step};

/// What a message said, decoded.
pub(crate) enum Said {
    List(Vec<Listed>),
    Receipts,
    Outcome,
    Show { sigma: Option<Box<Point>>, entries: Vec<Ciphertext>, vector: Option<Box<ShownVector>> },
    Multiply(Vec<Ciphertext>),
    Blind(Vec<Ciphertext>),
    Open(Vec<Point>),
}

/// What a round is judged by.
pub(super) struct Judge<'a> {
    pub(super) auction: &'a Auction,
    pub(super) tally: Option<&'a Tally>,
    /// By accumulator: the vector that it showed under a mask, if it has.
    pub(super) masked: &'a [ShownVector],
    pub(super) step: &'a Step,
    pub(super) round: u16,
    pub(super) previous: &'a Digest,
}

impl Judge<'_> {
    /// Judges the messages of all accumulators, in their order. Of one that this program made
    /// itself, `own` tells what it says.
    pub(super) fn judge(
        &self,
        messages: &[RoundMessage],
        mut own: Vec<Option<Said>>,
        mut seed: impl FnMut() -> [u8; 32],
    ) -> Result<Vec<Said>, Fault> {
        let mut batch = self.batch(seed());
        let peers = messages.iter().enumerate().filter(|(k, _)| own[*k].is_none());
        let heard = peers
            .map(|(k, message)| self.hear(k, message, &mut batch))
            .collect::<Result<Vec<_>, _>>();
        if let (Ok(heard), Ok(())) = (heard, batch.check()) {
            let mut heard = heard.into_iter();
            return Ok(own.into_iter().filter_map(|own| own.or_else(|| heard.next())).collect());
        }
        // Something is wrong: each message by itself, so that blame is exact.
        let mut said = Vec::with_capacity(messages.len());
        let mut culprits = Vec::new();
        for (k, message) in messages.iter().enumerate() {
            if let Some(own) = own[k].take() {
                said.push(own);
                continue;
            }
            let mut alone = self.batch(seed());
            let heard = self.hear(k, message, &mut alone).and_then(|heard| {
                let part = message.body.content.name();
                alone.check().map_err(|error| FaultReason::Proof { part, error })?;
                Ok(heard)
            });
            match heard {
                Ok(heard) => said.push(heard),
                Err(reason) => culprits.push((k, reason)),
            }
        }
        if culprits.is_empty() {
            return Ok(said);
        }
        Err(Fault { round: self.round, culprits, unknown_bid: None })
    }

    fn batch(&self, seed: [u8; 32]) -> EquationBatch {
        EquationBatch::new(self.auction.generators(), self.auction.levels(), seed)
    }

    fn hear(
        &self,
        k: usize,
        message: &RoundMessage,
        batch: &mut EquationBatch,
    ) -> Result<Said, FaultReason> {
        let content = &message.body.content;
        // Messages are judged in the order of the accumulators, one each.
        let prover = &self.auction.spec().accumulators[k].key;
        match (self.step, content) {
            (Step::List, Content::List(list)) => {
                Lists::check(list, self.auction.spec().most_bids)?;
                Ok(Said::List(list.clone()))
            }
            (Step::Receipts { to_show }, Content::Receipts(shown)) => {
                check_shown(self.auction, &to_show[k], shown)?;
                Ok(Said::Receipts)
            }
            (Step::Show { order: due, shown }, Content::Show { order, entries }) => {
                count("contributions to the order", order.iter().len(), usize::from(*due))?;
                count("lists of ciphertexts", entries.iter().len(), shown.iter().len())?;
                let sigma = match order {
                    Some(part) => Some(self.hear_order(k, prover, part, batch)?),
                    None => None,
                };
                let (entries, vector) = match shown.as_ref().zip(entries.as_deref()) {
                    Some((shown, part)) => self.hear_entries(k, prover, shown, part, batch)?,
                    None => (Vec::new(), None),
                };
                Ok(Said::Show { sigma: sigma.map(Box::new), entries, vector: vector.map(Box::new) })
            }
            (Step::Multiply(due), Content::Multiply(products)) => {
                self.hear_products(k, prover, due, products, batch).map(Said::Multiply)
            }
            (Step::Blind(tests), Content::Blind(blinded)) => {
                self.hear_blinds(prover, tests, blinded, batch).map(Said::Blind)
            }
            (Step::Open(blinded), Content::Open(opened)) => {
                self.hear_factors(k, prover, blinded, opened, batch).map(Said::Open)
            }
            (step, content) => {
                Err(FaultReason::Content { got: content.name(), expected: step.name() })
            }
        }
    }

    fn place<'a>(&'a self, prover: &'a PublicKey) -> Place<'a> {
        let context = self.auction.context();
        Place { context, prover, round: self.round, previous: self.previous }
    }

    fn tally(&self) -> Result<&Tally, FaultReason> {
        // Show steps exist only after the set is fixed.
        let part = "show";
        self.tally.ok_or(FaultReason::Proof { part, error: ProofError::DoesNotHold })
    }

    fn hear_order(
        &self,
        k: usize,
        prover: &PublicKey,
        part: &OrderPart,
        batch: &mut EquationBatch,
    ) -> Result<Point, FaultReason> {
        let sigma = part.point.decode()?;
        let statement =
            statements::order(&self.auction.keys()[k], self.tally()?.order_point(), &sigma);
        let binding = self.place(prover);
        statement
            .append(binding.bind(Label::OrderProof), &part.proof, batch)
            .map_err(|error| FaultReason::Proof { part: "contribution to the order", error })?;
        Ok(sigma)
    }

    fn hear_entries(
        &self,
        k: usize,
        prover: &PublicKey,
        shown: &Shown,
        part: &EntriesPart,
        batch: &mut EquationBatch,
    ) -> Result<(Vec<Ciphertext>, Option<ShownVector>), FaultReason> {
        count("ciphertexts", part.ciphertexts.len(), shown.count())?;
        let decoded = part.ciphertexts.iter().map(crate::elgamal::CiphertextBytes::decode);
        let ciphertexts = decoded.collect::<Result<Vec<_>, _>>()?;
        let vector = self
            .hear_stage_proof(k, prover, shown, (&ciphertexts, &part.proof), batch)
            .map_err(|error| FaultReason::Proof { part: "ladder entries", error })?;
        Ok((ciphertexts, vector))
    }

    /// 5, 8 The proof of the kind that is due.
    fn hear_stage_proof(
        &self,
        k: usize,
        prover: &PublicKey,
        shown: &Shown,
        (ciphertexts, proof): (&[Ciphertext], &StageProof),
        batch: &mut EquationBatch,
    ) -> Result<Option<ShownVector>, ProofError> {
        let (place, key) = (self.place(prover), self.auction.key());
        // Show steps exist only after the set is fixed, and later stages after the first.
        let tally = self.tally.ok_or(ProofError::DoesNotHold)?;
        let levels = self.auction.levels();
        match (shown.against(), shown, proof) {
            (Against::Whole, _, StageProof::Whole(proof)) => {
                statements::entries(tally, k, key, shown, ciphertexts)
                    .append(&place, levels, proof, batch)?;
                Ok(None)
            }
            (
                Against::Masked(masked @ Masked { opened: None, .. }),
                Shown::Ladder { .. },
                StageProof::Ladder { sum, proof },
            ) => {
                // One sum an accumulator, and `k` is one.
                let sum = sum.append(&place, &masked.segments, &tally.sums()[k], batch)?;
                statements::segments(key, &sum, masked, shown, ciphertexts)
                    .append(&place, proof, batch)?;
                Ok(Some(sum))
            }
            (
                Against::Masked(masked @ Masked { opened: None, .. }),
                Shown::Blocks { level, .. },
                StageProof::Placed { entries, proof },
            ) => {
                let entries = entries.decode(&place, &masked.segments)?;
                let blocks = statements::segments(key, &entries, masked, shown, ciphertexts);
                let commitments = &tally.commitments(k, masked.range);
                PlacedStatement { blocks, commitments, level: *level }
                    .append(&place, levels, proof, batch)?;
                Ok(Some(entries))
            }
            (
                Against::Masked(masked @ Masked { opened: Some(_), .. }),
                _,
                StageProof::Segment(proof),
            ) => {
                let vector = self.masked.get(k).ok_or(ProofError::DoesNotHold)?;
                statements::segments(key, vector, masked, shown, ciphertexts)
                    .append(&place, proof, batch)?;
                Ok(None)
            }
            (_, _, other) => Err(ProofError::Kind(other.name())),
        }
    }

    fn hear_products(
        &self,
        k: usize,
        prover: &PublicKey,
        due: &[Multiplied],
        products: &[Product],
        batch: &mut EquationBatch,
    ) -> Result<Vec<Ciphertext>, FaultReason> {
        count("products", products.len(), due.len())?;
        let hear = |(of, product): (&Multiplied, &Product)| {
            let ciphertext = product.ciphertext.decode()?;
            let statement = statements::multiply(self.auction.key(), k, of, &ciphertext);
            statement
                .append(self.place(prover).bind(Label::Multiply), &product.proof, batch)
                .map_err(|error| FaultReason::Proof { part: "product", error })?;
            Ok(ciphertext)
        };
        due.iter().zip(products).map(hear).collect()
    }

    fn hear_blinds(
        &self,
        prover: &PublicKey,
        tests: &[Ciphertext],
        blinded: &[Blinded],
        batch: &mut EquationBatch,
    ) -> Result<Vec<Ciphertext>, FaultReason> {
        count("blinds", blinded.len(), tests.len())?;
        let hear = |(test, blind): (&Ciphertext, &Blinded)| {
            let ciphertext = blind.ciphertext.decode()?;
            statements::blind(test, &ciphertext)
                .append(self.place(prover).bind(Label::Blind), &blind.proof, batch)
                .map_err(|error| FaultReason::Proof { part: "blind", error })?;
            Ok(ciphertext)
        };
        tests.iter().zip(blinded).map(hear).collect()
    }

    fn hear_factors(
        &self,
        k: usize,
        prover: &PublicKey,
        blinded: &[Ciphertext],
        opened: &Opened,
        batch: &mut EquationBatch,
    ) -> Result<Vec<Point>, FaultReason> {
        count("decryption factors", opened.factors.len(), blinded.len())?;
        let decoded = opened.factors.iter().map(PointBytes::decode);
        let factors = decoded.collect::<Result<Vec<_>, _>>()?;
        let place = self.place(prover);
        // One key an accumulator, and `k` is one.
        OpeningStatement { key: self.auction.keys()[k], blinded, factors: &factors }
            .append(&place, &opened.proof, batch)
            .map_err(|error| FaultReason::Proof { part: "opening", error })?;
        Ok(factors)
    }
}

fn count(part: &'static str, got: usize, expected: usize) -> Result<(), FaultReason> {
    if got == expected { Ok(()) } else { Err(FaultReason::Count { part, got, expected }) }
}
