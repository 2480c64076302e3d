//! Each operator in each spelling, each fault in its place, and that printing and parsing agree.

use proptest::prelude::*;
use proptest::sample::select;

use super::parse::{Wrong, is_plain};
use super::*;
use crate::ecs::model::Attribute;

fn attribute(name: &str, value: Option<&str>) -> Attribute {
    Attribute {
        name: name.to_owned(),
        value: value.map(str::to_owned),
    }
}

/// Whether the machine of these tests is meant.
fn meant(text: &str) -> bool {
    let attributes = [
        attribute("ecs.instance-type", Some("g2.2xlarge")),
        attribute("ecs.availability-zone", Some("us-east-1a")),
        attribute("rack", Some("12")),
        attribute("place", Some("first floor")),
        attribute("ssd", None),
    ];
    let facts = Facts {
        attributes: &attributes,
        agent_version: Some("1.105.1"),
        ec2_instance_id: Some("i-abcd1234"),
        registered_at: Timestamp(1_518_480_000_000), // 2018-02-13
        agent_connected: true,
        running_tasks: 3,
        groups: vec!["family:web", "service:production"],
    };
    Query::new(text).expect(text).matches(&facts)
}

/// The examples of the documentation, and each operator in both spellings.
#[test]
fn every_operator_in_both_spellings() {
    for yes in [
        "attribute:ecs.instance-type =~ g2.* and attribute:ecs.availability-zone != us-east-1d",
        "attribute:ecs.availability-zone in [us-east-1a, us-east-1b]",
        "attribute:ecs.instance-type matches g2.* && attribute:ssd exists",
        "attribute:ecs.instance-type =~ (g2|p3)\\.[0-9]*xlarge",
        "(attribute:ecs.instance-type =~ g2.*)",
        "attribute:rack==12",
        "attribute:rack greater_than 9",
        "attribute:rack > 9 and attribute:rack >= 12 and attribute:rack greater_than_equal 12",
        "attribute:rack < 100 and attribute:rack <= 12 and attribute:rack less_than 13 and attribute:rack less_than_equal 12",
        "attribute:place == 'first floor'",
        "attribute:place equals \"first floor\"",
        "attribute:none != a and attribute:none not_equals a",
        "attribute:none !exists and attribute:none not_exists",
        "attribute:none !in [a] and attribute:none not_in [a, b]",
        "attribute:none !~ .* and attribute:none not_matches .*",
        "task:group == service:production",
        "not(task:group == database)",
        "!(task:group == database) and !task:group =~ data.*",
        "task:group != database",
        "runningTasksCount == 3 and runningTasksCount < 4",
        "agentVersion >= 1.14.5 and agentVersion < 1.106",
        "agentConnected == true and agentConnected != false and agentConnected in [true]",
        "registeredAt == 2018-02-13 and registeredAt < 2018-02-13T00:00:01Z",
        "registeredAt == 2018-02-13T01:30:00+01:30 or runningTasksCount == 9",
        "ec2InstanceId in ['i-abcd1234', 'i-wxyx7890']",
        "runningTasksCount == 9 && runningTasksCount == 9 || runningTasksCount == 3",
        "runningTasksCount == 3 or runningTasksCount == 9 and runningTasksCount == 9",
    ] {
        assert!(meant(yes), "{yes}");
    }
    for no in [
        "attribute:ecs.instance-type =~ g2",
        "attribute:ecs.instance-type =~ 2xlarge",
        "attribute:ecs.instance-type == G2.2xlarge",
        "attribute:ssd == a",
        "attribute:none > 1",
        "task:group != service:production",
        "task:group !~ family:.*",
        "agentVersion < 1.14.5",
        "registeredAt > 2018-02-13",
        "(runningTasksCount == 3 or runningTasksCount == 9) and runningTasksCount == 9",
    ] {
        assert!(!meant(no), "{no}");
    }
}

#[test]
fn faults_say_where() {
    let cases = [
        ("", 1, Wrong::Subject),
        ("foo == 1", 1, Wrong::Subject),
        ("attribute: == 1", 1, Wrong::Subject),
        ("attribute:a", 12, Wrong::Operator),
        ("attribute:a = b", 13, Wrong::Operator),
        ("attribute:a ==", 15, Wrong::Text),
        ("attribute:a == b c", 18, Wrong::Rest),
        ("attribute:a == b)", 17, Wrong::Rest),
        ("(attribute:a == b", 1, Wrong::Unclosed),
        ("attribute:a == 'b", 16, Wrong::Unclosed),
        ("attribute:a in b", 16, Wrong::List),
        ("attribute:a in [b", 18, Wrong::List),
        ("attribute:a in []", 17, Wrong::Text),
        ("attribute:a =~ a(", 16, Wrong::Pattern),
        ("attribute:a =~ 'a)|(b'", 16, Wrong::Pattern),
        ("attribute:a =~ (a{500}){500}", 16, Wrong::Pattern),
        ("agentVersion =~ 1.*", 14, Wrong::OperatorOfSubject),
        ("runningTasksCount exists", 19, Wrong::OperatorOfSubject),
        ("agentConnected > false", 16, Wrong::OperatorOfSubject),
        ("agentVersion == new", 17, Wrong::Value),
        ("runningTasksCount == -1", 22, Wrong::Value),
        ("registeredAt < 2018-02-30", 16, Wrong::Value),
        ("registeredAt < 2018-02-20T24:00:00", 16, Wrong::Value),
        ("attribute:a == b and", 21, Wrong::Subject),
        ("attribute:a == b & attribute:a == b", 18, Wrong::Rest),
    ];
    for (text, at, wrong) in cases {
        assert_eq!(Query::new(text), Err(Fault { at, wrong }), "{text}");
    }
    let deep = format!("{}attribute:a exists{}", "(".repeat(49), ")".repeat(49));
    assert!(Query::new(&deep).is_ok());
    assert_eq!(Query::new(&format!("!{deep}")).unwrap_err().wrong, Wrong::Deep);
    let long = format!("attribute:a == {}", "b".repeat(1986));
    assert_eq!(Query::new(&long).unwrap_err().wrong, Wrong::Long);
    assert!(Query::new(&long[..2000]).is_ok());
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9._:/@=<>!~\\\\-]{1,12}",
        "[a-z0-9 ,()\\[\\]\"&|]{0,12}",
        "[a-z0-9 ,()\\[\\]'&|]{0,12}",
    ]
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let texts = vec![
        "g2.*", "(a|b)c?", "[ab)]+", "a b", "\\(x\\)", "it's", "\"\"", "a||b", "",
    ];
    select(texts).prop_map(|text| Pattern::new(text).unwrap())
}

