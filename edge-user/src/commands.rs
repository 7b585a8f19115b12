//! What single commands of `edge` do.

pub(crate) mod feed;
