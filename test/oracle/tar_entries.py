#!/usr/bin/env python3
"""What CPython's tarfile makes of tar entries: a list of questions on stdin, a list of answers on stdout, both JSON.

    {"encode": ENTRY}                               the header in pax format, in hexadecimal
    {"archive": [ENTRY, ...], "format": FORMAT,     an archive in PAX, GNU or USTAR format, in hexadecimal;
     "globals": {KEY: VALUE}}                       each entry's content is its size in the letter c
    {"read": HEX}                                   the archive's entries, each with "offset" and the header that
                                                    tarfile writes for it again ("again", in hexadecimal)

An answer of null says that tarfile can't do it.
"""

import io
import json
import sys
import tarfile

FIELDS = ["name", "mode", "uid", "gid", "size", "mtime", "linkname", "uname", "gname", "devmajor", "devminor"]
TEXT = {"encoding": "utf-8", "errors": "surrogateescape"}


def entry_of(fields):
    entry = tarfile.TarInfo()
    for name in FIELDS:
        setattr(entry, name, fields.get(name, getattr(entry, name)))
    entry.type = fields["type"].encode("latin-1")
    entry.pax_headers = dict(fields.get("pax", []))
    return entry


def fields_of(entry):
    fields = {name: getattr(entry, name) for name in FIELDS}
    fields["type"] = entry.type.decode("latin-1")
    fields["pax"] = list(entry.pax_headers.items())
    fields["offset"] = entry.offset_data
    fields["again"] = encode(entry)
    return fields


def encode(entry):
    return entry.tobuf(tarfile.PAX_FORMAT, **TEXT).hex()


def archive(question):
    out = io.BytesIO()
    options = {"format": getattr(tarfile, question["format"] + "_FORMAT"), "pax_headers": question.get("globals", {})}
    with tarfile.open(fileobj=out, mode="w", **options, **TEXT) as target:
        for fields in question["archive"]:
            entry = entry_of(fields)
            target.addfile(entry, io.BytesIO(b"c" * entry.size) if entry.size > 0 else None)
    return out.getvalue().hex()


def read(question):
    with tarfile.open(fileobj=io.BytesIO(bytes.fromhex(question["read"])), mode="r:", **TEXT) as source:
        return [fields_of(entry) for entry in source]


def answer(question):
    try:
        if "encode" in question:
            return encode(entry_of(question["encode"]))
        return archive(question) if "archive" in question else read(question)
    except (ValueError, tarfile.TarError):
        return None


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
