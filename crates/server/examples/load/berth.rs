//! Signed calls of ECS over plain HTTP/1.1 connections. The answer is read whole and must be a success; it is not decoded.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use berth_wire::protocol::{Outgoing, encode_call};
use berth_wire::shapes::ecs;
use berth_wire::sigv4::{Credentials, PayloadHash, RequestHead, Secret, SigningTarget, sign};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// RegisterTaskDefinition: a new entity of about a kilobyte with each call.
    Register,
    /// TagResource of a cluster: one of 64 entities is written again.
    Tag,
    /// DescribeClusters of one cluster.
    Describe,
}

/// What all connections share.
pub(crate) struct Caller {
    address: String,
    kind: Kind,
    credentials: Credentials,
    account: String,
}

impl Caller {
    /// Calls `operation` at `address` with the key in the environment.
    pub(crate) fn new(address: &str, operation: &str) -> Result<Self> {
        let variable = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
        Ok(Self {
            address: address.to_owned(),
            kind: match operation {
                "register" => Kind::Register,
                "tag" => Kind::Tag,
                "describe" => Kind::Describe,
                other => bail!("{other} is not an operation of this tool"),
            },
            credentials: Credentials {
                access_key_id: variable("AWS_ACCESS_KEY_ID")?,
                secret: Secret {
                    secret_access_key: variable("AWS_SECRET_ACCESS_KEY")?,
                    session_token: None,
                },
            },
            account: variable("BERTH_ACCOUNT_ID")?,
        })
    }

    fn outgoing(&self, number: u64) -> Outgoing {
        let cluster = format!("bench-{}", number % 64);
        match self.kind {
            Kind::Register => encode_call(definition(number)),
            Kind::Tag => encode_call(ecs::TagResourceRequest {
                resource_arn: format!("arn:aws:ecs:us-east-1:{}:cluster/{cluster}", self.account),
                tags: vec![ecs::Tag {
                    key: Some("turn".to_owned()),
                    value: Some(number.to_string()),
                }],
            }),
            Kind::Describe => encode_call(ecs::DescribeClustersRequest {
                clusters: Some(vec![cluster]),
                ..ecs::DescribeClustersRequest::default()
            }),
        }
    }

    /// The bytes of a signed request.
    fn request(&self, outgoing: &Outgoing) -> Result<Vec<u8>> {
        let mut headers: Vec<(&str, &str)> = outgoing
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        headers.push(("host", &self.address));
        let raw: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let head = RequestHead {
            method: "POST",
            target: "/",
            headers: &raw,
        };
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let target = SigningTarget {
            region: "us-east-1",
            service: "ecs",
        };
        let body = PayloadHash::of(&outgoing.body);
        let signature = sign(&head, &body, &self.credentials, target, i64::try_from(now_ms)?)
            .map_err(|error| anyhow::anyhow!("cannot sign: {error:?}"))?;
        let mut text = String::from("POST / HTTP/1.1\r\n");
        for (name, value) in headers.into_iter().chain(signature.iter()) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n", outgoing.body.len()));
        Ok([text.as_bytes(), &outgoing.body].concat())
    }
}

fn definition(number: u64) -> ecs::RegisterTaskDefinitionRequest {
    let variable = |at: u64| ecs::KeyValuePair {
        name: Some(format!("VARIABLE_{at}")),
        value: Some(format!("value {at} of registration {number}")),
    };
    ecs::RegisterTaskDefinitionRequest {
        family: format!("bench-{}", number % 1000),
        container_definitions: vec![ecs::ContainerDefinition {
            name: Some("main".to_owned()),
            image: Some("registry.example.com/team/application:1.2.3".to_owned()),
            memory: Some(128),
            environment: Some((0..8).map(variable).collect()),
            ..ecs::ContainerDefinition::default()
        }],
        ..ecs::RegisterTaskDefinitionRequest::default()
    }
}

/// Opens a connection.
pub(crate) async fn connect(caller: Arc<Caller>, _number: u64) -> Result<Connection> {
    let stream = TcpStream::connect(&caller.address).await?;
    stream.set_nodelay(true)?;
    Ok(Connection {
        caller,
        stream,
        buffer: Vec::new(),
    })
}

/// A connection on which requests follow each other.
pub(crate) struct Connection {
    caller: Arc<Caller>,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl crate::Connection for Connection {
    async fn call(&mut self, number: u64) -> Result<()> {
        let request = self.caller.request(&self.caller.outgoing(number))?;
        self.stream.write_all(&request).await?;
        self.buffer.clear();
        let head_end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more().await?;
        };
        let head = std::str::from_utf8(&self.buffer[..head_end])?.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.context("an answer without a length")?.trim().parse()?;
        while self.buffer.len() < head_end + length {
            self.read_more().await?;
        }
        ensure!(
            head.starts_with("http/1.1 200"),
            "{}",
            String::from_utf8_lossy(&self.buffer)
        );
        Ok(())
    }
}

impl Connection {
    async fn read_more(&mut self) -> Result<()> {
        ensure!(
            self.stream.read_buf(&mut self.buffer).await? > 0,
            "the connection was closed"
        );
        Ok(())
    }
}
