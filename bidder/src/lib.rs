//! bidder
