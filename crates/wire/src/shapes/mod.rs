//! Requests and answers as typed structs, generated from the published service models by `cargo xtask shapes`.
//!
//! A struct knows its schema and hands out its fields by number; everything else (reading, writing, defaults) works
//! on `dyn Structure`, so that a further service costs tables and very little code. Members that the model requires are
//! plain, all others are `Option`: an absent list and an empty one mean different things to ECS. Members of
//! enumerations stay text here; they are parsed where a request is understood.

#[macro_use]
mod macros;
pub mod ec2;
pub mod ecs;
mod fields;
pub mod logs;
pub mod sts;

/// What the generated files see.
mod prelude {
    pub(super) use std::collections::BTreeMap;

    pub(super) use super::{EMPTY, Empty, Field, Input, Structure, drain, fill, no_such_field};
    pub(super) use crate::document::*;
    pub(super) use crate::protocol::Protocol;
    pub(super) use crate::schema::*;
}

use crate::document::{DecodeError, Document};
use crate::schema::{OperationModel, ServiceModel, StructureSchema};

pub use fields::{drain, fill};

/// A generated struct.
pub trait Structure {
    /// Its members in the order of their numbers.
    fn schema(&self) -> &'static StructureSchema;

    /// The field of the member with this number.
    ///
    /// # Panics
    /// If the schema has no such member.
    fn field_mut(&mut self, index: usize) -> &mut dyn Field;
}

/// A field of a generated struct, or the struct itself as a field of another.
pub trait Field {
    /// Replaces the value.
    ///
    /// # Errors
    /// `WrongType` if the document is of another kind.
    fn put(&mut self, document: Document) -> Result<(), DecodeError>;

    /// Moves the value out; what stays behind is the default.
    fn take(&mut self) -> Document;
}

/// A structure that is the request of an operation.
pub trait Input: Structure + Default {
    /// What the operation answers.
    type Output: Structure + Default;

    /// The service of the operation.
    fn service() -> &'static ServiceModel;

    /// The operation.
    fn operation() -> &'static OperationModel;
}

/// A structure out of a document that was read by its schema.
///
/// # Errors
/// `WrongType` if the document was read by another schema.
pub fn from_document<T: Structure + Default>(document: Document) -> Result<T, DecodeError> {
    let mut structure = T::default();
    fill(&mut structure, document)?;
    Ok(structure)
}

/// The document of a structure.
pub fn into_document<T: Structure>(mut structure: T) -> Document {
    drain(&mut structure)
}

structure! {
    /// No members: what operations without input or output take and give.
    Empty EMPTY {}
}

/// All services, in the order of their names.
pub static SERVICES: &[&ServiceModel] = &[&ec2::SERVICE, &ecs::SERVICE, &logs::SERVICE, &sts::SERVICE];

/// An operation of any service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Amazon EC2, as far as tasks need networks.
    Ec2(ec2::Operation),
    /// Amazon ECS.
    Ecs(ecs::Operation),
    /// Amazon CloudWatch Logs.
    Logs(logs::Operation),
    /// AWS STS.
    Sts(sts::Operation),
}

impl Operation {
    /// The operation of a service by its name, if its shapes are generated.
    #[must_use]
    pub fn find(service: &ServiceModel, name: &str) -> Option<Self> {
        match service.name {
            "ec2" => ec2::Operation::from_name(name).map(Self::Ec2),
            "ecs" => ecs::Operation::from_name(name).map(Self::Ecs),
            "logs" => logs::Operation::from_name(name).map(Self::Logs),
            "sts" => sts::Operation::from_name(name).map(Self::Sts),
            _ => None,
        }
    }

    /// Its tables.
    #[must_use]
    pub fn model(self) -> &'static OperationModel {
        match self {
            Self::Ec2(operation) => operation.model(),
            Self::Ecs(operation) => operation.model(),
            Self::Logs(operation) => operation.model(),
            Self::Sts(operation) => operation.model(),
        }
    }

    /// The service to which it belongs.
    #[must_use]
    pub fn service(self) -> &'static ServiceModel {
        match self {
            Self::Ec2(_) => &ec2::SERVICE,
            Self::Ecs(_) => &ecs::SERVICE,
            Self::Logs(_) => &logs::SERVICE,
            Self::Sts(_) => &sts::SERVICE,
        }
    }
}

/// The one way to misuse [`Structure::field_mut`].
#[cold]
fn no_such_field(schema: &StructureSchema, index: usize) -> ! {
    panic!("{} has no member number {index}", schema.name)
}
