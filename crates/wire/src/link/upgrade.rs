//! How the sockets open: the query of the upgrade, and the body that refuses one.
//!
//! Source: what agent 1.105.1 sends and reads. The two sockets spell the same facts differently. The upgrade is a
//! signed `GET <endpoint>/ws?<query>` ([`crate::sigv4`], service `ecs`, the hash of an empty body).

use super::Error;
use super::frame::Frame;
use super::text::words;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// Behind the endpoint that DiscoverPollEndpoint names.
pub const PATH: &str = "/ws";
/// The protocol of this crate: an agent that answers heartbeats.
pub const PROTOCOL_VERSION: u32 = 2;

const MAX_QUERY_BYTES: usize = 8192;
const DOCKER_VERSION_PREFIX: &str = "DockerVersion: ";
/// What Go's `url.Values` leaves as it is; a space becomes a plus sign.
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b' ');

/// Who connects. On TCS only the first four and `berth_version` are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connect {
    /// Name or ARN, as configured at the agent.
    pub cluster: String,
    /// ARN.
    pub container_instance_arn: String,
    /// For example `1.105.1`, and the commit it was built from.
    pub agent_version: String,
    /// See `agent_version`.
    pub agent_hash: String,
    /// Of the container runtime.
    pub docker_version: String,
    /// With 2 the agent answers heartbeats, and silence means that it is gone.
    pub protocol_version: Option<u32>,
    /// The agent has lost its tasks' credentials: send them all.
    pub send_credentials: bool,
    /// Always 1 from the stock agent; without meaning.
    pub seq_num: Option<i64>,
    /// The version of [`super::extension`] that the agent understands. The stock agent sends none.
    pub berth_version: Option<u32>,
}

impl Connect {
    /// Reads the query of an upgrade in either spelling. Unknown parameters are skipped; of repeated ones the last
    /// counts.
    ///
    /// # Errors
    /// [`Error::Query`] names the parameter.
    pub fn parse(query: &str) -> Result<Self, Error> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(Error::TooLong(query.len()));
        }
        let mut connect = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            connect.set(name, decode(value)?)?;
        }
        if connect.container_instance_arn.is_empty() {
            return Err(Error::Query("containerInstanceArn"));
        }
        Ok(connect)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Error> {
        match name {
            "clusterArn" | "cluster" => self.cluster = value,
            "containerInstanceArn" | "containerInstance" => self.container_instance_arn = value,
            "agentVersion" => self.agent_version = value,
            "agentHash" => self.agent_hash = value,
            "dockerVersion" => {
                value
                    .strip_prefix(DOCKER_VERSION_PREFIX)
                    .unwrap_or(&value)
                    .clone_into(&mut self.docker_version);
            }
            "protocolVersion" => self.protocol_version = Some(number(&value, "protocolVersion")?),
            "sendCredentials" => self.send_credentials = truth(&value)?,
            "seqNum" => self.seq_num = Some(number(&value, "seqNum")?),
            "berthVersion" => self.berth_version = Some(number(&value, "berthVersion")?),
            _ => {}
        }
        Ok(())
    }

    /// The query for ACS, sorted and encoded as Go's client does.
    #[must_use]
    pub fn to_acs_query(&self) -> String {
        let docker_version = format!("{DOCKER_VERSION_PREFIX}{}", self.docker_version);
        encode(&[
            ("agentHash", Some(self.agent_hash.clone())),
            ("agentVersion", Some(self.agent_version.clone())),
            ("berthVersion", self.berth_version.map(|number| number.to_string())),
            ("clusterArn", Some(self.cluster.clone())),
            ("containerInstanceArn", Some(self.container_instance_arn.clone())),
            ("dockerVersion", Some(docker_version)),
            (
                "protocolVersion",
                self.protocol_version.map(|number| number.to_string()),
            ),
            ("sendCredentials", Some(self.send_credentials.to_string())),
            ("seqNum", self.seq_num.map(|number| number.to_string())),
        ])
    }

    /// The query for TCS, sorted and encoded as Go's client does.
    #[must_use]
    pub fn to_tcs_query(&self) -> String {
        encode(&[
            ("agentHash", Some(self.agent_hash.clone())),
            ("agentVersion", Some(self.agent_version.clone())),
            ("berthVersion", self.berth_version.map(|number| number.to_string())),
            ("cluster", Some(self.cluster.clone())),
            ("containerInstance", Some(self.container_instance_arn.clone())),
            ("dockerVersion", Some(self.docker_version.clone())),
        ])
    }
}

fn decode(value: &str) -> Result<String, Error> {
    let spaced = value.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| Error::Query("(not UTF-8)"))
}

fn encode(parameters: &[(&str, Option<String>)]) -> String {
    let sent = parameters
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
    let pairs = sent.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, FORM)).replace(' ', "+"));
    pairs.collect::<Vec<_>>().join("&")
}

