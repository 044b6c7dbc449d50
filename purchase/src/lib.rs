//! The two sides of a purchase of digital goods, around the settlement server that moves the
//! money: a [`merchant`] that offers, encrypts, countersigns and submits by itself, and a
//! [`customer`] who downloads, checks, orders, and gets receipt and goods from whichever of the
//! two answers. SETTLEMENT, section "Purchase of digital goods".
//!
//! What is decided stands in `settlement::purchases`, pure; here are its network, files and
//! clocks. Every message may be lost, doubled or late, and either side killed at any instant:
//! each writes down what it is going to say before it says it, and says it again.

pub mod customer;
pub mod merchant;
pub mod merchant_file;
pub mod relay;
pub mod service;
