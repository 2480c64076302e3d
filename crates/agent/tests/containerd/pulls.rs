//! Pulls from a real registry protocol into a real content store.

use berth_agent::images::{Images, PullErrorKind};
use serde_json::json;

use crate::image::{Blob, Compression, Entry, Image, architecture, busybox_image, busybox_layer, index, tar};
use crate::registry::Registry;
use crate::sandbox::Sandbox;

fn text_layer(name: &str, text: &str) -> Vec<u8> {
    tar(&[Entry::File(name, text.as_bytes())])
}

/// Three layers, compressed in three ways, in an index for several processors.
fn push_layered(registry: &Registry) -> Blob {
    let image = Image::new(
        &[
            (busybox_layer(), Compression::Zstd),
            (text_layer("one", "below\n"), Compression::Gzip),
            (
                tar(&[
                    Entry::File("one", b"above\n"),
                    Entry::File("etc/passwd", b"me:x:5:6:::\n"),
                ]),
                Compression::None,
            ),
        ],
        &json!({ "Entrypoint": ["cat"], "Cmd": ["/one"], "User": "me", "StopSignal": "SIGQUIT" }),
    );
    let foreign = busybox_image();
    registry.push("library/layered", "only-mine", &image);
    let index = index(&[("s390x", &foreign.manifest), (architecture(), &image.manifest)]);
    registry.push_manifest("library/layered", "1", &index);
    index
}

#[tokio::test]
async fn a_layered_image_comes_from_a_mirror_of_docker_hub_and_runs() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    registry.require_token();
    let index = push_layered(&registry);
    let mirror = format!("docker.io=http://{}", registry.address).parse().unwrap();
    let images = Images::new(sandbox.containerd.clone(), vec![mirror]).unwrap();

    let image = images.pull("layered:1").await.unwrap();
    assert_eq!(image.name, "docker.io/library/layered:1");
    assert_eq!(image.digest.as_str(), index.digest());
    assert_eq!(image.config.entrypoint, ["cat"]);
    assert_eq!(image.config.stop_signal.as_deref(), Some("SIGQUIT"));
    assert!(image.bytes_fetched >= image.size_bytes);

    let mut spec = sandbox.script("c1", &image, "id -u; id -g; cat /one");
    spec.process.user.clone_from(&image.config.user);
    sandbox.run(&spec).await;
    assert_eq!(sandbox.containerd.wait("c1").await.unwrap().code, 0);
    assert_eq!(sandbox.output("c1"), "5\n6\nabove\n");

    registry.forget_requests();
    let again = images.pull("docker.io/library/layered:1").await.unwrap();
    assert_eq!((again.bytes_fetched, &again.digest), (0, &image.digest));
    assert_eq!((registry.asked("HEAD"), registry.asked("GET")), (1, 0));
}

#[tokio::test]
async fn docker_s_own_manifests_and_pinned_digests_work() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    let image = busybox_image().into_docker();
    registry.push("busybox", "1", &image);
    let pinned = registry.name(&format!("busybox@{}", image.manifest.digest()));
    let first = sandbox.images.pull(&pinned).await.unwrap();
    assert_eq!(first.name, pinned);
    registry.forget_requests();
    assert_eq!(sandbox.images.pull(&pinned).await.unwrap().bytes_fetched, 0);
    assert_eq!(registry.asked(""), 0, "pinned content needs no registry");
    let by_tag = sandbox.images.pull(&registry.name("busybox:1")).await.unwrap();
    assert_eq!((by_tag.digest, by_tag.bytes_fetched), (first.digest, 0));
}

#[tokio::test]
async fn failures_have_kinds_and_the_known_texts() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    let pull = async |name: &str| sandbox.images.pull(&registry.name(name)).await.unwrap_err();

    let missing = pull("nope:latest").await;
    let full = registry.name("nope:latest");
    assert_eq!(missing.kind, PullErrorKind::NotFound);
    assert_eq!(
        missing.to_string(),
        format!("pull image manifest has been retried 1 time(s): failed to resolve ref {full}: {full}: not found")
    );

    let foreign = index(&[("s390x", &busybox_image().manifest)]);
    registry.push_manifest("foreign", "1", &foreign);
    let no_platform = pull("foreign:1").await;
    assert_eq!(no_platform.kind, PullErrorKind::NoMatchingPlatform);
    assert!(
        no_platform
            .to_string()
            .ends_with(&format!("matching platform 'linux/{}'", architecture()))
    );

    let image = busybox_image();
    registry.push("corrupt", "1", &image);
    registry.corrupt(&image.blobs[0].digest());
    let corrupt = pull("corrupt:1").await;
    assert_eq!(corrupt.kind, PullErrorKind::DigestMismatch, "{corrupt}");

    registry.deny();
    let denied = pull("nope:latest").await;
    assert_eq!(denied.kind, PullErrorKind::Unauthorized);
    assert!(
        denied
            .to_string()
            .contains("pull access denied, repository does not exist or may require authorization")
    );

    let invalid = sandbox.images.pull("Bad Name").await.unwrap_err();
    assert_eq!(invalid.kind, PullErrorKind::InvalidReference);
}

