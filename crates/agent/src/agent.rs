//! Puts an agent together, runs it, and takes it apart again.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, bail};
use berth_core::ecs::model::LaunchType;
use berth_core::ecs::report::ReportedStatus;
use berth_core::node::{Event, ToControl};
use nix::unistd::Uid;
use tokio::sync::{mpsc, watch};

use crate::acs::Link;
use crate::cdi::Gpus;
use crate::cgroups::Cgroups;
use crate::client::Client;
use crate::clock;
use crate::config::{Cleaned, Config, Ended, Ending, Stop};
use crate::driver::Driver;
use crate::host::Host;
use crate::images::{Images, Mirror};
use crate::metadata::{self, Metadata};
use crate::net::{self, Cidr, Network};
use crate::ops::{Live, Machine};
use crate::places::Places;
use crate::records::{Identity, Records};
use crate::register::Announcement;
use crate::reports::Reporter;
use crate::restore;
use crate::runtime::{Containerd, ContainerdConfig, SocketChoice};
use crate::sweep::sweep;
use crate::telemetry::Telemetry;

/// The events that may wait for the brain, and the messages that may wait for the control plane.
const WAITING: usize = 1024;
/// The addresses of the default VPC.
const VPC: &str = "172.31.0.0/16";

/// Joins the cluster and carries out its tasks until `stop` says otherwise.
///
/// # Errors
/// What keeps the agent from working at all, and what to do about it. Tasks go on then.
pub async fn run(config: Config, mut stop: Stop) -> anyhow::Result<Ended> {
    let setup = Setup::new(&config)?;
    let _lock = lock(&setup.places)?;
    check_cluster(&Records::open(&setup.places)?, &config)?;
    let (sender, outgoing) = mpsc::channel(WAITING);
    let mut agent = Agent::open(&setup, sender).await?;
    let link = Link {
        client: setup.client.clone(),
        announcement: agent.announcement(&config),
        records: agent.records.clone(),
        identity: agent.identity.clone(),
        runtime: agent.runtime.clone(),
        telemetry: Telemetry {
            client: setup.client.clone(),
            containerd: agent.machine.containerd.clone(),
            health: agent.driver.health(),
        },
        events: agent.machine.events.clone(),
        outgoing,
    };
    let ended = {
        let conversation = link.run();
        let driving = agent.driver.run(&mut stop);
        tokio::pin!(conversation, driving);
        tokio::select! {
            ended = &mut driving => ended?,
            said = &mut conversation => match said {
                Ok(()) => driving.await?,
                Err(reason) => bail!(reason),
            },
        }
    };
    Ok(match ended {
        Ended::Left => Ended::Left,
        Ended::Cleaned(cleaned) => Ended::Cleaned(agent.close(&setup, cleaned).await),
    })
}

/// Stops and removes everything that the data directory knows, while no agent runs. Images stay.
///
/// # Errors
/// What keeps it from beginning, for example an agent that still runs.
pub async fn clean(config: Config) -> anyhow::Result<Cleaned> {
    let setup = Setup::new(&config)?;
    if !setup.places.agent_dir.exists() {
        return Ok(Cleaned::default());
    }
    let _lock = lock(&setup.places)?;
    let (_, tasks) = Records::open(&setup.places)?.load()?;
    if tasks.iter().any(|task| task.known != ReportedStatus::Stopped) {
        match stop_all(&setup).await {
            Ok(cleaned) => return Ok(cleaned),
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                "tasks cannot be stopped orderly: killing them"
            ),
        }
    }
    Ok(sweep(
        &setup.places,
        None,
        (&setup.containerd, &setup.network),
        Cleaned::of(tasks.iter()),
    )
    .await)
}

/// Stops tasks as a running agent does, without taking new ones.
async fn stop_all(setup: &Setup) -> anyhow::Result<Cleaned> {
    let (sender, _) = mpsc::channel(1);
    let mut agent = Agent::open(setup, sender).await?;
    let (_keep, mut stop) = watch::channel(Some(Ending::Clean));
    match agent.driver.run(&mut stop).await? {
        Ended::Left => bail!("it left before all was stopped"),
        Ended::Cleaned(cleaned) => Ok(agent.close(setup, cleaned).await),
    }
}

/// Everything that follows from the configuration alone.
struct Setup {
    places: Places,
    client: Client,
    containerd: ContainerdConfig,
    network: net::Config,
    mirrors: Vec<Mirror>,
    config: Config,
}

impl Setup {
    fn new(config: &Config) -> anyhow::Result<Self> {
        if !Uid::effective().is_root() {
            bail!("the agent starts containers and changes networks: run it as root");
        }
        if let Some(word) = config
            .launch_types
            .iter()
            .find(|word| LaunchType::from_word(word).is_none())
        {
            bail!("'{word}' is no launch type: choose among EC2, FARGATE and EXTERNAL");
        }
        let places = Places::new(&config.data_dir).context("the data directory")?;
        let mirrors = config.registry_mirrors.iter();
        let mirrors = mirrors.map(|(registry, url)| format!("{registry}={url}").parse());
        let bridge_range = config.bridge_cidr.as_deref().map(str::parse::<Cidr>);
        Ok(Self {
            client: Client::new(config)?,
            containerd: ContainerdConfig {
                socket: match &config.containerd_socket {
                    Some(socket) => SocketChoice::Host(socket.clone()),
                    None => SocketChoice::Auto,
                },
                namespace: places.namespace.clone(),
                ..ContainerdConfig::new(&places.agent_dir)
            },
            network: net::Config {
                instance: places.suffix.clone(),
                netns_dir: places.netns_dir(),
                vpc: vec![VPC.parse().expect("the default VPC has a range")],
                bridge_name: None,
                bridge_range: bridge_range.transpose().context("the bridge's range of addresses")?,
            },
            mirrors: mirrors.collect::<Result<_, _>>()?,
            places,
            config: config.clone(),
        })
    }
}

