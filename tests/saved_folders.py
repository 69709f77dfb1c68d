"""Saved folders on the local disk, changed by someone who knows their form."""

import hashlib
import json
from pathlib import Path


def part(folder):
    """The one file of a folder that holds a JSON text."""
    (found,) = Path(folder).glob("part-*")
    return found


def metadata_of(path):
    return json.loads(part(Path(path, "metadata")).read_text())


def with_metadata(path, root=None, **changes):
    """Overwrite fields of saved metadata; the manifests of all that `root` holds stay right."""
    write(part(Path(path, "metadata")), json.dumps(metadata_of(path) | changes) + "\n")
    reseal(root or path)


def write(file, text):
    """Write a file, without the checksum that Hadoop keeps beside it."""
    file.write_text(text)
    Path(file.parent, f".{file.name}.crc").unlink(missing_ok=True)


def files_of(folder):
    """Every file of a save, by its path below the folder, but for hidden ones."""
    found = {str(p.relative_to(folder)): p for p in sorted(Path(folder).rglob("*")) if p.is_file()}
    return {
        name: file
        for name, file in found.items()
        if not any(word.startswith((".", "_")) for word in name.split("/"))
    }


def reseal(root):
    """Write anew what the manifests of all saves in `root` say, the inner ones first."""
    manifests = sorted(Path(root).rglob("manifest"), key=lambda p: -len(p.parts))
    for folder in (manifest.parent for manifest in manifests):
        before = json.loads(part(folder / "manifest").read_text())["files"]
        listed = {}
        for name, file in files_of(folder).items():
            if not name.startswith("manifest/"):
                content = file.read_bytes()
                plain = name in before and before[name][1] is None
                hashed = None if plain else hashlib.sha256(content).hexdigest()
                listed[name] = [len(content), hashed]
        write(part(folder / "manifest"), json.dumps({"files": listed}))
