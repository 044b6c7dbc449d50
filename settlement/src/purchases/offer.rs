//! Offers: what a merchant promises one customer, for how much and until when. SETTLEMENT,
//! section "Purchase of digital goods", step b.

use auction::keys::{BadSignature, PublicKey, Signature};
use auction::layout::Digest;
use auction::settlement_terms::{Goods, MAX_GOODS_BYTES};
use auction::spec::Time;
use bidder::is_harmless;

use crate::bytes::Reader;
use crate::layout::{Label, Signer, Statement};
use crate::ledger::{AccountId, Charter, Currency, Sum};

/// Longest description, in bytes.
pub const MAX_DESCRIPTION_BYTES: usize = 1024;
/// Longest encoded offer without its signature, in bytes.
pub const MAX_OFFER_BYTES: usize = FIXED_BYTES + 1 + 72 + 2 + MAX_DESCRIPTION_BYTES;

const VERSION: u8 = 1;
/// Version, four keys and ids, currency, price, expiry, item, quote.
const FIXED_BYTES: usize = 1 + 4 * 32 + Currency::BYTES + 3 * 8 + 16;
const ENCRYPTED: u8 = 1;
const HELD: u8 = 2;

/// Makes a quote differ from all others of its merchant: his own to choose, and fresh each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuoteId(pub [u8; 16]);

/// What is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferTerms {
    /// The settlement server that takes the payment.
    pub server: PublicKey,
    /// Its ledger.
    pub ledger: Digest,
    /// The owner's key of the account that is paid; it signs the offer.
    pub merchant: PublicKey,
    /// The owner's key of the account that pays: an offer is made to one customer.
    pub customer: PublicKey,
    /// The currency of both accounts.
    pub currency: Currency,
    /// The price, in minor units.
    pub price: Sum,
    /// No order is good from this moment on.
    pub expires: Time,
    /// The merchant's own number for what he sells: opaque to everybody else.
    pub item: u64,
    /// Which quote of the merchant this is.
    pub quote: QuoteId,
    /// How the customer gets it.
    pub delivery: Delivery,
    /// What it is, in the merchant's words: at most [`MAX_DESCRIPTION_BYTES`], none of which
    /// could command a terminal.
    pub description: String,
}

/// How the customer gets what is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Encrypted by the merchant, before he orders; the key comes with the receipt (Su and Tygar,
    /// case 2).
    Encrypted(Goods),
    /// From the settlement server, once he has paid (case 3).
    Held(HeldItem),
}

/// An item that the settlement server holds in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeldItem {
    /// Its tree hash ([`crate::goods::checksum_of_item`]).
    pub checksum: Digest,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Terms in their one encoding, with its hash: what orders refer to. Not signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Offer {
    terms: OfferTerms,
    bytes: Vec<u8>,
    hash: Digest,
}

/// An offer with its merchant's signature, as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedOffer {
    offer: Offer,
    signature: Signature,
}

/// An offer that its merchant signed, for this ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedOffer(SignedOffer);

/// Why bytes or terms are no offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Not the encoding of an offer.
    #[error("not an offer: bytes are missing, too many or not canonical")]
    Malformed,
    /// An offer of another version.
    #[error("the offer has format version {0}, expected 1")]
    Version(u8),
    /// A field that no offer may have.
    #[error("the offer's {field} is wrong: expected {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

/// Why an offer binds nobody here: always its sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferRefused {
    /// The signature does not hold.
    #[error("the offer is not signed by its merchant: {0}")]
    Signature(#[from] BadSignature),
    /// The payment is taken elsewhere.
    #[error("the offer is for another settlement server or ledger")]
    Elsewhere,
    /// It is another merchant's.
    #[error("the offer is of merchant {got}, expected {expected}")]
    OtherMerchant {
        /// Who signed.
        got: PublicKey,
        /// Who was asked.
        expected: PublicKey,
    },
}

