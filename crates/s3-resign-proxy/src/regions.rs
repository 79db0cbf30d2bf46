// SPDX-License-Identifier: Apache-2.0
//! What the store said of its buckets' regions.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::target::Target;

/// More buckets than this are not remembered: a pod works with a few.
const BOUND: usize = 256;

/// Regions learned from `x-amz-bucket-region`.
#[derive(Debug, Default)]
pub(crate) struct Regions(RwLock<HashMap<Vec<u8>, String>>);

impl Regions {
    /// The region to sign for.
    pub(crate) fn of(&self, target: &Target, default: &str) -> String {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let learned = target.bucket.as_ref().and_then(|bucket| known.get(bucket));
        learned.map_or(default, String::as_str).to_owned()
    }

    /// Remembers, where there is a bucket and room.
    pub(crate) fn learn(&self, target: &Target, region: &str) {
        let Some(bucket) = &target.bucket else { return };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < BOUND || known.contains_key(bucket) {
            known.insert(bucket.clone(), region.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_learned_for_its_bucket_alone() {
        let regions = Regions::default();
        let target = Target::from_path(b"/b/k", None);
        assert_eq!(regions.of(&target, "us-east-1"), "us-east-1");
        regions.learn(&target, "eu-west-1");
        assert_eq!(regions.of(&target, "us-east-1"), "eu-west-1");
        assert_eq!(regions.of(&Target::from_path(b"/c", None), "us-east-1"), "us-east-1");
    }
}
