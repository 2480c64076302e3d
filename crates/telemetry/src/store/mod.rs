//! Durable rows: tables of one LSM tree, read through snapshots and written in turns that share a group commit.
//!
//! * [`open`] creates or recovers the directory,
//! * [`record`] spells rows as bytes,
//! * [`view`] reads what is durable,
//! * [`turn`] and [`commit`] write: a turn reads, decides and stages; a commit makes many turns durable with one sync.
//! * [`raw`] copies all rows out and in.
//!
//! It does not know what the rows mean, and it never repairs: a damaged store is an error.

mod commit;
mod error;
mod guard;
mod open;
mod raw;
mod record;
mod turn;
mod view;

pub(crate) use commit::Store;
pub use error::StorageError;
pub use guard::guarded;
pub use raw::RawRow;
pub(crate) use record::{Key, KeyRange, Record, decode, encode};
pub(crate) use turn::Turn;
pub(crate) use view::{Read, Row, Rows, View};

/// One of the ordered tables of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// Small rows that are read and changed in turns.
    Catalog,
    /// Bulk rows that are written once: the log events themselves.
    Events,
    /// Bulk rows that are written once: log events of a group in the order of time.
    Timeline,
    /// Bulk rows: tasks that are over.
    Tasks,
}

impl Table {
    /// The name that it has on disk.
    fn name(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Events => "events",
            Self::Timeline => "timeline",
            Self::Tasks => "tasks",
        }
    }
}

/// The open tables: the catalog, and those of bulk rows that the store was opened with.
pub(crate) struct Tables {
    catalog: fjall::Keyspace,
    bulk: Vec<(Table, fjall::Keyspace)>,
}

impl Tables {
    fn of(&self, table: Table) -> &fjall::Keyspace {
        let found = self.bulk.iter().find(|(other, _)| *other == table);
        found.map_or(&self.catalog, |(_, keyspace)| keyspace)
    }
}
