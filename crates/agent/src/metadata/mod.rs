//! The task metadata endpoint: what a container can learn of itself and its task at http://169.254.170.2.
//!
//! `net` leads every container's requests to one socket; here they are answered. Reading order: `route` (what is asked),
//! `book` (who may ask), `document` and `stats` (what is told, in the words of `shapes`), `answer` (all of it together),
//! `visitors` and `server` (within limits), `ids` and `tags`.
//!
//! Everything told follows from the brain's records and the kernel's counters. Not here: credentials of tasks, and the
//! faults and protections that the control plane does not know yet, which are refused in the stock agent's words.

mod answer;
mod book;
mod document;
mod ids;
mod route;
mod server;
mod shapes;
mod stats;
mod tags;
#[cfg(test)]
mod tests;
mod visitors;

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};

use berth_core::ecs::model::TaskKey;
use berth_core::node::{Save, StartContainer, TaskRecord};

use crate::cgroups::Cgroups;
use crate::client::Client;
use crate::net::METADATA_ADDRESS;
use crate::places::Places;
use crate::records::Records;
use book::{Book, FoundTask};
use document::Detail;
use ids::Ids;
use route::Version;
use stats::Meter;
use tags::Tags;

pub(crate) use server::serve;

/// All that the endpoint tells from.
pub(crate) struct Metadata {
    ids: Ids,
    book: Mutex<Book>,
    meter: Arc<Meter>,
    tags: Tags,
    records: Records,
}

impl Metadata {
    /// # Errors
    /// If the secret behind the ids of containers cannot be read or made.
    pub(crate) fn open(places: &Places, records: Records, client: Client, cgroups: Cgroups) -> io::Result<Self> {
        Ok(Self {
            ids: Ids::open(&places.metadata_secret())?,
            book: Mutex::default(),
            meter: Arc::new(Meter::new(cgroups, places.clone())),
            tags: Tags::new(client),
            records,
        })
    }

    /// Takes in what the brain saves.
    pub(crate) fn note(&self, save: &Save) {
        match save {
            Save::Put(record) => self.note_task(record),
            Save::Delete(task) => self.forget(task),
            Save::Node(_) => {}
        }
    }

    /// Takes in how a task stands.
    pub(crate) fn note_task(&self, record: &TaskRecord) {
        self.book().put(record, &self.ids);
    }

    fn forget(&self, task: &TaskKey) {
        let forgotten = self.book().delete(task);
        for container in forgotten.iter().flat_map(|record| &record.containers) {
            self.meter.forget(&container.runtime_id);
        }
    }

    /// A network namespace has an address on the bridge.
    pub(crate) fn place(&self, netns: String, address: Ipv4Addr) {
        self.book().place(netns, address);
    }

    /// A network namespace is gone.
    pub(crate) fn displace(&self, netns: &str) {
        self.book().displace(netns);
    }

    /// The variables by which a container finds the endpoint and its region, over the task definition's own. A region that
    /// the task or the image says is left alone.
    pub(crate) fn environment(&self, start: &StartContainer, image: &[String]) -> Vec<(String, String)> {
        let id = self.ids.of(&start.runtime_id);
        let uri = |path: &str| format!("http://{METADATA_ADDRESS}/{path}/{id}");
        let mut variables = vec![
            ("ECS_CONTAINER_METADATA_URI", uri("v3")),
            ("ECS_CONTAINER_METADATA_URI_V4", uri("v4")),
            ("ECS_AGENT_URI", uri("api")),
        ];
        let regions = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let own = start
            .container
            .definition
            .environment
            .iter()
            .map(|(name, _)| name.as_str());
        let of_image = image.iter().filter_map(|entry| entry.split('=').next());
        if !own.chain(of_image).any(|name| regions.contains(&name)) {
            let region = &start.assignment.task.scope.region;
            variables.extend(regions.map(|name| (name, region.to_string())));
        }
        let variables = variables.into_iter();
        variables.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn knows(&self, peer: Ipv4Addr) -> bool {
        self.book().knows(peer)
    }

    /// See [`Book::by_id`]. Holds no lock afterwards.
    fn by_id(&self, id: &str, peer: Ipv4Addr) -> Option<(FoundTask, usize)> {
        self.book().by_id(id, peer)
    }

    /// See [`Book::by_address`]. Holds no lock afterwards.
    fn by_address(&self, peer: Ipv4Addr) -> Option<FoundTask> {
        self.book().by_address(peer)
    }

    /// The ARN of this machine, once it is registered.
    fn instance(&self) -> Option<String> {
        self.records.identity().ok().flatten()?.arn
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no holder of this lock panics")
    }
}

impl Detail {
    fn of(version: Version) -> Self {
        match version {
            Version::V3 => Self::V3,
            Version::V4 => Self::V4,
        }
    }
}
