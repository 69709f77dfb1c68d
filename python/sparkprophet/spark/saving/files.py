"""The files of saved folders, wherever they are: local disks, HDFS, object stores.

`Files` works through Hadoop's file systems. Spark Connect has none to offer a client:
`ConnectFiles` lists and reads through Spark itself, and cannot rename.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from sparkprophet.messages import clip
from sparkprophet.spark.jobs import cancelled_on_error, ctrl_c_noted, is_connect
from sparkprophet.spark.saving.connect_files import ConnectFiles
from sparkprophet.spark.saving.reading import (
    HIDDEN,
    READ_LIMIT,
    NotWholeError,
    check_length,
    readable,
    visible,
)

_log = logging.getLogger("sparkprophet")

_MOVES = 20
_DELETIONS = 200
_PAUSE = 0.02  # seconds before the next try, times the number of the try
_STALE = 24 * 3600  # seconds after which what a killed save left may go


class Files:
    """The file system of a path, through Hadoop.

    Parameters
    ----------
    spark : SparkSession
        With a JVM of its own: not one of Spark Connect.
    path : str
        Any path of the file system.
    """

    def __init__(self, spark: SparkSession, path: str) -> None:
        self._jvm: Any = spark._jvm
        configuration = spark._jsparkSession.sessionState().newHadoopConf()
        self._fs = self._path(path).getFileSystem(configuration)

    def _path(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(path)

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder at `path`."""
        return bool(self._fs.exists(self._path(path)))

    def make_folder(self, path: str, what: str) -> None:
        """Make a folder where there is none.

        Parameters
        ----------
        path : str
        what : str
            The param that messages name.

        Raises
        ------
        OSError
            Where it cannot be made.
        """
        why = ""
        try:
            made = self._fs.mkdirs(self._path(path))
        except Py4JJavaError as error:
            made, why = False, f" ({error.java_exception.getMessage()})"
        if not made:
            raise OSError(f"{what}: {path} cannot be made{why}; choose a folder you can write to")

    def make_parent(self, path: str) -> None:
        """Make the folder that `path` is to be in.

        Raises
        ------
        OSError
            Where it cannot be made.
        """
        parent = self._parent(path)
        if parent is not None:
            self.make_folder(parent.toString(), "path")

    def names(self, path: str) -> list[str] | None:
        """Names of all in a folder, sorted; None where `path` is a file."""
        if not self._fs.getFileStatus(self._path(path)).isDirectory():
            return None
        return sorted(entry.getPath().getName() for entry in self._fs.listStatus(self._path(path)))

    def folders(self, path: str, start: str) -> list[str]:
        """Names of the folders in a folder that begin with `start`."""
        return sorted(
            name
            for entry in self._fs.listStatus(self._path(path))
            if entry.isDirectory() and (name := entry.getPath().getName()).startswith(start)
        )

    def sizes(self, path: str, start: str) -> dict[str, int]:
        """Names of the files in a folder that begin with `start` -> their bytes."""
        return {
            name: entry.getLen()
            for entry in self._fs.listStatus(self._path(path))
            if entry.isFile() and (name := entry.getPath().getName()).startswith(start)
        }

    def lengths(self, path: str) -> dict[str, int]:
        """Bytes of every file below `path` by its relative path, but for hidden ones.

        Raises
        ------
        NotWholeError
            Where there is nothing at `path`.
        ValueError
            Where it cannot be listed.
        """
        lengths: dict[str, int] = {}
        with readable(path):
            # Not listFiles: on a local disk it asks for each file's permissions, by a process.
            entries = self._fs.listStatus(self._path(path))
        for entry in entries:
            name = entry.getPath().getName()
            if entry.isFile():
                lengths[name] = entry.getLen()
            elif not name.startswith(HIDDEN):
                inside = self.lengths(f"{path}/{name}")
                lengths |= {f"{name}/{below}": length for below, length in inside.items()}
        return visible(lengths)

    def read(self, path: str) -> bytes:
        """The bytes of a file.

        Raises
        ------
        NotWholeError
            Where there is none.
        ValueError
            Where it cannot be read, or has more than READ_LIMIT bytes.
        """
        with readable(path):
            stream = self._fs.open(self._path(path))
            try:
                content = bytes(stream.readNBytes(READ_LIMIT + 1))
            finally:
                stream.close()
        check_length(path, len(content))
        return content

    def sha256(self, path: str, names: Iterable[str]) -> dict[str, str]:
        """The hashes, in hexadecimal digits, of files below `path` by name.

        Raises
        ------
        NotWholeError
            Where one of them is missing.
        ValueError
            Where one cannot be read.
        """
        hashes = {}
        for name in names:
            with readable(f"{path}/{name}"):
                stream = self._fs.open(self._path(f"{path}/{name}"))
                try:
                    digest = self._jvm.org.apache.commons.codec.digest.DigestUtils
                    hashes[name] = digest.sha256Hex(stream)
                finally:
                    stream.close()
        return hashes

    def saved_stages(self, path: str) -> Iterator[str]:
        """The folders at and below `path` that a stage is saved in."""
        names = {
            entry.getPath().getName()
            for entry in self._fs.listStatus(self._path(path))
            if entry.isDirectory()
        }
        if "metadata" in names:
            yield path
        for name in sorted(names - {"metadata"}):
            yield from self.saved_stages(f"{path}/{name}")

    def check_links(self, path: str) -> None:
        """Look for links below `path`, of a local disk, that lead out of it.

        Raises
        ------
        ValueError
            Where there is one.
        """
        if self._fs.getUri().getScheme() != "file":
            return
        top = os.path.realpath(self._fs.makeQualified(self._path(path)).toUri().getPath())
        for folder, folders, names in os.walk(top):
            for name in (*folders, *names):
                place = os.path.join(folder, name)
                if os.path.islink(place) and not _is_in(os.path.realpath(place), top):
                    raise ValueError(
                        clip(
                            f"{place}: is a link to {os.path.realpath(place)}, outside of what was "
                            "saved; put a copy in its place if you trust it"
                        )
                    )

    def delete(self, path: str) -> None:
        """Delete what is at `path`, if anything is."""
        self._fs.delete(self._path(path), True)

    def beside(self, path: str, why: str) -> str:
        """A new hidden path in the folder of `path`, whose name says `why`: new or old."""
        target = self._path(path)
        name = f".{target.getName()}.{why}-{uuid.uuid4().hex}"
        parent = self._parent(path)
        return name if parent is None else self._path_in(parent, name)

    def left_beside(self, path: str, why: str) -> dict[str, float]:
        """Folders that writers of `path` have made `beside` it, newest first, and when they were
        changed: in seconds since 1970.
        """
        target = self._path(path)
        parent, start = self._parent(path), f".{target.getName()}.{why}-"
        changed = {}
        with contextlib.suppress(NotWholeError), readable(path):
            for entry in self._fs.listStatus(parent or self._path(".")):
                name = entry.getPath().getName()
                if name.startswith(start) and len(name) == len(start) + 32:
                    place = name if parent is None else self._path_in(parent, name)
                    changed[place] = entry.getModificationTime() / 1000
        return dict(sorted(changed.items(), key=lambda pair: -pair[1]))

    def _parent(self, path: str) -> Any:
        """The folder that `path` names, None where it is a name alone or a root."""
        parent = self._path(path).getParent()
        # Hadoop's path of no folder, which it can neither make nor write as text.
        return None if parent is None or not parent.toString() else parent

    def _path_in(self, parent: Any, name: str) -> str:
        return str(self._jvm.org.apache.hadoop.fs.Path(parent, name).toString())

    def replace(self, source: str, target: str) -> None:
        """Move `source` to `target`, both in one folder; what was there is deleted only after it
        worked.

        Of several writers at one time the last one wins, and all of them end without an error.

        Raises
        ------
        OSError
            Where it cannot be moved; `target` is as it was.
        """
        old: list[str] = []
        try:
            self._take_place(source, target, old)
        except BaseException:
            if old and not self.exists(target):
                self._move(old[-1], target)
            raise
        for place in old:
            self.delete(place)
        now = time.time()
        for why in ("new", "old"):
            for place, changed in self.left_beside(target, why).items():
                if changed < now - _STALE:
                    self.delete(place)

    def _take_place(self, source: str, target: str, old: list[str]) -> None:
        """Move `source` to `target`; `old` gets the names of what was moved away."""
        for turn in range(_MOVES):
            time.sleep(_PAUSE * turn)
            if self.exists(target):
                place = self.beside(target, "old")
                # Another writer may have moved it just now.
                with contextlib.suppress(FileNotFoundError):
                    if self._move(target, place):
                        old.append(place)
            if self.exists(target):
                continue
            try:
                if self._move(source, target):
                    return
            except FileNotFoundError:
                # It got into another save, which a later one has replaced since.
                return
        raise OSError(
            f"cannot rename {source} to {target}; check the folder's permissions, or save again "
            "when no other job saves there"
        )

    def _move(self, source: str, target: str) -> bool:
        """Rename a folder; False where that did not work, because of another writer for one.

        Raises
        ------
        FileNotFoundError
            Where another writer has taken `source`.
        """
        try:
            moved = bool(self._fs.rename(self._path(source), self._path(target)))
        except Py4JJavaError as error:
            moved = False
            _log.info("%s: %s", source, error.java_exception.getMessage())
        # Hadoop moves into a folder that is there already, or copies.
        inside = f"{target.rstrip('/')}/{self._path(source).getName()}"
        if self.exists(inside):
            moved = False
            if self.exists(source):
                self.delete(inside)
            else:
                with contextlib.suppress(Py4JJavaError):
                    self._fs.rename(self._path(inside), self._path(source))
        if not moved and not self.exists(source):
            raise FileNotFoundError(source)
        return moved


