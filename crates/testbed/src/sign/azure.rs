// SPDX-License-Identifier: Apache-2.0
//! Azure Storage's Shared Key for blobs:
//! <https://learn.microsoft.com/en-us/rest/api/storageservices/authorize-with-shared-key>.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::{decode, hmac_sha256};
use crate::wire::Head;

/// The version of the service that is spoken; the oldest that signs an empty body as we do.
const SERVICE_VERSION: &str = "2021-08-06";
/// The headers whose values are signed by place, in this order.
const STANDARD_HEADERS: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// Adds date, version and signature to a request; `key` is in base64, as Azure writes it.
pub(crate) fn sign(head: &mut Head, account: &str, key: &str) -> anyhow::Result<()> {
    let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    head.set("x-ms-date", &date);
    head.set("x-ms-version", SERVICE_VERSION);
    sign_again(head, account, key)
}

/// Signs a request again, as it is now.
pub(crate) fn sign_again(head: &mut Head, account: &str, key: &str) -> anyhow::Result<()> {
    let key = STANDARD.decode(key)?;
    let signature = STANDARD.encode(hmac_sha256(&key, &text_to_sign(head, account)));
    head.set("Authorization", &format!("SharedKey {account}:{signature}"));
    Ok(())
}

fn text_to_sign(head: &Head, account: &str) -> String {
    let place = |name: &&str| match head.header(name) {
        Some("0") if *name == "content-length" => String::new(),
        value => value.unwrap_or_default().to_owned(),
    };
    let standard: Vec<String> = STANDARD_HEADERS.iter().map(place).collect();
    let own: BTreeMap<String, &str> = head
        .headers
        .iter()
        .map(|(name, _)| (name.to_ascii_lowercase(), head.header(name).unwrap_or_default().trim()))
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .collect();
    let own: String = own.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    format!("{}\n{}\n{own}{}", head.method, standard.join("\n"), resource(&head.target, account))
}

fn resource(target: &str, account: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        values.entry(decode(name).to_ascii_lowercase()).or_default().push(decode(value));
    }
    let mut text = format!("/{account}{path}");
    for (name, mut values) in values {
        values.sort();
        text.push_str(&format!("\n{name}:{}", values.join(",")));
    }
    text
}
