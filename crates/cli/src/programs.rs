//! The control plane and the agent, each alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use berth_agent::{Cleaned, Config as AgentConfig, Credentials, Ended};
use berth_core::ecs::quota::{Limits as FleetLimits, Quotas, RateLimits};
use berth_server::Server as ControlPlane;
use berth_server::clock::Clock;
use berth_server::config::Config as ServerConfig;
use berth_server::files::private_dir;
use tokio::sync::watch;

use crate::encryption;
use crate::home::{Contact, Home};
use crate::join;
use crate::keys::{Key, agent_secrets, page_key};
use crate::options::{Agent, Endpoint, FleetOptions, Machine, Server};
use crate::signals::{Ending, Signals};

/// The most attributes that an operator may give a machine, as in ECS.
const MOST_ATTRIBUTES: usize = 10;

/// `berth server`.
///
/// # Errors
/// What keeps it from starting.
pub(crate) async fn server(options: Server) -> Result<()> {
    let mut signals = Signals::listen()?;
    let home = Home::take(&options.place.data_dir, "server")?;
    let key = Key::obtain(home.dir(), &options.keys)?;
    let control = control_plane(home.dir(), &options.endpoint, &key).await?;
    let endpoint = url(&control, &options.endpoint)?;
    home.write_contact(&contact(home.dir(), &endpoint, &options.endpoint, None)?)?;
    println!("Berth's control plane listens on {endpoint}.");
    // Tasks belong to agents: however a control plane ends, they go on.
    let ended = async {
        signals.next().await;
    };
    control.run(ended).await;
    home.release();
    Ok(())
}

/// Starts a control plane.
///
/// # Errors
/// What keeps it from starting.
pub(crate) async fn control_plane(dir: &Path, options: &Endpoint, key: &Key) -> Result<ControlPlane> {
    ControlPlane::start(ServerConfig {
        listen: options.listen.clone(),
        tls: encryption::tls(dir, options)?,
        data_dir: private_dir(dir, "server")?,
        access_keys: vec![key.administrator(options.account_id)],
        allow_reset: options.allow_reset,
        page_key: page_key(dir)?,
        agent_secrets: agent_secrets(dir)?,
        history: options.history.limits(),
        min_free_bytes: options.min_free_mib.map(|mib| u64::from(mib) << 20),
        limits: fleet_limits(&options.fleet),
        agent_release: options.agent_update.release()?,
        clock: Clock::System,
    })
    .await
}

/// The limits of a control plane.
fn fleet_limits(options: &FleetOptions) -> FleetLimits {
    FleetLimits {
        quotas: Quotas {
            clusters: options.most_clusters,
            instances_per_cluster: options.most_instances_per_cluster,
            tasks_per_cluster: options.most_tasks_per_cluster,
            revisions_per_family: options.most_revisions_per_family,
        },
        rates: RateLimits {
            calls_per_second: options.calls_per_second,
            launches_per_minute: options.launches_per_minute,
        },
    }
}

/// The URL at which clients of this host reach a control plane.
///
/// # Errors
/// If the system cannot say.
pub(crate) fn url(control: &ControlPlane, options: &Endpoint) -> Result<String> {
    let mut address = control.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    Ok(encryption::url(address, &options.encryption))
}

/// What clients need to know.
///
/// # Errors
/// If the system cannot say where the data directory lies.
pub(crate) fn contact(dir: &Path, endpoint: &str, options: &Endpoint, machine: Option<&Machine>) -> Result<Contact> {
    Ok(Contact {
        endpoint: endpoint.to_owned(),
        region: machine.map_or_else(|| "us-east-1".to_owned(), |machine| machine.region.to_string()),
        account_id: options.account_id.to_string(),
        cluster: machine.map(|machine| machine.cluster.clone()),
        ca_file: encryption::authority(dir, options)?,
    })
}

/// `berth agent`.
///
/// # Errors
/// What keeps it from working.
pub(crate) async fn agent(options: Agent) -> Result<()> {
    let mut signals = Signals::listen()?;
    let home = Home::take(&options.place.data_dir, "agent")?;
    let config = access(home.dir(), &options).await?;
    println!(
        "Berth's agent joins {} (cluster {}).",
        config.endpoint, options.machine.cluster
    );
    let (stop, stopped) = watch::channel(None);
    let mut agent = tokio::spawn(berth_agent::run(config, stopped));
    let ended = loop {
        tokio::select! {
            ended = &mut agent => break ended.context("the agent broke off")??,
            ending = signals.next() => tell(&stop, ending),
        }
    };
    home.release();
    report(&ended)
}

