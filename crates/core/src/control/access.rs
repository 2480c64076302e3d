//! Who may do what, where it depends on facts: agents act for their own machine alone. And join tokens, with which machines get
//! the keys for that.

use super::{Change, Control, Turn};
use crate::ecs::api::{Submit, SubmitAttachments, Write};
use crate::ecs::model::{ClusterKey, InstanceKey, InstanceStatus};
use crate::ecs::view::Reply;
use crate::ecs::{Refusal, refer};
use crate::iam::agent_key::{AccessKeyId, AgentKey};
use crate::iam::join_token::JoinToken;
use crate::iam::{self, Attempt, Identity, Place, Principal, admit};
use crate::kernel::ids::InstanceId;
use crate::kernel::{Edit, Scope};

impl Control {
    /// The key of an agent.
    #[must_use]
    pub fn agent_key(&self, id: &str) -> Option<&AgentKey> {
        self.state.iam.keys().get(&AccessKeyId::new(id))
    }

    /// All join tokens of an account that are remembered.
    ///
    /// # Errors
    /// If the caller may not see them.
    pub fn join_tokens(&self, principal: &Principal) -> Result<Vec<JoinToken>, Refusal> {
        super::authorise(principal, principal.account, admit::LIST)?;
        let tokens = self.state.iam.tokens().iter();
        Ok(tokens
            .filter(|token| token.account == principal.account)
            .cloned()
            .collect())
    }

    /// Whether `principal` may open a socket (`action`) for `instance`, and the instance may have one.
    ///
    /// # Errors
    /// As [`Control::admit_agent`], and [`Refusal::Denied`].
    pub fn may_connect(&self, principal: &Principal, action: &str, instance: &InstanceKey) -> Result<(), Refusal> {
        let attempt = Attempt {
            action,
            account: instance.scope.account,
            place: Some(self.place(instance)),
        };
        iam::authorise(principal, &attempt).map_err(Refusal::Denied)?;
        self.admit_agent(instance)
    }

    fn place(&self, key: &InstanceKey) -> Place {
        let known = self.state.ecs.instances().get(key);
        Place {
            scope: key.scope.clone(),
            cluster: key.cluster.to_string(),
            instance: Some(key.id),
            taken: known.is_some_and(|instance| instance.status != InstanceStatus::Inactive),
        }
    }

    /// The machines that a request is about.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "agents send these few of all requests, and may send no others"
    )]
    fn places_of(&self, scope: &Scope, write: &Write) -> Vec<Place> {
        let (cluster, instance) = match write {
            Write::RegisterInstance(request) => (&request.cluster, request.instance.as_deref()),
            Write::DeregisterInstance(request) => (&request.cluster, Some(request.instance.as_str())),
            Write::Submit(report) | Write::SubmitContainer(report) => return self.places_of_report(scope, report),
            Write::SubmitAttachments(report) => return self.places_of_attachments(scope, report),
            _ => return Vec::new(),
        };
        let Ok(cluster) = refer::cluster(scope, cluster.as_deref()) else {
            return Vec::new();
        };
        match instance.filter(|instance| !instance.is_empty()) {
            Some(instance) => {
                let key = refer::instance(&cluster, instance).ok();
                key.map(|key| self.place(&key)).into_iter().collect()
            }
            None => vec![nobody(cluster)],
        }
    }

    fn places_of_report(&self, scope: &Scope, report: &Submit) -> Vec<Place> {
        let Ok(cluster) = refer::cluster(scope, report.cluster.as_deref()) else {
            return Vec::new();
        };
        let key = report.task.as_ref().and_then(|task| refer::task(&cluster, task).ok());
        vec![match key.and_then(|key| self.state.ecs.tasks().get(&key)) {
            Some(task) => self.place(&task.instance_key()),
            None => nobody(cluster),
        }]
    }

    fn places_of_attachments(&self, scope: &Scope, report: &SubmitAttachments) -> Vec<Place> {
        let Ok(cluster) = refer::cluster(scope, report.cluster.as_deref()) else {
            return Vec::new();
        };
        let named = report
            .attached
            .iter()
            .filter_map(|arn| refer::attachment(scope, arn).ok());
        let tasks = named.filter_map(|id| self.state.ecs.tasks().get(self.state.ecs.attached_to(scope, id)?));
        let places = tasks.map(|task| self.place(&task.instance_key()));
        places.chain([nobody(cluster)]).collect()
    }
}

