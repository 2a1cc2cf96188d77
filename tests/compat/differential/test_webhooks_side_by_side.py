"""Webhooks, with good, boundary and bad input, beside the reference."""

from __future__ import annotations

import pytest

from pairs import FAILS, NOT_STORED, REPEATED, Call, ask, case, refused, send
from receiver import EVERY

ROOT = "2.0/mlflow/webhooks"
WIDE = refused("texts of scorers, datasets, assessments and webhooks that are longer than their columns", on="sqlite")
WIDE_FAILS = refused("a driver's text as message", reference=400, code="BAD_REQUEST", on="postgres")
NOT_A_TOKEN = refused("page tokens whose offset is negative or no whole number", on="sqlite")
NOT_A_TOKEN_FAILS = refused("a driver's text as message", reference=400, code="BAD_REQUEST", on="postgres")
UNUSABLE = refused("webhooks: URLs that can't be called, such as those with a port that is no number")
# An address of the internet that no name has to be looked up for; nothing is ever sent there.
URL = "https://1.1.1.1/hook"


def event(entity: object = "REGISTERED_MODEL", action: object = "CREATED") -> dict:
    return {"entity": entity, "action": action}


def create(**more) -> Call:
    message = {"name": "hook", "url": URL, "events": [event()]} | more
    return send("POST", ROOT, **{key: value for key, value in message.items() if value is not None})


def update(which: str = "$hook", **changes) -> Call:
    return send("PATCH", f"{ROOT}/{which}", **changes)


def read(which: str = "$hook") -> Call:
    return ask(f"{ROOT}/{which}")


def delete(which: str = "$hook") -> Call:
    return send("DELETE", f"{ROOT}/{which}")


def listed(**query) -> Call:
    return ask(ROOT, **query)


MADE = create().kept("hook")
KEPT = [
    case("one", MADE, read(), delete()),
    case(
        "with everything",
        create(description="größe 実験 🚀", secret="sécret", status="DISABLED", events=EVERY).kept("hook"),
        read(),
        delete(),
    ),
    case("twice the same name", MADE, create().kept("other"), delete(), delete("$other")),
    case("empty texts", create(description="", secret="", status="ACTIVE").kept("hook"), read(), delete()),
    case("events by number", create(events=[event(2, 1), event("7", "4")]).kept("hook"), read(), delete()),
    case("the longest name", create(name="a" * 63).kept("hook"), delete()),
    case("a name with all characters", create(name="A.b_c-9").kept("hook"), delete()),
    case("status by number in text", create(status="2").kept("hook"), delete()),
    case("the longest secret", create(secret="s" * 687).kept("hook"), read(), delete()),
    case("the longest url", create(url=URL + "a" * (500 - len(URL))).kept("hook"), read(), delete()),
    case("url with user, port and query", create(url="https://u:p@1.1.1.1:8443/a?b=c#d").kept("hook"), delete()),
    case("url in capitals", create(url="HTTPS://1.1.1.1/").kept("hook"), read(), delete()),
    case("url of IPv6", create(url="https://[2606:4700:4700::1111]/").kept("hook"), delete()),
]

CHANGED = [
    case(
        "everything",
        MADE,
        update(
            name="other",
            description="d",
            url="https://8.8.8.8/",
            events=[event("PROMPT", "CREATED"), event("PROMPT_TAG", "SET")],
            secret="s",
            status="DISABLED",
        ),
        read(),
        delete(),
    ),
    case("nothing", MADE, update(), read(), delete()),
    case("empty texts", create(description="d").kept("hook"), update(name="", url="", events=[]), read(), delete()),
    case("no description any more", create(description="d").kept("hook"), update(description=""), read(), delete()),
    case("no secret any more", create(secret="s").kept("hook"), update(secret=""), read(), delete()),
    case("off and on", MADE, update(status="DISABLED"), update(status="ACTIVE"), read(), delete()),
    case("a bad name", MADE, update(name="a b"), read(), delete()),
    case("a bad url", MADE, update(url="http://1.1.1.1"), read(), delete()),
    case("a private url", MADE, update(url="https://10.0.0.1"), read(), delete()),
    case("an event that does not happen", MADE, update(events=[event("PROMPT", "SET")]), read(), delete()),
    case("a status that is a number", MADE, update(status=2), delete()),
    case("an unknown webhook", update("none", name="a")),
    case("a deleted webhook", MADE, delete(), update(name="a"), read(), delete()),
    case("an unknown webhook is deleted", delete("none")),
    case("an unknown webhook is read", read("none")),
]

