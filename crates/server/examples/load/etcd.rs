//! Puts to etcd over its gRPC, a channel of its own per connection.
//!
//! The two messages are written down here by the published numbers of their members, which spares a crate that generates
//! them all.

use anyhow::Result;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

/// `etcdserverpb.PutRequest`, as far as it is used.
#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `etcdserverpb.PutResponse`: none of it is used.
#[derive(Clone, PartialEq, prost::Message)]
struct PutResponse {}

/// Bytes of a value: about as many as the store of the control plane writes for a task definition of this tool.
const VALUE_BYTES: usize = 1024;

/// Opens a connection.
pub(crate) async fn connect(address: String, _number: u64) -> Result<Connection> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .tcp_nodelay(true)
        .connect()
        .await?;
    Ok(Connection {
        client: Grpc::new(channel),
    })
}

/// A connection on which puts follow each other.
pub(crate) struct Connection {
    client: Grpc<Channel>,
}

impl crate::Connection for Connection {
    async fn call(&mut self, number: u64) -> Result<()> {
        self.client.ready().await?;
        let request = PutRequest {
            key: format!("bench/{}", number % 64_000).into_bytes(),
            value: vec![b'x'; VALUE_BYTES],
        };
        let path = PathAndQuery::from_static("/etcdserverpb.KV/Put");
        let codec: ProstCodec<PutRequest, PutResponse> = ProstCodec::default();
        self.client.unary(tonic::Request::new(request), path, codec).await?;
        Ok(())
    }
}
