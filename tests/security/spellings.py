"""Names that must lead nowhere, in every spelling that has ever got past a check.

The corpus of published holes of MLflow's file routes: parents, absolute paths, `file:` URIs, Windows forms, fragments,
queries and parameters with `..` in them, control characters, and each under several layers of encoding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

# Read as they are in the path and in the query of a URL.
UNRESERVED = "/:\\;@=~"


@dataclass(frozen=True)
class Spelling:
    """A hostile name as it is sent: `url` in a URL, `literal` in JSON."""

    text: str
    how: str
    url: str
    literal: str

    def __str__(self) -> str:
        return f"{self.text!r} ({self.how}) as {self.url!r} / {self.literal}"


def plain(text: str) -> str:
    return quote(text, safe=UNRESERVED)


def without_slashes(text: str) -> str:
    return quote(text, safe="")


def by_bytes(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def by_small_bytes(text: str) -> str:
    return by_bytes(text).lower()


def dots(text: str) -> str:
    return plain(text).replace(".", "%2e")


def escaped(text: str) -> str:
    return '"' + "".join(f"\\u{ord(character):04x}" for character in text) + '"'


def once(text: str) -> list[tuple[str, Callable[[str], str], Callable[[str], str]]]:
    """Encodings that one decoding undoes, for URLs and for JSON."""
    return [
        ("plain", plain, json.dumps),
        ("slashes encoded", without_slashes, json.dumps),
        ("every byte encoded", by_bytes, escaped),
        ("every byte encoded in small letters", by_small_bytes, escaped),
        ("dots encoded", dots, escaped),
    ]


# The fewest and the most layers of encoding that are looked through; `compat/test_artifact_paths.py` has more.
LAYERS = (2, 10)


def spelled(text: str, is_nested: bool = True) -> Iterator[Spelling]:
    seen = set()
    for how, in_url, in_json in once(text):
        url = in_url(text)
        if url not in seen:
            seen.add(url)
            yield Spelling(text, how, url, in_json(text))
    for layers in LAYERS if is_nested else ():
        nested = by_bytes(text)
        for _ in range(layers - 2):
            nested = nested.replace("%", "%25")
        yield Spelling(text, f"{layers} layers", quote(nested, safe=""), json.dumps(nested))


def upwards(target: str) -> list[str]:
    """`target` begins with as many `../` as lead out."""
    return [
        target,
        f"./{target}",
        f"inside/../{target}",
        f"inside/./../{target}",
        f"inside//..//{target}",
        f"none/../{target}",
        f"{target}/",
        f"inside/{'../' * 40}etc/passwd",
        f"#/{target}",
        f"inside/a.txt#/../../{target}",
        f"?/../{target}",
        f"inside?x=/../{target}",
        f";/../{target}",
        f"inside;x=1/../{target}",
        f"file:{target}",
        f"file:///{target}",
        f"http:///#/../{target}",
        f"mlflow-artifacts:/../{target}",
        f"s3://bucket/../{target}",
        "dbfs:/../../etc/passwd",
    ]


def absolute(target: str) -> list[str]:
    """`target` begins with a slash."""
    return [
        target,
        f"/{target}",
        f"//{target}",
        f"/.{target}",
        f" {target}",
        f"file:{target}",
        f"file://{target}",
        f"FILE://{target}",
        f"file://localhost{target}",
        f"file:////localhost{target}",
        "/proc/self/root/etc/passwd",
        "//proc/self/root/etc/passwd",
        "/proc/self/environ",
    ]


ABSOLUTE_ELSEWHERE = [
    "..",
    "../",
    "inside/..",
    "inside/../..",
    "/",
    "//",
    "C:\\Windows\\win.ini",
    "c:/Windows/win.ini",
    "\\\\server\\share\\x",
    "\\\\?\\C:\\x",
    "\\\\.\\pipe\\x",
    "//server/share/x",
    "a#b",
    "#",
    "file:..\\..\\x",
    "FILE:C:\\x",
]


def with_controls(target: str) -> list[str]:
    return [
        f"inside/a.txt\0{target}",
        f"{target}\0.png",
        f"inside/a.txt\r\nX-Injected: 1\r\n\r\n{target}",
        f"\t{target}",
        f"\n{target}",
        "inside/\x1b[31m.txt",
        "\x7f",
    ]


def refused(relative: list[str], real: str) -> list[Spelling]:
    """Names that are refused, whatever is behind them: `relative` lead to canaries, `real` is one's absolute path."""
    first, *others = relative
    texts = [*upwards(first), *absolute(real), *ABSOLUTE_ELSEWHERE]
    found = [spelling for text in texts for spelling in spelled(text)]
    # The other targets lie behind the same check.
    found += [spelling for target in others for text in upwards(target) for spelling in spelled(text, is_nested=False)]
    controls = [spelling for text in with_controls(relative[0]) for spelling in spelled(text, is_nested=False)]
    return found + controls


def harmless(target: str) -> list[Spelling]:
    """Names that only another system, or a careless decoder, would take for a way out. They may be refused, or be names
    like others."""
    backslashes = target.replace("/", "\\")
    texts = [
        backslashes,
        f".\\{backslashes}",
        f"inside\\{backslashes}",
        "..;/..;/etc/passwd",
        "....//....//etc/passwd",
        ".../.../etc/passwd",
        "..\u2215..\u2215etc\u2215passwd",
        "\uff0e\uff0e\uff0fetc\uff0fpasswd",
        "%u002e%u002e/etc/passwd",
        "~",
        "~root/.bashrc",
        "$HOME/.bashrc",
        "${jndi:ldap://127.0.0.1/x}",
        "{{7*7}}",
        "-rf",
        "a.txt::$DATA",
        "CON",
        "x" * 300,
        "/".join("d" * 300),
    ]
    found = [spelling for text in texts for spelling in spelled(text, is_nested=False)]
    # What is no UTF-8, or no encoding at all, has no text.
    raw = [
        "%c0%ae%c0%ae%c0%afetc%c0%afpasswd",
        "%e0%80%ae%e0%80%ae/etc/passwd",
        "%ff%fe",
        "%",
        "%2",
        "%zz",
        "..%",
        "%%32%65%%32%65/x",
    ]
    return found + [Spelling("", "not UTF-8, or no encoding", url, '"none"') for url in raw]
