//! The services behind the endpoint, apart from ECS.

mod ec2;
mod logs;
mod pages;
mod sts;
