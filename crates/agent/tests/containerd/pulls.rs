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
