//! Under construction.

/// The neutral tree between typed shapes and bytes, and what can be wrong with bytes.
pub mod document;
/// The link between control plane and agent: the public ECS agent protocol.
pub mod link;
/// The AWS protocols: requests to documents, documents to answers, and who is called.
pub mod protocol;
/// The vocabulary of generated tables: services, operations, shapes.
pub mod schema;
/// Generated requests and answers of every service.
pub mod shapes;
/// AWS Signature Version 4: verification and signing.
pub mod sigv4;