impl Offer {
    /// Writes terms down.
    ///
    /// # Errors
    /// [`OfferError::Field`] where no offer may have them.
    pub fn new(terms: OfferTerms) -> Result<Self, OfferError> {
        terms.check()?;
        let bytes = terms.encode();
        let hash = statement(&terms.ledger, &bytes).hash();
        Ok(Self { terms, bytes, hash })
    }

    /// Reads an offer. Every offer has one encoding.
    ///
    /// # Errors
    /// [`OfferError`].
    pub fn decode(bytes: Vec<u8>) -> Result<Self, OfferError> {
        if bytes.len() > MAX_OFFER_BYTES {
            return Err(OfferError::Malformed);
        }
        let terms = OfferTerms::decode(&bytes)?;
        terms.check()?;
        let hash = statement(&terms.ledger, &bytes).hash();
        Ok(Self { terms, bytes, hash })
    }

    /// What is offered.
    #[must_use]
    pub fn terms(&self) -> &OfferTerms {
        &self.terms
    }

    /// The encoding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The hash of the terms for their ledger: the reference of an order.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The account that is paid.
    #[must_use]
    pub fn credit(&self) -> AccountId {
        AccountId::of_owner(&self.terms.merchant, self.terms.currency)
    }

    /// The account that pays.
    #[must_use]
    pub fn debit(&self) -> AccountId {
        AccountId::of_owner(&self.terms.customer, self.terms.currency)
    }

    /// Signs as the merchant.
    ///
    /// # Errors
    /// [`OfferRefused::OtherMerchant`] with another key than the offer's.
    pub fn sign(self, merchant: &Signer) -> Result<VerifiedOffer, OfferRefused> {
        let (got, expected) = (merchant.public(), self.terms.merchant);
        if got != expected {
            return Err(OfferRefused::OtherMerchant { got, expected });
        }
        let signature = merchant.sign(&statement(&self.terms.ledger, &self.bytes));
        Ok(VerifiedOffer(SignedOffer { offer: self, signature }))
    }
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Offer").field(&self.terms).finish()
    }
}

impl SignedOffer {
    /// Reads an offer and its signature; neither is verified.
    ///
    /// # Errors
    /// [`OfferError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, OfferError> {
        let (offer, signature) = bytes.split_last_chunk::<64>().ok_or(OfferError::Malformed)?;
        Ok(Self { offer: Offer::decode(offer.to_vec())?, signature: Signature(*signature) })
    }

    /// What travels and is kept: the offer, then the signature.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.offer.as_bytes(), &self.signature.0].concat()
    }

    /// The offer, as claimed.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// Verifies the merchant's signature, strictly and for this ledger alone.
    ///
    /// # Errors
    /// [`OfferRefused`].
    pub fn verify(self, charter: &Charter) -> Result<VerifiedOffer, OfferRefused> {
        if !self.offer.terms.is_for(charter) {
            return Err(OfferRefused::Elsewhere);
        }
        let statement = statement(&self.offer.terms.ledger, self.offer.as_bytes());
        statement.verify(&self.offer.terms.merchant, &self.signature)?;
        Ok(VerifiedOffer(self))
    }
}

impl VerifiedOffer {
    /// Refuses the offer of anybody but this merchant.
    ///
    /// # Errors
    /// [`OfferRefused::OtherMerchant`].
    pub fn of(self, merchant: &PublicKey) -> Result<Self, OfferRefused> {
        let (got, expected) = (self.terms().merchant, *merchant);
        if got == expected { Ok(self) } else { Err(OfferRefused::OtherMerchant { got, expected }) }
    }

    /// The offer.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.0.offer
    }

    /// What is offered.
    #[must_use]
    pub fn terms(&self) -> &OfferTerms {
        self.0.offer.terms()
    }

    /// With its signature, to send and to keep.
    #[must_use]
    pub fn signed(&self) -> &SignedOffer {
        &self.0
    }
}

