"""What the headers of a download say of a name: the tables of the reference."""

from __future__ import annotations

CONTENT_TYPES = {
    **dict.fromkeys(
        """a.txt a.log a.err a.cfg a.conf a.cnf a.cf a.ini a.properties a.prop a.hocon a.toml a.yaml a.yml a.xml a.json
        a.js a.py a.py3 a.csv a.tsv a.md a.rst a.ipynb MLmodel a.MLmodel mlproject a.b.txt txt json a+b.txt""".split(),
        "text/plain",
    ),
    "a.html": "text/html",
    "a.svg": "image/svg+xml",
    "a.png": "image/png",
    "a.jpg": "image/jpeg",
    "a.webp": "image/webp",
    "a.pdf": "application/pdf",
    "a.zip": "application/zip",
    "a.mp4": "video/mp4",
    "a.tar.gz": "application/x-tar",
    "a.h5": "application/x-hdf5",
    "a.Json": "application/json",
    **dict.fromkeys(
        "a.gz a.pkl a.parquet a.npy a.onnx a.safetensors a.jsonl a.unknown noextension .json MLproject".split(),
        "application/octet-stream",
    ),
}


DISPOSITIONS = {
    "a b.csv": 'attachment; filename="a b.csv"',
    'q"x.png': 'attachment; filename="q\\"x.png"',
    "日本.txt": "attachment; filename=.txt; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt",
    "café.json": "attachment; filename=cafe.json; filename*=UTF-8''caf%C3%A9.json",
    "日本": "attachment; filename=download; filename*=UTF-8''%E6%97%A5%E6%9C%AC",
    "a+b~c!.txt": "attachment; filename=a+b~c!.txt",
    "a(b).txt": 'attachment; filename="a(b).txt"',
    "a\\b": 'attachment; filename="a\\\\b"',
}
