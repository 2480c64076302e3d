//! All rows as they lie, for backups and for an operator's eyes.

use fjall::{PersistMode, Readable as _};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::record::{self, Table};
use super::{FORMAT_KEY, Store, StoreError};

/// A row as it lies: key and value.
pub type Row = (Vec<u8>, Vec<u8>);

impl Store {
    /// Hands on all rows as they are at this moment, table by table: table, key and value.
    ///
    /// # Errors
    /// The disk's, and those of `take`.
    pub fn export<E: From<StoreError>>(
        &self,
        mut take: impl FnMut(&'static str, &[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let snapshot = self.database.snapshot();
        for (table, keyspace) in &self.tables {
            for row in snapshot.iter(keyspace) {
                let (key, value) = row.into_inner().map_err(|error| StoreError::running(&error))?;
                take(table.name(), &key, &value)?;
            }
        }
        Ok(())
    }

    /// Puts rows of a backup back. Returns when they are durable.
    ///
    /// # Errors
    /// The disk's.
    pub fn import(&self, table: Table, rows: impl Iterator<Item = Row>) -> Result<(), StoreError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        rows.for_each(|(key, value)| batch.insert(self.keyspace(table), key, value));
        batch.commit().map_err(|error| StoreError::running(&error))
    }
}

/// A value of the store or of the history as JSON, whatever its members are. Ids are numbers of 128 bits: they come out as
/// hexadecimal digits.
///
/// # Errors
/// What is wrong with the value.
pub fn readable(key: &[u8], value: &[u8]) -> Result<Value, String> {
    if key == FORMAT_KEY.as_bytes() {
        let bytes: [u8; 4] = value.try_into().map_err(|_| "it is no number".to_owned())?;
        return Ok(u32::from_be_bytes(bytes).into());
    }
    record::entity::<Readable>(value).map(|readable| readable.0)
}

/// Anything that describes itself, as JSON.
struct Readable(Value);

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadableVisitor)
    }
}

struct ReadableVisitor;

impl<'de> Visitor<'de> for ReadableVisitor {
    type Value = Readable;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Readable, E> {
        Ok(Readable(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Readable, E> {
        Ok(Readable(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Readable, E> {
        Ok(Readable(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Readable, E> {
        Ok(Readable(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Readable, E> {
        Ok(Readable(value.into()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Readable, E> {
        let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Readable(digits.into()))
    }

    fn visit_unit<E>(self) -> Result<Readable, E> {
        Ok(Readable(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Readable, E> {
        Ok(Readable(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Readable, D::Error> {
        Readable::deserialize(inner)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Readable, A::Error> {
        let mut all = Vec::new();
        while let Some(Readable(value)) = seq.next_element()? {
            all.push(value);
        }
        Ok(Readable(Value::Array(all)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Readable, A::Error> {
        let mut all = serde_json::Map::new();
        while let Some((Readable(key), Readable(value))) = map.next_entry()? {
            let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            all.insert(key, value);
        }
        Ok(Readable(Value::Object(all)))
    }
}
