//! Pagination tokens of all services: good for the list that gave them out, and for no other.

use serde_json::{Value, json};

use crate::common::{Client, TestServer};

async fn first_page(client: &Client) -> String {
    for name in ["a", "b", "c"] {
        client.ecs("CreateCluster", json!({"clusterName": name})).await.ok();
    }
    let page = client.ecs("ListClusters", json!({"maxResults": 2})).await.json();
    assert_eq!(names(&page), ["a", "b"]);
    page["nextToken"].as_str().expect("there is more").to_owned()
}

fn names(page: &Value) -> Vec<&str> {
    let arns = page["clusterArns"].as_array().expect("a list").iter();
    arns.map(|arn| arn.as_str().and_then(|arn| arn.rsplit('/').next()).expect("an ARN"))
        .collect()
}

#[tokio::test]
async fn a_page_goes_on_after_a_restart() {
    let server = TestServer::start().await;
    let token = first_page(&server.client()).await;
    let server = server.restart().await;
    let rest = server
        .client()
        .ecs("ListClusters", json!({"nextToken": token}))
        .await
        .json();
    assert_eq!(names(&rest), ["c"]);
    assert!(rest["nextToken"].is_null(), "{rest}");
}

#[tokio::test]
async fn foreign_tokens_are_refused_by_ecs() {
    let server = TestServer::start().await;
    let client = server.client();
    let token = first_page(&client).await;
    let elsewhere = client.in_region("eu-central-1");
    let refused = |token: &str| {
        let text = format!("Invalid token {token}");
        (400, "InvalidParameterException".to_owned(), text)
    };
    let list = |client: Client, operation: &'static str, token: String| async move {
        client.ecs(operation, json!({"nextToken": token})).await.refusal()
    };
    let changed = format!("{}{}", if token.starts_with('A') { 'B' } else { 'A' }, &token[1..]);
    let cut = token[..token.len() - 1].to_owned();
    for foreign in [changed, cut, "bogus".to_owned(), "\u{20ac}".to_owned()] {
        let answer = list(client.clone(), "ListClusters", foreign.clone()).await;
        assert_eq!(answer, refused(&foreign));
    }
    let answer = list(client.clone(), "ListTaskDefinitions", token.clone()).await;
    assert_eq!(answer, refused(&token), "of another operation");
    let answer = list(elsewhere, "ListClusters", token.clone()).await;
    assert_eq!(answer, refused(&token), "of another region");
    let filtered = json!({"familyPrefix": "web", "nextToken": token});
    let answer = client.ecs("ListTaskDefinitionFamilies", filtered).await.refusal();
    assert_eq!(answer, refused(&token), "of another operation, with a filter");
    client.ecs("ListClusters", json!({"nextToken": ""})).await.ok();
}

#[tokio::test]
async fn foreign_tokens_are_refused_by_ec2_and_logs() {
    let server = TestServer::start().await;
    let client = server.client();
    for operation in ["DescribeSubnets", "DescribeVpcs", "DescribeNetworkInterfaces"] {
        let answer = client.ec2(operation, &[("NextToken", "bogus")]).await;
        let text = "The specified nextToken is not valid.".to_owned();
        assert_eq!(
            answer.refusal(),
            (400, "InvalidNextToken".to_owned(), text),
            "{operation}"
        );
    }
    for group in ["a", "b"] {
        client.logs("CreateLogGroup", json!({"logGroupName": group})).await.ok();
    }
    let page = client.logs("DescribeLogGroups", json!({"limit": 1})).await.json();
    let token = &page["nextToken"];
    let rest = client
        .logs("DescribeLogGroups", json!({"nextToken": token}))
        .await
        .json();
    assert_eq!(rest["logGroups"][0]["logGroupName"], "b");
    let filtered = json!({"nextToken": token, "logGroupNamePrefix": "b"});
    for refused in [filtered, json!({"nextToken": "bogus"})] {
        let answer = client.logs("DescribeLogGroups", refused).await.refusal();
        let text = "The specified nextToken is invalid.".to_owned();
        assert_eq!(answer, (400, "InvalidParameterException".to_owned(), text));
    }
}
