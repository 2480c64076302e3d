//! Rows as bytes: a version, then a MessagePack map with the names of the fields.
//!
//! Named fields let a newer version add fields (with `#[serde(default)]`) and let an operator read a row without the
//! code; the version byte is for the day when that is not enough.

use super::StorageError;
use serde::{Serialize, de::DeserializeOwned};
use std::marker::PhantomData;

/// How rows are spelled today.
const VERSION: u8 = 1;

/// A type that is stored as a row.
pub(crate) trait Record: Serialize + DeserializeOwned {}

/// The key of a catalog row of type `R`.
pub(crate) struct Key<R> {
    bytes: Vec<u8>,
    row: PhantomData<fn() -> R>,
}

impl<R> Key<R> {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            row: PhantomData,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Keys from `from` (included) to `to` (excluded).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) from: Vec<u8>,
    pub(crate) to: Vec<u8>,
}

impl KeyRange {
    /// All keys that start with `prefix`, which must have a byte below 0xff.
    pub(crate) fn prefix(prefix: Vec<u8>) -> Self {
        let mut to = prefix.clone();
        while to.pop_if(|byte| *byte == u8::MAX).is_some() {}
        *to.last_mut().expect("a prefix has a byte that can grow") += 1;
        Self { from: prefix, to }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.from >= self.to
    }
}

/// The bytes of `row`.
pub(crate) fn encode<R: Record>(row: &R) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    rmp_serde::encode::write_named(&mut bytes, row).expect("rows are maps of numbers and texts, written to memory");
    bytes
}

/// The row in `bytes`.
pub(crate) fn decode<R: Record>(bytes: &[u8]) -> Result<R, StorageError> {
    let unreadable = |detail: String| StorageError::UnreadableRow { detail };
    match bytes.split_first() {
        Some((&VERSION, map)) => rmp_serde::from_slice(map).map_err(|error| unreadable(error.to_string())),
        Some((version, _)) => Err(unreadable(format!(
            "it has version {version}, this Berth knows {VERSION}"
        ))),
        None => Err(unreadable("it is empty".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    struct Small {
        count: u64,
    }
    impl Record for Small {}

    #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    struct Grown {
        count: u64,
        #[serde(default)]
        label: Option<String>,
    }
    impl Record for Grown {}

    #[test]
    fn a_newer_version_reads_older_rows() {
        let grown: Grown = decode(&encode(&Small { count: 3 })).unwrap();
        assert_eq!(grown, Grown { count: 3, label: None });
    }

    #[test]
    fn fields_are_named_on_disk() {
        assert_eq!(encode(&Small { count: 3 }), b"\x01\x81\xa5count\x03");
    }

    #[test]
    fn garbage_is_an_error() {
        for bytes in [&b""[..], b"\x02\x81\xa5count\x03", b"\x01\xff", b"\x01\x80"] {
            assert!(
                matches!(decode::<Small>(bytes), Err(StorageError::UnreadableRow { .. })),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_prefix_covers_its_keys_and_no_others() {
        let range = KeyRange::prefix(vec![1, 0xff]);
        assert_eq!(
            range,
            KeyRange {
                from: vec![1, 0xff],
                to: vec![2]
            }
        );
        assert!(!range.is_empty());
        assert!(
            KeyRange {
                from: vec![2],
                to: vec![2]
            }
            .is_empty()
        );
    }
}
