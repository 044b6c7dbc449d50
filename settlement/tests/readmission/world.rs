//! A server with a backup, what it committed afterwards, and the server that was restored.

use auction::spec::Time;
use settlement::audit::AuditReport;
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{Options, Receipt, backup, restore, restore_above};
use settlement::ledger::{
    AccountId, Chain, Code, Ledger, Outcome, RequestId, VerifiedRequest, Window,
};
use settlement::readmission::{Brought, NotReadmitted};

use crate::disk::Disk;
use crate::kit::{OPTIONS, inquest};
use crate::people::*;

/// When the restored server begins: what was signed to be good until [`UNTIL`] is not any more.
pub const LATER: u64 = UNTIL.0 + 1;

pub type Keeper = Bookkeeper<Disk>;

/// Opens a journal whose ledger keeps this many ids in memory.
pub fn open(disk: &Disk, window: Window) -> Keeper {
    let options = Options { segment_bytes: 64 << 10 };
    let index = Box::new(Disk::new());
    Bookkeeper::open_with(disk.clone(), index, charter(), server(), options, window)
        .unwrap()
        .serve_confirmed()
}

/// Submits a chain and answers with its outcome, flushed.
pub fn submit(keeper: &mut Keeper, chain: Chain, clock: u64) -> Outcome {
    let outcomes = keeper.submit(vec![chain], Time(clock)).unwrap();
    keeper.flush().unwrap();
    keeper.release(outcomes).unwrap().remove(0)
}

pub fn code_of(keeper: &mut Keeper, request: &VerifiedRequest, clock: u64) -> Code {
    submit(keeper, Chain::from(request.clone()), clock).replies[0].code
}

/// The receipt of what an account's owner gave this id.
pub fn receipt_of(keeper: &mut Keeper, account: &AccountId, id: RequestId) -> Receipt {
    let receipt = keeper.receipt(account, id).unwrap();
    keeper.release(receipt).unwrap().unwrap()
}

/// Brings a receipt: what became of its requests.
pub fn bring(keeper: &mut Keeper, receipt: &Receipt, clock: u64) -> Result<Outcome, NotReadmitted> {
    let brought = Brought::verify(receipt, &charter())?;
    let chain = keeper.readmit(brought, Time(clock)).unwrap();
    let chain = keeper.release(chain).unwrap()?;
    Ok(submit(keeper, chain, clock))
}

/// The first code of what is brought.
pub fn brought(keeper: &mut Keeper, receipt: &Receipt, clock: u64) -> Result<Code, NotReadmitted> {
    bring(keeper, receipt, clock).map(|outcome| outcome.replies[0].code)
}

/// Persons 1 and 2 with 100 each, and a backup of that.
pub struct Kept {
    pub disk: Disk,
    pub keeper: Keeper,
    pub copy: Disk,
}

pub fn kept() -> Kept {
    kept_with(&[])
}

/// With some more in the backup.
pub fn kept_with(more: &[VerifiedRequest]) -> Kept {
    let disk = Disk::new();
    let mut keeper = open(&disk, Window::default());
    for request in [&[deposit(1, 1, 100), deposit(2, 2, 100)], more].concat() {
        assert_eq!(code_of(&mut keeper, &request, 1000), Code::Done);
    }
    let mut copy = Disk::new();
    backup(&mut disk.clone(), &mut copy, &charter(), keeper.flushed()).unwrap();
    Kept { disk, keeper, copy }
}

impl Kept {
    /// Commits what will be lost, one request a batch, at these times; with the receipts.
    pub fn lose(&mut self, chains: impl IntoIterator<Item = Chain>, from: u64) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        for (more, chain) in (0..).zip(chains) {
            let first = chain.requests()[0].clone();
            let outcome = submit(&mut self.keeper, chain, from + more);
            assert_eq!(outcome.replies[0].code, Code::Done);
            let account = first.signing_account(&charter());
            receipts.push(receipt_of(&mut self.keeper, &account, first.request().id));
        }
        receipts
    }

    /// A journal restored from the backup.
    pub fn restored(&mut self) -> Disk {
        let target = Disk::new();
        restore(&mut self.copy, target.clone(), &charter(), &server(), OPTIONS).unwrap();
        target
    }

    /// The same where the server has signed in epochs up to this one.
    pub fn restored_above(&mut self, epoch: u32) -> Disk {
        let target = Disk::new();
        restore_above(&mut self.copy, target.clone(), &charter(), &server(), OPTIONS, epoch)
            .unwrap();
        target
    }
}

/// One payment of 30 that is lost, its receipt, and the restored server.
pub fn one_lost() -> (Kept, Receipt, Keeper, Disk) {
    let mut kept = kept();
    let receipt = kept.lose([post(10, 1, 2, 30).into()], 2000).remove(0);
    let disk = kept.restored();
    let keeper = open(&disk, Window::default());
    (kept, receipt, keeper, disk)
}

/// What persons 1, 2 and 3 have, as far as they have accounts.
pub fn funds(keeper: &Keeper) -> Vec<i128> {
    let available = |ledger: &Ledger| {
        let all = [1, 2, 3].map(|person| ledger.account(&account(person)));
        all.into_iter().flatten().map(|one| one.balances.available()).collect()
    };
    keeper.release(keeper.look(available)).unwrap()
}

/// An audit that finds nothing.
pub fn audited(disk: &Disk, receipts: &[Receipt]) -> AuditReport {
    inquest(disk, &[], receipts).0.strictly().unwrap()
}
