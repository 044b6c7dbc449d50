//! Quotes: an offer to one customer, and the goods encrypted for it under a key of its own.
//!
//! Nothing of a quote is stored. Key and nonces follow from the merchant's secret, the quote's
//! number and what the item holds (HKDF-SHA256), so that the same bytes are served again after a
//! restart, from any place on, and an item that has changed can never meet the same key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::money;
use auction::spec::Time;
use hkdf::Hkdf;
use rand::Rng as _;
use settlement::goods::{Encryption, GoodsError, GoodsKey, PREFIX_BYTES, unwatched};
use settlement::layout::{Label, Signer, Statement};
use settlement::ledger::{Charter, Currency};
use settlement::purchases::{
    Delivery, HeldItem, Offer, OfferTerms, QuoteId, SignedOffer, VerifiedOffer,
};
use sha2::Sha256;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::catalogue::{Catalogue, CatalogueItem, ItemDelivery};
use super::error::MerchantError;
use super::limits::{Budgets, MAX_WAITING_QUOTES};
use crate::service::{Declined, PIECE_BYTES};

/// Quotes that are remembered, so that an inquiry that comes twice costs one.
const MAX_REMEMBERED: usize = 4096;

/// Who asked for what, and the inquiry's own number.
type Inquiry = (PublicKey, u64, [u8; 16]);

/// Makes offers, and the goods that belong to them.
pub(super) struct Quoting {
    catalogue: Catalogue,
    secret: Zeroizing<[u8; 32]>,
    signer: Arc<Signer>,
    charter: Charter,
    currency: Currency,
    /// How long an offer is good, in milliseconds.
    offer_ms: u64,
    budgets: Budgets,
    processors: Semaphore,
    waiting: Semaphore,
    remembered: Mutex<HashMap<Inquiry, VerifiedOffer>>,
}

/// Why there is no quote, or no goods.
#[derive(Debug)]
pub(super) enum NoQuote {
    /// Too much is asked for.
    Busy,
    /// It cannot be had.
    Declined(Declined),
}