def _is_in(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def files_of(spark: SparkSession, path: str) -> Files | ConnectFiles:
    """The files of `path`."""
    return ConnectFiles(spark) if is_connect(spark) else Files(spark, path)


@contextlib.contextmanager
def whole_folder(spark: SparkSession, path: str) -> Iterator[str]:
    """A folder to write into, which becomes `path` when the block ends, whole or not at all.

    What was at `path` is replaced. Over Spark Connect files cannot be renamed: there the block
    writes at `path` itself.

    Parameters
    ----------
    spark : SparkSession
    path : str

    Raises
    ------
    OSError
        Where the folder of `path` cannot be made, or nothing be moved there.
    """
    if is_connect(spark):
        yield path
        return
    files = Files(spark, path)
    files.make_parent(path)
    beside = files.beside(path, "new")
    with _deleted_on_error(files, beside), cancelled_on_error(spark):
        yield beside
        # Two renames, of which one alone would leave nothing at `path`.
        with ctrl_c_noted() as interrupted:
            files.replace(beside, path)
        if interrupted.is_set():
            raise KeyboardInterrupt


@contextlib.contextmanager
def _deleted_on_error(files: Files, path: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # Tasks that were cancelled write on until they notice.
        gone = 0
        with ctrl_c_noted():
            for _ in range(_DELETIONS):
                gone = 0 if files.exists(path) else gone + 1
                if gone > 2:
                    break
                files.delete(path)
                time.sleep(_PAUSE)
        raise
