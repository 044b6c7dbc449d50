//! Linear relations with a few secrets: `X = M w` for public points `X` and `M`.
//!
//! The generalised Schnorr proof. One response a secret, one first message a row; the challenge
//! hashes the place, the whole statement, bases included, and all first messages. Keys, blind,
//! open, multiply and order are instances. PROTOCOL, "Proofs needed".

use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::group::{Point, PointBytes, ScalarBytes};
use crate::layout::Layout;
use crate::proofs::batch::EquationBatch;
use crate::proofs::{Binding, ProofError, expect_length};
use crate::secret::SecretScalar;

/// One equation: `image = sum secret_i * base_i`.
#[derive(Debug, Clone)]
pub struct Row {
    /// The left side.
    pub image: Point,
    /// Secrets, by their number, with their bases.
    pub terms: Vec<(usize, Point)>,
}

/// What is claimed: all rows hold for the same secrets.
#[derive(Debug, Clone)]
pub struct LinearStatement {
    secrets: usize,
    rows: Vec<Row>,
}

/// A proof, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinearProof {
    /// One element a row.
    pub first: Vec<PointBytes>,
    /// One scalar a secret.
    pub responses: Vec<ScalarBytes>,
}

impl LinearStatement {
    /// A statement over `secrets` secrets; terms name secrets below that number.
    #[must_use]
    pub fn new(secrets: usize, rows: Vec<Row>) -> Self {
        debug_assert!(rows.iter().flat_map(|row| &row.terms).all(|(secret, _)| *secret < secrets));
        Self { secrets, rows }
    }

    /// Equal exponents: `image_i = w * base_i` for all pairs `(base, image)`.
    #[must_use]
    pub fn equal_exponents(pairs: &[(Point, Point)]) -> Self {
        let rows = pairs
            .iter()
            .map(|(base, image)| Row { image: *image, terms: vec![(0, *base)] })
            .collect();
        Self::new(1, rows)
    }

    /// Proves the statement; constant time in the witness.
    #[must_use]
    pub fn prove<R: CryptoRng + ?Sized>(
        &self,
        binding: Binding<'_>,
        witness: &[&SecretScalar],
        rng: &mut R,
    ) -> LinearProof {
        let masks: Vec<_> = witness.iter().map(|_| SecretScalar::random(rng)).collect();
        let first = Point::from_halves(&self.first_halves(&masks));
        let first = first.iter().map(Point::bytes).collect();
        self.respond(binding, first, &masks, witness)
    }

    /// Halves of the first messages that belong to masks, one a secret: of many proofs they are
    /// doubled and encoded together. Constant time in the masks.
    #[must_use]
    pub(crate) fn first_halves(&self, masks: &[SecretScalar]) -> Vec<RistrettoPoint> {
        debug_assert_eq!(masks.len(), self.secrets);
        let halves: Vec<_> = masks.iter().map(SecretScalar::half).collect();
        // Terms name secrets below `secrets`, and there is a mask for each.
        let product = |(secret, base): &(usize, Point)| base.times(&halves[*secret]);
        self.rows.iter().map(|row| row.terms.iter().map(product).sum()).collect()
    }

    /// Proves the statement with masks and the first messages that belong to them. Masks that
    /// answered twice would give the witness away, so they serve one statement.
    #[must_use]
    pub(crate) fn respond(
        &self,
        binding: Binding<'_>,
        first: Vec<PointBytes>,
        masks: &[SecretScalar],
        witness: &[&SecretScalar],
    ) -> LinearProof {
        debug_assert_eq!((masks.len(), witness.len()), (self.secrets, self.secrets));
        let challenge = self.challenge(binding, &first);
        let responses = masks
            .iter()
            .zip(witness)
            .map(|(mask, secret)| (&(mask.expose() + challenge * secret.expose())).into())
            .collect();
        LinearProof { first, responses }
    }

    /// Adds the proof's equations to a batch, a weight each.
    ///
    /// # Errors
    /// [`ProofError`] when the proof is not of this statement's shape.
    pub fn append(
        &self,
        binding: Binding<'_>,
        proof: &LinearProof,
        batch: &mut EquationBatch,
    ) -> Result<(), ProofError> {
        expect_length("first messages", proof.first.len(), self.rows.len())?;
        expect_length("responses", proof.responses.len(), self.secrets)?;
        let responses =
            proof.responses.iter().map(ScalarBytes::decode).collect::<Result<Vec<_>, _>>()?;
        let challenge = self.challenge(binding, &proof.first);
        for (row, first) in self.rows.iter().zip(&proof.first) {
            // first + challenge * image - sum response_i * base_i = 0
            let first = first.decode()?;
            let weight = batch.weight();
            batch.term(weight, &first);
            batch.shared_term(weight * challenge, &row.image);
            for (secret, base) in &row.terms {
                // Terms name secrets below `secrets`, and there is a response for each.
                batch.shared_term(-weight * responses[*secret], base);
            }
        }
        Ok(())
    }

    fn challenge(&self, binding: Binding<'_>, first: &[PointBytes]) -> Scalar {
        let mut layout = binding.layout();
        self.write(&mut layout);
        layout.count(first.len());
        for point in first {
            layout.fixed(&point.0);
        }
        layout.scalar()
    }

    fn write(&self, layout: &mut Layout) {
        layout.count(self.secrets).count(self.rows.len());
        for row in &self.rows {
            layout.point(&row.image).count(row.terms.len());
            for (secret, base) in &row.terms {
                layout.count(*secret).point(base);
            }
        }
    }
}
