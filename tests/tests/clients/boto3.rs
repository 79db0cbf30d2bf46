// SPDX-License-Identifier: Apache-2.0
//! boto3 (botocore): odd keys, metadata, ranges, multipart, copies, presigned URLs, multi-delete.

use std::process::Command;

use crate::Observed;
use crate::bed::{Endpoint, REGION};
use crate::tool::run;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/boto3_story.py");

pub(crate) fn story(python: &str, to: &Endpoint) -> anyhow::Result<Observed> {
    let work = tempfile::tempdir()?;
    let mut command = Command::new(python);
    command
        .env("HOME", work.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", &to.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &to.secret)
        .arg(SCRIPT)
        .args([&to.url(), REGION, &to.bucket]);
    if let Some(ca) = &to.ca {
        command.arg(ca);
    }
    Ok(serde_json::from_str(&run(&mut command)?)?)
}
