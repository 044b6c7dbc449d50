//! accumulators
