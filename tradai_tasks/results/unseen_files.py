"""Data files that a test file may read without any event, by the modules that it loads."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from tradai_tasks.results.recorded_imports import ATTACH

# Libraries whose compiled code opens files, which nothing reports.
_UNSEEN_READERS = frozenset({
    ATTACH, "<library>",
    "catboost", "cv2", "datafusion", "dbm", "deltalake", "duckdb", "h5py", "lightgbm", "lmdb",
    "lxml", "netCDF4", "onnxruntime", "osgeo", "polars", "pyarrow", "python_calamine", "rasterio",
    "safetensors", "shelve", "tables", "tensorflow", "tokenizers", "torch", "xgboost",
})  # fmt: skip
_CERTIFICATES = (".cer", ".crt", ".key", ".pem")  # which `ssl` opens so
_COMPILED = (".dylib", ".pyd", ".so")


def unseen_files(
    root: Path, test_file: str, modules: Collection[str], names: Collection[str]
) -> set[str]:
    """Return all files of a project that compiled code may open for a test file.

    Args:
        root: The repository.
        test_file: The test file, from the root.
        modules: Files that are loaded for it, from the root.
        names: The modules that were asked for.
    """
    tops = {name.partition(".")[0] for name in names}
    if tops & _UNSEEN_READERS or any(one.endswith(_COMPILED) for one in modules):
        return set(_data_files(root, test_file))
    return set(_data_files(root, test_file, _CERTIFICATES)) if "ssl" in tops else set()


def _data_files(root: Path, test_file: str, ends: tuple[str, ...] = ("",)) -> Iterator[str]:
    """Yield all files but Python's of the project that a test file belongs to, by their ends."""
    folder = (root / test_file).parent
    while folder != root and not (folder / "pyproject.toml").is_file():
        folder = folder.parent
    for parent, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith((".", "__pycache__"))]
        for name in names:
            is_data = name[:9] != ".coverage" and not name.endswith((".py", ".pyc"))
            if is_data and name.endswith(ends):
                yield Path(parent, name).relative_to(root).as_posix()
