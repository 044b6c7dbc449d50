//! The folder of one purchase: what was offered, fetched, ordered and paid, each on the disk
//! before anybody hears of it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use settlement::ledger::Code;
use settlement::purchases::{NotAPurchase, Order, OrderRefused, PurchaseReceipt, SignedOffer};
use settlement::server::{files, private_file};

const LOCK: &str = "lock";
const INQUIRY: &str = "inquiry";
const OFFER: &str = "offer";
const GOODS: &str = "goods";
const RECEIPT: &str = "receipt";
/// Followed by the number of the attempt.
const ORDER: &str = "order-";
const REFUSED: &str = "refused-";
/// Longest of these files but the goods, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Orders that are tried under one offer, each refused for good, before it is given up.
const MAX_ORDERS: u32 = 64;

/// The folder of one purchase, locked: nobody else goes on with it meanwhile.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

/// Why a purchase's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file cannot be read or written.
    #[error("cannot {doing} {path}: {source}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process goes on with this purchase.
    #[error("another process goes on with the purchase in {0}")]
    InUse(PathBuf),
    /// A file that is not what it should be.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Every order was refused.
    #[error("{MAX_ORDERS} orders were refused one after the other: begin another purchase")]
    TooManyOrders,
}

impl Folder {
    /// Makes or opens the folder of a purchase, for its owner alone.
    ///
    /// # Errors
    /// [`FolderError::InUse`] while another process has it, [`FolderError::File`].
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        private_file::make_dir(path).map_err(failed("make", path))?;
        let lock = path.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(failed("open", &lock))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(FolderError::InUse(path.to_owned())),
            Err(std::fs::TryLockError::Error(error)) => Err(failed("lock", &lock)(error)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the encrypted goods are, or will be.
    #[must_use]
    pub fn goods(&self) -> PathBuf {
        self.path.join(GOODS)
    }

    /// Where the receipt is, or will be.
    #[must_use]
    pub fn receipt_file(&self) -> PathBuf {
        self.path.join(RECEIPT)
    }

    /// Where the signed offer is, or will be.
    #[must_use]
    pub fn offer_file(&self) -> PathBuf {
        self.path.join(OFFER)
    }

    /// The inquiry's own number, made once.
    pub(super) fn inquiry(&self) -> Result<[u8; 16], FolderError> {
        if let Some(bytes) = self.read(INQUIRY)? {
            return bytes.as_slice().try_into().map_err(|_| self.damaged(INQUIRY, "its length"));
        }
        let inquiry: [u8; 16] = rand::random();
        self.write(INQUIRY, &inquiry)?;
        Ok(inquiry)
    }

    /// The offer, where one was got; not verified.
    pub(super) fn offer(&self) -> Result<Option<SignedOffer>, FolderError> {
        let Some(bytes) = self.read(OFFER)? else { return Ok(None) };
        let offer = SignedOffer::decode(&bytes);
        offer.map(Some).map_err(|error| self.damaged(OFFER, error))
    }

    pub(super) fn keep_offer(&self, offer: &SignedOffer) -> Result<(), FolderError> {
        self.write(OFFER, &offer.to_bytes())
    }

    /// Forgets an offer that has expired, with its goods: nothing was ordered under it.
    pub(super) fn forget_offer(&self) -> Result<(), FolderError> {
        for name in [GOODS, INQUIRY, OFFER] {
            let path = self.path.join(name);
            files::remove(&path).map_err(failed("remove", &path))?;
        }
        Ok(())
    }

    /// The last order that was signed, with its number and, where that is proved, why it was
    /// refused for good.
    pub(super) fn last_order(&self) -> Result<Option<(u32, Order, Option<Code>)>, FolderError> {
        let mut last = None;
        for number in 1..=MAX_ORDERS {
            let name = format!("{ORDER}{number}");
            let Some(bytes) = self.read(&name)? else { break };
            let order =
                Order::decode(&bytes).map_err(|error: OrderRefused| self.damaged(&name, error))?;
            let refused = format!("{REFUSED}{number}");
            let code = match self.read(&refused)?.as_deref() {
                None => None,
                Some([number]) => {
                    let code = Code::from_number(*number);
                    Some(code.ok_or_else(|| self.damaged(&refused, "no code"))?)
                }
                Some(_) => return Err(self.damaged(&refused, "its length")),
            };
            last = Some((number, order, code));
        }
        Ok(last)
    }

    /// Keeps the next order; when this returns it is on the disk and may be sent.
    pub(super) fn keep_order(&self, number: u32, order: &Order) -> Result<(), FolderError> {
        if number > MAX_ORDERS {
            return Err(FolderError::TooManyOrders);
        }
        self.write(&format!("{ORDER}{number}"), order.as_bytes())
    }

    /// Notes that an order can never be paid any more: another may be signed.
    pub(super) fn keep_refusal(&self, number: u32, code: Code) -> Result<(), FolderError> {
        self.write(&format!("{REFUSED}{number}"), &[code.number()])
    }

    /// The receipt, where the purchase is paid; not verified.
    pub(super) fn receipt(&self) -> Result<Option<PurchaseReceipt>, FolderError> {
        let Some(bytes) = self.read(RECEIPT)? else { return Ok(None) };
        let bytes = zeroize::Zeroizing::new(bytes);
        let receipt = PurchaseReceipt::from_bytes(&bytes);
        receipt.map(Some).map_err(|error: NotAPurchase| self.damaged(RECEIPT, error))
    }

    pub(super) fn keep_receipt(&self, receipt: &PurchaseReceipt) -> Result<(), FolderError> {
        let bytes = receipt.to_bytes().map_err(|error| self.damaged(RECEIPT, error))?;
        self.write(RECEIPT, &bytes)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FolderError> {
        let path = self.path.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut bytes).map_err(failed("read", &path))?;
        Ok(Some(bytes))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let path = self.path.join(name);
        files::write_whole(&path, bytes).map_err(failed("write", &path))
    }

    fn damaged(&self, name: &str, reason: impl ToString) -> FolderError {
        FolderError::Damaged { path: self.path.join(name), reason: reason.to_string() }
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError + use<> {
    let path = path.to_owned();
    move |source| FolderError::File { doing, path, source }
}
