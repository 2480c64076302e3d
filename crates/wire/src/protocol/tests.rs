//! Golden bytes, round trips over the model, and hostile input.
