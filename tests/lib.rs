//! Black-box tests of the real binary; see `it/main.rs`.
