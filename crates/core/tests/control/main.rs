//! The control plane's brain, told as stories and shaken at random: see `world` for the language.

mod volumes;
mod world;

mod agent_updates;
mod agents;
mod attributes;
mod client_tokens;
mod cluster_settings;
mod clusters;
mod definition_ends;
mod definition_faults;
mod definitions;
mod draining;
mod expiry;
mod gpus;
mod health;
mod health_checks;
mod idempotency;
mod instances;
mod joining;
mod launch;
mod lifecycle_faults;
mod list_tasks;
mod overrides;
mod pages;
mod placement;
mod properties;
mod provisioning;
mod reports;
mod run_task;
mod settings;
mod space;
mod start_task;
mod stop_task;
mod tags;
