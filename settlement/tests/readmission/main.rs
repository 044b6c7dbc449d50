//! A backup is kept, what came after it is lost, the server is restored, and whoever has receipts
//! brings them. SETTLEMENT, section "Readmission".

#![expect(unreachable_pub, reason = "helpers of one test binary, grouped by file")]
#![expect(dead_code, reason = "helpers of another test binary that are not all used here")]
#![expect(clippy::unwrap_used, reason = "a test ends where it finds a fault")]

#[path = "../settlement/disk.rs"]
mod disk;
mod forgeries;
mod interrupted;
#[path = "../corrupt/kit.rs"]
mod kit;
mod meanwhile;
#[path = "../settlement/oracle.rs"]
mod oracle;
#[path = "../settlement/people.rs"]
mod people;
mod refusals;
mod returning;
mod world;
