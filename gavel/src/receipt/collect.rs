//! The winner's goods: here already or downloaded, decrypted, compared.

use std::ops::ControlFlow;
use std::path::Path;

use auction::settlement_terms::Goods;
use bidder::BondRecord;
use settlement::charter_file::CharterFile;
use settlement::goods::{Existing, GoodsError, GoodsKey, open_file};
use settlement::sealed_key::{OpeningKey, Purpose};

use super::offered;
use super::sale::Sale;
use crate::aside::aside;
use crate::exit::Failure;
use crate::goods_ahead;
use crate::progress::{Counting, note};

/// Opens the key in a sale's receipt and holds it against what the seller signed.
pub(super) fn open_key(
    sale: &Sale,
    bond: &BondRecord,
    opening: &OpeningKey,
) -> Result<GoodsKey, Failure> {
    let served = "the receipt convicts the settlement server: keep it, and bring it to 'gavel judge' with what 'gavel receipt --delivery-key' writes";
    let no_file =
        || Failure::Payment("the auction's goods are no file".to_owned(), "ask the seller");
    let expected = offered(bond).ok_or_else(no_file)?;
    let record = sale.digital().ok_or_else(no_file)?;
    if record.key_hash != expected.key_hash || record.checksum != expected.checksum {
        return Err(Failure::Payment("the sale is of other goods than offered".to_owned(), served));
    }
    let key = record.key.open(opening, Purpose::Delivery, &record.auction);
    let key = key.map_err(|error| Failure::Payment(error.to_string(), served))?;
    key.check(&expected.key_hash).map_err(|error| Failure::Payment(error.to_string(), served))?;
    Ok(key)
}

/// Decrypts the goods that were fetched before the bond was made, or downloads them, and compares;
/// the file appears when all of it holds. What was downloaded stays beside it when the command is
/// cut short, and the next run goes on.
pub(super) async fn goods(
    bond: &BondRecord,
    charter: &CharterFile,
    key: &GoodsKey,
    Places { ahead, out }: Places<'_>,
) -> Result<(), Failure> {
    if out.symlink_metadata().is_ok() {
        let what = format!("there is already something at {}", out.display());
        return Err(Failure::usage(what, "name another file with --out"));
    }
    let Some(expected) = offered(bond) else { return Ok(()) };
    let auction = bond.auction_id();
    let kept = goods_ahead::place(ahead, &auction);
    if kept.is_file() {
        match decrypt(&kept, out, key, expected).await {
            Err(error) if error.is_fault_of_goods() => {
                note(&format!("{} is damaged ({error}): it is downloaded anew", kept.display()));
            }
            opened => return opened.map_err(|source| failed(out, source)),
        }
    }
    let part = goods_ahead::half(out);
    goods_ahead::download(charter, &auction, &expected, &part).await?;
    let opened = decrypt(&part, out, key, expected).await;
    // Good or bad, it is not needed again: what is bad is downloaded anew.
    let _ = std::fs::remove_file(&part);
    opened.map_err(|source| failed(out, source))
}

/// Where goods lie, and where they are to come.
pub(super) struct Places<'a> {
    /// The directory in which those lie that were fetched before bonding.
    pub(super) ahead: &'a Path,
    /// What is to be written.
    pub(super) out: &'a Path,
}

fn failed(out: &Path, source: GoodsError) -> Failure {
    Failure::Goods { path: out.display().to_string(), source }
}

async fn decrypt(
    from: &Path,
    to: &Path,
    key: &GoodsKey,
    expected: Goods,
) -> Result<(), GoodsError> {
    let progress = Counting::new("decrypting", expected.bytes);
    let bar = progress.clone();
    let (from, to) = (from.to_owned(), to.to_owned());
    let key = GoodsKey::from_bytes(key.expose());
    let opened = aside(move || {
        let mut told = |done| {
            bar.at(done, expected.bytes);
            ControlFlow::Continue(())
        };
        open_file(&from, &to, &key, &expected, Existing::Keep, &mut told)
    });
    let opened = opened.await;
    progress.finish();
    opened
}