fn number<T: std::str::FromStr>(value: &str, name: &'static str) -> Result<T, Error> {
    value.parse().map_err(|_| Error::Query(name))
}

fn truth(value: &str) -> Result<bool, Error> {
    match value {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err(Error::Query("sendCredentials")),
    }
}

words! {
    /// Why an upgrade is refused.
    RefusalKind {
        /// Our own fault; the agent tries again after a pause.
        Server = "ServerException",
        /// The request cannot be understood.
        BadRequest = "BadRequestException",
        /// No such cluster.
        InvalidCluster = "InvalidClusterException",
        /// No such instance.
        InvalidInstance = "InvalidInstanceException",
        /// Not by this principal.
        AccessDenied = "AccessDeniedException",
        /// Deregistered: the agent drops TCS and stays away from ACS for an hour.
        InactiveInstance = "InactiveInstanceException",
    }
}

/// The body of a refused upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeRefusal {
    /// What the agent acts upon.
    pub kind: RefusalKind,
    /// For people.
    pub message: String,
}

#[derive(Serialize, Deserialize)]
struct RefusalText {
    #[serde(default)]
    message: String,
}

impl UpgradeRefusal {
    /// HTTP status that fits; the agent looks at the body alone.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.kind {
            RefusalKind::Server | RefusalKind::Other(_) => 500,
            RefusalKind::AccessDenied => 403,
            RefusalKind::BadRequest
            | RefusalKind::InvalidCluster
            | RefusalKind::InvalidInstance
            | RefusalKind::InactiveInstance => 400,
        }
    }

    /// The framed form.
    #[must_use]
    pub fn encode(&self) -> String {
        super::frame::encode(
            self.kind.as_str(),
            &RefusalText {
                message: self.message.clone(),
            },
        )
    }

    /// Reads either form: framed, or `{"<kind>":"text"}`.
    #[must_use]
    pub fn parse(body: &str) -> Option<Self> {
        if let Ok(frame) = Frame::parse(body) {
            let message = frame.message::<RefusalText>().ok()?.message;
            return Some(Self {
                kind: RefusalKind::from(frame.kind.into_owned()),
                message,
            });
        }
        let map: std::collections::BTreeMap<String, String> = serde_json::from_str(body).ok()?;
        let (kind, message) = map.into_iter().next()?;
        Some(Self {
            kind: RefusalKind::from(kind),
            message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Connect, RefusalKind, UpgradeRefusal};

    #[test]
    fn both_spellings_and_odd_values() {
        let acs =
            "clusterArn=a+b%2Fc&containerInstanceArn=arn&dockerVersion=DockerVersion%3A+1&sendCredentials=true&x=%FF";
        assert!(Connect::parse(acs).is_err(), "not UTF-8");
        let acs = Connect::parse(acs.trim_end_matches("&x=%FF")).unwrap();
        assert_eq!(
            (acs.cluster.as_str(), acs.docker_version.as_str(), acs.send_credentials),
            ("a b/c", "1", true)
        );
        assert_eq!(acs.berth_version, None);
        let ours = Connect {
            berth_version: Some(1),
            protocol_version: Some(2),
            seq_num: Some(-1),
            ..acs
        };
        assert_eq!(Connect::parse(&ours.to_acs_query()).unwrap(), ours);
        let tcs = Connect::parse(&ours.to_tcs_query()).unwrap();
        assert_eq!(
            (tcs.cluster, tcs.container_instance_arn, tcs.berth_version),
            ("a b/c".into(), "arn".into(), Some(1))
        );
    }

    #[test]
    fn malformed_queries() {
        for query in [
            "",
            "cluster=a",
            "containerInstance=",
            "containerInstance=a&protocolVersion=x",
        ] {
            assert!(Connect::parse(query).is_err(), "{query}");
        }
        for query in [
            "containerInstance=a&sendCredentials=1",
            "containerInstance=a&berthVersion=-1",
        ] {
            assert!(Connect::parse(query).is_err(), "{query}");
        }
        assert!(Connect::parse(&format!("containerInstance={}", "a".repeat(9000))).is_err());
    }

    #[test]
    fn refusals() {
        let refusal = UpgradeRefusal {
            kind: RefusalKind::InactiveInstance,
            message: "gone".into(),
        };
        assert_eq!(
            refusal.encode(),
            r#"{"type":"InactiveInstanceException","message":{"message":"gone"}}"#
        );
        assert_eq!(UpgradeRefusal::parse(&refusal.encode()), Some(refusal.clone()));
        assert_eq!(
            UpgradeRefusal::parse(r#"{"InactiveInstanceException":"gone"}"#),
            Some(refusal)
        );
        for body in ["", "{}", "<html>", r#"{"A":1}"#] {
            assert_eq!(UpgradeRefusal::parse(body), None, "{body}");
        }
    }
}
