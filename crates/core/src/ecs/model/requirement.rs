//! Devices of the machine that containers ask for: `resourceRequirements`.
//!
//! GPUs are shared out by their ids, each to one container at a time. The other kinds are kept with the definition and
//! refused when it is run.

use serde::{Deserialize, Serialize};

use crate::kernel::Opaque;

/// One of `resourceRequirements`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Requirement {
    /// GPUs that no other container has meanwhile.
    Gpus(GpuCount),
    /// Part of a GPU: its `sharingStrategy`. It is not carried out.
    SharedGpu(Opaque),
    /// All Neuron devices of the machine. They are not shared out.
    NeuronDevices,
    /// The accelerator of this name. There are none.
    Accelerator(String),
}

/// How many GPUs a container asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GpuCount {
    /// This many, at least one.
    Some(u32),
    /// `ALL`: every GPU of the machine, which has one at least.
    All,
}

/// The GPUs that a task needs of its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuNeed {
    /// How many its containers ask for by number.
    pub count: u32,
    /// How many of its containers ask for all of them.
    pub whole: u32,
}

impl Requirement {
    /// The word of its type in the API.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Gpus(_) | Self::SharedGpu(_) => "GPU",
            Self::NeuronDevices => "NeuronDevice",
            Self::Accelerator(_) => "InferenceAccelerator",
        }
    }

    /// Its value in the API, if it has one.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        match self {
            Self::Gpus(GpuCount::Some(count)) => Some(count.to_string()),
            Self::Gpus(GpuCount::All) | Self::NeuronDevices => Some("ALL".to_owned()),
            Self::SharedGpu(_) => None,
            Self::Accelerator(name) => Some(name.clone()),
        }
    }
}

impl GpuNeed {
    /// What these requirements of one or more containers come to.
    #[must_use]
    pub fn of<'a>(requirements: impl Iterator<Item = &'a Requirement>) -> Self {
        requirements.fold(Self::default(), |need, requirement| match requirement {
            Requirement::Gpus(GpuCount::Some(count)) => Self {
                count: need.count.saturating_add(*count),
                ..need
            },
            Requirement::Gpus(GpuCount::All) => Self {
                whole: need.whole.saturating_add(1),
                ..need
            },
            Requirement::SharedGpu(_) | Requirement::NeuronDevices | Requirement::Accelerator(_) => need,
        })
    }

    /// Whether nothing is needed.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// Whether a machine that has `all` GPUs, of which no task holds `free`, has what is needed. All of them go to one
    /// container, and to nobody beside it.
    #[must_use]
    pub fn fits(self, all: usize, free: usize) -> bool {
        match (self.whole, self.count) {
            (0, count) => free >= count as usize,
            (1, 0) => all > 0 && free == all,
            (_, _) => false,
        }
    }
}
