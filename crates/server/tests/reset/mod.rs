//! `POST /_berth/reset`, as test suites and as web pages send it.

use serde_json::json;

use crate::common::TestServer;

#[tokio::test]
async fn a_test_suite_may_wipe_the_state_and_a_web_page_may_not() {
    let server = TestServer::start_with_reset().await;
    let client = server.client();
    client.ecs("CreateCluster", json!({ "clusterName": "kept" })).await.ok();
    let clusters = async || client.ecs("ListClusters", json!({})).await.json()["clusterArns"].clone();

    let (status, text) = client.reset(&[("origin", "https://page.example")]).await;
    assert_eq!(status, 403, "{text}");
    assert!(text.contains("Origin"), "{text}");
    let (status, text) = client.reset(&[("host", "rebound.example")]).await;
    assert_eq!(status, 403, "{text}");
    assert!(text.contains("localhost"), "{text}");
    assert!(clusters().await.to_string().contains("cluster/kept"));

    let (status, text) = client.reset(&[]).await;
    assert_eq!(status, 200, "{text}");
    assert!(!clusters().await.to_string().contains("cluster/kept"));
}

#[tokio::test]
async fn it_is_off_unless_it_was_allowed() {
    let (status, text) = TestServer::start().await.client().reset(&[]).await;
    assert_eq!(status, 403, "{text}");
    assert!(text.contains("--allow-reset"), "{text}");
}
