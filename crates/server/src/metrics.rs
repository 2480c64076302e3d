//! What the control plane counts about itself, as Prometheus reads it.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// What a request called, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    service: &'static str,
    operation: &'static str,
    status: u16,
}

/// What a request called.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabels {
    service: &'static str,
}

/// The counters.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<ServiceLabels, Histogram>,
    /// Agents that are connected.
    pub agents: Gauge<i64, AtomicI64>,
    /// Frames of telemetry that were taken.
    pub telemetry_frames: Counter,
    /// Ended tasks that moved from the state to the history.
    pub archived_tasks: Counter,
}

/// Upper bounds of the buckets of request durations, in seconds.
const BOUNDS_S: [f64; 10] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("berth");
        let requests = Family::<RequestLabels, Counter>::default();
        let seconds = Family::<ServiceLabels, Histogram>::new_with_constructor(|| Histogram::new(BOUNDS_S));
        let (agents, telemetry_frames) = (Gauge::default(), Counter::default());
        registry.register(
            "requests",
            "AWS requests by what they called and how they ended",
            requests.clone(),
        );
        registry.register("request_seconds", "Time to answer AWS requests", seconds.clone());
        registry.register("connected_agents", "Agents whose ACS socket is open", agents.clone());
        registry.register(
            "telemetry_frames",
            "Frames that agents sent on TCS sockets",
            telemetry_frames.clone(),
        );
        let archived_tasks = Counter::default();
        registry.register(
            "archived_tasks",
            "Ended tasks that moved from the state to the history",
            archived_tasks.clone(),
        );
        Self {
            registry,
            requests,
            seconds,
            agents,
            telemetry_frames,
            archived_tasks,
        }
    }
}

impl Metrics {
    /// Counts an answered request.
    pub(crate) fn request(&self, service: &'static str, operation: &'static str, status: u16, took: Duration) {
        self.requests
            .get_or_create(&RequestLabels {
                service,
                operation,
                status,
            })
            .inc();
        self.seconds
            .get_or_create(&ServiceLabels { service })
            .observe(took.as_secs_f64());
    }

    /// All counters as OpenMetrics text.
    #[must_use]
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String cannot fail");
        text
    }
}
