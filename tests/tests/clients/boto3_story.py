# SPDX-License-Identifier: Apache-2.0
"""Writes and reads odd objects; prints what it observed as one JSON object of strings."""

import hashlib
import io
import json
import sys
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

url, region, bucket = sys.argv[1:4]
ca = sys.argv[4] if len(sys.argv) > 4 else None
s3 = boto3.client(
    "s3", endpoint_url=url, region_name=region, verify=ca,
    config=Config(signature_version="s3v4", s3={"addressing_style": "path"},
                  retries={"max_attempts": 1, "mode": "standard"}))
seen = {}


def put(key, body, **more):
    s3.put_object(Bucket=bucket, Key=key, Body=body, **more)


def get(key, **more):
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def code(call):
    try:
        call()
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]


for key in ["plain", "a b", "a+b", "a%20b", "a:b@c,d;e", "q?x=1&y#z", "tilde~'()*!", "\u20ac/\u00e9", "\U0001f41f"]:
    put(key, key.encode())
    seen["key " + key] = get(key).decode()

put("empty", b"")
seen["empty"] = str(s3.head_object(Bucket=bucket, Key="empty")["ContentLength"])
put("meta", b"m", Metadata={"spaces": "a  b", "plain": "x"}, ContentType="text/x-odd", CacheControl="no-store")
head = s3.head_object(Bucket=bucket, Key="meta")
seen["meta"] = head["Metadata"].get("plain", "") + " " + head["ContentType"] + " " + str(head["ContentLength"])
seen["range"] = get("plain", Range="bytes=1-3").decode()
seen["if-none-match"] = code(lambda: s3.get_object(Bucket=bucket, Key="plain", IfNoneMatch=head["ETag"]))
seen["not modified"] = code(lambda: s3.get_object(Bucket=bucket, Key="meta", IfNoneMatch=head["ETag"]))
seen["missing"] = code(lambda: get("missing"))
seen["missing head"] = code(lambda: s3.head_object(Bucket=bucket, Key="missing"))

big = hashlib.shake_256(b"pilotfish").digest(12 << 20)
s3.upload_fileobj(io.BytesIO(big), bucket, "big", Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20))
seen["big"] = str(get("big") == big)
s3.copy_object(Bucket=bucket, Key="copy of \u20ac", CopySource={"Bucket": bucket, "Key": "\u20ac/\u00e9"})
seen["copy"] = get("copy of \u20ac").decode()

listed = [o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 3}) for o in page["Contents"]]
seen["listed"] = " | ".join(sorted(listed))

context = None
if ca:
    import ssl
    context = ssl.create_default_context(cafile=ca)
signed = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b"}, ExpiresIn=60)
seen["presigned get"] = urllib.request.urlopen(signed, context=context).read().decode()
signed = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "by url"}, ExpiresIn=60)
urllib.request.urlopen(urllib.request.Request(signed, data=b"by url", method="PUT", headers={"content-type": ""}), context=context)
seen["presigned put"] = get("by url").decode()

gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in listed]})
seen["deleted"] = str(len(gone.get("Deleted", []))) + " " + str(len(gone.get("Errors", [])))
seen["left"] = str(s3.list_objects_v2(Bucket=bucket)["KeyCount"])
print(json.dumps(seen))
