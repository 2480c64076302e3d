//! Lists of the catalog that Describe calls page through: in key order, either way, from where a token says.

use super::{LogsError, token};
use crate::StorageError;
use crate::store::{KeyRange, Row, Table, View};

/// A list of rows whose keys differ from `sort_at` on.
pub(super) struct Listing {
    /// Tells the tokens of different lists apart.
    pub(super) tag: char,
    pub(super) keys: KeyRange,
    pub(super) sort_at: usize,
    pub(super) descending: bool,
}

impl Listing {
    /// The rows after those of the page that ended with `next_token`.
    pub(super) fn rows(
        &self,
        view: &View<'_>,
        next_token: Option<&str>,
    ) -> Result<Box<dyn Iterator<Item = Result<Row, StorageError>>>, LogsError> {
        let rows = view.range(Table::Catalog, &self.remaining(next_token)?);
        Ok(if self.descending {
            Box::new(rows.rev())
        } else {
            Box::new(rows)
        })
    }

    fn remaining(&self, next_token: Option<&str>) -> Result<KeyRange, LogsError> {
        let KeyRange { from, to } = self.keys.clone();
        let Some(next_token) = next_token else {
            return Ok(KeyRange { from, to });
        };
        let mut last = from[..self.sort_at].to_vec();
        last.extend(token::open(self.tag, next_token)?);
        if self.descending {
            return Ok(KeyRange { from, to: to.min(last) });
        }
        last.push(0); // the first key after it
        Ok(KeyRange {
            from: from.max(last),
            to,
        })
    }

    /// The token of a page that ends with the row at `key`.
    pub(super) fn token_after(&self, key: &[u8]) -> String {
        token::seal(self.tag, &key[self.sort_at..])
    }
}
