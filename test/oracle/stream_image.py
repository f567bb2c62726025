#!/usr/bin/env python3
"""The oracle for `varve stream`, and what its benchmark measures against.

    stream_image.py CONF [--repo_tag NAME:TAG]

Writes to stdout the image archive that nixpkgs' `streamLayeredImage` writes for the same conf, and its progress to
stderr. It lets CPython's own tarfile, pathlib, json and datetime decide every byte, and takes the same road: each store
layer is packed twice, once only to be hashed and once, in a thread that feeds a pipe, into the image.
"""

import argparse
import datetime
import hashlib
import io
import json
import os
import pathlib
import sys
import tarfile
import threading
from dataclasses import dataclass


@dataclass
class Layer:
    """A layer in the image: its digest's hexadecimal part, its name in the archive, and what it is made of."""

    checksum: str
    name: str
    paths: list


class HashingSink:
    """Takes bytes and keeps their SHA-256 and their number."""

    def __init__(self):
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)


class StorePacker:
    """Packs store paths into a layer, with the conf's owner and time on every entry."""

    def __init__(self, conf, mtime):
        self.attributes = {
            "mtime": mtime,
            "uid": int(conf["uid"]),
            "gid": int(conf["gid"]),
            "uname": conf["uname"],
            "gname": conf["gname"],
        }

    def pack(self, paths, sink):
        with tarfile.open(fileobj=sink, mode="w|") as layer:
            for name in "/nix", "/nix/store":
                parent = tarfile.TarInfo(name)
                parent.type, parent.mode = tarfile.DIRTYPE, 0o755
                self.add(layer, parent)
            for path in map(pathlib.Path, paths):
                tree = [path]
                if not path.is_symlink():
                    tree.extend(path.rglob("*"))
                for file in sorted(tree):
                    self.add_file(layer, file)

    def add_file(self, layer, file):
        entry = layer.gettarinfo(file)
        entry.name = "/" + entry.name
        if entry.islnk():
            # tarfile remembers inodes and makes a link of the second name; here every name brings its bytes.
            entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", file.stat().st_size
        if entry.isfile():
            with open(file, "rb") as content:
                self.add(layer, entry, content)
        else:
            self.add(layer, entry)

    def add(self, layer, entry, content=None):
        for name, value in self.attributes.items():
            setattr(entry, name, value)
        layer.addfile(entry, content)


class BaseImage:
    """The image that the conf's `from_image` names."""

    def __init__(self, path):
        self.archive = tarfile.open(path)
        self.manifest = self.document("manifest.json")[0]
        self.config = self.document(self.manifest["Config"])

    def document(self, name):
        with self.archive.extractfile(self.archive.getmember(name)) as content:
            return json.load(content)

    def layers(self):
        """Pairs of a layer's entry in the archive and its checksum, from the bottom up."""
        for name, diff_id in zip(self.manifest["Layers"], self.config["rootfs"]["diff_ids"]):
            yield self.archive.getmember(name), diff_id.removeprefix("sha256:")

    def with_environment(self, config):
        """Puts the base's variables before those of `config`; the last value of one stands where the first stood."""
        variables = {}
        for assignment in self.config["config"].get("Env", []) + config.get("Env", []):
            variables[assignment.split("=", 1)[0]] = assignment
        if variables:
            config["Env"] = list(variables.values())
        return config


class ImageStream:
    """The image archive as it is being written."""

    def __init__(self, conf, out):
        self.conf = conf
        self.created = moment(conf["created"]).isoformat()
        self.mtime = int(moment(conf["mtime"]).timestamp())
        self.packer = StorePacker(conf, self.mtime)
        self.out = out
        self.layers = []

    def add_base(self, base):
        for entry, checksum in base.layers():
            self.out.addfile(entry, base.archive.extractfile(entry))
            say("Adding base layer", len(self.layers) + 1, "from", entry.name)
            self.layers.append(Layer(checksum, entry.name, [entry.name]))
        base.archive.close()

    def add_store_layer(self, paths):
        say("Creating layer", len(self.layers) + 1, "from paths:", paths)
        for path in paths:
            if not path.startswith(self.conf["store_dir"]):
                sys.exit(f"{path} is not in the store {self.conf['store_dir']}")

        measured = HashingSink()
        self.packer.pack(paths, measured)
        checksum = measured.hash.hexdigest()
        entry = self.file_entry(f"{checksum}/layer.tar", measured.size)

        read_end, write_end = os.pipe()
        with open(read_end, "rb") as content:
            packing = threading.Thread(target=self.pack_into, args=(paths, write_end))
            packing.start()
            self.out.addfile(entry, content)
        packing.join()
        self.layers.append(Layer(checksum, entry.name, paths))

    def pack_into(self, paths, write_end):
        with open(write_end, "wb") as sink:
            self.packer.pack(paths, sink)

    def add_customisation_layer(self, folder):
        say("Creating layer", len(self.layers) + 1, "with customisation...")
        with open(os.path.join(folder, "checksum")) as file:
            checksum = file.read().strip()
        path = os.path.join(folder, "layer.tar")
        entry = self.out.gettarinfo(path)
        entry.name = f"{checksum}/layer.tar"
        entry.mtime = self.mtime
        with open(path, "rb") as content:
            self.out.addfile(entry, content)
        self.layers.append(Layer(checksum, entry.name, [folder]))

    def add_documents(self, config, repo_tag):
        say("Adding manifests...")
        image = {
            "created": self.created,
            "architecture": self.conf["architecture"],
            "os": "linux",
            "config": config,
            "rootfs": {"diff_ids": [f"sha256:{layer.checksum}" for layer in self.layers], "type": "layers"},
            "history": [
                {"created": self.created, "comment": f"store paths: {layer.paths}"} for layer in self.layers
            ],
        }
        content = json.dumps(image, indent=4).encode()
        name = f"{hashlib.sha256(content).hexdigest()}.json"
        self.add_document(name, content)
        manifest = {"Config": name, "RepoTags": [repo_tag], "Layers": [layer.name for layer in self.layers]}
        self.add_document("manifest.json", json.dumps([manifest], indent=4).encode())
        say("Done.")

    def add_document(self, name, content):
        self.out.addfile(self.file_entry(name, len(content)), io.BytesIO(content))

    def file_entry(self, name, size):
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime = size, self.mtime
        return entry


NOW = datetime.datetime.now(datetime.timezone.utc)


def moment(text):
    return NOW if text == "now" else datetime.datetime.fromisoformat(text)


def say(*words):
    print(*words, file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description="The oracle for `varve stream`.")
    parser.add_argument("conf")
    parser.add_argument("--repo_tag")
    options = parser.parse_args()
    with open(options.conf) as file:
        conf = json.load(file)

    base = None if conf["from_image"] is None else BaseImage(conf["from_image"])
    with tarfile.open(mode="w|", fileobj=sys.stdout.buffer) as out:
        image = ImageStream(conf, out)
        if base is None:
            say("No 'fromImage' provided")
        else:
            image.add_base(base)
        for paths in conf["store_layers"]:
            image.add_store_layer(paths)
        image.add_customisation_layer(conf["customisation_layer"])
        config = conf["config"] if base is None else base.with_environment(conf["config"])
        image.add_documents(config, options.repo_tag or conf["repo_tag"])


if __name__ == "__main__":
    main()
