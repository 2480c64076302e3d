//! Pagination tokens: opaque to clients, the place after which a list goes on to us.
//!
//! A token is good for the one list that gave it out: for the same account, region, operation and filters. Any other text, a
//! token of another list, and a token with one bit changed are refused, so that services may trust the place that they get.
//! What a token says is not hidden: a place is something that its reader was just shown.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use berth_core::kernel::Scope;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::document::Document;
use crate::protocol::ServiceError;
use crate::schema::{OperationModel, StructureSchema};
use crate::shapes::Operation;

/// What an installation seals its tokens with. Tokens outlive a restart if the key does. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// A key of random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A token that this list never gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign;

/// Sets these tokens apart from whatever else may ever be sealed with the same key.
const PURPOSE: &[u8] = b"pagination token 1";
/// The bytes of a seal: nobody finds 128 bits by trying.
const SEAL_BYTES: usize = 16;
/// How much of a foreign token is shown in an error.
const ECHO_CHARS: usize = 256;

/// One list with its filters, as one account sees it in one region.
#[derive(Clone)]
pub struct List {
    operation: Operation,
    /// Has taken in everything but a place.
    seal: Hmac<Sha256>,
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({})", self.operation.model().name)
    }
}

impl List {
    /// Whether the operation answers in pages.
    #[must_use]
    pub fn is_list(operation: Operation) -> bool {
        let model = operation.model();
        token_index(model.input).is_some() && token_index(model.output).is_some()
    }

    /// The list that `request`, a document of the operation's input, asks for. None if the operation has no pages.
    #[must_use]
    pub fn of(key: &Key, scope: &Scope, operation: Operation, request: &Document) -> Option<Self> {
        if !Self::is_list(operation) {
            return None;
        }
        let model = operation.model();
        let mut seal = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes keys of any length");
        let account = scope.account.to_string();
        let texts = [
            account.as_str(),
            scope.region.as_str(),
            operation.service().name,
            model.name,
        ];
        add(&mut seal, PURPOSE);
        texts.iter().for_each(|text| add(&mut seal, text.as_bytes()));
        add(&mut seal, &filters(model, request));
        Some(Self { operation, seal })
    }

    /// Puts the place that the token of `request` stands for into the place of the token.
    ///
    /// # Errors
    /// The exception of the service if the token is not of this list.
    pub fn open_in(&self, request: &mut Document) -> Result<(), ServiceError> {
        let Some(Document::String(token)) = member(request, self.operation.model().input) else {
            return Ok(());
        };
        // An empty token is none, or the service has its own words for it.
        if !token.is_empty() {
            *token = self.open(token).map_err(|Foreign| self.refusal(token))?;
        }
        Ok(())
    }

    /// Makes the place where the page of `answer` ends a token.
    pub fn seal_in(&self, answer: &mut Document) {
        if let Some(Document::String(place)) = member(answer, self.operation.model().output) {
            *place = self.seal(place);
        }
    }

    fn seal(&self, place: &str) -> String {
        let mut seal = self.seal.clone();
        seal.update(place.as_bytes());
        let mut bytes = seal.finalize().into_bytes()[..SEAL_BYTES].to_vec();
        bytes.extend_from_slice(place.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(&self, token: &str) -> Result<String, Foreign> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Foreign)?;
        let (sent, place) = bytes.split_at_checked(SEAL_BYTES).ok_or(Foreign)?;
        let mut seal = self.seal.clone();
        seal.update(place);
        seal.verify_truncated_left(sent).map_err(|_| Foreign)?;
        String::from_utf8(place.to_vec()).map_err(|_| Foreign)
    }

    fn refusal(&self, token: &str) -> ServiceError {
        match self.operation {
            Operation::Ec2(_) => ServiceError::client("InvalidNextToken", "The specified nextToken is not valid."),
            Operation::Ecs(_) => {
                let shown: String = token.chars().take(ECHO_CHARS).collect();
                ServiceError::client("InvalidParameterException", format!("Invalid token {shown}"))
            }
            Operation::Logs(_) | Operation::Sts(_) => {
                ServiceError::client("InvalidParameterException", "The specified nextToken is invalid.")
            }
        }
    }
}

/// With its length, so that two texts cannot be moved into each other.
fn add(seal: &mut Hmac<Sha256>, bytes: &[u8]) {
    seal.update(&(bytes.len() as u64).to_be_bytes());
    seal.update(bytes);
}