#[tokio::test]
async fn what_a_registry_refuses_is_told_in_the_words_of_docker_and_of_containerd() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    let name = registry.name("app:1");
    let told = async |name: &str| {
        let error = sandbox.images.pull(name).await.unwrap_err();
        let message = error.to_string().replace(&registry.address.to_string(), "REGISTRY");
        (error.kind, error.manifest.map(|it| (it.by_tag, it.docker)), message)
    };
    let retried = "pull image manifest has been retried 1 time(s): failed to resolve ref REGISTRY/app:1: ";
    let by_tag = |docker: &str| Some((true, docker.to_owned()));
    let open = "httpReadSeeker: failed open: unexpected status code http://REGISTRY/v2/app/manifests/1: ";
    let denied = "pull access denied, repository does not exist or may require authorization: server message: ";
    let unauthorized = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
    let forbidden = r#"{"errors":[{"code":"DENIED","message":"User: x is not authorized"}]}"#;
    let unknown = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest tagged by \"1\" is not found"}]}"#;
    let limited = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}"#;
    let cases = [
        (
            (401, unauthorized),
            PullErrorKind::Unauthorized,
            "unauthorized: authentication required",
            format!("{denied}unauthorized: authentication required"),
        ),
        (
            (401, ""),
            PullErrorKind::Unauthorized,
            "unauthorized: authentication required",
            format!("{denied}authorization failed"),
        ),
        (
            (403, forbidden),
            PullErrorKind::Unauthorized,
            "denied: User: x is not authorized",
            format!("{open}403 Forbidden - Server message: denied: User: x is not authorized"),
        ),
        (
            (404, unknown),
            PullErrorKind::NotFound,
            "manifest unknown: manifest tagged by \"1\" is not found",
            "REGISTRY/app:1: not found".to_owned(),
        ),
        (
            (404, "<html>"),
            PullErrorKind::NotFound,
            "manifest unknown: manifest unknown",
            "REGISTRY/app:1: not found".to_owned(),
        ),
        (
            (429, limited),
            PullErrorKind::RateLimited,
            "toomanyrequests: You have reached your pull rate limit.",
            format!(
                "{open}429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit."
            ),
        ),
    ];
    for ((status, body), kind, docker, containerd) in cases {
        registry.refuse("/v2/", status, body);
        assert_eq!(
            told(&name).await,
            (kind, by_tag(docker), format!("{retried}{containerd}"))
        );
    }
}

#[tokio::test]
async fn what_cannot_be_had_by_digest_is_no_failure_to_resolve_a_tag() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    let name = registry.name(&format!("app@sha256:{}", "0".repeat(64)));
    let docker = async || {
        let error = sandbox.images.pull(&name).await.unwrap_err();
        let manifest = error.manifest.unwrap();
        assert!(!manifest.by_tag);
        manifest.docker
    };
    assert_eq!(
        docker().await,
        format!("manifest for {name} not found: manifest unknown: manifest unknown")
    );
    registry.refuse("/v2/", 403, "");
    assert_eq!(
        docker().await,
        format!(
            "pull access denied for {}, repository does not exist or may require 'docker login': \
             denied: requested access to the resource is denied",
            registry.name("app")
        )
    );
}

#[tokio::test]
async fn a_token_server_that_wants_credentials_is_told_of() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    registry.require_token();
    registry.refuse("/token", 401, "");
    let error = sandbox.images.pull(&registry.name("app:1")).await.unwrap_err();
    assert_eq!(error.kind, PullErrorKind::Unauthorized);
    let token = format!(
        "http://{}/token?service=test&scope=repository%3Aapp%3Apull",
        registry.address
    );
    assert!(
        error.to_string().ends_with(&format!(
            ": failed to authorize: failed to fetch anonymous token: \
             unexpected status from GET request to {token}: 401 Unauthorized"
        )),
        "{error}"
    );
    assert_eq!(error.manifest.unwrap().docker, "unauthorized: authentication required");
}

#[tokio::test]
async fn a_manifest_that_is_none_and_a_layer_that_is_refused() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    let mut image = busybox_image();
    registry.push("library/app", "1", &image);
    let path = format!("/v2/library/app/blobs/{}", image.blobs[0].digest());
    registry.refuse(&path, 403, "");
    let layer = sandbox.images.pull(&registry.name("library/app:1")).await.unwrap_err();
    assert_eq!(layer.manifest, None, "the manifest is there");
    assert_eq!(
        layer.to_string(),
        format!(
            "ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: \
             unexpected status code http://{}{path}: 403 Forbidden",
            registry.address
        )
    );

    image.manifest.bytes = b"<html>".to_vec();
    registry.push_manifest("garbage", "1", &image.manifest);
    let garbage = sandbox.images.pull(&registry.name("garbage:1")).await.unwrap_err();
    let told = garbage.manifest.unwrap();
    assert!(
        told.by_tag && told.docker.starts_with("cannot read the image manifest: "),
        "{told:?}"
    );

    let foreign = index(&[("s390x", &busybox_image().manifest)]);
    registry.push_manifest("foreign", "1", &foreign);
    let foreign = sandbox.images.pull(&registry.name("foreign:1")).await.unwrap_err();
    assert_eq!(foreign.manifest, None, "the manifest is there");
}

