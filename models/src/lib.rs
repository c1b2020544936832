//! The models are tests: see `tests/`.