/// Whether the member of a request is about pages, and not about what is listed.
fn is_about_pages(name: &str) -> bool {
    ["nextToken", "maxResults", "limit"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// Everything that the request says of what is listed, in one spelling.
fn filters(model: &OperationModel, request: &Document) -> Vec<u8> {
    let mut request = request.clone();
    if let Document::Structure(values) = &mut request {
        let members = model.input.members.iter().zip(values);
        members
            .filter(|(member, _)| is_about_pages(member.name))
            .for_each(|(_, value)| *value = Document::Null);
    }
    crate::protocol::canonical(&request, model.input)
}

fn token_index(schema: &StructureSchema) -> Option<usize> {
    let mut members = schema.members.iter();
    members.position(|member| member.name.eq_ignore_ascii_case("nextToken"))
}

fn member<'a>(document: &'a mut Document, schema: &StructureSchema) -> Option<&'a mut Document> {
    match document {
        Document::Structure(values) => values.get_mut(token_index(schema)?),
        Document::Null
        | Document::Bool(_)
        | Document::Integer(_)
        | Document::Double(_)
        | Document::String(_)
        | Document::Blob(_)
        | Document::Timestamp(_)
        | Document::List(_)
        | Document::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::ecs::{self, ListClustersRequest, ListTasksRequest};
    use crate::shapes::{Structure, into_document};

    const PLACE: &str = "arn:aws:ecs:us-east-1:000000000001:task/default/0";

    fn scope(account: &str, region: &str) -> Scope {
        Scope {
            account: account.parse().unwrap(),
            region: region.parse().unwrap(),
        }
    }

    fn list(key: u8, scope: &Scope, operation: ecs::Operation, request: impl Structure) -> List {
        let request = into_document(request);
        List::of(&Key::new([key; 32]), scope, Operation::Ecs(operation), &request).unwrap()
    }

    fn tasks(cluster: Option<&str>, family: Option<&str>) -> ListTasksRequest {
        ListTasksRequest {
            cluster: cluster.map(str::to_owned),
            family: family.map(str::to_owned),
            ..ListTasksRequest::default()
        }
    }

    #[test]
    fn a_token_is_good_for_its_own_list_only() {
        let home = scope("000000000001", "us-east-1");
        let own = || list(1, &home, ecs::Operation::ListTasks, tasks(Some("a"), None));
        let token = own().seal(PLACE);
        assert_eq!(own().open(&token), Ok(PLACE.to_owned()));
        assert!(!token.contains("arn"), "{token}");
        let longer = ListTasksRequest {
            max_results: Some(7),
            next_token: Some(token.clone()),
            ..tasks(Some("a"), None)
        };
        let longer = list(1, &home, ecs::Operation::ListTasks, longer);
        assert_eq!(longer.open(&token), Ok(PLACE.to_owned()), "pages may have any size");
        let of = |scope: Scope, request| list(1, &scope, ecs::Operation::ListTasks, request);
        let others = [
            of(scope("000000000002", "us-east-1"), tasks(Some("a"), None)),
            of(scope("000000000001", "us-east-2"), tasks(Some("a"), None)),
            of(home.clone(), tasks(None, None)),
            of(home.clone(), tasks(None, Some("a"))),
            of(home.clone(), tasks(Some("a"), Some("b"))),
            list(2, &home, ecs::Operation::ListTasks, tasks(Some("a"), None)),
            list(1, &home, ecs::Operation::ListClusters, ListClustersRequest::default()),
        ];
        for other in others {
            assert_eq!(other.open(&token), Err(Foreign), "{other:?}");
        }
    }

    #[test]
    fn whatever_is_changed_in_a_token_is_noticed() {
        let own = list(
            1,
            &scope("000000000001", "us-east-1"),
            ecs::Operation::ListTasks,
            tasks(None, None),
        );
        let token = own.seal("a/b");
        for index in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[index] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                assert_eq!(own.open(&changed), Err(Foreign), "{changed}");
            }
            assert_eq!(own.open(&token[..index]), Err(Foreign), "cut at {index}");
        }
        for foreign in [
            format!("{token}A"),
            format!("{token}="),
            format!(" {token}"),
            "é".into(),
        ] {
            assert_eq!(own.open(&foreign), Err(Foreign), "{foreign}");
        }
    }

    #[test]
    fn keys_are_not_printed() {
        assert_eq!(format!("{:?}", Key::new([7; 32])), "Key(..)");
    }
}
