// SPDX-License-Identifier: Apache-2.0
//! Which bucket and key a request means, by path or by host name.

/// Bucket and key in decoded bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) bucket: Option<Vec<u8>>,
    pub(crate) key: Option<Vec<u8>>,
}

impl Target {
    /// Reads a wire path; a caller that puts the bucket into the host name gives it separately.
    pub(crate) fn from_path(wire: &[u8], host_bucket: Option<&str>) -> Self {
        let decoded = sigv4::decode(wire);
        let rest = decoded.strip_prefix(b"/").unwrap_or(&decoded);
        if let Some(bucket) = host_bucket {
            return Self { bucket: Some(bucket.as_bytes().to_vec()), key: filled(rest) };
        }
        let mut parts = rest.splitn(2, |byte| *byte == b'/');
        Self { bucket: parts.next().and_then(filled), key: parts.next().and_then(filled) }
    }

    /// The decoded path of the object in path style.
    pub(crate) fn decoded_path(&self) -> Vec<u8> {
        let mut path = vec![b'/'];
        path.extend_from_slice(self.bucket.as_deref().unwrap_or_default());
        if let Some(key) = &self.key {
            path.push(b'/');
            path.extend_from_slice(key);
        }
        path
    }

    /// `/bucket/key` for messages; bytes that are no UTF-8 are shown as replacement characters.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.decoded_path()).into_owned()
    }
}

/// The bucket in a host name such as `bucket.localhost:9700`; path-style hosts have none.
pub(crate) fn bucket_in_host(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.strip_suffix(".localhost").filter(|bucket| !bucket.is_empty())
}

fn filled(bytes: &[u8]) -> Option<Vec<u8>> {
    (!bytes.is_empty()).then(|| bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_and_key_are_split_at_the_first_slash_only() {
        let target = Target::from_path(b"/b//a%2Fb/", None);
        assert_eq!(target.bucket.as_deref(), Some(b"b".as_slice()));
        assert_eq!(target.key.as_deref(), Some(b"/a/b/".as_slice()));
        assert_eq!(target.decoded_path(), b"/b//a/b/");
    }

    #[test]
    fn a_bucket_may_stand_in_the_host_name() {
        assert_eq!(bucket_in_host("bk.localhost:9700"), Some("bk"));
        for host in ["localhost:9700", "[::1]:9700", "127.0.0.1:1", "localhost"] {
            assert_eq!(bucket_in_host(host), None, "{host}");
        }
        let target = Target::from_path(b"/k", Some("bk"));
        assert_eq!(target.decoded_path(), b"/bk/k");
    }
}
