//! Physical goods: words, times, payouts, and a server that cheats.

mod forgeries;
mod judgements;
mod oracle;
mod payouts;
mod registrations;
mod times;
mod unwinding;
mod words;
