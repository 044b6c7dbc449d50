//! A crash or an error at every call while receipts are being brought.

use settlement::bookkeeper::Bookkeeper;
use settlement::journal::Options;
use settlement::ledger::{Code, Window};

use crate::disk::{Disk, Trouble};
use crate::people::*;
use crate::world::*;
use auction::spec::Time;
use settlement::readmission::Brought;

/// Small, so that segments change in between.
const OPTIONS: Options = Options { segment_bytes: 4 << 10 };

#[test]
fn whoever_was_interrupted_brings_his_receipts_again() {
    let mut kept = kept();
    let receipts = kept.lose((10..14).map(|number| post(number, 1, 2, 10).into()), 2000);
    let restored = kept.restored();
    let serve = |disk: &Disk| {
        let opened = Bookkeeper::open(disk.clone(), charter(), server(), OPTIONS);
        opened.map(settlement::bookkeeper::Opened::serve_confirmed)
    };
    // How many were answered before the trouble.
    let bring_all = |disk: &Disk| {
        let Ok(mut keeper) = serve(disk) else { return 0 };
        for (answered, receipt) in receipts.iter().enumerate() {
            let brought = Brought::verify(receipt, &charter()).unwrap();
            let Ok(chain) = keeper.readmit(brought, Time(LATER)) else { return answered };
            let Ok(Ok(chain)) = keeper.release(chain) else { return answered };
            let Ok(outcomes) = keeper.submit(vec![chain], Time(LATER)) else { return answered };
            if keeper.flush().is_err() || keeper.release(outcomes).is_err() {
                return answered;
            }
        }
        receipts.len()
    };
    let calls = {
        let disk = restored.flushed_alone();
        assert_eq!(bring_all(&disk), receipts.len());
        disk.calls()
    };
    for call in 1..=calls {
        for trouble in [Trouble::Crash, Trouble::Error] {
            let disk = restored.flushed_alone();
            disk.trouble_at(call, trouble);
            let answered = bring_all(&disk);
            for seed in 0..2 {
                let left = if seed == 0 { disk.flushed_alone() } else { disk.crashed(seed) };
                let what = format!("{trouble:?} at call {call}, seed {seed}");
                let mut keeper = open(&left, Window::default());
                // Whole payments alone, and all that were answered.
                let paid = funds(&keeper)[1] - 100;
                assert!(paid % 10 == 0 && paid >= 10 * answered as i128, "{what}: {paid}");
                for receipt in &receipts {
                    assert_eq!(brought(&mut keeper, receipt, LATER), Ok(Code::Done), "{what}");
                }
                assert_eq!(funds(&keeper), [60, 140], "{what}");
                drop(keeper);
                audited(&left, &receipts);
            }
        }
    }
}
