//! `berth down`: stops and cleans what a data directory knows, whether or not Berth runs on it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use berth_agent::Ended;
use berth_core::kernel::AccountId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::{oneshot, watch};

use crate::home::{self, Contact, Holder, Home};
use crate::keys::Key;
use crate::options::{Encryption, Endpoint, KeyOptions, Machine, Place};
use crate::programs::{agent_config, control_plane, report, report_cleaned, url};

/// The pause between two looks at a Berth that ends.
const PAUSE: Duration = Duration::from_millis(200);
/// The most looks: longer than the longest stop timeout of a task.
const LOOKS: usize = 1500;

/// Stops and cleans.
///
/// # Errors
/// What could not be stopped or cleaned.
pub(crate) async fn run(place: Place) -> Result<()> {
    if !place.data_dir.exists() {
        println!("There is nothing at {}.", place.data_dir.display());
        return Ok(());
    }
    for program in ["berth", "agent", "server"] {
        end(&place, program).await?;
    }
    let home = Home::take(&place.data_dir, "berth")?;
    let has = |part: &str| place.data_dir.join(part).exists();
    match home::read_contact(&place.data_dir) {
        Ok(contact) if has("server") && has("agent") => match together(&home, &contact).await {
            Ok(ended) => report(&ended)?,
            Err(error) => {
                eprintln!("berth: the ends of tasks cannot be recorded ({error:#}); cleaning without that");
                alone(&home).await?;
            }
        },
        Ok(_) | Err(_) if has("agent") => alone(&home).await?,
        Ok(_) | Err(_) => println!("No agent has run here: there is nothing to clean."),
    }
    home.release();
    Ok(())
}

/// Ends a program that runs on the data directory, as Ctrl-C would.
async fn end(place: &Place, program: &str) -> Result<()> {
    let Some(pid) = holder(place, program)? else {
        return Ok(());
    };
    println!("Ending the Berth that runs (process {pid}).");
    kill(Pid::from_raw(pid), Signal::SIGINT).with_context(|| format!("cannot signal process {pid}"))?;
    for _ in 0..LOOKS {
        tokio::time::sleep(PAUSE).await;
        if holder(place, program)?.is_none() {
            return Ok(());
        }
    }
    bail!("process {pid} does not end: look at its log, or kill it and run `berth down` again")
}

/// The process that runs a program on the data directory.
fn holder(place: &Place, program: &str) -> Result<Option<i32>> {
    if !place.data_dir.join(format!("{program}.lock")).exists() {
        return Ok(None);
    }
    match Home::look(&place.data_dir, program)? {
        Holder::Free(home) => {
            home.release();
            Ok(None)
        }
        Holder::Process(pid) => Ok(Some(pid)),
    }
}

/// With the control plane of this directory for company, so that the ends of tasks are recorded.
async fn together(home: &Home, contact: &Contact) -> Result<Ended> {
    let key = Key::obtain(home.dir(), &KeyOptions::default())?;
    let account_id: AccountId = contact
        .account_id
        .parse()
        .ok()
        .context("the account of contact.json is damaged")?;
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let endpoint = Endpoint {
        listen: vec![listen],
        encryption: Encryption::default(),
        account_id,
        allow_reset: false,
        agent_update: crate::options::AgentUpdateOptions::default(),
        history: crate::options::HistoryOptions::default(),
        min_free_mib: None,
        fleet: crate::options::FleetOptions::default(),
    };
    let control = control_plane(home.dir(), &endpoint, &key).await?;
    let address = url(&control, &endpoint)?;
    let (end_control, control_ends) = oneshot::channel::<()>();
    let control = tokio::spawn(control.run(async { drop(control_ends.await) }));
    let config = agent_config(home.dir(), &address, &machine(contact)?, &key)?;
    let (stop, stopped) = watch::channel(Some(berth_agent::Ending::Clean));
    let ended = berth_agent::run(config, stopped).await;
    drop(stop);
    drop(end_control);
    control.await.context("the control plane broke off")?;
    ended
}

/// Without a control plane: the directory is an agent's.
async fn alone(home: &Home) -> Result<()> {
    let key = Key::obtain(home.dir(), &KeyOptions::default())?;
    let contact = Contact {
        endpoint: "http://127.0.0.1:4566".to_owned(),
        region: "us-east-1".to_owned(),
        account_id: "000000000000".to_owned(),
        cluster: None,
        ca_file: None,
    };
    let config = agent_config(home.dir(), &contact.endpoint, &machine(&contact)?, &key)?;
    report_cleaned(&berth_agent::clean(config).await?)
}

fn machine(contact: &Contact) -> Result<Machine> {
    Ok(Machine {
        region: contact
            .region
            .parse()
            .ok()
            .context("the region of contact.json is damaged")?,
        zone: None,
        attribute: Vec::new(),
        cluster: contact.cluster.clone().unwrap_or_else(|| "default".to_owned()),
        launch_types: Vec::new(),
        registry_mirror: Vec::new(),
        containerd_socket: None,
        bridge_cidr: None,
        cdi_dir: Vec::new(),
    })
}
