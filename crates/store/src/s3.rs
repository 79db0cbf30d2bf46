// SPDX-License-Identifier: Apache-2.0
//! S3, and what speaks like it.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, Checksum};
use url::Url;

use crate::args::Settings;
use crate::error::{Error, Kind};
use crate::files::{self, PairInFiles};
use crate::location::Location;
use crate::open::{client, log_source, retries, unusable, variable};

pub(crate) fn open(at: &Location, settings: &Settings) -> Result<Arc<dyn ObjectStore>, Error> {
    let endpoint = endpoint(settings)?;
    let is_http = endpoint.as_ref().is_some_and(|url| url.scheme() == "http");
    let region = settings.s3_region.clone();
    let region =
        region.or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&at.bucket)
        .with_region(region.unwrap_or_else(|| "us-east-1".to_owned()))
        .with_client_options(client(settings, is_http)?)
        .with_retry(retries(settings))
        .with_disable_bulk_delete(true)
        // A header, not a trailer: stores that do not know it pass it over.
        .with_checksum_algorithm(Checksum::SHA256);
    builder = match &endpoint {
        // Other stores than AWS seldom have a name for each bucket.
        Some(url) => builder
            .with_endpoint(url.as_str().trim_end_matches('/'))
            .with_virtual_hosted_style_request(false),
        None => builder.with_virtual_hosted_style_request(true),
    };
    let source = source(settings, endpoint.is_some())?;
    builder = match &source {
        Source::Files(folder) => builder.with_credentials(Arc::new(PairInFiles::open(folder)?)),
        Source::Anonymous => builder.with_skip_signature(true),
        Source::Library(_) => builder,
    };
    log_source(at, source.name());
    Ok(Arc::new(builder.build().map_err(|error| unusable(at, &error))?))
}

fn endpoint(settings: &Settings) -> Result<Option<Url>, Error> {
    if let Some(url) = &settings.s3_endpoint {
        return Ok(Some(url.clone()));
    }
    let name = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
        .into_iter()
        .find(|name| variable(name).is_some());
    let Some(name) = name else { return Ok(None) };
    let url = variable(name).and_then(|text| text.parse().ok());
    url.map(Some).ok_or_else(|| Error::new(Kind::Usage, format!("{name} is not a URL")))
}

enum Source {
    Files(std::path::PathBuf),
    Library(&'static str),
    Anonymous,
}

impl Source {
    fn name(&self) -> &'static str {
        match self {
            Self::Files(_) => "files",
            Self::Library(name) => name,
            Self::Anonymous => "none",
        }
    }
}

/// In the order in which the library looks, so that the name is right.
fn source(settings: &Settings, is_custom: bool) -> Result<Source, Error> {
    let folder = settings.credentials_dir.as_deref();
    if let Some(folder) = folder
        && files::read(Some(folder), files::ACCESS_KEY)?.is_some()
    {
        return Ok(Source::Files(folder.to_owned()));
    }
    let any = |names: &[&str]| names.iter().any(|name| variable(name).is_some());
    Ok(if any(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) {
        Source::Library("environment")
    } else if any(&["AWS_WEB_IDENTITY_TOKEN_FILE"]) && any(&["AWS_ROLE_ARN"]) {
        Source::Library("web identity")
    } else if any(&["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    {
        Source::Library("container")
    } else if is_custom {
        Source::Anonymous
    } else {
        Source::Library("instance")
    })
}