impl OfferTerms {
    /// Whether this server and ledger take the payment.
    #[must_use]
    pub fn is_for(&self, charter: &Charter) -> bool {
        self.server == charter.server() && self.ledger == charter.id()
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED_BYTES + 75 + self.description.len());
        out.push(VERSION);
        out.extend_from_slice(&self.server.0);
        out.extend_from_slice(&self.ledger.0);
        out.extend_from_slice(&self.merchant.0);
        out.extend_from_slice(&self.customer.0);
        out.extend_from_slice(&self.currency.to_bytes());
        for number in [self.price.get(), self.expires.0, self.item] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.quote.0);
        let (tag, checksum, key_hash, bytes) = match &self.delivery {
            Delivery::Encrypted(goods) => {
                (ENCRYPTED, goods.checksum, Some(goods.key_hash), goods.bytes)
            }
            Delivery::Held(item) => (HELD, item.checksum, None, item.bytes),
        };
        out.push(tag);
        out.extend_from_slice(&checksum.0);
        out.extend(key_hash.iter().flat_map(|hash| hash.0));
        out.extend_from_slice(&bytes.to_le_bytes());
        // `check` saw that the length fits.
        out.extend_from_slice(&(self.description.len() as u16).to_le_bytes());
        out.extend_from_slice(self.description.as_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, OfferError> {
        let mut reader = Reader::new(bytes);
        match reader.u8() {
            Some(VERSION) => Self::decode_fields(&mut reader).ok_or(OfferError::Malformed),
            Some(other) => Err(OfferError::Version(other)),
            None => Err(OfferError::Malformed),
        }
    }

    fn decode_fields(reader: &mut Reader<'_>) -> Option<Self> {
        let (server, ledger) = (reader.key()?, reader.digest()?);
        let (merchant, customer) = (reader.key()?, reader.key()?);
        let currency = Currency::from_bytes(reader.array()?)?;
        let (price, expires) = (Sum::new(reader.u64()?)?, Time(reader.u64()?));
        let (item, quote) = (reader.u64()?, QuoteId(reader.array()?));
        let delivery = match reader.u8()? {
            ENCRYPTED => {
                let (checksum, key_hash) = (reader.digest()?, reader.digest()?);
                Delivery::Encrypted(Goods { key_hash, checksum, bytes: reader.u64()? })
            }
            HELD => {
                let checksum = reader.digest()?;
                Delivery::Held(HeldItem { checksum, bytes: reader.u64()? })
            }
            _ => return None,
        };
        let length = usize::from(reader.u16()?);
        let description = std::str::from_utf8(reader.slice(length)?).ok()?.to_owned();
        reader.is_empty().then_some(Self {
            server,
            ledger,
            merchant,
            customer,
            currency,
            price,
            expires,
            item,
            quote,
            delivery,
            description,
        })
    }

    fn check(&self) -> Result<(), OfferError> {
        let described = (1..=MAX_DESCRIPTION_BYTES).contains(&self.description.len())
            && self.description.chars().all(is_harmless);
        let rules = [
            ("description", "1 to 1024 bytes without control characters", described),
            ("customer", "another key than the merchant's", self.customer != self.merchant),
            (
                "length",
                "at most 1 TiB, and of encrypted goods at least 1 byte",
                match self.delivery {
                    Delivery::Encrypted(goods) => (1..=MAX_GOODS_BYTES).contains(&goods.bytes),
                    Delivery::Held(item) => item.bytes <= MAX_GOODS_BYTES,
                },
            ),
        ];
        match rules.iter().find(|(_, _, holds)| !holds) {
            Some((field, expected, _)) => Err(OfferError::Field { field, expected }),
            None => Ok(()),
        }
    }
}

