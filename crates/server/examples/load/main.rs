//! A load generator: signed calls to a control plane, or puts to an etcd, over a number of connections that are kept.
//!
//! `cargo xtask bench api` runs it against both in turns. It prints one line of JSON: calls, errors, calls per second and
//! percentiles of their durations in microseconds. It judges nothing.

mod berth;
mod etcd;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// `load TARGET ADDRESS OPERATION CONNECTIONS SECONDS`; TARGET is `berth` or `etcd`, OPERATION one of [`berth::Kind`] or `put`.
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, address, operation, connections, seconds] = &arguments[..] else {
        bail!("usage: load berth|etcd HOST:PORT OPERATION CONNECTIONS SECONDS");
    };
    let plan = Plan {
        connections: connections.parse().context("CONNECTIONS is a number")?,
        duration: Duration::from_secs(seconds.parse().context("SECONDS is a number")?),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let samples = match target.as_str() {
        "berth" => {
            let caller = Arc::new(berth::Caller::new(address, operation)?);
            runtime.block_on(plan.run(|number| berth::connect(Arc::clone(&caller), number)))?
        }
        "etcd" => runtime.block_on(plan.run(|number| etcd::connect(address.clone(), number)))?,
        other => bail!("{other} is neither berth nor etcd"),
    };
    println!("{}", samples.report());
    Ok(())
}

/// How much load, and for how long.
struct Plan {
    connections: u64,
    duration: Duration,
}

/// One connection, on which calls follow each other.
trait Connection: Send + 'static {
    /// Makes the call with this number and waits for its answer.
    fn call(&mut self, number: u64) -> impl Future<Output = Result<()>> + Send;
}

impl Plan {
    /// Opens all connections, then lets them call until the time is over.
    async fn run<C: Connection, F: Future<Output = Result<C>>>(&self, open: impl Fn(u64) -> F) -> Result<Samples> {
        let mut connections = Vec::new();
        for number in 0..self.connections {
            connections.push(open(number).await.context("cannot connect")?);
        }
        let next = Arc::new(AtomicU64::new(0));
        let begun = Instant::now();
        let end = begun + self.duration;
        let workers: Vec<_> = connections
            .into_iter()
            .map(|connection| tokio::spawn(work(connection, Arc::clone(&next), end)))
            .collect();
        let mut samples = Samples::default();
        for worker in workers {
            let done = worker.await.context("a worker ended early")?;
            samples.errors += done.errors;
            samples.durations_us.extend(done.durations_us);
        }
        samples.took = begun.elapsed();
        Ok(samples)
    }
}

async fn work(mut connection: impl Connection, next: Arc<AtomicU64>, end: Instant) -> Samples {
    let mut samples = Samples::default();
    while Instant::now() < end {
        let begun = Instant::now();
        match connection.call(next.fetch_add(1, Ordering::Relaxed)).await {
            Ok(()) => samples
                .durations_us
                .push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX)),
            Err(error) => {
                eprintln!("{error:#}");
                samples.errors += 1;
                break;
            }
        }
    }
    samples
}

/// What was measured.
#[derive(Default)]
struct Samples {
    durations_us: Vec<u32>,
    errors: u64,
    took: Duration,
}

impl Samples {
    fn report(mut self) -> serde_json::Value {
        self.durations_us.sort_unstable();
        let count = self.durations_us.len();
        let percentile = |share: usize| {
            self.durations_us
                .get((count * share / 100).min(count.saturating_sub(1)))
        };
        serde_json::json!({
            "calls": count,
            "errors": self.errors,
            "per_second": (count as f64 / self.took.as_secs_f64()).round(),
            "p50_us": percentile(50),
            "p99_us": percentile(99),
        })
    }
}
