//! What all decoders share while they walk into a request: where they are, how deep, and how much they may still take.
//!
//! The limits are far beyond every model and far below what hurts: a few bytes of JSON can ask for a structure with
//! fifty members, so values are counted as they are made, not as they are spelled.

use std::cell::Cell;
use std::fmt;

use crate::document::{DecodeError, Document};
use crate::schema::{Kind, StructureSchema};

/// Levels of values inside values.
pub(super) const MAX_DEPTH: usize = 64;
/// Members of one list or map. The largest that AWS takes is a batch of 10,000 log events.
pub(super) const MAX_LIST: usize = 20_000;
/// Values of one request, absent members of present structures included.
pub(super) const MAX_VALUES: usize = 1_000_000;

/// Whether absent required members are an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// They are: nobody else will look.
    Request,
    /// They are not: a client copes with what it gets.
    Response,
}

/// What may still be taken from one request.
pub(super) struct Budget {
    values: Cell<usize>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            values: Cell::new(MAX_VALUES),
        }
    }

    fn spend(&self, count: usize, path: &Path<'_>) -> Result<(), DecodeError> {
        let left = self.values.get().checked_sub(count).ok_or_else(|| path.too_large())?;
        self.values.set(left);
        Ok(())
    }

    /// Pays for one more member of a list or map that has `length` members already.
    pub(super) fn grow(&self, length: usize, path: &Path<'_>) -> Result<(), DecodeError> {
        if length >= MAX_LIST {
            return Err(path.too_large());
        }
        self.spend(1, path)
    }

    /// All members of a structure, still absent.
    pub(super) fn members(&self, schema: &StructureSchema, path: &Path<'_>) -> Result<Vec<Document>, DecodeError> {
        self.spend(schema.members.len(), path)?;
        Ok(vec![Document::Null; schema.members.len()])
    }
}

/// One step from a value to a value inside it.
#[derive(Clone, Copy)]
enum Step<'p> {
    Whole,
    Name(&'p str),
    Index(usize),
}

/// The way from the whole to the value at hand. Lives on the stack of the decoder.
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
    depth: usize,
}

impl<'p> Path<'p> {
    /// The way to the whole.
    pub(super) const WHOLE: Path<'static> = Path {
        parent: None,
        step: Step::Whole,
        depth: 0,
    };

    /// Whether this is the whole.
    pub(super) fn is_whole(&self) -> bool {
        self.depth == 0
    }

    /// The way to a member of a structure or the value under a key of a map.
    pub(super) fn name(&'p self, name: &'p str) -> Result<Path<'p>, DecodeError> {
        self.step(Step::Name(name))
    }

    /// The way to a member of a list, counted from 0.
    pub(super) fn index(&'p self, index: usize) -> Result<Path<'p>, DecodeError> {
        self.step(Step::Index(index))
    }

    fn step(&'p self, step: Step<'p>) -> Result<Path<'p>, DecodeError> {
        let depth = self.depth + 1;
        let parent = Some(self);
        if depth > MAX_DEPTH {
            Err(DecodeError::TooDeep)
        } else {
            Ok(Path { parent, step, depth })
        }
    }

    pub(super) fn wrong_type(&self, expected: Kind, found: &'static str) -> DecodeError {
        DecodeError::WrongType {
            path: self.to_string(),
            expected: expected.name(),
            found,
        }
    }

    fn too_large(&self) -> DecodeError {
        DecodeError::TooLarge { path: self.to_string() }
    }

    /// Refuses a structure that lacks what it must have.
    pub(super) fn complete(&self, schema: &StructureSchema, values: &[Document]) -> Result<(), DecodeError> {
        let mut members = schema.members.iter().zip(values);
        match members.find(|(member, value)| member.required && value.is_null()) {
            Some((member, _)) => Err(DecodeError::Missing {
                path: self.name(member.name)?.to_string(),
            }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Whole => Ok(()),
            Step::Name(name) if self.depth == 1 => f.write_str(name),
            Step::Name(name) => write!(f, ".{name}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}
