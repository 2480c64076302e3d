//! `cargo xtask shapes`: turns the published service models into the tables of `crates/wire/src/shapes`.
//!
//! Why generated and committed: nobody types 743 shapes, and nobody needs the network to build. The models come from
//! botocore, which AWS publishes for its own tools; their documentation texts stay out. Which services and operations
//! get shapes stands in one table, [`SERVICES`]. Freshness without network is the business of [`stamp`].

mod emit;
mod fetch;
mod model;
mod names;
pub(crate) mod stamp;

use std::path::Path;

use anyhow::{Context, Result, bail};

use model::Model;

/// The release of botocore whose models are used.
const BOTOCORE_VERSION: &str = "1.44.5";

/// Where the generated files go, inside the repository.
const TARGET: &str = "crates/wire/src/shapes";

/// Which operations of a service get shapes. The names of all others are generated too.
enum Selection {
    /// Every operation.
    Whole,
    /// These, in any order.
    Only(&'static [&'static str]),
}

/// The folder of each service in botocore and what is generated of it.
const SERVICES: &[(&str, Selection)] = &[
    (
        "ec2",
        Selection::Only(&[
            "DescribeAvailabilityZones",
            "DescribeNetworkInterfaces",
            "DescribeRegions",
            "DescribeSecurityGroups",
            "DescribeSubnets",
            "DescribeVpcs",
        ]),
    ),
    ("ecs", Selection::Whole),
    (
        "logs",
        Selection::Only(&[
            "CreateLogGroup",
            "CreateLogStream",
            "DeleteLogGroup",
            "DeleteLogStream",
            "DeleteRetentionPolicy",
            "DescribeLogGroups",
            "DescribeLogStreams",
            "FilterLogEvents",
            "GetLogEvents",
            "ListTagsForResource",
            "PutLogEvents",
            "PutRetentionPolicy",
            "TagResource",
        ]),
    ),
    ("sts", Selection::Only(&["AssumeRole", "GetCallerIdentity"])),
];

/// A member that public clients send although the published model does not have it.
struct Addition {
    service: &'static str,
    structure: &'static str,
    member: &'static str,
    /// A shape of the model.
    shape: &'static str,
}

/// What the public ECS agent sends beyond the model. Seen in `tests/data/agent-frames.jsonl`.
const ADDITIONS: &[Addition] = &[
    Addition {
        service: "ecs",
        structure: "DiscoverPollEndpointRequest",
        member: "zoneId",
        shape: "String",
    },
    Addition {
        service: "ecs",
        structure: "RegisterContainerInstanceRequest",
        member: "clientToken",
        shape: "String",
    },
];

/// A file that the generator owns.
struct Generated {
    /// Inside the repository.
    path: String,
    text: String,
}

/// Writes the generated files and their stamp.
pub(crate) fn write(root: &Path) -> Result<()> {
    for file in generate(root)? {
        let path = root.join(&file.path);
        std::fs::create_dir_all(path.parent().expect("generated files lie in a folder"))?;
        std::fs::write(&path, &file.text).with_context(|| format!("writing {}", file.path))?;
        println!("{}: {} lines", file.path, file.text.lines().count());
    }
    Ok(())
}

/// Generates in memory and compares with what is committed.
pub(crate) fn check(root: &Path) -> Result<()> {
    let files = generate(root)?;
    let stale = files.iter().filter(|file| !is_committed(root, file));
    let stale: Vec<&str> = stale.map(|file| file.path.as_str()).collect();
    if stale.is_empty() {
        println!("{} generated files are fresh", files.len());
        return Ok(());
    }
    bail!(
        "stale, run `cargo xtask shapes` and commit the result: {}",
        stale.join(", ")
    )
}

fn is_committed(root: &Path, file: &Generated) -> bool {
    std::fs::read_to_string(root.join(&file.path)).is_ok_and(|text| text == file.text)
}

/// All files, the stamp last.
fn generate(root: &Path) -> Result<Vec<Generated>> {
    let models = fetch::models(BOTOCORE_VERSION, SERVICES.iter().map(|(service, _)| *service))?;
    let mut files = Vec::new();
    for ((service, selection), json) in SERVICES.iter().zip(&models) {
        let mut model = Model::parse(json).with_context(|| format!("the model of {service}"))?;
        for addition in ADDITIONS.iter().filter(|addition| addition.service == *service) {
            model.add(addition)?;
        }
        let operations = select(&model, selection).with_context(|| format!("the operations of {service}"))?;
        let emitted = emit::service(&model, &operations).with_context(|| format!("the shapes of {service}"))?;
        files.push(generated(format!("{TARGET}/{service}.rs"), emitted.service));
        files.push(generated(
            format!("{TARGET}/{service}/structures.rs"),
            emitted.structures,
        ));
    }
    files.push(stamp::of(root, &models, &files)?);
    Ok(files)
}

fn generated(path: String, text: String) -> Generated {
    Generated { path, text }
}

/// The chosen operations in the order of their names.
fn select<'m>(model: &'m Model, selection: &Selection) -> Result<Vec<&'m str>> {
    match selection {
        Selection::Whole => Ok(model.operations.keys().map(String::as_str).collect()),
        Selection::Only(names) => {
            let unknown = names.iter().find(|name| !model.operations.contains_key(**name));
            if let Some(name) = unknown {
                bail!("the model has no operation {name}");
            }
            let known = model.operations.keys().map(String::as_str);
            Ok(known.filter(|name| names.contains(name)).collect())
        }
    }
}
