//! `berth up`: a control plane and an agent on this host, in one process.

use anyhow::{Context, Result};
use berth_agent::Ended;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::encryption;
use crate::home::Home;
use crate::keys::Key;
use crate::options::Up;
use crate::programs::{agent_config, contact, control_plane, report, tell, url};
use crate::signals::Signals;

/// Runs until a signal ends it.
///
/// # Errors
/// What keeps it from working.
pub(crate) async fn run(options: Up) -> Result<()> {
    let mut signals = Signals::listen()?;
    let home = Home::take(&options.place.data_dir, "berth")?;
    let key = Key::obtain(home.dir(), &options.keys)?;
    let control = control_plane(home.dir(), &options.endpoint, &key).await?;
    let endpoint = url(&control, &options.endpoint)?;
    let contact = contact(home.dir(), &endpoint, &options.endpoint, Some(&options.machine))?;
    home.write_contact(&contact)?;
    let (end_control, control_ends) = oneshot::channel::<()>();
    let control = tokio::spawn(control.run(async { drop(control_ends.await) }));

    let config = berth_agent::Config {
        authority: encryption::trusted(home.dir(), &endpoint, None)?,
        ..agent_config(home.dir(), &endpoint, &options.machine, &key)?
    };
    let (stop, stopped) = watch::channel(None);
    let mut agent: JoinHandle<Result<Ended>> = tokio::spawn(berth_agent::run(config, stopped));
    greet(&endpoint, &options);
    let ended = loop {
        tokio::select! {
            ended = &mut agent => break ended.context("the agent broke off")?,
            ending = signals.next() => tell(&stop, ending),
        }
    };
    // The control plane goes last: it takes the agent's last reports.
    drop(end_control);
    control.await.context("the control plane broke off")?;
    home.release();
    report(&ended?)
}

fn greet(endpoint: &str, options: &Up) {
    let dir = options.place.data_dir.display();
    let flag = if dir.to_string() == "/var/lib/berth" {
        String::new()
    } else {
        format!(" --data-dir {dir}")
    };
    println!(
        "Berth listens on {endpoint} (account {}, region {}).",
        options.endpoint.account_id, options.machine.region
    );
    println!("Point AWS clients at it:  eval \"$(berth env{flag})\"");
    println!("Ctrl-C stops all tasks and cleans the host.");
}
