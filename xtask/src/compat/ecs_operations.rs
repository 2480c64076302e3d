//! The 88 operations of Amazon ECS, in families.
//!
//! What a single field of a request does stands in [`super::ecs_fields`].

use super::{Area, Section, refused};

pub(crate) const AREA: Area = Area {
    file: "ecs_operations",
    title: "ECS: operations",
    intro: "What is refused answers `UnsupportedFeatureException`.",
    refusal_proof: None,
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[
    Section {
        title: "Clusters",
        rows: &[
            refused("CreateCluster"),
            refused("DeleteCluster"),
            refused("DescribeClusters"),
            refused("ListClusters"),
            refused("UpdateCluster"),
            refused("UpdateClusterSettings"),
        ],
    },
    Section {
        title: "Capacity providers",
        rows: &[
            refused("CreateCapacityProvider"),
            refused("DeleteCapacityProvider"),
            refused("DescribeCapacityProviders"),
            refused("PutClusterCapacityProviders"),
            refused("UpdateCapacityProvider"),
        ],
    },
    Section {
        title: "Container instances",
        rows: &[
            refused("DeregisterContainerInstance"),
            refused("DescribeContainerInstances"),
            refused("ListContainerInstances"),
            refused("RegisterContainerInstance"),
            refused("UpdateContainerAgent"),
            refused("UpdateContainerInstancesState"),
        ],
    },
    Section {
        title: "Attributes",
        rows: &[
            refused("DeleteAttributes"),
            refused("ListAttributes"),
            refused("PutAttributes"),
        ],
    },
    Section {
        title: "Task definitions",
        rows: &[
            refused("DeleteTaskDefinitions"),
            refused("DeregisterTaskDefinition"),
            refused("DescribeTaskDefinition"),
            refused("ListTaskDefinitionFamilies"),
            refused("ListTaskDefinitions"),
            refused("RegisterTaskDefinition"),
        ],
    },
    Section {
        title: "Tasks",
        rows: &[
            refused("DescribeTasks"),
            refused("ExecuteCommand"),
            refused("GetTaskProtection"),
            refused("ListTasks"),
            refused("RunTask"),
            refused("StartTask"),
            refused("StopTask"),
            refused("UpdateTaskProtection"),
        ],
    },
    Section {
        title: "Services",
        rows: &[
            refused("CreateService"),
            refused("DeleteService"),
            refused("DescribeServices"),
            refused("ListServices"),
            refused("ListServicesByNamespace"),
            refused("UpdateService"),
        ],
    },
    Section {
        title: "Task sets",
        rows: &[
            refused("CreateTaskSet"),
            refused("DeleteTaskSet"),
            refused("DescribeTaskSets"),
            refused("UpdateServicePrimaryTaskSet"),
            refused("UpdateTaskSet"),
        ],
    },
    Section {
        title: "Service deployments and revisions",
        rows: &[
            refused("ContinueServiceDeployment"),
            refused("DescribeServiceDeployments"),
            refused("DescribeServiceRevisions"),
            refused("ListServiceDeployments"),
            refused("StopServiceDeployment"),
        ],
    },
    Section {
        title: "Account settings",
        rows: &[
            refused("DeleteAccountSetting"),
            refused("ListAccountSettings"),
            refused("PutAccountSetting"),
            refused("PutAccountSettingDefault"),
        ],
    },
    Section {
        title: "Tags",
        rows: &[
            refused("ListTagsForResource"),
            refused("TagResource"),
            refused("UntagResource"),
        ],
    },
    Section {
        title: "Agents only",
        rows: &[
            refused("DiscoverPollEndpoint"),
            refused("SubmitAttachmentStateChanges"),
            refused("SubmitContainerStateChange"),
            refused("SubmitTaskStateChange"),
        ],
    },
    Section {
        title: "Daemons",
        rows: &[
            refused("CreateDaemon"),
            refused("DeleteDaemon"),
            refused("DeleteDaemonTaskDefinition"),
            refused("DescribeDaemon"),
            refused("DescribeDaemonDeployments"),
            refused("DescribeDaemonRevisions"),
            refused("DescribeDaemonTaskDefinition"),
            refused("ListDaemonDeployments"),
            refused("ListDaemonTaskDefinitions"),
            refused("ListDaemons"),
            refused("RegisterDaemonTaskDefinition"),
            refused("UpdateDaemon"),
        ],
    },
    Section {
        title: "Express services",
        rows: &[
            refused("CreateExpressGatewayService"),
            refused("DeleteExpressGatewayService"),
            refused("DescribeExpressGatewayService"),
            refused("UpdateExpressGatewayService"),
        ],
    },
    Section {
        title: "Gateways",
        rows: &[
            refused("AssociateGatewayWithCluster"),
            refused("CreateGateway"),
            refused("DeleteGateway"),
            refused("DescribeGateway"),
            refused("DescribeGatewayResources"),
            refused("DescribeGatewayRoute"),
            refused("DisassociateGatewayFromCluster"),
            refused("ListGatewayClusterAssociations"),
            refused("ListGatewayRoutes"),
            refused("ListGateways"),
            refused("UpdateGateway"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_operations_of_the_service_are_here() {
        assert_eq!(crate::compat::rows(&AREA).count(), 88);
    }
}
