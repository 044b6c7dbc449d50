//! The winner's goods: downloaded, decrypted, compared.

use std::fs::{File, OpenOptions};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use auction::settlement_terms::Goods;
use bidder::BondRecord;
use settlement::charter_file::CharterFile;
use settlement::goods::{Existing, GoodsKey, open_file};
use settlement::sealed_key::{OpeningKey, Purpose};

use super::offered;
use super::sale::Sale;
use crate::aside::aside;
use crate::charter::with_server_as_anyone;
use crate::exit::Failure;
use crate::progress::Counting;

/// Ending of goods that are being downloaded.
const DOWNLOAD: &str = "download";

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

/// Downloads, decrypts and compares; the file appears when all of it holds. What was downloaded
/// of encrypted goods stays beside it when the command is cut short, and the next run goes on.
pub(super) async fn goods(
    bond: &BondRecord,
    charter: &CharterFile,
    key: &GoodsKey,
    out: &Path,
) -> Result<(), Failure> {
    if out.symlink_metadata().is_ok() {
        let what = format!("there is already something at {}", out.display());
        return Err(Failure::usage(what, "name another file with --out"));
    }
    let Some(expected) = offered(bond) else { return Ok(()) };
    let part = beside(out);
    download(bond, charter, &expected, &part).await?;
    let progress = Counting::new("decrypting", expected.bytes);
    let bar = progress.clone();
    let (from, to) = (part.clone(), out.to_owned());
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
    // Good or bad, it is not needed again: what is bad is downloaded anew.
    let _ = std::fs::remove_file(&part);
    opened.map_err(|source| Failure::Goods { path: out.display().to_string(), source })
}

async fn download(
    bond: &BondRecord,
    charter: &CharterFile,
    expected: &Goods,
    part: &Path,
) -> Result<(), Failure> {
    let failed = |source| Failure::file("write", part, source);
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    let mut file: File = options.open(part).map_err(failed)?;
    let mut have = file.metadata().map_err(failed)?.len();
    if have > expected.bytes {
        file.set_len(0).map_err(failed)?;
        have = 0;
    }
    let progress = Counting::new("downloading", expected.bytes);
    let auction = bond.auction_id();
    let downloaded = with_server_as_anyone(charter, async |client| {
        let told = |done| progress.at(done, expected.bytes);
        Ok(client.download(auction, expected, have, &mut file, told).await?)
    });
    let downloaded = downloaded.await;
    progress.finish();
    downloaded.map(|_| ())
}

fn beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{DOWNLOAD}"));
    out.with_file_name(name)
}
