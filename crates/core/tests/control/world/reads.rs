//! What is asked of the brain without changing anything: the reads of the story language, and how their answers print.

use berth_core::ecs::api::Read;
use berth_core::ecs::model::{DefinitionStatus, LaunchType, TaskStatus};
use berth_core::ecs::place::expression::Query;
use berth_core::ecs::view::attributes::AttributeFilter;
use berth_core::ecs::view::capacity::ProviderFilter;
use berth_core::ecs::view::list::{DefinitionFilter, FamilyFilter, InstanceFilter, PageWish, StatusWish, TaskFilter};
use berth_core::ecs::view::settings::SettingFilter;

use super::World;
use super::command::Command;

impl World {
    #[expect(clippy::too_many_lines, reason = "one arm for each thing that can be read")]
    pub(super) fn read(&mut self, line: &Command) {
        let named = || line.words[2..].to_vec();
        let page = PageWish {
            limit: line.number("limit"),
            after: line.owned("after").map(|after| self.place(&after)),
        };
        let cluster = line.owned("cluster");
        let read = match (line.word(0), line.word(1)) {
            ("describe", "providers") => Read::DescribeProviders(
                ProviderFilter {
                    names: named(),
                    cluster,
                },
                page,
            ),
            ("list", "attributes") => Read::ListAttributes(
                AttributeFilter {
                    cluster,
                    name: line.owned("name"),
                    value: line.owned("value"),
                },
                page,
            ),
            ("list", "settings") => Read::ListSettings(
                SettingFilter {
                    name: line.owned("name"),
                    value: line.owned("value"),
                    principal: line.owned("of"),
                    effective: line.has("effective"),
                },
                page,
            ),
            ("list", "tags") => Read::ListTags(self.place(line.word(2))),
            ("list", "clusters") => Read::ListClusters(page),
            ("list", "definitions") => Read::ListTaskDefinitions(
                DefinitionFilter {
                    family: line.owned("family"),
                    status: line.get("status").and_then(DefinitionStatus::from_word),
                    descending: line.has("descending"),
                },
                page,
            ),
            ("list", "families") => Read::ListFamilies(
                FamilyFilter {
                    prefix: line.owned("prefix"),
                    active: line.get("status").map(|word| word == "ACTIVE"),
                },
                page,
            ),
            ("list", "instances") => {
                let filter = InstanceFilter {
                    status: line.get("status").and_then(StatusWish::from_word),
                    query: line
                        .get("filter")
                        .map(|text| Query::new(text).expect("fixtures are well-formed")),
                };
                Read::ListInstances(cluster, filter, page)
            }
            ("list", "tasks") => Read::ListTasks(
                cluster,
                TaskFilter {
                    family: line.owned("family"),
                    instance: line.get("on").map(|name| self.instance_text(name)),
                    launch_type: line.get("type").and_then(LaunchType::from_word),
                    desired_status: line.get("desired").and_then(TaskStatus::from_word),
                    started_by: line.owned("by"),
                    service: line.owned("service"),
                    daemon: line.owned("daemon"),
                },
                page,
            ),
            ("describe", "clusters") => Read::DescribeClusters(named()),
            ("describe", "definition") => Read::DescribeTaskDefinition(line.word(2).to_owned()),
            ("describe", "instances") => {
                Read::DescribeInstances(cluster, named().iter().map(|name| self.instance_text(name)).collect())
            }
            ("describe", "health") => return self.print_health(line.word(2)),
            ("describe", "tasks") => {
                Read::DescribeTasks(cluster, named().iter().map(|name| self.task_text(name)).collect())
            }
            other => panic!("nothing reads {other:?}"),
        };
        let reply = self.control.read(&Self::principal(), &Self::scope(), &read);
        let reply = self.complete(reply);
        self.print_reply(&reply);
    }

    /// The place after which a page goes on: an ARN in the story's names.
    pub(super) fn place(&self, text: &str) -> String {
        let mut text = if text.starts_with("arn:aws:") {
            text.to_owned()
        } else {
            text.replace("arn:", "arn:aws:ecs:us-east-1:123456789012:")
        };
        for (name, machine) in &self.machines {
            text = text.replace(&format!("/{name}"), &format!("/{}", machine.key.id));
        }
        for (at, task) in self.tasks.iter().enumerate().rev() {
            text = text.replace(&format!("/t{}", at + 1), &format!("/{}", task.id));
        }
        text
    }
}
