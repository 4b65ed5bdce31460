"""Every error that provsdk raises on purpose.

::

    ProvsdkError
    ├── UsageError                 a call that cannot mean anything; mend the code
    │   ├── ConfigError            a wrong key, type or value in the configuration
    │   └── UnsupportedCallable    a kind of callable that cannot be traced
    ├── NotFound                   no such record, or more than one by that name
    ├── OutputBlocked              a check withheld the output
    ├── RecordNotSealed            the record could not be made durable, and the caller asked to be told
    ├── StoreError                 the store cannot do what was asked
    │   ├── StoreUnavailable       missing, locked, read-only, full: may work later
    │   ├── StoreForeign           the file is not a provsdk store
    │   ├── StoreOutdated          its views are those of an older version
    │   ├── StoreTooNew            written by a newer version
    │   ├── StoreDamaged           what it holds contradicts itself or its signature
    │   │   └── StoreRolledBack    it is older than what is remembered outside
    │   └── KeyConflict            the same idempotency key with other content
    ├── KeyUnusable                a signing, digest or encryption key is missing or damaged
    ├── NotCanonical               a value that has no canonical form (RFC 8785)
    ├── NotDigestible              a value that has no digest
    ├── FormatError                bytes that are not what they should be: entry, note, checkpoint, part
    └── ExportError                an exporter could not deliver

Messages say what is wrong, where, and what to do. They never carry content.
"""

__all__ = [
    "ConfigError",
    "ExportError",
    "FormatError",
    "KeyConflict",
    "KeyUnusable",
    "NotCanonical",
    "NotDigestible",
    "NotFound",
    "OutputBlocked",
    "ProvsdkError",
    "RecordNotSealed",
    "StoreDamaged",
    "StoreError",
    "StoreForeign",
    "StoreOutdated",
    "StoreRolledBack",
    "StoreTooNew",
    "StoreUnavailable",
    "UnsupportedCallable",
    "UsageError",
]


class ProvsdkError(Exception):
    """The root: catch this to catch whatever provsdk raises on purpose."""


class UsageError(ProvsdkError, ValueError):
    """A call that cannot mean anything; the code has to be mended."""


class ConfigError(UsageError):
    """A wrong key, type or value in the configuration; names it, its place and what is allowed."""


class UnsupportedCallable(UsageError, TypeError):
    """A kind of callable that cannot be traced."""


class NotFound(ProvsdkError, LookupError):
    """No record goes by that name, or more than one does."""


class OutputBlocked(ProvsdkError):
    """A check withheld the output; `reasons` says why."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("output withheld: " + "; ".join(reasons))
        self.reasons = reasons


class RecordNotSealed(ProvsdkError):
    """The record could not be made durable in time, and `on_unavailable="block"` asks to be told."""


class StoreError(ProvsdkError):
    """The store cannot do what was asked."""


class StoreUnavailable(StoreError):
    """The store is missing, locked, read-only or full: the same call may work later."""


class StoreForeign(StoreError):
    """The file is something else than a provsdk store."""


class StoreTooNew(StoreError):
    """The store was written by a newer version of provsdk."""


class StoreOutdated(StoreError):
    """The store's views are those of an older version; log and parts are the same, and give the new ones."""


class StoreDamaged(StoreError):
    """What the store holds contradicts itself or its signature; nothing is appended to it."""


class StoreRolledBack(StoreDamaged):
    """The store is older than what is remembered of it outside."""


class KeyConflict(StoreError):
    """An entry with the same idempotency key and other content exists already; it was left as it is."""


class KeyUnusable(ProvsdkError):
    """A signing, digest or encryption key is missing or damaged."""


class KeyMissing(KeyUnusable):
    """A signing, digest or encryption key is not where it is looked for."""


class NotCanonical(ProvsdkError, ValueError):
    """The value has no canonical form (RFC 8785): NaN, an integer beyond 2^53, a lone surrogate, a foreign type."""


class NotDigestible(ProvsdkError, ValueError):
    """The value has no digest: a foreign type, a cycle, or beyond the bounds of depth or size."""


class FormatError(ProvsdkError, ValueError):
    """Bytes that are not what they should be: an entry, a note, a checkpoint, a part."""


class ExportError(ProvsdkError):
    """An exporter could not deliver; what it was handed stays pending."""
