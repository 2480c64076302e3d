//! The 88 operations of Amazon ECS, in families.
//!
//! What a single field of a request does stands in [`super::ecs_fields`].

use super::{Area, Section, Source, refused};

pub(crate) const AREA: Area = Area {
    file: "ecs_operations",
    service: "ecs",
    title: "ECS: operations",
    intro: "What is refused answers `UnsupportedFeatureException`.",
    refusal_proof: None,
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[
    Section {
        title: "Clusters",
        source: Source::Operations,
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
        source: Source::Operations,
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
        source: Source::Operations,
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
        source: Source::Operations,
        rows: &[
            refused("DeleteAttributes"),
            refused("ListAttributes"),
            refused("PutAttributes"),
        ],
    },
    Section {
        title: "Task definitions",
        source: Source::Operations,
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
        source: Source::Operations,
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
        source: Source::Operations,
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
        source: Source::Operations,
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
        source: Source::Operations,
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
        source: Source::Operations,
        rows: &[
            refused("DeleteAccountSetting"),
            refused("ListAccountSettings"),
            refused("PutAccountSetting"),
            refused("PutAccountSettingDefault"),
        ],
    },
    Section {
        title: "Tags",
        source: Source::Operations,
        rows: &[
            refused("ListTagsForResource"),
            refused("TagResource"),
            refused("UntagResource"),
        ],
    },
    Section {
        title: "Agents only",
        source: Source::Operations,
        rows: &[
            refused("DiscoverPollEndpoint"),
            refused("SubmitAttachmentStateChanges"),
            refused("SubmitContainerStateChange"),
            refused("SubmitTaskStateChange"),
        ],
    },
    Section {
        title: "Daemons",
        source: Source::Operations,
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
        source: Source::Operations,
        rows: &[
            refused("CreateExpressGatewayService"),
            refused("DeleteExpressGatewayService"),
            refused("DescribeExpressGatewayService"),
            refused("UpdateExpressGatewayService"),
        ],
    },
    Section {
        title: "Gateways",
        source: Source::Operations,
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