#[tokio::test]
async fn a_corrupt_layer_is_forgotten_so_that_the_next_pull_succeeds() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    let image = busybox_image();
    registry.push("busybox", "1", &image);
    registry.corrupt(&image.blobs[0].digest());
    let name = registry.name("busybox:1");
    sandbox.images.pull(&name).await.unwrap_err();
    registry.push_blobs(&image.blobs);
    sandbox.images.pull(&name).await.unwrap();
}

#[tokio::test]
async fn a_registry_that_is_away_matters_only_for_what_is_not_here() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    registry.push("busybox", "1", &busybox_image());
    let (name, other) = (registry.name("busybox:1"), registry.name("other:1"));
    let image = sandbox.images.pull(&name).await.unwrap();
    registry.stop().await;

    let cached = sandbox.images.pull(&name).await.unwrap();
    assert_eq!((cached.bytes_fetched, &cached.digest), (0, &image.digest));
    // An agent that was restarted knows as much.
    let images = Images::new(sandbox.containerd.clone(), Vec::new()).unwrap();
    assert_eq!(images.stored(&name, &image.digest).await.unwrap().config, image.config);
    assert_eq!(images.pull(&name).await.unwrap().chain_id, image.chain_id);

    let away = images.pull(&other).await.unwrap_err();
    assert_eq!(away.kind, PullErrorKind::Unreachable);
    assert!(away.to_string().contains("retried 5 time(s)"), "{away}");
    assert!(
        away.to_string().contains("failed to do request: Head \"http://"),
        "{away}"
    );
}

#[tokio::test]
async fn a_broken_transfer_goes_on_where_it_was() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    let image = busybox_image();
    registry.push("busybox", "1", &image);
    registry.break_next_transfer(&image.blobs[0].digest());
    let pulled = sandbox.images.pull(&registry.name("busybox:1")).await.unwrap();
    assert_eq!(registry.asked("bytes="), 1, "the rest was asked for");
    let whole = image.manifest.bytes.len() as u64 + pulled.size_bytes;
    assert!(pulled.bytes_fetched < whole + whole / 2, "not everything came twice");
}

#[tokio::test]
async fn pulls_at_the_same_time_are_one() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    registry.push("busybox", "1", &busybox_image());
    registry.push("busybox", "other-tag", &busybox_image());
    let (one, other) = (registry.name("busybox:1"), registry.name("busybox:other-tag"));
    let pulls = [&one, &one, &one, &other].map(|name| sandbox.images.pull(name));
    let pulled = futures_util::future::try_join_all(pulls).await.unwrap();
    assert!(pulled.iter().all(|image| image.digest == pulled[0].digest));
    assert_eq!(registry.asked("HEAD /v2/busybox/manifests/1"), 1);
    assert_eq!(
        registry.asked(&format!("blobs/{}", busybox_image().blobs[0].digest())),
        1
    );
}

#[tokio::test]
async fn the_garbage_collector_leaves_images_alone_even_when_their_tag_moves() {
    let sandbox = Sandbox::start().await;
    let registry = Registry::start().await;
    let name = registry.name("busybox:1");
    registry.push("busybox", "1", &busybox_image());
    let old = sandbox.images.pull(&name).await.unwrap();
    let newer = Image::new(
        &[
            (busybox_layer(), Compression::None),
            (text_layer("new", "yes"), Compression::Gzip),
        ],
        &json!({}),
    );
    registry.push("busybox", "1", &newer);
    let new = sandbox.images.pull(&name).await.unwrap();
    assert_ne!(old.digest, new.digest);

    // Deleting a container makes containerd collect.
    sandbox.run(&sandbox.script("c1", &new, "exit 0")).await;
    sandbox.containerd.wait("c1").await.unwrap();
    sandbox.containerd.delete("c1").await.unwrap();
    registry.stop().await;
    for image in [&old, &new] {
        let images = Images::new(sandbox.containerd.clone(), Vec::new()).unwrap();
        let stored = images.stored(&name, &image.digest).await.unwrap();
        assert_eq!(stored.chain_id, image.chain_id);
        sandbox.run(&sandbox.script("c2", image, "exit 4")).await;
        assert_eq!(sandbox.containerd.wait("c2").await.unwrap().code, 4);
        sandbox.containerd.destroy("c2").await.unwrap();
    }
}
