// SPDX-License-Identifier: Apache-2.0
//! A folder as a store.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use crate::error::{Error, Kind};
use crate::location::Location;
use crate::open::unusable;

/// The folder must be there: an empty directory that should have been a mount is no store.
pub(crate) fn open(at: &Location) -> Result<Arc<dyn ObjectStore>, Error> {
    let folder = PathBuf::from(format!("/{}", at.prefix));
    if !folder.is_dir() {
        let text = format!("{} is not a folder, and is never created here", folder.display());
        return Err(Error::new(Kind::NoBucket, text));
    }
    let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| unusable(at, &error))?;
    // An answer means that the bytes are on the disk, and the name too.
    Ok(Arc::new(store.with_fsync(true)))
}
