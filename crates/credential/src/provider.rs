// SPDX-License-Identifier: Apache-2.0
//! What a source is, and the sources there are: one file each.

mod aws;
mod broker;
mod env;
mod file;
mod process;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub(crate) use aws::Aws;
pub(crate) use broker::{Broker, Wanted, endpoint as broker_endpoint};
pub(crate) use env::Env;
pub(crate) use file::File;
pub(crate) use process::Process;

use crate::{Credential, Error};

/// A future in a box, as trait objects need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A source of credential sets.
pub trait Provider: Send + Sync {
    /// What errors and logs call this source, for example `file:/run/aws.json`.
    fn name(&self) -> &str;

    /// Asks for the set that is good now. Dropping the future gives the attempt up and leaves
    /// nothing behind.
    fn fetch(&self) -> BoxFuture<'_, Result<Credential, Error>>;

    /// The store refuses the set with this access key id before its end, or (`None`) refuses none. Said before
    /// each fetch, for sources that keep sets.
    fn store_refuses(&self, access_key_id: Option<&str>) {
        let _ = access_key_id;
    }

    /// How often to look whether the set has changed, where looking is cheap.
    fn watch(&self) -> Option<Duration> {
        None
    }

    /// How long one fetch may take before it is given up.
    fn timeout(&self) -> Duration {
        Duration::from_secs(10)
    }
}
