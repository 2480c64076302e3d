//! What all lists of resources with ids have in common: the ids, the filters and the pages of a request.

use std::collections::BTreeSet;

use berth_wire::protocol::ServiceError;
use berth_wire::shapes::ec2::Filter;

use super::filter::{self, Key};
use super::invalid_value;

/// What a list needs to know of its resource.
pub(super) struct Resource<T: 'static> {
    /// What ids begin with, for example `vpc-`.
    pub prefix: &'static str,
    /// What stands before the id where one does not exist.
    pub noun: &'static str,
    /// The error for something that is no id. Its spelling follows no rule.
    pub malformed: &'static str,
    /// The error for an id that does not exist.
    pub not_found: &'static str,
    /// The id of an item.
    pub id: fn(&T) -> &Option<String>,
    /// Where an item stands in the list; no two items stand in the same place.
    pub place: fn(&T) -> &Option<String>,
    /// The filters.
    pub filters: &'static [Key<T>],
}

/// What a request asks of a list.
#[derive(Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    /// Only the items with these ids.
    pub ids: Option<&'a [String]>,
    /// Only the items that match.
    pub filters: Option<&'a [Filter]>,
    /// The most items of a page.
    pub max_results: Option<i32>,
    /// Where the previous page ended: the route has opened the token.
    pub after: Option<&'a str>,
}

/// A page and the place where it ends, if there is more.
pub(super) type Page<T> = (Option<Vec<T>>, Option<String>);

/// The least and the most items that a request may ask for. Without a wish a page has the most.
const PAGE: (i32, i32) = (5, 1000);

impl<T> Resource<T> {
    /// The page of `items` that is asked for. The items come in the order of their places.
    ///
    /// # Errors
    /// The first thing that is wrong with what is asked.
    pub(super) fn page(&self, items: Vec<T>, asked: Asked<'_>) -> Result<Page<T>, ServiceError> {
        let most = page_length(asked.max_results)?;
        let chosen = self.with_ids(items, asked.ids.unwrap_or_default())?;
        let mut rest = filter::select(chosen, self.filters, asked.filters)?;
        if let Some(last) = asked.after {
            rest.retain(|item| (self.place)(item).as_deref() > Some(last));
        }
        let more = rest.len() > most;
        rest.truncate(most);
        let last = rest
            .last()
            .filter(|_| more)
            .and_then(|item| (self.place)(item).as_deref());
        let last = last.map(str::to_owned);
        Ok((Some(rest), last))
    }

    /// The items with these ids; all if there are none.
    fn with_ids(&self, items: Vec<T>, ids: &[String]) -> Result<Vec<T>, ServiceError> {
        if let Some(text) = ids.iter().find(|id| !self.is_id(id)) {
            let text = format!("Invalid id: \"{text}\" (expecting \"{}...\")", self.prefix);
            return Err(ServiceError::client(self.malformed, text));
        }
        let known: BTreeSet<&str> = items.iter().filter_map(|item| (self.id)(item).as_deref()).collect();
        if let Some(id) = ids.iter().find(|id| !known.contains(id.as_str())) {
            let text = format!("The {} '{id}' does not exist", self.noun);
            return Err(ServiceError::client(self.not_found, text));
        }
        let wanted: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        let is_wanted =
            |item: &T| wanted.is_empty() || (self.id)(item).as_deref().is_some_and(|id| wanted.contains(id));
        Ok(items.into_iter().filter(is_wanted).collect())
    }

    /// The prefix and 17 hexadecimal digits, or 8 in ids of old.
    fn is_id(&self, text: &str) -> bool {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let digits = text.strip_prefix(self.prefix);
        digits.is_some_and(|digits| matches!(digits.len(), 8 | 17) && digits.bytes().all(is_digit))
    }
}

fn page_length(max_results: Option<i32>) -> Result<usize, ServiceError> {
    let (least, most) = PAGE;
    let asked = max_results.unwrap_or(most);
    let bound = match asked {
        asked if asked < least => format!("greater than {least}"),
        asked if asked > most => format!("less than {most}"),
        asked => return Ok(usize::try_from(asked).expect("the range is positive")),
    };
    Err(invalid_value(format!(
        "Value ( {asked} ) for parameter maxResults is invalid. Expecting a value {bound}."
    )))
}