impl Quoting {
    pub(super) fn new(
        catalogue: Catalogue,
        secret: Zeroizing<[u8; 32]>,
        signer: Arc<Signer>,
        charter: Charter,
        currency: &money::Currency,
        offer_ms: u64,
    ) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            catalogue,
            secret,
            signer,
            charter,
            currency: Currency::from(currency),
            offer_ms,
            budgets: Budgets::default(),
            processors: Semaphore::new(processors),
            waiting: Semaphore::new(MAX_WAITING_QUOTES),
            remembered: Mutex::default(),
        }
    }

    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(super) fn currency(&self) -> Currency {
        self.currency
    }

    pub(super) fn charter(&self) -> &Charter {
        &self.charter
    }

    /// b Makes an offer of an item to a customer.
    pub(super) async fn quote(
        self: &Arc<Self>,
        customer: PublicKey,
        item: u64,
        inquiry: [u8; 16],
        now: Time,
    ) -> Result<VerifiedOffer, NoQuote> {
        let name = (customer, item, inquiry);
        if let Some(known) = self.remembered(&name, now) {
            return Ok(known);
        }
        let item = self.catalogue.item(item).map_err(no_item)?;
        if item.withdrawn.is_some() {
            return Err(NoQuote::Declined(Declined::NoSuchItem));
        }
        let work = match item.delivery {
            ItemDelivery::Encrypted => item.bytes,
            ItemDelivery::Held => 0,
        };
        if !self.budgets.take(&customer, work, Instant::now()) {
            return Err(NoQuote::Busy);
        }
        let Ok(_place) = self.waiting.try_acquire() else { return Err(NoQuote::Busy) };
        let Ok(_turn) = self.processors.acquire().await else { return Err(NoQuote::Busy) };
        let this = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || this.make(customer, &item, now)).await;
        let offer = made.unwrap_or(Err(NoQuote::Busy))?;
        self.remember(name, &offer, now);
        Ok(offer)
    }

    fn make(
        &self,
        customer: PublicKey,
        item: &CatalogueItem,
        now: Time,
    ) -> Result<VerifiedOffer, NoQuote> {
        let mut quote = QuoteId([0; 16]);
        rand::rng().fill_bytes(&mut quote.0);
        let delivery = match item.delivery {
            ItemDelivery::Held => {
                Delivery::Held(HeldItem { checksum: item.checksum, bytes: item.bytes })
            }
            ItemDelivery::Encrypted => {
                let (key, prefix) = self.derive(quote, item);
                let encryption =
                    Encryption::new(&key, item.bytes, prefix).map_err(|error| failed(&error))?;
                let content = self.catalogue.open_content(item.number).map_err(no_item)?;
                let content = std::io::BufReader::with_capacity(1 << 17, content);
                let measured = encryption.measure(content, &mut unwatched);
                Delivery::Encrypted(measured.map_err(|error| failed(&error))?)
            }
        };
        let offer = Offer::new(OfferTerms {
            server: self.charter.server(),
            ledger: self.charter.id(),
            merchant: self.signer.public(),
            customer,
            currency: self.currency,
            price: item.price,
            expires: Time(now.0.saturating_add(self.offer_ms)),
            item: item.number,
            quote,
            delivery,
            description: item.description.clone(),
        });
        // Refused is what nobody could buy: a customer who is the merchant himself.
        let offer = offer
            .map_err(|error| NoQuote::Declined(Declined::Offer(error.to_string())))?
            .sign(&self.signer);
        offer.map_err(|error| NoQuote::Declined(Declined::Offer(error.to_string())))
    }

    /// The offer that a customer brings back: this merchant's, made to this customer.
    pub(super) fn own_offer(
        &self,
        customer: &PublicKey,
        bytes: &[u8],
    ) -> Result<VerifiedOffer, Declined> {
        let refused = |reason: String| Declined::Offer(reason);
        let offer = SignedOffer::decode(bytes).map_err(|error| refused(error.to_string()))?;
        if offer.offer().terms().customer != *customer {
            return Err(refused("it is made to somebody else".to_owned()));
        }
        let verified = offer.verify(&self.charter).and_then(|own| own.of(&self.signer.public()));
        verified.map_err(|error| refused(error.to_string()))
    }

    /// The item of an offer and, where it is encrypted, the key and the encryption.
    pub(super) fn goods_of(
        &self,
        offer: &VerifiedOffer,
    ) -> Result<(CatalogueItem, Option<(GoodsKey, Encryption)>), Declined> {
        let terms = offer.terms();
        let item = self.catalogue.item(terms.item).map_err(|error| gone(&error))?;
        match terms.delivery {
            Delivery::Held(held) if held.checksum == item.checksum => Ok((item, None)),
            Delivery::Held(_) => Err(Declined::Gone),
            Delivery::Encrypted(goods) => {
                let (key, prefix) = self.derive(terms.quote, &item);
                // Another secret, or another item under this number.
                if key.check(&goods.key_hash).is_err() {
                    return Err(Declined::Gone);
                }
                let encryption =
                    Encryption::new(&key, item.bytes, prefix).map_err(|_| Declined::Gone)?;
                Ok((item, Some((key, encryption))))
            }
        }
    }

    /// Writes the encrypted goods of an offer, whole: the merchant's proof of what he sold.
    pub(super) fn write_goods(
        &self,
        offer: &VerifiedOffer,
        to: &mut impl std::io::Write,
    ) -> Result<(), MerchantError> {
        let number = offer.terms().item;
        let gone = |_| MerchantError::NoItem(number);
        let (item, goods) = self.goods_of(offer).map_err(gone)?;
        let (_, encryption) = goods.ok_or(MerchantError::NotEncrypted)?;
        let content = self.catalogue.open_content(item.number)?;
        encryption.encrypt(std::io::BufReader::new(content), to, &mut unwatched)?;
        Ok(())
    }

    /// d A piece of the encrypted goods of an offer.
    pub(super) async fn piece(
        self: &Arc<Self>,
        offer: VerifiedOffer,
        offset: u64,
    ) -> Result<Vec<u8>, NoQuote> {
        let Ok(_turn) = self.processors.acquire().await else { return Err(NoQuote::Busy) };
        let this = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || {
            let (item, goods) = this.goods_of(&offer).map_err(NoQuote::Declined)?;
            let Some((_, encryption)) = goods else {
                let held = "the settlement server hands it over".to_owned();
                return Err(NoQuote::Declined(Declined::Offer(held)));
            };
            let mut content = this.catalogue.open_content(item.number).map_err(no_item)?;
            encryption.read_at(&mut content, offset, PIECE_BYTES).map_err(|error| failed(&error))
        });
        read.await.unwrap_or(Err(NoQuote::Busy))
    }

    /// The goods key of a quote, and the head of its nonces.
    fn derive(&self, quote: QuoteId, item: &CatalogueItem) -> (GoodsKey, [u8; PREFIX_BYTES]) {
        let mut statement = Statement::new(Label::QuoteKey, &self.charter.id());
        statement.fixed(&quote.0).fixed(&item.checksum.0).u64(item.bytes);
        let info: Digest = statement.hash();
        let mut out = Zeroizing::new([0; 32 + PREFIX_BYTES]);
        #[expect(clippy::expect_used, reason = "32 bytes are a key, and HKDF gives up to 8160")]
        Hkdf::<Sha256>::from_prk(self.secret.as_ref())
            .expect("32 bytes are a pseudorandom key")
            .expand(&info.0, out.as_mut())
            .expect("51 bytes are within what HKDF gives");
        let (mut key, mut prefix) = (Zeroizing::new([0; 32]), [0; PREFIX_BYTES]);
        let (head, tail) = out.split_at(32);
        key.copy_from_slice(head);
        prefix.copy_from_slice(tail);
        (GoodsKey::from_bytes(&key), prefix)
    }

    fn remembered(&self, name: &Inquiry, now: Time) -> Option<VerifiedOffer> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(name).filter(|offer| now < offer.terms().expires).cloned()
    }

    fn remember(&self, name: Inquiry, offer: &VerifiedOffer, now: Time) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, offer| now < offer.terms().expires);
        }
        if remembered.len() >= MAX_REMEMBERED {
            // Whoever asks again gets another offer.
            remembered.clear();
        }
        remembered.insert(name, offer.clone());
    }
}

fn no_item(error: MerchantError) -> NoQuote {
    NoQuote::Declined(match error {
        MerchantError::NoItem(_) => Declined::NoSuchItem,
        error => {
            tracing::error!(%error, "an item of the catalogue cannot be read");
            Declined::Disk
        }
    })
}

fn gone(error: &MerchantError) -> Declined {
    if !matches!(error, MerchantError::NoItem(_)) {
        tracing::error!(%error, "an item of the catalogue cannot be read");
    }
    Declined::Gone
}

fn failed(error: &GoodsError) -> NoQuote {
    tracing::error!(%error, "an item cannot be encrypted");
    NoQuote::Declined(Declined::Disk)
}
