// SPDX-License-Identifier: Apache-2.0
//! AWS Signature Version 4 in the `Authorization` header, for requests whose payload hash is known or
//! left out: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.

use aws_lc_rs::digest;
use jiff::Timestamp;

use super::hmac_sha256;
use crate::wire::Head;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Who signs, and for where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signer<'a> {
    pub(crate) access_key: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) region: &'a str,
}

impl Signer<'_> {
    /// Adds date, payload hash (left out of the signature) and signature to a request.
    pub(crate) fn sign(&self, head: &mut Head) {
        let date = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let scope = format!("{}/{}/s3/aws4_request", &date[..8], self.region);
        head.headers.push(("x-amz-date".to_owned(), date.into_bytes()));
        head.headers.push(("x-amz-content-sha256".to_owned(), UNSIGNED.into()));
        let mut names: Vec<String> =
            head.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        let value = authorization(head, self.access_key, self.secret, &scope, &names);
        head.headers.push(("Authorization".to_owned(), value.into_bytes()));
    }
}

/// Signs a request again, as it is now, under the key and scope that its signature names.
///
/// `None` where there is no such signature. A header that is gone is no longer signed.
pub(crate) fn sign_again(head: &mut Head, secret: &str) -> Option<()> {
    let given = head.header("authorization")?.to_owned();
    let part = |name: &str| {
        let mut parts = given.strip_prefix(ALGORITHM)?.split(',').map(str::trim);
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let (access_key, scope) = part("Credential")?.split_once('/')?;
    let names: Vec<String> = part("SignedHeaders")?
        .split(';')
        .filter(|name| !head.values(name).is_empty())
        .map(str::to_owned)
        .collect();
    let value = authorization(head, access_key, secret, scope, &names);
    head.set("Authorization", &value);
    Some(())
}

fn authorization(
    head: &Head,
    access_key: &str,
    secret: &str,
    scope: &str,
    names: &[String],
) -> String {
    let hash = head.header("x-amz-content-sha256").unwrap_or(UNSIGNED);
    let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
    let lines: String =
        names.iter().map(|name| format!("{name}:{}\n", joined(&head.values(name)))).collect();
    let (method, query, names) = (&head.method, sorted(query), names.join(";"));
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{hash}");
    let canonical = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let date = head.header("x-amz-date").unwrap_or_default();
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{canonical}");
    let key = scope
        .split('/')
        .fold(format!("AWS4{secret}").into_bytes(), |key, step| hmac_sha256(&key, step));
    let signature = hex::encode(hmac_sha256(&key, &text));
    format!(
        "{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
}

/// A query whose escapes are canonical already, as all our clients write them.
fn sorted(query: &str) -> String {
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
        .collect();
    pairs.sort();
    pairs.join("&")
}

fn joined(values: &[&[u8]]) -> String {
    let trimmed = |value: &&[u8]| {
        let text = String::from_utf8_lossy(value).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    values.iter().map(trimmed).collect::<Vec<_>>().join(",")
}