/// Only one agent at a time may have a data directory. The lock ends with the process.
fn lock(places: &Places) -> anyhow::Result<File> {
    let directory = &places.agent_dir;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| format!("cannot make {}", directory.display()))?;
    let path = places.lock_file();
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    if file.try_lock().is_err() {
        bail!(
            "another agent uses {}: stop it first, or choose another data directory",
            directory.display()
        );
    }
    Ok(file)
}

/// An agent that knows where it stands.
struct Agent {
    host: Host,
    records: Records,
    identity: Identity,
    /// The container runtime with its version.
    runtime: String,
    machine: Arc<Machine>,
    driver: Driver,
}

impl Agent {
    async fn open(setup: &Setup, link: mpsc::Sender<ToControl>) -> anyhow::Result<Self> {
        let host = Host::read()?;
        let records = Records::open(&setup.places)?;
        let mut identity = records.identity()?.unwrap_or_else(|| Identity {
            cluster: setup.config.cluster.clone(),
            ..Identity::default()
        });
        let (events, inbox) = mpsc::channel(WAITING);
        let machine = machine(setup, &records, events.clone()).await?;
        let rebooted = identity.boot_id.as_ref() != Some(&host.boot_id);
        let restored = restore::look(&machine, records.load()?, rebooted).await?;
        let reporter = Reporter::new(setup.client.clone(), events);
        let mut driver = Driver::new(records.clone(), Arc::clone(&machine), reporter, (link, inbox));
        let listener = machine.network.metadata().await?.listener;
        let endpoint = metadata::serve(Arc::clone(&machine.metadata), listener);
        machine.spawn(async move {
            let Err(error) = endpoint.await;
            tracing::error!(%error, "containers cannot reach their task metadata");
        });
        driver.restore(restored).await?;
        identity.boot_id = Some(host.boot_id.clone());
        records.save_identity(&identity)?;
        Ok(Self {
            runtime: format!("containerd {}", machine.containerd.version().await?),
            host,
            records,
            identity,
            machine,
            driver,
        })
    }

    fn announcement(&self, config: &Config) -> Announcement {
        let token = hex::encode(clock::random::<16>());
        let gpus = Gpus::read(&config.cdi_dirs);
        for problem in gpus.problems() {
            tracing::warn!(problem, "a GPU is not offered");
        }
        let gpus = gpus.ids().map(str::to_owned).collect();
        Announcement::new(config, &self.host, &self.runtime, gpus, token)
    }

    /// Takes everything away after the tasks were stopped.
    async fn close(self, setup: &Setup, cleaned: Cleaned) -> Cleaned {
        self.machine.over.send_replace(true);
        let adapters = (&setup.containerd, &setup.network);
        sweep(&setup.places, Some(&self.machine), adapters, cleaned).await
    }
}

/// A machine stays in the cluster that it joined, as with the stock agent.
fn check_cluster(records: &Records, config: &Config) -> anyhow::Result<()> {
    match records.identity()? {
        Some(identity) if identity.cluster != config.cluster => bail!(
            "this machine belongs to cluster {}, not to {}: join that one, or run `berth down` and remove {}",
            identity.cluster,
            config.cluster,
            config.data_dir.join("agent").display()
        ),
        Some(_) | None => Ok(()),
    }
}

async fn machine(setup: &Setup, records: &Records, events: mpsc::Sender<Event>) -> anyhow::Result<Arc<Machine>> {
    let containerd = Containerd::connect_or_start(&setup.containerd).await?;
    tracing::info!(socket = %containerd.socket().display(), private = containerd.is_private(), "uses containerd");
    let (over, _) = watch::channel(false);
    let cgroups = Cgroups::detect()?;
    let metadata = Metadata::open(&setup.places, records.clone(), setup.client.clone(), cgroups.clone());
    Ok(Arc::new(Machine {
        places: setup.places.clone(),
        images: Images::new(containerd.clone(), setup.mirrors.clone())?,
        containerd,
        network: Network::open(setup.network.clone()).await?,
        cgroups,
        client: setup.client.clone(),
        metadata: Arc::new(metadata.context("the secret of the task metadata endpoint")?),
        logger_binary: setup.config.logger_binary.clone(),
        cdi_dirs: setup.config.cdi_dirs.clone(),
        events,
        over,
        live: Mutex::new(Live::default()),
        filling: Arc::default(),
    }))
}

impl Drop for Agent {
    /// Ends what is under way; nothing of it may go on beside a later agent.
    fn drop(&mut self) {
        self.machine.over.send_replace(true);
    }
}
