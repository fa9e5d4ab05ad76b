"""Copies a folder to a bucket, or a bucket's prefix to a folder, by the provider's own client.

    bucket-copy.py up FOLDER BUCKET PREFIX
    bucket-copy.py down BUCKET PREFIX FOLDER

What `scan` keeps for itself (*.scan.journal) is no result and is left out.
"""

import os
import sys

import boto3
from botocore.config import Config

SCAN_JOURNAL = ".scan.journal"
s3 = boto3.client("s3", config=Config(retries={"max_attempts": 20, "mode": "standard"}))
if sys.argv[1] == "up":
    folder, bucket, prefix = sys.argv[2:5]
    try:
        s3.create_bucket(Bucket=bucket)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        pass
    for root, _, names in os.walk(folder):
        for name in names:
            if name.endswith(SCAN_JOURNAL):
                continue
            path = os.path.join(root, name)
            s3.upload_file(path, bucket, f"{prefix}/{os.path.relpath(path, folder)}")
else:
    bucket, prefix, folder = sys.argv[2:5]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + "/"):
        for found in page.get("Contents", []):
            if found["Key"].endswith(SCAN_JOURNAL):
                continue
            path = os.path.join(folder, found["Key"][len(prefix) + 1 :])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            s3.download_file(bucket, found["Key"], path)
