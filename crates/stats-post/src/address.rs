// SPDX-License-Identifier: Apache-2.0
//! Where to post to: a base with the operator's path added, or a full address as it is.

use reqwest::Url;

/// Where the operator takes final tallies.
pub(crate) const STATS: &str = "canopy-stats";
/// Where it takes progress.
pub(crate) const PROGRESS: &str = "canopy-progress";

/// An address for our posts.
///
/// # Errors
/// Why it is none; its text, which may hold a password, is not repeated.
pub(crate) fn parse(text: &str) -> Result<Url, &'static str> {
    let url: Url = text.parse().map_err(|_| "it is no URL")?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("it must begin with https:// or http:// and name a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must not hold credentials: use --bearer-token-file or --headers-file");
    }
    if url.fragment().is_some() {
        return Err("it must not have a fragment");
    }
    Ok(url)
}

/// Whether it is the full address already.
pub(crate) fn is_full(url: &Url, kind: &str) -> bool {
    url.path().contains(&format!("/api/v1/{kind}/"))
}

/// `<base>/api/v1/<kind>/<namespace>/<job>`.
///
/// # Errors
/// A base with a query.
pub(crate) fn below(
    mut base: Url,
    kind: &str,
    namespace: &str,
    job: &str,
) -> Result<Url, &'static str> {
    if base.query().is_some() {
        return Err("a base must not have a query");
    }
    let mut path = base.path_segments_mut().map_err(|()| "it is no base")?;
    path.pop_if_empty().extend(["api", "v1", kind, namespace, job]);
    drop(path);
    Ok(base)
}

/// Scheme, host and port: paths and queries of webhooks are secrets.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_path_is_added_to_a_base_and_never_twice() {
        let full = "http://op:8080/api/v1/canopy-stats/ns/restore-1";
        for base in ["http://op:8080", "http://op:8080/"] {
            let url = below(parse(base).unwrap(), STATS, "ns", "restore-1").unwrap();
            assert_eq!(url.as_str(), full);
        }
        let under = below(parse("https://x/op/").unwrap(), PROGRESS, "a/b", "j").unwrap();
        assert_eq!(under.as_str(), "https://x/op/api/v1/canopy-progress/a%2Fb/j");
        assert!(is_full(&parse(full).unwrap(), STATS) && !is_full(&parse(full).unwrap(), PROGRESS));
    }

    #[test]
    fn a_url_with_a_secret_in_it_is_refused_without_being_shown() {
        let why = parse("http://user:hunter2@x").unwrap_err();
        assert!(why.contains("token-file") && !why.contains("hunter2"), "{why}");
        for wrong in ["x:80", "ftp://x", "http://x/#a", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(origin(&parse("https://x/hooks/hush?k=hush").unwrap()), "https://x");
    }
}
