// SPDX-License-Identifier: Apache-2.0
//! Multipart uploads, listings and multi-delete, as backup tools use them.

use std::time::Duration;

use crate::client::{Keys, get, put, request};
use crate::store::{Bed, code};

const PART: usize = 5 * 1024 * 1024;

fn between<'a>(text: &'a str, open: &str, close: &str) -> &'a str {
    text.split_once(open).unwrap().1.split_once(close).unwrap().0
}

#[test]
fn an_upload_may_change_its_credentials_between_its_parts() {
    let bed = Bed::new();
    let mut client = bed.client();
    let fresh = || Keys::from(&bed.store.issue(Duration::from_secs(60)));
    let begun = client.send(&request("POST", "/bucket/big").query("uploads"), &fresh());
    assert_eq!(begun.head.status, 200, "{}", begun.text());
    let id = between(&begun.text(), "<UploadId>", "</UploadId>").to_owned();
    let mut list = String::new();
    for number in 1..=2 {
        let body = vec![number as u8; if number == 1 { PART } else { 1000 }];
        let query = format!("partNumber={number}&uploadId={id}");
        let sent = client.send(&put("/bucket/big", body).query(&query), &fresh());
        let etag = sent.head.header("etag").unwrap().to_owned();
        list += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    }
    let xml = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    let mut complete = request("POST", "/bucket/big").query(&format!("uploadId={id}"));
    complete.body = xml.into_bytes();
    let done = client.send(&complete, &fresh());
    assert_eq!(done.head.status, 200, "{}", done.text());
    assert!(done.text().contains("-2"), "{}", done.text());
    let back = client.send(&get("/bucket/big"), &bed.keys).body;
    assert_eq!((back.len(), back[0], back[PART]), (PART + 1000, 1, 2));
    let again = client.send(&complete, &fresh());
    assert_eq!(code(&again.text()), "NoSuchUpload");
    assert_eq!(bed.store.counts().keys_with_ok_data(), 5);
}

#[test]
fn an_aborted_upload_leaves_nothing() {
    let bed = Bed::new();
    let mut client = bed.client();
    let begun = client.send(&request("POST", "/bucket/big").query("uploads"), &bed.keys).text();
    let id = between(&begun, "<UploadId>", "</UploadId>").to_owned();
    let query = format!("partNumber=1&uploadId={id}");
    client.send(&put("/bucket/big", vec![1; 100]).query(&query), &bed.keys);
    let abort = request("DELETE", "/bucket/big").query(&format!("uploadId={id}"));
    assert_eq!(client.send(&abort, &bed.keys).head.status, 204);
    assert_eq!(std::fs::read_dir(bed.dir.path()).unwrap().count(), 0);
}

#[test]
fn a_listing_is_paged_and_grouped() {
    let bed = Bed::new();
    let mut client = bed.client();
    for key in ["a/1", "a/2", "b", "c/1"] {
        client.send(&put(&format!("/bucket/{key}"), "x"), &bed.keys);
    }
    let mut query = "list-type=2&max-keys=1&delimiter=%2F".to_owned();
    let mut names = Vec::new();
    loop {
        let page = client.send(&get("/bucket").query(&query), &bed.keys).text();
        let name = page.split_once("<Key>").or(page.split_once("<CommonPrefixes><Prefix>"));
        names.push(name.unwrap().1.split_once('<').unwrap().0.to_owned());
        if page.contains("<IsTruncated>false</IsTruncated>") {
            break;
        }
        let token = between(&page, "<NextContinuationToken>", "</NextContinuationToken>");
        query = format!("list-type=2&max-keys=1&delimiter=%2F&continuation-token={token}");
    }
    assert_eq!(names, ["a/", "b", "c/"]);
    let v1 = client.send(&get("/bucket").query("prefix=a%2F&marker=a%2F1"), &bed.keys).text();
    assert!(v1.contains("<Key>a/2</Key>") && !v1.contains("<Key>a/1</Key>"), "{v1}");
}

#[test]
fn many_objects_are_copied_and_deleted_at_once() {
    let bed = Bed::new();
    let mut client = bed.client();
    client.send(&put("/bucket/from//odd", "data").header("x-amz-meta-a", "1"), &bed.keys);
    let copy = put("/bucket/to", "").header("x-amz-copy-source", "/bucket/from//odd");
    assert_eq!(client.send(&copy, &bed.keys).head.status, 200);
    let to = client.send(&get("/bucket/to"), &bed.keys);
    assert_eq!((to.body.as_slice(), to.head.header("x-amz-meta-a")), (&b"data"[..], Some("1")));
    let names = ["from//odd", "to", "absent"];
    let list: String =
        names.iter().map(|name| format!("<Object><Key>{name}</Key></Object>")).collect();
    let mut delete = request("POST", "/bucket").query("delete");
    delete.body = format!("<Delete>{list}</Delete>").into_bytes();
    let done = client.send(&delete, &bed.keys);
    assert_eq!(done.text().matches("<Deleted>").count(), 3, "{}", done.text());
    assert_eq!(client.send(&get("/bucket/to"), &bed.keys).head.status, 404);
}
