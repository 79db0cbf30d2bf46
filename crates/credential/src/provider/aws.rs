// SPDX-License-Identifier: Apache-2.0
//! The sources that AWS's own library knows: container URI, web identity, the default chain.

use std::error::Error as StdError;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use tokio::sync::Mutex;

use crate::provider::{BoxFuture, Provider};
use crate::{Credential, Error, Kind, Secret};

/// The default chain asks the instance's metadata service last, which may take its time to be
/// absent.
const PATIENCE: Duration = Duration::from_secs(30);

/// What STS answers when it will not change its mind by itself:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>.
const REFUSALS: [&str; 4] =
    ["AccessDenied", "AccessDeniedException", "IDPRejectedClaim", "InvalidIdentityToken"];

#[derive(Debug, Clone, Copy)]
enum Which {
    Container,
    WebIdentity,
    Default,
}

pub(crate) struct Aws {
    which: Which,
    /// Built at the first fetch and again after a failure, as some of them remember theirs.
    built: Mutex<Option<SharedCredentialsProvider>>,
}

impl Aws {
    pub(crate) fn open_container() -> Result<Self, Error> {
        let names =
            ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        if names.iter().any(|name| is_set(name)) {
            return Ok(Self::new(Which::Container));
        }
        let message = format!("neither {} nor {} is set", names[0], names[1]);
        Err(Error::new(Kind::Invalid, name(Which::Container), message))
    }

    pub(crate) fn open_web_identity() -> Result<Self, Error> {
        let names = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"];
        let missing: Vec<_> = names.into_iter().filter(|name| !is_set(name)).collect();
        if missing.is_empty() {
            return Ok(Self::new(Which::WebIdentity));
        }
        let message = format!(
            "not set: {}; does the pod's service account carry the role?",
            missing.join(", ")
        );
        Err(Error::new(Kind::Invalid, name(Which::WebIdentity), message))
    }

    pub(crate) fn open_default() -> Self {
        Self::new(Which::Default)
    }

    fn new(which: Which) -> Self {
        Self { which, built: Mutex::new(None) }
    }

    async fn ask(&self) -> Result<Credential, Error> {
        let mut built = self.built.lock().await;
        let provider = match built.take() {
            Some(provider) => provider,
            None => build(self.which).await,
        };
        let answer = provider.provide_credentials().await;
        let set = answer.map_err(|error| Error::new(kind(&error), self.name(), told(&error)))?;
        *built = Some(provider);
        Ok(Credential {
            access_key_id: set.access_key_id().to_owned(),
            secret_access_key: Secret::new(set.secret_access_key()),
            session_token: set.session_token().filter(|it| !it.is_empty()).map(Secret::new),
            expires: set.expiry(),
        })
    }
}

fn name(which: Which) -> &'static str {
    match which {
        Which::Container => "container",
        Which::WebIdentity => "web-identity",
        Which::Default => "default",
    }
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// One layer retries, and that is ours.
async fn build(which: Which) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region().with_retry_config(RetryConfig::disabled());
    match which {
        Which::Container => SharedCredentialsProvider::new(
            EcsCredentialsProvider::builder().configure(&config).build(),
        ),
        Which::WebIdentity => {
            let config = config.load_default_region().await;
            let provider = WebIdentityTokenCredentialsProvider::builder().configure(&config);
            SharedCredentialsProvider::new(provider.build())
        }
        Which::Default => SharedCredentialsProvider::new(
            DefaultCredentialsChain::builder().configure(config).build().await,
        ),
    }
}

fn kind(error: &CredentialsError) -> Kind {
    let refused = sts_code(error).is_some_and(|code| REFUSALS.contains(&code));
    match error {
        _ if refused => Kind::Denied,
        CredentialsError::ProviderTimedOut(_) => Kind::Timeout,
        CredentialsError::InvalidConfiguration(_) | CredentialsError::Unhandled(_) => Kind::Invalid,
        _ => Kind::Unavailable,
    }
}

/// The code of STS's answer, if an answer of STS is among the causes.
fn sts_code(error: &CredentialsError) -> Option<&str> {
    let mut next = error.source();
    while let Some(cause) = next {
        let code = service_code::<AssumeRoleWithWebIdentityError>(cause)
            .or_else(|| service_code::<AssumeRoleError>(cause));
        if code.is_some() {
            return code;
        }
        next = cause.source();
    }
    None
}

fn service_code<'a, E>(cause: &'a (dyn StdError + 'static)) -> Option<&'a str>
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    cause.downcast_ref::<SdkError<E>>()?.as_service_error()?.code()
}

fn told(error: &CredentialsError) -> String {
    let causes = excerpt::causes(error);
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            format!("no source of the chain is set up here: {causes}")
        }
        _ if causes.contains("region") => format!("{causes}; is AWS_REGION set?"),
        _ => causes,
    }
}

impl Provider for Aws {
    fn name(&self) -> &str {
        name(self.which)
    }

    fn fetch(&self) -> BoxFuture<'_, Result<Credential, Error>> {
        Box::pin(self.ask())
    }

    fn timeout(&self) -> Duration {
        PATIENCE
    }
}
