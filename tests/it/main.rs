//! All tests of the whole, as one binary.

mod simulator;
