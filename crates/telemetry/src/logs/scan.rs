//! The events of many streams in one order: by merging the streams when they are few, by the group's timeline when they
//! are many.
//!
//! It finds events; what they must match and how many of them are returned is `filter`'s business.

use super::keys::{self, Position, Span};
use super::rows::{EventRow, StreamNameRow, TimelineRow};
use super::token::Direction;
use crate::StorageError;
use crate::store::{Read, Row, Rows, Table, View, decode};
use std::collections::HashMap;
use std::rc::Rc;

/// A stream whose events are wanted.
pub(super) struct Wanted {
    pub(super) id: u64,
    pub(super) name: Rc<str>,
}

/// A place where the scan has looked.
pub(super) struct Found {
    pub(super) position: Position,
    /// The event there; none if it belongs to a stream that is not wanted or is deleted.
    pub(super) event: Option<FoundEvent>,
}

/// An event and whose it is.
pub(super) struct FoundEvent {
    pub(super) stream: u64,
    pub(super) name: Rc<str>,
    pub(super) row: EventRow,
}

/// The part of a group's time to scan, and which way.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    pub(super) span: Span,
    pub(super) direction: Direction,
}

impl Stretch {
    fn rows(self, view: &View<'_>, table: Table, owner: u64) -> Directed {
        Directed {
            rows: view.range(table, &self.span.keys(owner)),
            direction: self.direction,
        }
    }
}

/// Rows in one of the two directions.
struct Directed {
    rows: Rows,
    direction: Direction,
}

impl Directed {
    fn next(&mut self) -> Result<Option<(Position, Row)>, StorageError> {
        let row = match self.direction {
            Direction::Forward => self.rows.next(),
            Direction::Backward => self.rows.next_back(),
        };
        row.transpose()?
            .map(|row| Ok((keys::position(&row.key)?, row)))
            .transpose()
    }
}

/// A scan in progress.
pub(super) enum Scan<'v> {
    /// One cursor for each wanted stream.
    Merge(Merge),
    /// One cursor on the group's timeline.
    Timeline(Timeline<'v>),
}

impl Scan<'_> {
    /// The next place in the order of time and arrival.
    pub(super) fn next(&mut self) -> Result<Option<Found>, StorageError> {
        match self {
            Scan::Merge(merge) => merge.next(),
            Scan::Timeline(timeline) => timeline.next(),
        }
    }
}

/// Several streams side by side.
pub(super) struct Merge {
    direction: Direction,
    lanes: Vec<Lane>,
}

struct Lane {
    wanted: Wanted,
    rows: Directed,
    head: Option<(Position, Row)>,
}

impl Merge {
    pub(super) fn new(view: &View<'_>, wanted: Vec<Wanted>, stretch: Stretch) -> Result<Self, StorageError> {
        let lane = |wanted: Wanted| {
            let mut rows = stretch.rows(view, Table::Events, wanted.id);
            Ok(Lane {
                head: rows.next()?,
                rows,
                wanted,
            })
        };
        let lanes = wanted.into_iter().map(lane).collect::<Result<_, StorageError>>()?;
        Ok(Self {
            direction: stretch.direction,
            lanes,
        })
    }

    fn next(&mut self) -> Result<Option<Found>, StorageError> {
        let waiting = self.lanes.iter_mut().filter(|lane| lane.head.is_some());
        let at = |lane: &&mut Lane| lane.head.as_ref().map(|(position, _)| *position);
        let nearest = match self.direction {
            Direction::Forward => waiting.min_by_key(at),
            Direction::Backward => waiting.max_by_key(at),
        };
        let Some(lane) = nearest else { return Ok(None) };
        let next = lane.rows.next()?;
        let Some((position, row)) = std::mem::replace(&mut lane.head, next) else {
            return Ok(None);
        };
        let row = decode(&row.value)?;
        let event = FoundEvent {
            stream: lane.wanted.id,
            name: Rc::clone(&lane.wanted.name),
            row,
        };
        Ok(Some(Found {
            position,
            event: Some(event),
        }))
    }
}

/// A group's timeline, of which the streams with a prefix are wanted.
pub(super) struct Timeline<'v> {
    view: &'v View<'v>,
    rows: Directed,
    prefix: &'v str,
    /// The names of streams that were met; none for those that are not wanted.
    names: HashMap<u64, Option<Rc<str>>>,
}

impl<'v> Timeline<'v> {
    pub(super) fn new(view: &'v View<'v>, group: u64, prefix: &'v str, stretch: Stretch) -> Self {
        let rows = stretch.rows(view, Table::Timeline, group);
        Self {
            view,
            rows,
            prefix,
            names: HashMap::new(),
        }
    }

    fn next(&mut self) -> Result<Option<Found>, StorageError> {
        let Some((position, row)) = self.rows.next()? else {
            return Ok(None);
        };
        let TimelineRow { stream } = decode(&row.value)?;
        let event = match self.name(stream)? {
            Some(name) => self
                .event(stream, position)?
                .map(|row| FoundEvent { stream, name, row }),
            None => None,
        };
        Ok(Some(Found { position, event }))
    }

    fn name(&mut self, stream: u64) -> Result<Option<Rc<str>>, StorageError> {
        if let Some(known) = self.names.get(&stream) {
            return Ok(known.clone());
        }
        let row: Option<StreamNameRow> = self.view.get(&keys::stream_name(stream))?;
        let name = row
            .map(|row| row.name)
            .filter(|name| name.starts_with(self.prefix))
            .map(Rc::from);
        self.names.insert(stream, name.clone());
        Ok(name)
    }

    fn event(&self, stream: u64, position: Position) -> Result<Option<EventRow>, StorageError> {
        let bytes = self.view.value(Table::Events, &keys::event(stream, position))?;
        bytes.map(|bytes| decode(&bytes)).transpose()
    }
}
