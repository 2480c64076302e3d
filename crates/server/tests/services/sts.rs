//! Who a caller is, as clients of STS see it; and that wrong signatures are nobody.

use crate::common::{ACCOUNT, TestServer};

#[tokio::test]
async fn callers_learn_who_they_are() {
    let server = TestServer::start().await;
    let answer = server.client().sts("GetCallerIdentity", &[]).await.ok();
    assert_eq!(answer.texts("Account"), [ACCOUNT]);
    assert_eq!(answer.texts("Arn"), [format!("arn:aws:iam::{ACCOUNT}:root")]);
    assert_eq!(answer.texts("UserId"), [ACCOUNT]);
}

#[tokio::test]
async fn a_wrong_secret_is_nobody() {
    let server = TestServer::start().await;
    let answer = server
        .client()
        .with_secret("guessed")
        .sts("GetCallerIdentity", &[])
        .await;
    let (status, code, _) = answer.refusal();
    assert_eq!((status, code.as_str()), (403, "SignatureDoesNotMatch"));
}

#[tokio::test]
async fn what_is_not_built_is_refused() {
    let server = TestServer::start().await;
    let role = format!("arn:aws:iam::{ACCOUNT}:role/r");
    let parameters = [("RoleArn", role.as_str()), ("RoleSessionName", "session")];
    for (operation, parameters) in [
        ("AssumeRole", &parameters[..]),
        ("GetSessionToken", &[][..]),
        ("GetNothing", &[][..]),
    ] {
        assert_eq!(
            server.client().sts(operation, parameters).await.code(),
            "InvalidAction",
            "{operation}"
        );
    }
}
