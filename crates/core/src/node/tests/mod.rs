//! Stories about the agent's brain: a few words say what happens, and the output prints what it asks for and reports.
//!
//! `world` is a machine and a control plane made of maps; `script` drives the brain through a story by words.

mod again;
mod draft;
mod failures;
mod health;
mod links;
mod order;
mod random;
mod restarts;
mod script;
mod stories;
mod volumes;
mod world;
