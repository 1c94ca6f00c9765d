"""What a reference to a provider's key says, and what a key is bound to.

${env:NAME}    ${file:/path}    ${secret:name}
"""

from urllib.parse import urlsplit


def is_reference(text: str) -> bool:
    return text.startswith("${") and text.endswith("}")


def split_reference(reference: str) -> tuple[str, str]:
    """`env`, `file` or `secret`, and what it names."""
    kind, _, name = reference.removeprefix("${").removesuffix("}").partition(":")
    return kind, name


def is_secret(reference: str) -> bool:
    """Whether it names a key that is kept, encrypted, in the database."""
    return reference.startswith("${secret:")


def secret_name(reference: str) -> str:
    return split_reference(reference)[1]


def host_of(url: str) -> str:
    """Host and port, in lower case: what a key is bound to."""
    return urlsplit(url).netloc.lower()
