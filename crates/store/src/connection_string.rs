// SPDX-License-Identifier: Apache-2.0
//! Azure's connection strings.
//!
//! <https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string>

use std::fmt;

/// The parts that matter for blobs.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct ConnectionString {
    pub(crate) account: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) sas: Option<String>,
    pub(crate) endpoint: Option<String>,
}

/// Azurite's account and key are the same everywhere, and public.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";
const EMULATOR_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

impl ConnectionString {
    /// Reads `Name=value;Name=value`. The text itself is in no message.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut this = Self::default();
        let (mut protocol, mut suffix) = ("https", "core.windows.net");
        for (index, part) in text.trim().split(';').enumerate() {
            if part.trim().is_empty() {
                continue;
            }
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("part {} of the connection string has no `=`", index + 1))?;
            let owned = || Some(value.trim().to_owned());
            match name.trim().to_ascii_lowercase().as_str() {
                "accountname" => this.account = owned(),
                "accountkey" => this.key = owned(),
                "sharedaccesssignature" => this.sas = owned(),
                "blobendpoint" => this.endpoint = owned(),
                "defaultendpointsprotocol" => protocol = value.trim(),
                "endpointsuffix" => suffix = value.trim(),
                "usedevelopmentstorage" if value.trim() == "true" => this.use_emulator(),
                _ => {}
            }
        }
        this.complete(protocol, suffix)
    }

    fn use_emulator(&mut self) {
        self.account = Some(EMULATOR_ACCOUNT.to_owned());
        self.key = Some(EMULATOR_KEY.to_owned());
        self.endpoint = Some(format!("http://127.0.0.1:10000/{EMULATOR_ACCOUNT}"));
    }

    fn complete(mut self, protocol: &str, suffix: &str) -> Result<Self, String> {
        if !matches!(protocol, "http" | "https") {
            return Err("its DefaultEndpointsProtocol is neither http nor https".to_owned());
        }
        if self.endpoint.is_none()
            && let Some(account) = &self.account
        {
            self.endpoint = Some(format!("{protocol}://{account}.blob.{suffix}"));
        }
        if self.account.is_none()
            && let Some(endpoint) = &self.endpoint
        {
            let host = endpoint.split_once("://").map_or("", |(_, rest)| rest);
            self.account = host.split(['.', ':', '/']).next().map(str::to_owned);
        }
        match (&self.endpoint, &self.key, &self.sas) {
            (None, ..) => Err("it has neither AccountName nor BlobEndpoint".to_owned()),
            (_, None, None) => {
                Err("it has neither AccountKey nor SharedAccessSignature".to_owned())
            }
            _ => Ok(self),
        }
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionString").field("account", &self.account).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_the_portal_gives_are_read() {
        let whole = "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5PT0=;EndpointSuffix=core.windows.net";
        let read = ConnectionString::parse(whole).unwrap();
        assert_eq!(read.endpoint.as_deref(), Some("https://acme.blob.core.windows.net"));
        assert_eq!(read.key.as_deref(), Some("a2V5PT0="));

        let sas = "BlobEndpoint=https://acme.blob.core.windows.net/;SharedAccessSignature=sv=2024&sig=x%3D";
        let read = ConnectionString::parse(sas).unwrap();
        assert_eq!(
            (read.account.as_deref(), read.sas.as_deref()),
            (Some("acme"), Some("sv=2024&sig=x%3D"))
        );

        let read = ConnectionString::parse("UseDevelopmentStorage=true;").unwrap();
        assert_eq!(read.account.as_deref(), Some(EMULATOR_ACCOUNT));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_text() {
        for text in [
            "hunter2",
            "AccountName=acme",
            "AccountKey=hunter2",
            "AccountName=a;AccountKey=hunter2;DefaultEndpointsProtocol=ftp",
        ] {
            let refused = ConnectionString::parse(text).unwrap_err();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
