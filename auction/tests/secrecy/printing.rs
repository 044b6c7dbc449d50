//! Printing what holds a secret shows nothing of it.

use auction::field::{EntrySum, Fe, ProductSum, VectorSum, WeightedSum, WeightedVectorSum};
use auction::keys::SecretKey;
use auction::party::PartySecret;
use auction::prices::Level;
use auction::secret::{SecretScalar, SecretVector};
use auction::shares::{ExplicitEntries, Share};
use curve25519_dalek::Scalar;

use crate::in_memory::{Committee, Terms, rng};

/// The ways in which bytes are usually printed: decimal lists, hexadecimal of either case.
fn shows(printed: &str, secret: &[u8]) -> bool {
    let decimal: Vec<String> = secret[..4].iter().map(u8::to_string).collect();
    let digits: String = secret[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    let reversed: String = secret[..4].iter().rev().map(|byte| format!("{byte:02x}")).collect();
    let printed = printed.to_lowercase();
    let found = |text: &str| printed.contains(text);
    found(&decimal.join(", ")) || found(&digits) || found(&reversed)
}

#[test]
fn the_search_finds_what_is_printed() {
    let secret = [201, 17, 34, 250, 9];
    assert!(shows(&format!("{secret:?}"), &secret));
    assert!(shows("Secret(c91122FA09)", &secret));
    assert!(shows("0xfa2211c9", &secret));
}

#[test]
fn keys_scalars_and_sums_print_nothing() {
    let bytes: [u8; 32] = std::array::from_fn(|i| (201 + 53 * i) as u8 | 64);
    let scalar = Scalar::from_bytes_mod_order(bytes);
    let mut party = [0; 64];
    party[..32].copy_from_slice(&scalar.to_bytes());
    party[32..].copy_from_slice(&bytes);
    let mut sum = VectorSum::new(1);
    let entry: [u8; 17] = std::array::from_fn(|i| bytes[i]);
    sum.add_explicit(&[entry]).unwrap();
    let mut weighted = WeightedVectorSum::new(1);
    weighted.add_explicit(1, &[entry]).unwrap();
    let mut entry_sum = EntrySum::new();
    entry_sum.add_explicit_entry(&entry);
    let mut weighted_entry = WeightedSum::new();
    weighted_entry.add_sum(1, &entry_sum);
    let mut product = ProductSum::new();
    product.add(&Fe::from_scalar(&scalar), &Fe::ONE);
    let blinding = SecretScalar::new(scalar);
    let printed = [
        format!("{:?}", SecretKey::from_seed(&bytes)),
        format!("{:?}", SecretScalar::new(scalar)),
        format!("{:?}", SecretVector::new(vec![scalar])),
        format!("{:?}", PartySecret::from_bytes(&party).unwrap()),
        format!("{:?}", Share::Seed(bytes)),
        format!("{:?}", Share::explicit(ExplicitEntries::new(vec![entry]), &blinding)),
        format!("{:?}", Fe::from_scalar(&scalar)),
        format!("{sum:?} {weighted:?} {entry_sum:?} {weighted_entry:?} {product:?}"),
    ];
    for printed in printed {
        assert!(!shows(&printed, &bytes), "{printed}");
        assert!(!shows(&printed, &entry), "{printed}");
        assert!(!shows(&printed, &scalar.to_bytes()), "{printed}");
    }
}

#[test]
fn a_submission_prints_its_public_part_alone() {
    let mut rng = rng(4);
    let committee = Committee::new(Terms::small(), &mut rng);
    let sealed = committee.seal(Level(5), &mut rng);
    for submission in &sealed.submissions {
        let printed = format!("{submission:?}");
        match &submission.delivery.share {
            Share::Seed(seed) => assert!(!shows(&printed, seed)),
            Share::Explicit { entries, blinding } => {
                assert!(entries.as_slice().iter().all(|entry| !shows(&printed, entry)));
                assert!(!shows(&printed, blinding));
            }
        }
        assert!(printed.contains(&submission.bid.bidder.to_string()));
    }
}
