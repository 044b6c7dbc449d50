//! What keeps a figure from its target: said where it misses it, from profiles and counted
//! operations.

pub(crate) const CHECKING: &str = "two strict Ed25519 verifications are a third of it; then the \
    joint multiplication, most of it the level generators that a larger batch spreads over more \
    bids, and decompressing the bid's eight points";
pub(crate) const SEALING: &str = "TODO";
pub(crate) const CLOSING: &str = "TODO";
pub(crate) const VERIFYING: &str = "TODO";
pub(crate) const TAKING: &str = "TODO";
pub(crate) const WALL: &str = "TODO";
pub(crate) const DELAY: &str = "TODO";
pub(crate) const MEMORY: &str = "TODO";
pub(crate) const CROWD: &str = "TODO";
pub(crate) const MANY: &str = "TODO";
pub(crate) const JOURNAL: &str = "TODO";
pub(crate) const PURCHASES: &str = "TODO";
