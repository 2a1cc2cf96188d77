"""Moves files to and from a bucket with boto3's transfer manager, and prints how long the transfers alone took.

The store and the credentials come from the environment, as for a server.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import botocore.config

# Of botocore and, for the parts of one file, of boto3's TransferConfig.
DEFAULT_CONNECTIONS = 10


def main() -> None:
    arguments = parse()
    threads = arguments.threads
    # More threads than pooled connections would connect anew for each file.
    config = botocore.config.Config(max_pool_connections=max(threads, DEFAULT_CONNECTIONS))
    client = boto3.client("s3", endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"], config=config)
    bucket, prefix, folder = arguments.bucket, arguments.prefix, arguments.folder
    # Also what loads modules and connects before the clock runs.
    present = keys(client, bucket, f"{prefix}/")

    if arguments.action == "upload":
        names = sorted(os.listdir(folder))

        def move(name: str) -> None:
            client.upload_file(str(folder / name), bucket, f"{prefix}/{name}")
    else:
        names = present

        def move(name: str) -> None:
            target = os.devnull if folder is None else str(folder / name)
            client.download_file(bucket, f"{prefix}/{name}", target)

    begin = time.monotonic()
    move_all(move, names, threads)
    print(json.dumps({"seconds": time.monotonic() - begin, "files": len(names)}))


def move_all(move: Callable[[str], None], names: list[str], threads: int) -> None:
    if threads == 1:
        for name in names:
            move(name)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(move, names):
            pass


def keys(client, bucket: str, prefix: str) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"].removeprefix(prefix) for page in pages for entry in page.get("Contents", [])]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["upload", "download"])
    parser.add_argument("bucket")
    parser.add_argument("prefix")
    parser.add_argument("--folder", type=Path, help="of the files; downloads without it go to /dev/null")
    parser.add_argument("--threads", type=int, default=1, help="files that are moved at the same time")
    arguments = parser.parse_args()
    if arguments.action == "upload" and arguments.folder is None:
        parser.error("upload needs --folder")
    return arguments


if __name__ == "__main__":
    main()
