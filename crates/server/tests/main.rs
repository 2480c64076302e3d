//! The control plane through its endpoint, as clients meet it: real HTTP, real signatures, a real store.
//!
//! One program for all of it, so that helpers in `common` are shared and linked once.

mod common;
mod older;
mod reset;
mod services;
