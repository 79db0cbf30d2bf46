// SPDX-License-Identifier: Apache-2.0
//! The specs of `pods/`, exactly as users copy them, in a real Kubernetes: what they promise, and what
//! becomes of them when a container, a pod or the node is taken away.
//!
//! Run by `scripts/test-pods`, which brings the cluster and the images. Each test has a namespace of its
//! own, with the `restricted` Pod Security; all share one store, whose credentials live three seconds.

mod admitted;
mod any_tool;
mod api;
mod bed;
mod broker;
mod broker_policy;
mod broker_refused;
mod broker_story;
mod control_plane;
mod etcd;
mod etcd_backup;
mod etcd_drill;
mod etcd_objects;
mod etcd_plan;
mod etcd_refused;
mod etcd_restore;
mod etcd_restored;
mod furnish;
mod installed;
mod killed;
mod overlay;
mod pod;
mod refused;
mod stopped;
mod store;
mod story;
mod volumes;
mod wait;
mod whole_node;
