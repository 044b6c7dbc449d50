//! What the demonstration sells: a picture that ships with the program, encrypted.

use std::fs::File;
use std::path::{Path, PathBuf};

use auction::keys::SecretKey;
use auction::settlement_terms::{EscrowReceipt, Goods};
use auction::spec::{SignedSpec, VerifiedSpec};
use settlement::auctions::{Attached, SaleRecord};
use settlement::client::{Client, ProvenReceipt};
use settlement::goods::{self, Existing, GoodsKey};
use settlement::sealed_key::{OpeningKey, Purpose};

use crate::exit::Failure;

/// The picture.
const PICTURE: &[u8] = include_bytes!("../../demo/blue-vase.svg");

/// The seller's side: the picture, encrypted, and the key to it.
pub(crate) struct Lot {
    encrypted: PathBuf,
    key: GoodsKey,
    /// What the spec says of it.
    pub(crate) goods: Goods,
}

impl Lot {
    /// Encrypts the picture into `dir`.
    pub(crate) fn seal(dir: &Path) -> Result<Self, Failure> {
        let (picture, encrypted) = (dir.join("blue-vase.svg"), dir.join("blue-vase.svg.goods"));
        std::fs::write(&picture, PICTURE)
            .map_err(|source| Failure::file("write", &picture, source))?;
        let key = GoodsKey::generate(&mut rand::rng());
        let rng = &mut rand::rng();
        let unwatched = &mut goods::unwatched;
        let sealed =
            goods::seal_file(&picture, &encrypted, &key, Existing::Keep, rng, unwatched)
                .map_err(|source| Failure::Goods { path: picture.display().to_string(), source })?;
        Ok(Self { encrypted, key, goods: sealed })
    }

    /// Deposits goods and key with the settlement server, in the seller's name.
    pub(crate) async fn escrow(
        &self,
        seller: &Client,
        spec: &SignedSpec,
    ) -> Result<EscrowReceipt, Failure> {
        let mut file = File::open(&self.encrypted)
            .map_err(|source| Failure::file("read", &self.encrypted, source))?;
        Ok(seller.escrow(spec, &mut file, &self.key, |_| ()).await?)
    }
}

/// The winner's side: what he was sold, from the receipt of the sale.
pub(crate) fn sale_of(receipt: &ProvenReceipt) -> Option<SaleRecord> {
    match Attached::read_bytes(receipt.proven().attachment.as_deref()?).ok()?? {
        Attached::Sale(record) => Some(record),
        _ => None,
    }
}

/// Fetches the encrypted goods, opens them with the key that came with the receipt, and says
/// where they are and whether they are the picture.
pub(crate) async fn collect(
    winner: &Client,
    bidder: &SecretKey,
    spec: &VerifiedSpec,
    sale: &SaleRecord,
    expected: &Goods,
    dir: &Path,
) -> Result<Collected, Failure> {
    let opening = OpeningKey::derive(bidder.seed(), Purpose::Delivery);
    let key = sale.key.open(&opening, Purpose::Delivery, &spec.id()).map_err(|error| {
        Failure::Payment(error.to_string(), "this is a mistake in the program: report it")
    })?;
    let (fetched, opened) = (dir.join("fetched.goods"), dir.join("won-blue-vase.svg"));
    let mut file =
        File::create_new(&fetched).map_err(|source| Failure::file("write", &fetched, source))?;
    winner.download(spec.id(), expected, 0, &mut file, |_| ()).await?;
    goods::open_file(&fetched, &opened, &key, expected, Existing::Keep, &mut goods::unwatched)
        .map_err(|source| Failure::Goods { path: fetched.display().to_string(), source })?;
    let got = std::fs::read(&opened).map_err(|source| Failure::file("read", &opened, source))?;
    Ok(Collected { encrypted: fetched, goods_match: got == PICTURE })
}

/// Goods that were fetched and opened.
pub(crate) struct Collected {
    /// The encrypted goods, for the judge.
    pub(crate) encrypted: PathBuf,
    /// Whether they are what was put in.
    pub(crate) goods_match: bool,
}
