//! The settlement side against a slow oracle, bad disks, crashes and the troubles of users.

#![expect(unreachable_pub, reason = "helpers of one test binary, grouped by file")]
#![expect(clippy::unwrap_used, reason = "a test ends where it finds a fault")]

mod copies;
mod crashes;
mod disk;
mod epochs;
mod faults;
mod forge;
mod full;
mod group;
mod index;
mod oracle;
mod people;
mod proofs;
mod properties;
mod purchases;
mod real;
mod scan;
mod scarcity;
mod troubles;
mod waiting;
mod work;