fn relation() -> impl Strategy<Value = Relation> {
    select(vec![
        Relation::Equal,
        Relation::NotEqual,
        Relation::Greater,
        Relation::GreaterEqual,
        Relation::Less,
        Relation::LessEqual,
    ])
}

fn worded() -> impl Strategy<Value = Condition> {
    let equality = select(vec![Relation::Equal, Relation::NotEqual]);
    prop_oneof![
        (equality, text()).prop_map(|(relation, text)| Condition::Is(relation, Value::Text(text))),
        prop::collection::vec(text(), 1..4).prop_map(Condition::In),
        prop::collection::vec(text(), 1..4).prop_map(Condition::NotIn),
        pattern().prop_map(Condition::Matches),
        pattern().prop_map(Condition::NotMatches),
    ]
}

fn of_attribute() -> impl Strategy<Value = Condition> {
    prop_oneof![
        3 => worded(),
        2 => (relation(), text()).prop_map(|(relation, text)| Condition::Is(relation, Value::Text(text))),
        1 => Just(Condition::Exists),
        1 => Just(Condition::NotExists),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    let moments = vec![
        "2018-06-18T22:28:28+00:00",
        "2018-06-18T22:28:28Z",
        "2018-06-18T22:28:28",
        "2018-06-18",
    ];
    let moment = |text: &str| {
        let at = super::parse::moment(text).expect("a moment");
        Value::Moment(text.to_owned(), at)
    };
    let named = select(vec![
        Subject::AgentConnected,
        Subject::Ec2InstanceId,
        Subject::TaskGroup,
    ]);
    let is = |subject: Subject| {
        move |(relation, value)| Test {
            subject: subject.clone(),
            condition: Condition::Is(relation, value),
        }
    };
    prop_oneof![
        ("[a-zA-Z0-9._/\\\\-]{1,10}", of_attribute()).prop_map(|(name, condition)| Test {
            subject: Subject::Attribute(name),
            condition
        }),
        (named, worded()).prop_map(|(subject, condition)| Test { subject, condition }),
        (relation(), any::<u64>().prop_map(Value::Count)).prop_map(is(Subject::RunningTasksCount)),
        (
            relation(),
            prop::collection::vec(0..1000_u64, 1..4).prop_map(|parts| Value::Version(Version(parts)))
        )
            .prop_map(is(Subject::AgentVersion)),
        (relation(), select(moments).prop_map(moment)).prop_map(is(Subject::RegisteredAt)),
    ]
}

/// Expressions in the form in which they are read: `and` and `or` are flat where nothing stands between.
fn expression() -> impl Strategy<Value = Expression> {
    test().prop_map(Expression::Test).prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Expression::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::And),
            prop::collection::vec(inner, 2..4).prop_map(Expression::Or),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn printing_and_parsing_agree(expression in expression()) {
        let printed = expression.to_string();
        prop_assume!(printed.chars().count() <= MOST_CHARACTERS);
        let query = Query::new(&printed);
        prop_assert_eq!(query.map(|query| query.meaning), Ok(expression), "{}", printed);
    }

    /// Whatever comes in, it is understood or refused at a place within it.
    #[test]
    fn foreign_texts_are_refused_or_print_what_they_mean(
        words in prop::collection::vec(prop_oneof![
            4 => select(vec!["attribute:a", "task:group", "==", "=~", "in", "!", "not", "and", "||", "(", ")", "[", "]", ",", "'", "x.*", "7"])
                .prop_map(str::to_owned),
            1 => ".{0,6}",
        ], 0..14),
    ) {
        let text = words.join(" ");
        match Query::new(&text) {
            Ok(query) => {
                let again = Query::new(&query.meaning.to_string()).expect("what was printed is understood");
                prop_assert_eq!(again.meaning, query.meaning);
            }
            Err(fault) => prop_assert!((1..=text.chars().count() + 1).contains(&fault.at)),
        }
        prop_assert!(is_plain("a.b"));
    }
}
