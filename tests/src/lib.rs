//! What the end-to-end tests share: the plain answer that an auction must give.

pub mod plain;
