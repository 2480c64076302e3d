//! Clusters, container instances, task definitions and tasks.

pub mod model;
pub mod report;
pub mod view;
