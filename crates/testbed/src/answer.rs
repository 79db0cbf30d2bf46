// SPDX-License-Identifier: Apache-2.0
//! Answers that the front gives in the upstream's stead.

use std::io;

use tokio::io::AsyncWriteExt;

use crate::fault::{Fault, Then};
use crate::gate::error_xml;
use crate::relay::{Next, Side, read_away};
use crate::wire::Head;

/// Answers in the upstream's stead, where the fault says so.
pub(crate) async fn answer_alone(
    fault: &Fault,
    head: &Head,
    client: &mut Side,
) -> io::Result<Option<Next>> {
    let (status, code, more, headers) = match fault {
        Fault::EarlyAnswer { status, code, .. } | Fault::Answer { status, code } => {
            (*status, code.as_str(), String::new(), String::new())
        }
        Fault::ExpiredToken => (400, "ExpiredToken", String::new(), String::new()),
        Fault::Redirect301 { region } => {
            let more = format!("<Endpoint>s3.{region}.amazonaws.com</Endpoint>");
            let header = format!("x-amz-bucket-region: {region}\r\n");
            (301, "PermanentRedirect", more, header)
        }
        Fault::Reply { status, headers, body } => {
            let text = reply_text(head, *status, headers, body);
            return late(head, &text, client).await.map(Some);
        }
        Fault::Hang => std::future::pending().await,
        _ => return Ok(None),
    };
    let text = answer_text(head, status, code, &more, &headers, fault);
    if let Fault::EarlyAnswer { then, .. } = fault {
        client.out.write_all(&text).await?;
        client.out.flush().await?;
        if *then == Then::Close {
            return Ok(Some(Next::Close));
        }
        read_away(head.request_body(), &mut client.wire).await?;
        return Ok(Some(Next::KeepOpen));
    }
    late(head, &text, client).await.map(Some)
}

/// Reads the request to its end, then answers.
async fn late(head: &Head, answer: &[u8], client: &mut Side) -> io::Result<Next> {
    if expects_100(head) {
        client.out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    read_away(head.request_body(), &mut client.wire).await?;
    client.out.write_all(answer).await?;
    client.out.flush().await?;
    Ok(Next::KeepOpen)
}

fn expects_100(head: &Head) -> bool {
    head.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
}

fn answer_text(
    head: &Head,
    status: u16,
    code: &str,
    more: &str,
    headers: &str,
    fault: &Fault,
) -> Vec<u8> {
    let message = match code {
        "ExpiredToken" => "The provided token has expired.",
        "SlowDown" => "Please reduce your request rate.",
        "AccessDenied" => "Access Denied",
        _ => "The front was told to answer so.",
    };
    let kind = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_REQUEST);
    let body = error_xml(kind, code, message, more).into_body();
    let reason = reason(status);
    let closing = matches!(fault, Fault::EarlyAnswer { then: Then::Close, .. });
    let connection = if closing { "Connection: close\r\n" } else { "" };
    let mut text = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/xml\r\n\
         x-amz-request-id: FRONT\r\n{headers}{connection}"
    )
    .into_bytes();
    if head.method == "HEAD" {
        text.extend_from_slice(b"\r\n");
    } else {
        text.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        text.extend_from_slice(&body);
    }
    text
}

fn reply_text(head: &Head, status: u16, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (reason, length) = (reason(status), body.len());
    let text = format!("HTTP/1.1 {status} {reason}\r\n{lines}Content-Length: {length}\r\n\r\n");
    let body = if head.method == "HEAD" { &[] } else { body };
    [text.as_bytes(), body].concat()
}

fn reason(status: u16) -> &'static str {
    let known = http::StatusCode::from_u16(status).ok();
    known.and_then(|status| status.canonical_reason()).unwrap_or("Unknown")
}
