// SPDX-License-Identifier: Apache-2.0
//! Each body, field by field.

use super::{Field, Form, optional, required};

const PURPOSE: Form = Form::OneOf(&["backup", "restore"]);
const OUTCOME: Form = Form::OneOf(&["success", "failure"]);

const PARAM: &[Field] = &[
    required("type", Form::OneOf(&["duration", "bytes", "boolean", "integer", "text"])),
    optional("default", Form::Any),
];

const INTENT: &[Field] = &[
    required("intent", Form::Text),
    optional("description", Form::Text),
    optional("semantics", Form::Texts),
    optional("params", Form::Map(PARAM)),
];

const TIMING: &[Field] =
    &[required("name", Form::Text), required("elapsed_seconds", Form::Seconds)];

const MIGRATION: &[Field] = &[
    required("target_version_id", Form::Id),
    required("total_elapsed_seconds", Form::Seconds),
    optional("failed_migration", Form::Text),
    required("data_bytes_before", Form::Count),
    required("data_bytes_after", Form::Count),
    required("timings", Form::Objects(TIMING)),
];

pub(super) const RESTORE_CAPABILITIES: &[Field] =
    &[required("intents", Form::ObjectsOrTexts(INTENT))];

pub(super) const RESTORE_CREDENTIALS: &[Field] =
    &[required("group", Form::Id), required("type", Form::Text), optional("run_id", Form::Id)];

pub(super) const RESTORE_VERIFICATION: &[Field] = &[
    optional("replica_id", Form::Id),
    optional("run_id", Form::Id),
    required("group", Form::Id),
    required("server_id", Form::Id),
    required("type", Form::Text),
    required("intent", Form::Text),
    optional("snapshot_id", Form::Text),
    required("outcome", OUTCOME),
    required("replica_healthy", Form::Boolean),
    optional("error", Form::Text),
    optional("postgres_version", Form::Text),
    required("observed_at", Form::Time),
    optional("s3_sent_raw_bytes", Form::Count),
    optional("s3_sent_payload_bytes", Form::Count),
    optional("s3_received_raw_bytes", Form::Count),
    optional("s3_received_payload_bytes", Form::Count),
    optional("health_details", Form::Any),
    optional("migration", Form::Object(MIGRATION)),
];

pub(super) const BACKUP_CAPABILITIES: &[Field] = &[required("types", Form::Texts)];

pub(super) const BACKUP_CREDENTIALS: &[Field] =
    &[required("type", Form::Text), required("purpose", PURPOSE), required("run_id", Form::Id)];

pub(super) const BACKUP_PROGRESS: &[Field] = &[
    required("run_id", Form::Id),
    required("type", Form::Text),
    optional("purpose", PURPOSE),
    optional("bytes_read", Form::Count),
    optional("bytes_hashed", Form::Count),
    optional("bytes_uploaded", Form::Count),
    optional("bytes_cached", Form::Count),
    optional("bytes_estimated", Form::Count),
    optional("files_done", Form::Count),
    optional("files_estimated", Form::Count),
    optional("errors", Form::Count),
    optional("ignored_errors", Form::Count),
    optional("current_path", Form::Text),
    optional("snapshot_taken_at", Form::Time),
    optional("extra", Form::Bag),
    optional("s3_sent_raw_bytes", Form::Count),
    optional("s3_sent_payload_bytes", Form::Count),
    optional("s3_received_raw_bytes", Form::Count),
    optional("s3_received_payload_bytes", Form::Count),
];

pub(super) const BACKUP_REPORT: &[Field] = &[
    required("run_id", Form::Id),
    required("type", Form::Text),
    required("purpose", PURPOSE),
    required("outcome", OUTCOME),
    optional("snapshot_id", Form::Text),
    optional("bytes_uploaded", Form::Count),
    optional("error", Form::Text),
    optional("snapshot_taken_at", Form::Time),
    optional("s3_sent_raw_bytes", Form::Count),
    optional("s3_sent_payload_bytes", Form::Count),
    optional("s3_received_raw_bytes", Form::Count),
    optional("s3_received_payload_bytes", Form::Count),
];

pub(super) const CANOPY_STATS: &[Field] = &[
    optional("sent_raw_bytes", Form::Count),
    optional("sent_payload_bytes", Form::Count),
    optional("received_raw_bytes", Form::Count),
    optional("received_payload_bytes", Form::Count),
];

pub(super) const CANOPY_PROGRESS: &[Field] = &[
    required("run_id", Form::Id),
    required("type", Form::Text),
    optional("sent_raw_bytes", Form::Count),
    optional("sent_payload_bytes", Form::Count),
    optional("received_raw_bytes", Form::Count),
    optional("received_payload_bytes", Form::Count),
];
