"""Fetches an object of S3, or of what speaks its protocol, again: by boto3, with whatever boto3 finds to sign with."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qs

from provsdk.cli.fetch.reading import CHUNK_BYTES, Cannot, Gone, digested
from provsdk.report.verdicts import Content

__all__ = ["fetch_s3"]

MAX_BYTES: Final = 8 * 1024 * 1024 * 1024
SECONDS: Final = 120.0
SILENCE_S: Final = 10

_ABSENT: Final = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchVersion", "404", "NotFound"})


def fetch_s3(bucket: str, key: str, query: str = "") -> Content:
    """The content of `s3://bucket/key`; of the version that `?versionId=` names, else the current one.

    Raises:
        Gone: there is no such object.
        Cannot: boto3 is not installed, there is nothing to sign with, or the store refuses or cannot be reached.
    """
    try:
        import boto3  # type: ignore[import-untyped] # noqa: PLC0415 an extra
        from botocore.config import Config  # type: ignore[import-untyped] # noqa: PLC0415 as above
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped] # noqa: PLC0415 as above
    except ImportError:
        raise Cannot('objects of S3 need boto3: pip install "provsdk[s3]"') from None
    wanted = {"Bucket": bucket, "Key": key}
    version = parse_qs(query).get("versionId")
    if version:
        wanted["VersionId"] = version[0]
    try:
        bounds = Config(connect_timeout=SILENCE_S, read_timeout=SILENCE_S, retries={"total_max_attempts": 2})
        # A session of its own: the default one is not for several threads.
        answer = boto3.session.Session().client("s3", config=bounds).get_object(**wanted)
        with answer["Body"] as body:
            return digested(
                _chunks(body),
                max_bytes=MAX_BYTES,
                seconds=SECONDS,
                modified_at=answer.get("LastModified"),
                etag=answer.get("ETag"),
            )
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        if code in _ABSENT:
            raise Gone(f"the store says that it is not there ({code})") from None
        raise Cannot(f"the store refuses: {code}") from None
    except (BotoCoreError, OSError, ValueError) as error:
        raise Cannot(f"cannot be reached: {type(error).__name__}") from None


def _chunks(body: Any) -> Iterator[bytes]:
    while chunk := body.read(CHUNK_BYTES):
        yield chunk