fn nobody(cluster: ClusterKey) -> Place {
    Place {
        scope: cluster.scope,
        cluster: cluster.name.to_string(),
        instance: None,
        taken: false,
    }
}

impl Turn<'_> {
    /// The request as it is carried out for its sender, if they may send it. An agent that registers without saying who it was
    /// is the one that it was: the answer to its first registration may have been lost.
    pub(super) fn permitted(&self, principal: &Principal, scope: &Scope, write: Write) -> Result<Write, Refusal> {
        let (principal, write) = match &principal.identity {
            Identity::Administrator => (principal.clone(), write),
            // What the key may is what it may in this turn.
            Identity::Agent(presented) => match self.control.state.iam.keys().get(&presented.id) {
                Some(key) => (key.principal(), as_itself(key, write)),
                None => return Err(Refusal::Denied(iam::denied(principal, write.action()))),
            },
        };
        let places = self.control.places_of(scope, &write).into_iter().map(Some);
        let none = if places.len() == 0 { Some(None) } else { None };
        for place in places.chain(none) {
            let attempt = Attempt {
                action: write.action(),
                account: scope.account,
                place,
            };
            iam::authorise(&principal, &attempt).map_err(Refusal::Denied)?;
        }
        Ok(write)
    }

    /// From now on the agent's key is for the machine that it has registered.
    pub(super) fn bind(&mut self, principal: &Principal, reply: &Reply) {
        let (Identity::Agent(presented), Reply::Instance(registered)) = (&principal.identity, reply) else {
            return;
        };
        let known = self.control.state.iam.keys().get(&presented.id);
        if let Some(key) = known.filter(|key| key.instance.is_none()) {
            let bound = AgentKey {
                instance: Some(registered.instance.key.id),
                ..key.clone()
            };
            self.put(Change::Iam(iam::Change::AgentKey(Edit::Put(bound))));
        }
    }

    /// Nobody signs for a machine any more that has left.
    pub(super) fn revoke_keys_of(&mut self, instance: &InstanceKey) {
        let iam = &self.control.state.iam;
        let keys = iam.keys_of(&instance.scope, instance.cluster.as_str(), instance.id);
        for id in keys.cloned().collect::<Vec<_>>() {
            self.put(Change::Iam(iam::Change::AgentKey(Edit::Delete(id))));
        }
    }

    /// An operator's request about join tokens.
    pub(super) fn tokens(&mut self, principal: &Principal, write: admit::Write) -> Result<Reply, Refusal> {
        super::authorise(principal, principal.account, write.action())?;
        if self.control.low_space && matches!(write, admit::Write::Make(_)) {
            return Err(Refusal::LowSpace);
        }
        let admitted = admit::admit(&self.control.state.iam, self.cx, principal.account, write);
        self.joined(admitted)
    }

    /// A machine trades its token for a key.
    pub(super) fn join(&mut self, request: &admit::Join) -> Result<Reply, Refusal> {
        let admitted = admit::join(&self.control.state.iam, self.cx, request);
        self.joined(admitted)
    }

    fn joined(
        &mut self,
        admitted: Result<(Vec<iam::Change>, admit::JoinReply), admit::JoinRefusal>,
    ) -> Result<Reply, Refusal> {
        let (changes, reply) = admitted.map_err(Refusal::Join)?;
        changes.into_iter().for_each(|change| self.put(Change::Iam(change)));
        Ok(Reply::Join(reply))
    }
}

/// The request as the agent means it who has this key.
fn as_itself(key: &AgentKey, mut write: Write) -> Write {
    if let (Write::RegisterInstance(request), Some(id)) = (&mut write, key.instance)
        && request.instance.as_deref().is_none_or(str::is_empty)
    {
        request.instance = Some(arn(key, id));
    }
    write
}

fn arn(key: &AgentKey, id: InstanceId) -> String {
    let resource = format!("container-instance/{}/{id}", key.cluster);
    crate::kernel::Arn::new("ecs", &key.scope, resource).to_string()
}