fn statement(ledger: &Digest, bytes: &[u8]) -> Statement {
    let mut statement = Statement::new(Label::Offer, ledger);
    statement.fixed(bytes);
    statement
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::SecretKey;

    fn signer(seed: u8) -> Signer {
        Signer::new(&SecretKey::from_seed(&[seed; 32]))
    }

    fn charter() -> Charter {
        Charter::new(signer(1).public(), signer(2).public(), signer(3).public(), 8).unwrap()
    }

    fn terms(delivery: Delivery) -> OfferTerms {
        OfferTerms {
            server: charter().server(),
            ledger: charter().id(),
            merchant: signer(4).public(),
            customer: signer(5).public(),
            currency: Currency::from_bytes(*b"EUR\x02").unwrap(),
            price: Sum::new(1250).unwrap(),
            expires: Time(9_000),
            item: 7,
            quote: QuoteId([6; 16]),
            delivery,
            description: "Öl auf Leinwand, 1 Seite".to_owned(),
        }
    }

    fn both() -> [OfferTerms; 2] {
        let (key_hash, checksum) = (Digest([1; 32]), Digest([2; 32]));
        let goods = Goods { key_hash, checksum, bytes: 100 };
        let item = HeldItem { checksum, bytes: 0 };
        [terms(Delivery::Encrypted(goods)), terms(Delivery::Held(item))]
    }

    #[test]
    fn every_offer_reads_back_and_every_altered_bit_is_refused() {
        for terms in both() {
            let signed = Offer::new(terms.clone()).unwrap().sign(&signer(4)).unwrap();
            let bytes = signed.signed().to_bytes();
            let read = SignedOffer::decode(&bytes).unwrap();
            assert_eq!((read.offer().terms(), &read), (&terms, signed.signed()));
            let verified = read.verify(&charter()).unwrap();
            assert_eq!(verified.offer().hash(), signed.offer().hash());
            for bit in 0..8 * bytes.len() {
                let mut altered = bytes.clone();
                altered[bit / 8] ^= 1 << (bit % 8);
                let accepted =
                    SignedOffer::decode(&altered).is_ok_and(|one| one.verify(&charter()).is_ok());
                assert!(!accepted, "bit {bit}");
            }
            for length in 0..bytes.len() {
                let cut = SignedOffer::decode(&bytes[..length]);
                assert!(cut.map(|cut| cut.verify(&charter())).is_err(), "{length}");
            }
            assert!(SignedOffer::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
        }
    }

    #[test]
    fn an_offer_is_good_in_one_ledger_and_from_its_merchant_alone() {
        let elsewhere =
            Charter::new(signer(7).public(), signer(2).public(), signer(3).public(), 8).unwrap();
        let [terms, _] = both();
        let offer = Offer::new(terms).unwrap();
        assert!(matches!(offer.clone().sign(&signer(5)), Err(OfferRefused::OtherMerchant { .. })));
        let signed = offer.sign(&signer(4)).unwrap();
        let received = signed.signed().clone();
        assert_eq!(received.verify(&elsewhere), Err(OfferRefused::Elsewhere));
        assert!(signed.clone().of(&signer(4).public()).is_ok());
        assert!(signed.of(&signer(9).public()).is_err());
    }

    #[test]
    fn what_no_offer_may_have_is_refused() {
        let [good, _] = both();
        let with = |change: &dyn Fn(&mut OfferTerms)| {
            let mut terms = good.clone();
            change(&mut terms);
            Offer::new(terms)
        };
        assert!(with(&|_| {}).is_ok());
        assert!(with(&|terms| terms.description.clear()).is_err());
        assert!(with(&|terms| terms.description = "x".repeat(MAX_DESCRIPTION_BYTES + 1)).is_err());
        assert!(with(&|terms| terms.description = "\u{1b}[2J".to_owned()).is_err());
        assert!(with(&|terms| terms.description = "a\u{202e}b".to_owned()).is_err());
        assert!(with(&|terms| terms.customer = terms.merchant).is_err());
        assert!(
            with(&|terms| {
                let Delivery::Encrypted(goods) = &mut terms.delivery else { return };
                goods.bytes = 0;
            })
            .is_err()
        );
        let longest = with(&|terms| terms.description = "x".repeat(MAX_DESCRIPTION_BYTES)).unwrap();
        assert_eq!(longest.as_bytes().len(), MAX_OFFER_BYTES);
        let mut other = longest.as_bytes().to_vec();
        other[0] = 2;
        assert_eq!(Offer::decode(other), Err(OfferError::Version(2)));
    }
}