/// The settings of an agent: with the key that it got with a token, else with the administrator's.
async fn access(dir: &Path, options: &Agent) -> Result<AgentConfig> {
    if let Some(joined) = join::obtain(dir, options).await? {
        let config = agent_config(dir, &joined.server, &options.machine, &joined.key)?;
        return Ok(AgentConfig {
            authority: joined.authority,
            ..config
        });
    }
    let key = Key::obtain(dir, &options.keys)?;
    let server = options.server.as_deref().unwrap_or(join::DEFAULT_SERVER);
    Ok(AgentConfig {
        authority: encryption::trusted(dir, server, options.ca.as_deref())?,
        ..agent_config(dir, server, &options.machine, &key)?
    })
}

/// Tells an agent how to end. A second signal cuts cleaning short.
pub(crate) fn tell(stop: &watch::Sender<Option<berth_agent::Ending>>, ending: Ending) {
    let already = stop.borrow().is_some();
    let ending = match ending {
        Ending::Clean if !already => {
            println!("Stopping all tasks and cleaning the host; once more to leave at once.");
            berth_agent::Ending::Clean
        }
        Ending::Clean | Ending::Leave => berth_agent::Ending::Leave,
    };
    stop.send_replace(Some(ending));
}

/// Mirrors by their registries. A second one of a registry would silently take the place of the first.
fn mirrors(given: &[(String, String)]) -> Result<BTreeMap<String, String>> {
    let mut mirrors = BTreeMap::new();
    for (registry, url) in given {
        if let Some(first) = mirrors.insert(registry.clone(), url.clone()) {
            bail!("--registry-mirror names {registry} twice, with {first} and {url}: a registry has one mirror");
        }
    }
    Ok(mirrors)
}

/// The settings of an agent.
///
/// # Errors
/// If the machine cannot be as it is described, or the system cannot say where this program lies.
pub(crate) fn agent_config(dir: &Path, endpoint: &str, machine: &Machine, key: &Key) -> Result<AgentConfig> {
    if machine.attribute.len() > MOST_ATTRIBUTES {
        bail!("a machine has at most {MOST_ATTRIBUTES} attributes of its own");
    }
    let registry_mirrors = mirrors(&machine.registry_mirror)?;
    private_dir(dir, "agent")?;
    Ok(AgentConfig {
        endpoint: endpoint.trim_end_matches('/').to_owned(),
        authority: None,
        cluster: machine.cluster.clone(),
        region: machine.region.to_string(),
        credentials: Credentials {
            access_key_id: key.access_key_id.clone(),
            secret_access_key: key.secret_access_key.clone(),
        },
        data_dir: std::path::absolute(dir)?,
        registry_mirrors,
        zone: machine.zone.clone(),
        launch_types: machine.launch_types.clone(),
        attributes: machine.attribute.iter().cloned().collect(),
        containerd_socket: machine.containerd_socket.clone(),
        bridge_cidr: machine.bridge_cidr.clone(),
        cdi_dirs: machine.cdi_dir.clone(),
        logger_binary: this_program()?,
    })
}

fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("the system does not say where this program lies")
}

/// Says how an agent ended.
///
/// # Errors
/// If something is left on the host.
pub(crate) fn report(ended: &Ended) -> Result<()> {
    match ended {
        Ended::Left => {
            println!("Tasks go on; the next start finds them again. `berth down` stops them.");
            Ok(())
        }
        Ended::Cleaned(cleaned) => report_cleaned(cleaned),
    }
}

/// Says what was cleaned.
///
/// # Errors
/// If something is left on the host.
pub(crate) fn report_cleaned(cleaned: &Cleaned) -> Result<()> {
    let Cleaned {
        containers,
        networks,
        failures,
    } = cleaned;
    if containers + networks > 0 {
        println!("Removed {containers} containers and {networks} networks.");
    }
    for failure in failures {
        eprintln!("berth: could not be removed: {failure}");
    }
    if !failures.is_empty() {
        bail!(
            "{} things are left on this host: mend what keeps them, then run `berth down` again",
            failures.len()
        );
    }
    println!("The host is clean.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_has_one_mirror() {
        let given = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(registry, url)| ((*registry).to_owned(), (*url).to_owned()))
                .collect()
        };
        let two = given(&[("docker.io", "http://a"), ("quay.io", "http://a")]);
        assert_eq!(mirrors(&two).unwrap().len(), 2);
        let refused = mirrors(&given(&[("docker.io", "http://a"), ("docker.io", "http://b")])).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "--registry-mirror names docker.io twice, with http://a and http://b: a registry has one mirror"
        );
    }
}
