//! The one binary, `berth`: the control plane, the agent, both at once, and the operator's commands.
//!
//! Reading order: [`options`] (what can be said on the command line), then a file per command.
#![forbid(unsafe_code)]

mod backup;
mod down;
mod encryption;
mod env;
mod home;
mod join;
mod keys;
mod options;
mod programs;
mod remote;
mod signals;
mod snapshot;
mod store;
mod tokens;
mod up;

use std::io::IsTerminal;
use std::process::ExitCode;

use berth_agent::logs;
use clap::Parser;

use crate::options::{Command, Options, StoreCommand};

fn main() -> ExitCode {
    // The logger of a container must start quickly and stay small: it gets no command line and no runtime.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == logs::LOGGER_ARGUMENT) {
        let code = logs::logger_main(arguments);
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("berth: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> anyhow::Result<()> {
    match options.command {
        Command::Version => {
            println!("berth {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        Command::Env(place) => env::print(&place),
        Command::Store(StoreCommand::Cat(cat)) => store::cat(&cat),
        Command::Backup(options) => backup::backup(&options),
        Command::Restore(options) => backup::restore(&options),
        Command::JoinToken(token) => started("warn", tokens::run(token)),
        Command::Up(up) => started("info", up::run(up)),
        Command::Server(server) => started("info", programs::server(server)),
        Command::Agent(agent) => started("info", programs::agent(agent)),
        Command::Down(place) => started("warn", down::run(place)),
    }
}

/// Runs a program with a runtime and with logs: those of `logs`, unless the operator wants others.
fn started(logs: &str, program: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let wanted = std::env::var("BERTH_LOG").unwrap_or_else(|_| logs.to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(&wanted)
        .map_err(|error| anyhow::anyhow!("BERTH_LOG='{wanted}' is no filter for logs: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(program);
    // Work that may be abandoned must not hold the process up.
    runtime.shutdown_background();
    ended
}
