//! Whose word counts, for which auction and ledger, and no other.

use auction::keys::SecretKey;
use auction::money::Amount;
use auction::physical_terms::Side;
use auction::wire::{decode, encode};
use settlement::auctions::physical::{MAX_TEXT, Saying, Word, WordRefused};

use crate::world::physical::{
    arbiter, awarded, dispatched, dispatcher, disputed, elsewhere, setting, sold, speaker,
};
use crate::world::{Setting, World, account_key, bidder, charter, house, operator, seller, server};

fn all() -> [Saying; 4] {
    [dispatched(), Saying::Received, disputed(), awarded(500)]
}

/// Whether a word counts in this world's auction.
fn verify(world: &World, word: Word) -> Result<(), WordRefused> {
    word.verify(world.state().registered(), &bidder(1).public()).map(|_| ())
}

fn signed(world: &World, saying: &Saying, key: &SecretKey) -> Word {
    Word::sign(&charter().id(), world.auction(), saying.clone(), key).unwrap()
}

#[test]
fn each_word_is_one_keys_alone() {
    let (world, _) = sold(Side::Winner);
    let everybody = [
        dispatcher(),
        arbiter(),
        bidder(1),
        bidder(0),
        account_key(1),
        seller(),
        house(),
        server(),
        operator(),
    ];
    for saying in all() {
        let right = speaker(&saying).public();
        for key in &everybody {
            let verified = verify(&world, signed(&world, &saying, key));
            assert_eq!(verified.is_ok(), key.public() == right, "{saying:?} by {}", key.public());
            let refused = matches!(verified, Err(WordRefused::Signature { .. }));
            assert_eq!(refused, key.public() != right);
        }
    }
}

#[test]
fn a_word_is_of_one_auction_and_one_ledger() {
    let (world, _) = sold(Side::Winner);
    let other = World::new(&Setting { nonce: 2, ..setting(Side::Winner) });
    for saying in all() {
        let key = speaker(&saying);
        let word = signed(&world, &saying, &key);
        verify(&world, word.clone()).unwrap();
        // The same people, another auction; and the same auction in another ledger.
        let (got, expected) = (world.auction(), other.auction());
        assert_eq!(verify(&other, word), Err(WordRefused::OtherAuction { got, expected }));
        let abroad = Word::sign(&elsewhere(), world.auction(), saying.clone(), &key).unwrap();
        assert!(matches!(verify(&world, abroad), Err(WordRefused::Signature { .. })));
    }
    let digital = World::new(&Setting { nonce: 3, ..Setting::default() });
    let word = signed(&digital, &Saying::Received, &bidder(1));
    assert_eq!(verify(&digital, word), Err(WordRefused::NotPhysical));
}

#[test]
fn every_flipped_bit_of_a_word_is_refused() {
    let (world, _) = sold(Side::Winner);
    for saying in all() {
        let word = signed(&world, &saying, &speaker(&saying));
        let bytes = encode(&word).unwrap();
        assert_eq!(decode::<Word>(&bytes, bytes.len()).unwrap(), word);
        for bit in 0..8 * bytes.len() {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let counts = decode::<Word>(&altered, bytes.len())
                .is_ok_and(|altered| verify(&world, altered).is_ok());
            assert!(!counts, "bit {bit} of {saying:?}");
        }
        for length in 0..bytes.len() {
            assert!(decode::<Word>(&bytes[..length], bytes.len()).is_err());
        }
    }
}

#[test]
fn a_signature_is_of_one_saying() {
    let (world, _) = sold(Side::Winner);
    // The same signer, the same text: only the label differs.
    let text = "nothing has come".to_owned();
    let pairs = [
        (Saying::Disputed { reason: text.clone() }, Saying::Dispatched { tracking: text.clone() }),
        (Saying::Received, Saying::Disputed { reason: text }),
        (awarded(500), awarded(501)),
        (
            Saying::Awarded { to_seller: Amount(1), to_winner: Amount(2), reason: "a".to_owned() },
            Saying::Awarded { to_seller: Amount(2), to_winner: Amount(1), reason: "a".to_owned() },
        ),
    ];
    for (one, other) in pairs {
        let key = speaker(&other);
        let bytes = encode(&signed(&world, &one, &key)).unwrap();
        // What the key signed of the one, under the other.
        let mut forged = encode(&signed(&world, &other, &key)).unwrap();
        let end = forged.len();
        forged[end - 64..].copy_from_slice(&bytes[bytes.len() - 64..]);
        let forged: Word = decode(&forged, end).unwrap();
        assert_eq!(*forged.saying(), other);
        assert!(matches!(verify(&world, forged), Err(WordRefused::Signature { .. })), "{other:?}");
    }
}

#[test]
fn texts_have_a_length_and_command_no_terminal() {
    let (world, _) = sold(Side::Winner);
    let sign = |tracking: &str| {
        let saying = Saying::Dispatched { tracking: tracking.to_owned() };
        Word::sign(&charter().id(), world.auction(), saying, &dispatcher())
    };
    for good in ["x", &"x".repeat(MAX_TEXT), "two\nlines", "Größe 7"] {
        verify(&world, sign(good).unwrap()).unwrap();
    }
    for bad in ["", &"x".repeat(MAX_TEXT + 1), "a\u{1b}[2J", "a\0"] {
        assert_eq!(sign(bad), Err(WordRefused::Text(bad.len())));
    }
    // Nor is one taken that somebody else has made so: its bytes, with a text that is too long.
    let word = sign(&"x".repeat(MAX_TEXT)).unwrap();
    let mut bytes = encode(&word).unwrap();
    let place = bytes.windows(8).position(|eight| eight == (MAX_TEXT as u64).to_le_bytes());
    let place = place.unwrap();
    bytes[place..place + 8].copy_from_slice(&(MAX_TEXT as u64 + 1).to_le_bytes());
    bytes.insert(place + 8, b'x');
    let long: Word = decode(&bytes, bytes.len()).unwrap();
    assert_eq!(verify(&world, long), Err(WordRefused::Text(MAX_TEXT + 1)));
}
