//! Whole path.
