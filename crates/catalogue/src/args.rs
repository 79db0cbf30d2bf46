// SPDX-License-Identifier: Apache-2.0
//! The flags that say which snapshots are meant.

use sidecar::{Given, Problems};
use snapshot::Place;
use store::{Location, Settings, Store, StoreArgs};

/// Which snapshots.
#[derive(Debug, Clone, clap::Args)]
pub struct FromArgs {
    /// Where they lie: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or file:///FOLDER
    #[arg(long, value_name = "URL", help_heading = "Snapshots")]
    pub from: Option<Given<Location>>,

    /// Only those of this namespace (with --cluster)
    #[arg(long, value_name = "NAME", help_heading = "Snapshots")]
    pub namespace: Option<String>,

    /// Only those of this cluster
    #[arg(long, value_name = "NAME", help_heading = "Snapshots")]
    pub cluster: Option<String>,

    /// How the store is reached.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// The same, judged.
#[derive(Debug, Clone)]
pub struct From {
    /// Where they lie.
    pub location: Location,
    /// How the store is reached.
    pub settings: Settings,
    /// Whose they are; none for all below the prefix.
    pub place: Option<Place>,
}

impl FromArgs {
    /// Judges the flags.
    pub fn resolve(self, problems: &mut Problems) -> Option<From> {
        let location = problems.required("--from", self.from);
        let settings = self.store.resolve(problems);
        let place = match (&self.namespace, &self.cluster) {
            (None, None) => None,
            _ => Some(place(self.namespace, self.cluster, problems)?),
        };
        Some(From { location: location?, settings, place })
    }

    /// As [`FromArgs::resolve`], where one cluster must be named.
    pub fn resolve_one(self, problems: &mut Problems) -> Option<(From, Place)> {
        let location = problems.required("--from", self.from);
        let settings = self.store.resolve(problems);
        let place = place(self.namespace, self.cluster, problems)?;
        Some((From { location: location?, settings, place: Some(place.clone()) }, place))
    }
}

impl From {
    /// Opens the store.
    ///
    /// # Errors
    /// With the exit code they deserve.
    pub fn open(&self) -> anyhow::Result<Store> {
        store::open(&self.location, &self.settings).map_err(store::Error::into_failure)
    }
}

/// A place, both of whose names are needed.
pub fn place(
    namespace: Option<String>,
    cluster: Option<String>,
    problems: &mut Problems,
) -> Option<Place> {
    let parse = |name: String| match Place::new(name.clone(), name.clone()) {
        Ok(_) => Given::Good(name),
        Err(why) => Given::Bad(name, why.to_string()),
    };
    let namespace = problems.required("--namespace", namespace.map(parse));
    let cluster = problems.required("--cluster", cluster.map(parse));
    Place::new(namespace?, cluster?).ok()
}
