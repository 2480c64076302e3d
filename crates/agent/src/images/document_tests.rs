//! Documents as Docker and OCI tools write them.

use super::*;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn entry(os: &str, architecture: &str, digest: &str) -> String {
    format!(
        r#"{{"mediaType":"m","digest":"{digest}","size":1,"platform":{{"os":"{os}","architecture":"{architecture}"}}}}"#
    )
}

fn index(entries: &[String]) -> Vec<Descriptor> {
    let json = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
    match parse_document(json.as_bytes()).unwrap() {
        (_, Document::Index(manifests)) => manifests,
        (_, Document::Manifest { .. }) => panic!("not an index"),
    }
}

#[test]
fn a_docker_manifest_keeps_its_media_type() {
    let json = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",
            "config":{{"mediaType":"c","digest":"{A}","size":3}},
            "layers":[{{"mediaType":"l","digest":"{B}","size":4,"urls":[]}}]}}"#
    );
    let (media_type, document) = parse_document(json.as_bytes()).unwrap();
    assert_eq!(media_type, "application/vnd.docker.distribution.manifest.v2+json");
    let Document::Manifest { config, layers } = document else {
        panic!("not a manifest");
    };
    assert_eq!((config.digest.as_str(), config.size), (A, 3));
    assert_eq!((layers[0].digest.as_str(), layers[0].size), (B, 4));
}

#[test]
fn the_machine_s_variant_is_selected() {
    let manifests = index(&[
        entry("unknown", "unknown", B),
        entry("windows", "amd64", B),
        entry("linux", "arm64", B),
        entry("linux", "amd64", A),
    ]);
    assert_eq!(select_platform(&manifests, "amd64").unwrap().digest.as_str(), A);
    let missing = select_platform(&manifests, "riscv64").unwrap_err();
    assert_eq!(missing.kind, PullErrorKind::NoMatchingPlatform);
    assert_eq!(
        missing.message,
        "image Manifest does not contain descriptor matching platform 'linux/riscv64'"
    );
}

#[test]
fn an_entry_without_platform_is_the_last_resort() {
    let plain = format!(r#"{{"mediaType":"m","digest":"{B}","size":1}}"#);
    let manifests = index(&[plain.clone(), entry("linux", "amd64", A)]);
    assert_eq!(select_platform(&manifests, "amd64").unwrap().digest.as_str(), A);
    assert_eq!(select_platform(&index(&[plain]), "amd64").unwrap().digest.as_str(), B);
}

#[test]
fn documents_that_cannot_be_pulled_say_why() {
    for (json, reason) in [
        (r#"{"schemaVersion":1,"fsLayers":[]}"#, "schema version 1"),
        (r#"{"schemaVersion":2}"#, "neither an index nor a manifest"),
        ("<html>", "expected value"),
        (
            r#"{"manifests":[{"mediaType":"m","digest":"../../etc/passwd","size":1}]}"#,
            "not a sha256 digest",
        ),
    ] {
        let failure = parse_document(json.as_bytes()).unwrap_err();
        assert!(failure.message.contains(reason), "{}", failure.message);
    }
}

#[test]
fn a_configuration_with_nulls_and_sets() {
    let json = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Entrypoint":null,"Cmd":["httpd"],
            "Env":["A=1"],"User":"www","WorkingDir":"/x","StopSignal":"SIGWINCH",
            "Volumes":{{"/data":{{}}}},"ExposedPorts":{{"80/tcp":{{}}}},"Labels":null}},
            "rootfs":{{"type":"layers","diff_ids":["{A}","{B}"]}}}}"#
    );
    let document = parse_config(json.as_bytes()).unwrap();
    let words = |text: &str| vec![text.to_owned()];
    assert_eq!(
        document.config,
        ImageConfig {
            entrypoint: Vec::new(),
            cmd: words("httpd"),
            env: words("A=1"),
            user: "www".to_owned(),
            working_dir: "/x".to_owned(),
            stop_signal: Some("SIGWINCH".to_owned()),
            volumes: words("/data"),
            exposed_ports: words("80/tcp"),
        }
    );
    assert_eq!(document.diff_ids.len(), 2);
    let bare = parse_config(br#"{"rootfs":{"type":"layers"}}"#).unwrap();
    assert_eq!(bare.config, ImageConfig::default());
}

#[test]
fn chain_ids_follow_the_oci_specification() {
    let diff_ids: Vec<Digest> = [A, B].iter().map(|text| text.parse().unwrap()).collect();
    let chain = chain_ids(&diff_ids);
    assert_eq!(chain[0], A);
    assert_eq!(chain[1], Digest::of(format!("{A} {B}").as_bytes()).to_string());
    assert!(chain_ids(&[]).is_empty());
}
