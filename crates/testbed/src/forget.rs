// SPDX-License-Identifier: Apache-2.0
//! A store that takes no notice of create-only, made of one that does: the condition is cut out of
//! the request, which is then signed again.

use std::io;

use crate::fault::SignAgain;
use crate::sign::{azure, s3};
use crate::wire::Head;

/// Takes the condition away; a request without one stays as it is, to the byte.
pub(crate) fn create_only(head: &mut Head, sign: &SignAgain) -> io::Result<()> {
    let target = without_generation(&head.target);
    if target == head.target && head.values("if-none-match").is_empty() {
        return Ok(());
    }
    head.target = target;
    head.remove("if-none-match");
    match sign {
        SignAgain::No => {}
        SignAgain::S3 { secret } => s3::sign_again(head, secret)
            .ok_or_else(|| io::Error::other("a request without a signature to make again"))?,
        SignAgain::Azure { account, key } => {
            azure::sign_again(head, account, key).map_err(io::Error::other)?;
        }
    }
    head.write_again();
    Ok(())
}

fn without_generation(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !pair.starts_with("ifGenerationMatch=")).collect();
    match kept.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", kept.join("&")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_condition_goes() {
        let mut head = Head::request("POST", "/o?name=a&ifGenerationMatch=0&uploadType=media");
        head.set("If-None-Match", "*");
        head.set("X-Other", "1");
        create_only(&mut head, &SignAgain::No).unwrap();
        assert_eq!(head.target, "/o?name=a&uploadType=media");
        let text = String::from_utf8(head.bytes.clone()).unwrap();
        assert_eq!(text, "POST /o?name=a&uploadType=media HTTP/1.1\r\nX-Other: 1\r\n\r\n");
        let mut other = Head { bytes: b"as it came".to_vec(), ..Head::request("GET", "/o?a=b") };
        create_only(&mut other, &SignAgain::No).unwrap();
        assert_eq!(other.bytes, b"as it came");
    }
}
