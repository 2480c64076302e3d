//! What ECS things are and what should happen next: pure brains, no I/O.
//!
//! Reading order: [`kernel`] (the grammar all domains share), [`ecs::model`] (the nouns), then [`control`], the brain of the
//! control plane, which has all domains behind `handle` and `tick`, and [`node`], the brain of a machine's agent.
//!
//! To follow a RunTask: [`ecs::admit::run_task`] decides whether it may be and what each task is made from, [`ecs::place`]
//! chooses the machine, [`control`] applies the changes (the server's store makes them durable before anybody is told),
//! [`ecs::view::assignment`] derives what the machine should do, [`ecs::session`] says it to the machine's agent, and
//! [`node`] carries it out, one step a call. What the agent reports back comes in through [`ecs::admit::submit`].
//!
//! Invariants:
//! - A brain never does I/O and reads no clock: time and seeds come in with [`kernel::Cx`]. Equal input, equal output.
//! - Facts change only by applying a change, which is the put or the delete of one whole entity and cannot fail.
//! - A refusal has changed nothing.
//! - Statuses only move forward.
//! - Nothing is told to anybody, neither callers nor agents, before the changes that it rests on are durable.
//! - What can be derived is an index or a view, never a field of an entity.
#![forbid(unsafe_code)]

pub mod control;
pub mod ecs;
pub mod iam;
pub mod kernel;
pub mod network;
pub mod node;
