//! Walks the whole model: every generated structure goes to bytes and back.

use super::super::walk::Strictness;
use super::super::*;
use crate::schema::{Kind, StructureSchema};
use crate::shapes::{SERVICES, Structure, drain, ec2, ecs, fill, logs, sts};

fn every_structure() -> Vec<Box<dyn Structure>> {
    let services = [
        ec2::every_structure(),
        ecs::every_structure(),
        logs::every_structure(),
        sts::every_structure(),
    ];
    services.into_iter().flatten().collect()
}

#[test]
fn structures_hold_everything_that_their_schema_says() {
    for mut structure in every_structure() {
        let schema = structure.schema();
        let document = sample(schema);
        fill(structure.as_mut(), document.clone()).expect(schema.name);
        assert_eq!(drain(structure.as_mut()), document, "{}", schema.name);
    }
}

#[test]
fn json_keeps_everything() {
    for structure in every_structure() {
        let schema = structure.schema();
        let document = sample(schema);
        let bytes = json::encode(&document, schema);
        let decoded = json::decode(&bytes, schema, Strictness::Request).expect(schema.name);
        assert_eq!(decoded, document, "{}", schema.name);
    }
}

#[test]
fn forms_keep_everything() {
    for (service, dialect) in [
        (&sts::SERVICE, query::Dialect::Aws),
        (&ec2::SERVICE, query::Dialect::Ec2),
    ] {
        for operation in service.operations {
            let document = sample(operation.input);
            let mut pairs = Vec::new();
            write_form("", &document, Kind::Structure(operation.input), dialect, &mut pairs);
            let decoded = query::decode(&pairs, operation.input, dialect).expect(operation.name);
            assert_eq!(decoded, document, "{}", operation.name);
        }
    }
}

/// A client's side of the query protocols, as botocore does it.
fn write_form(key: &str, document: &Document, kind: Kind, dialect: query::Dialect, pairs: &mut Vec<(String, String)>) {
    let join = |step: &str| {
        if key.is_empty() {
            step.to_owned()
        } else {
            format!("{key}.{step}")
        }
    };
    match (document, kind) {
        (Document::Structure(values), Kind::Structure(schema)) => {
            for (member, value) in schema.members.iter().zip(values) {
                let mut name = member.location().to_owned();
                if dialect == query::Dialect::Ec2 {
                    name[..1].make_ascii_uppercase();
                    name = member.query_name().map_or(name, str::to_owned);
                }
                write_form(&join(&name), value, member.kind, dialect, pairs);
            }
        }
        (Document::List(values), Kind::List(schema)) => {
            for (index, value) in values.iter().enumerate() {
                let number = (index + 1).to_string();
                let step = if dialect == query::Dialect::Ec2 {
                    number
                } else {
                    format!("member.{number}")
                };
                write_form(&join(&step), value, schema.member, dialect, pairs);
            }
        }
        (Document::Timestamp(moment), _) => pairs.push((key.to_owned(), moment::to_iso8601(*moment))),
        (Document::Bool(value), _) => pairs.push((key.to_owned(), value.to_string())),
        (Document::Integer(value), _) => pairs.push((key.to_owned(), value.to_string())),
        (Document::String(text), _) => pairs.push((key.to_owned(), text.clone())),
        other => panic!("the generated query services have no {other:?}"),
    }
}

#[test]
fn absent_members_stay_absent() {
    for mut structure in every_structure() {
        let schema = structure.schema();
        let empty = Document::Structure(vec![Document::Null; schema.members.len()]);
        fill(structure.as_mut(), empty.clone()).expect(schema.name);
        let Document::Structure(values) = drain(structure.as_mut()) else {
            panic!("a structure")
        };
        for (member, value) in schema.members.iter().zip(values) {
            assert_eq!(value.is_null(), !member.required, "{}.{}", schema.name, member.name);
        }
    }
}

#[test]
fn a_missing_member_is_missed_in_every_input_that_requires_one() {
    for operation in SERVICES.iter().flat_map(|service| service.operations) {
        let required = operation.input.members.iter().any(|member| member.required);
        let decoded = json::decode(b"{}", operation.input, Strictness::Request);
        assert_eq!(
            matches!(decoded, Err(DecodeError::Missing { .. })),
            required,
            "{}",
            operation.name
        );
    }
}

#[test]
fn ecs_is_whole_and_all_names_are_known() {
    assert_eq!(ecs::SERVICE.operations.len(), 88);
    assert_eq!(ecs::Operation::ALL.len(), 88);
    let names: Vec<&str> = ecs::Operation::ALL.iter().map(|operation| operation.name()).collect();
    assert_eq!(names, ecs::SERVICE.operation_names);
    assert!(ec2::SERVICE.operation_names.len() > 800 && ec2::SERVICE.knows("RunInstances"));
    assert!(logs::SERVICE.knows("StartLiveTail") && sts::SERVICE.knows("GetSessionToken"));
}

#[test]
fn tables_are_in_the_order_in_which_they_are_searched() {
    for service in SERVICES {
        assert!(service.operation_names.is_sorted(), "{}", service.name);
        assert!(
            service.operations.is_sorted_by_key(|operation| operation.name),
            "{}",
            service.name
        );
        for operation in service.operations {
            assert!(service.knows(operation.name), "{}", operation.name);
            let found = crate::shapes::Operation::find(service, operation.name).expect(operation.name);
            assert!(std::ptr::eq(found.model(), operation) && std::ptr::eq(found.service(), *service));
        }
    }
}

#[test]
fn exceptions_have_codes_and_statuses() {
    let error = |schema: &StructureSchema| schema.error.expect("an exception");
    assert_eq!(
        error(&ecs::CLUSTER_NOT_FOUND_EXCEPTION).code,
        "ClusterNotFoundException"
    );
    assert_eq!(error(&ecs::SERVER_EXCEPTION).status, 500);
    assert_eq!(
        error(&sts::MALFORMED_POLICY_DOCUMENT_EXCEPTION).code,
        "MalformedPolicyDocument"
    );
    assert_eq!(error(&sts::REGION_DISABLED_EXCEPTION).status, 403);
    for operation in ecs::SERVICE.operations {
        assert!(
            operation.errors.iter().all(|schema| schema.error.is_some()),
            "{}",
            operation.name
        );
    }
}

#[test]
fn a_document_of_another_schema_is_refused_with_its_path() {
    let wrong = Document::Structure(vec![
        Document::List(vec!["a".into(), Document::Bool(true)]),
        Document::Null,
    ]);
    let mut response = ecs::ListTasksResponse::default();
    let refused = fill(&mut response, wrong);
    let path = "taskArns[1]".to_owned();
    let (expected, found) = ("a string", "a boolean");
    assert_eq!(refused, Err(DecodeError::WrongType { path, expected, found }));
}
