//! awsJson: the body is one JSON object. Versions 1.0 and 1.1 differ in their content type only.

mod decode;
mod encode;

pub(super) use decode::{decode, decode_error};
pub(super) use encode::{encode, encode_error};
