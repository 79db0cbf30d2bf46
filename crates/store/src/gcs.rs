// SPDX-License-Identifier: Apache-2.0
//! Google Cloud Storage.

use std::sync::Arc;

use object_store::ObjectStore;

use crate::args::Settings;
use crate::error::{Error, Kind};
use crate::location::Location;

pub(crate) fn open(at: &Location, _settings: &Settings) -> Result<Arc<dyn ObjectStore>, Error> {
    Err(Error::new(Kind::Usage, format!("{}: soon", at.root())))
}
