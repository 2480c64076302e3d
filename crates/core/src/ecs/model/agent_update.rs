//! The update of a machine's agent: what it shall become, and how far it is. Amazon's agent fetches a file and becomes it when
//! it is told so; Berth's own agent is updated with its program, not over the link.

use serde::{Deserialize, Serialize};

use crate::ecs::place::expression::Version;

/// A version of the agent, and where machines fetch it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRelease {
    version: String,
    location: String,
    sha256: String,
}

/// Why a release cannot be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseError {
    /// Its version is not numbers between dots.
    Version,
    /// Agents cannot fetch it from there: the URL does not begin with http:// or https://.
    Location,
    /// Agents could not check what they fetched: the checksum is not 64 hexadecimal digits.
    Sha256,
}

impl AgentRelease {
    /// A release with the checksum of its file.
    ///
    /// # Errors
    /// What agents could not use.
    pub fn new(version: &str, location: &str, sha256: &str) -> Result<Self, ReleaseError> {
        Version::parse(version).ok_or(ReleaseError::Version)?;
        let schemes = ["http://", "https://"];
        let host = schemes.iter().find_map(|scheme| location.strip_prefix(scheme));
        if host.is_none_or(str::is_empty) {
            return Err(ReleaseError::Location);
        }
        if sha256.len() != 64 || !sha256.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ReleaseError::Sha256);
        }
        Ok(Self {
            version: version.to_owned(),
            location: location.to_owned(),
            // Agents compare texts.
            sha256: sha256.to_ascii_lowercase(),
        })
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The file's URL.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The file's SHA-256, in lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Whether an agent of `version` is as new; nothing if that is no version.
    #[must_use]
    pub fn is_reached_by(&self, version: &str) -> Option<bool> {
        Some(Version::parse(version)? >= Version::parse(&self.version)?)
    }
}

/// How far an update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AgentUpdateStatus {
    /// It was asked for; the agent does not know yet.
    Pending,
    /// The agent was told to fetch it.
    Staging,
    /// The agent has it.
    Staged,
    /// The agent ends, to come back as the new one.
    Updating,
    /// The new agent has come.
    Updated,
    /// The agent would not or could not.
    Failed,
}

/// The update that was last asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentUpdate {
    /// What the agent shall become, as it was on offer then.
    pub release: AgentRelease,
    /// How far it is.
    pub status: AgentUpdateStatus,
}

/// What an agent is told to do for an update, and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateStep {
    /// To fetch the new agent.
    Stage,
    /// To become it.
    Perform,
}

impl AgentUpdate {
    /// Whether it may still go on.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        match self.status {
            AgentUpdateStatus::Pending
            | AgentUpdateStatus::Staging
            | AgentUpdateStatus::Staged
            | AgentUpdateStatus::Updating => true,
            AgentUpdateStatus::Updated | AgentUpdateStatus::Failed => false,
        }
    }

    /// How far it is once an agent of `version` has connected. One that had agreed to become the new agent, and comes back as
    /// the old one, has failed; so has one that is Berth's own, which does not become another.
    #[must_use]
    pub fn once_connected(&self, version: Option<&str>, own: bool) -> AgentUpdateStatus {
        let reached = version.and_then(|version| self.release.is_reached_by(version));
        if !self.is_under_way() {
            self.status
        } else if reached == Some(true) {
            AgentUpdateStatus::Updated
        } else if own || self.status == AgentUpdateStatus::Updating {
            AgentUpdateStatus::Failed
        } else {
            self.status
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(version: &str) -> AgentRelease {
        AgentRelease::new(version, "https://there/agent.tar", &"A1".repeat(32)).unwrap()
    }

    #[test]
    fn releases_are_such_that_agents_can_use_them() {
        let (there, sum) = ("http://there/agent.tar", "0".repeat(64));
        for (version, location, sum, wanted) in [
            ("newest", there, sum.as_str(), ReleaseError::Version),
            ("", there, &sum, ReleaseError::Version),
            ("1.2", "ftp://there", &sum, ReleaseError::Location),
            ("1.2", "https://", &sum, ReleaseError::Location),
            ("1.2", there, "0", ReleaseError::Sha256),
            ("1.2", there, &"g".repeat(64), ReleaseError::Sha256),
        ] {
            assert_eq!(
                AgentRelease::new(version, location, sum),
                Err(wanted),
                "{version} {location}"
            );
        }
        assert_eq!(release("1.2").sha256(), "a1".repeat(32), "agents compare texts");
    }

    #[test]
    fn versions_compare_as_numbers() {
        for (version, wanted) in [
            ("1.99.0", Some(false)),
            ("1.106.0", Some(true)),
            ("v1.106.0-rc1", Some(true)),
            ("2.0", Some(true)),
            ("mine", None),
        ] {
            assert_eq!(release("1.106.0").is_reached_by(version), wanted, "{version}");
        }
    }
}