REFUSED = [
    case("no name", create(name=None)),
    case("no url", create(url=None)),
    case("no events", create(events=None)),
    case("empty name", create(name="")),
    case("empty url", create(url="")),
    case("empty events", create(events=[])),
    case("name a number", create(name=5)),
    case("url a number", create(url=5)),
    case("events a text", create(events="REGISTERED_MODEL")),
    case("description a number", create(description=5)),
    case("secret a number", create(secret=5)),
    case("status a number", create(status=1)),
    case("an unknown status", create(status="GONE").differs(NOT_STORED)),
    case("an unknown entity", create(events=[event("RUN")]).differs(FAILS)),
    case("an unknown action", create(events=[event(action="READ")]).differs(FAILS)),
    case("an entity without action", create(events=[{"entity": "PROMPT"}]).differs(FAILS)),
    case("an empty event", create(events=[{}]).differs(FAILS)),
    case("an event that does not happen", create(events=[event("MODEL_VERSION_TAG", "CREATED")])),
    case("an updated model", create(events=[event(), event("REGISTERED_MODEL", "UPDATED")])),
    case("an event twice", create(events=[event(), event()]).differs(REPEATED)),
    *(
        case(f"name {name!r}", create(name=name))
        for name in ("-a", "a-", ".", "a b", "ä", "a/b", "a\n", "a" * 64, " ", "'")
    ),
    *(
        case(f"url {url}", create(url=url))
        for url in (
            "http://1.1.1.1/",
            "ftp://1.1.1.1/",
            "1.1.1.1/hook",
            "//1.1.1.1/hook",
            "https://",
            "https:///hook",
            "https:hook",
            "https://:443/",
            " ",
            "\t\n",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://10.0.0.1/",
            "https://172.16.0.1:8080/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[fe80::1]/",
        )
    ),
    *(
        case(f"unusable url {url}", create(url=url).in_other_words())
        for url in (
            "https://name.invalid/",
            "https://[::ffff:127.0.0.1]/",
            "https://127.1/",
            "https://2130706433/",
            "https://[::1/",
        )
    ),
    case("a port that is no number", create(url="https://1.1.1.1:x/").differs(UNUSABLE)),
    case("a secret that is too long", create(secret="s" * 688).differs(WIDE, WIDE_FAILS)),
    case("url of 501 characters", create(url=URL + "a" * (501 - len(URL))).differs(WIDE, WIDE_FAILS)),
    case("description of 1001 characters", create(description="d" * 1001).differs(WIDE, WIDE_FAILS)),
]

LISTED = [
    case("nothing", listed()),
    case(
        "pages",
        *(create(name=f"hook{number}").kept(f"hook{number}") for number in range(3)),
        listed(),
        listed(max_results=2),
        listed(max_results=2, page_token="eyJvZmZzZXQiOiAyfQ=="),
        listed(max_results=1, page_token="eyJvZmZzZXQiOiAxfQ=="),
        listed(max_results=0),
        listed(page_token=""),
        *(delete(f"$hook{number}") for number in range(3)),
        listed(),
    ),
    *(case(f"max_results {given}", listed(max_results=given)) for given in (1, 1000, 1001, -1, "x")),
    case("a broken token", listed(page_token="abc")),
    case("a token of nothing", listed(page_token="eyJvZmZzZXQiOiAwfQ==")),
    case("a negative token", listed(page_token="eyJvZmZzZXQiOiAtMX0=").differs(NOT_A_TOKEN, NOT_A_TOKEN_FAILS)),
]


@pytest.mark.parametrize("tried", [*LISTED, *KEPT, *CHANGED, *REFUSED], ids=str)
def test_webhooks(pair, tried):
    pair.run(tried)
