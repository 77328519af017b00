"""A study without a server of its own: a folder for any web server, or an archive for JATOS.

In both the page itself takes a list, and tells what was right in practice and in the parts with a pass mark:
the answers of those trials are readable to whoever looks for them. Those of the main part are not in it.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import uuid
import zipfile
from pathlib import Path
from typing import Any

from model_metamers.errors import InputError
from model_metamers.people.page_building import ensured_page
from model_metamers.people.study import Shown, Study, StudyFolder, Trial
from model_metamers.storage.whole import check_new, whole_file, whole_folder
from model_metamers.storage.writing import write_json, write_text

EXPORTS = ("web", "jatos")
ARCHIVE = "study.jzip"
_SERVED = 'data-store="server"'
_SCRIPT = '<script src="page.js" defer></script>'
# As the server's headers; a page that has no server of its own says it itself.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
_WORKERS = (
    "Jatos",
    "PersonalSingle",
    "PersonalMultiple",
    "GeneralSingle",
    "GeneralMultiple",
    "MT",
    "MTSandbox",
)


@dataclasses.dataclass(frozen=True)
class Static:
    """What was exported.

    Attributes:
      path: the folder, or the archive.
      readable: how many trials' right answers can be read in it.
      note: what its owner must know, one sentence.
    """

    path: Path
    readable: int
    note: str


def export(study: StudyFolder, kind: str, out: Path) -> Static:
    """Writes a study that needs no server of this package.

    Args:
      study: of prepare_human_experiment.
      kind: "web": a folder with the page, which keeps the answers in the browser and gives them as a file
        at the end; "jatos": `study.jzip` in a folder, to be imported into JATOS, which keeps them.
      out: a folder that does not exist yet.

    Returns:
      What was written, and which answers can be read in it.

    Raises:
      InputError: an unknown kind, `out` exists, a damaged study, or no page and none can be built.
      StorageError: it cannot be written.
    """
    if kind not in EXPORTS:
        raise InputError(f"static export {kind!r}: unknown, expected one of {', '.join(EXPORTS)}")
    check_new(out)
    about, lists, answers = study.read_study(), study.read_lists(), study.read_answers()
    page = ensured_page()
    known = readable_answers(about, lists, answers)
    with whole_folder(out) as partial:
        if kind == "web":
            _write_page(partial, study, page, kind, known)
        else:
            _write_archive(partial / ARCHIVE, study, about, page, known)
    note = (
        f"the right answers of {len(known)} files (practice, and parts with a pass mark) can be read in this "
        "export; those of the main part cannot"
    )
    return Static(out if kind == "web" else out / ARCHIVE, len(known), note)


def readable_answers(study: Study, lists: list[list[Trial]], answers: dict[str, Shown]) -> dict[str, str]:
    """The truth of files that the page itself must judge: of practice and of parts with a pass mark.

    Raises:
      InputError: such a file is shown in the main part too, whose answers must not be readable.
    """
    judged = {"practice", *study.pass_marks}
    trials = [trial for trials in lists for trial in trials]
    files = {trial.file for trial in trials if trial.part in judged}
    both = sorted(files & {trial.file for trial in trials if trial.part not in judged})
    if both:
        raise InputError(
            f"files/{both[0]}: shown in practice and in the main part, so that a static export would tell "
            "its answer; prepare the study anew with more signals, or serve it"
        )
    return {name: answers[name].truth for name in sorted(files)}


def _write_page(folder: Path, study: StudyFolder, page: Path, kind: str, known: dict[str, str]) -> None:
    for file in page.iterdir():
        shutil.copyfile(file, folder / file.name)
    index = (page / "index.html").read_text(encoding="utf-8")
    write_text(folder / "index.html", _page_for(index, kind))
    shutil.copyfile(study.study, folder / "study.json")
    shutil.copyfile(study.lists, folder / "lists.json")
    write_json(folder / "known.json", known)
    shutil.copytree(study.files, folder / "files")


def _page_for(index: str, kind: str) -> str:
    """The page, told where its answers go; JATOS's own script comes before ours."""
    if _SERVED not in index or _SCRIPT not in index:
        raise InputError("the experiment's page is of another version; run `make experiment-page` again")
    index = index.replace(_SERVED, f'data-store="{kind}"')
    if kind == "jatos":
        return index.replace(_SCRIPT, f'<script src="jatos.js"></script>\n    {_SCRIPT}')
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}" />'
    return index.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />\n    {policy}')


def _write_archive(path: Path, study: StudyFolder, about: Study, page: Path, known: dict[str, str]) -> None:
    """JATOS's study archive: a folder of files, and one `.jas` beside it that describes the study."""
    name = f"metamers_{about.task}_{study.digest()[:12]}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / name
        folder.mkdir()
        _write_page(folder, study, page, "jatos", known)
        write_json(Path(scratch) / f"{name}.jas", jatos_study(about, name, study.digest()))
        with whole_file(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(Path(scratch).rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(scratch))


def jatos_study(study: Study, folder: str, digest: str) -> dict[str, Any]:
    """What a `.jas` file holds (version 3 of its format): one component, one batch open to all.

    Args:
      study: of prepare_human_experiment.
      folder: of the study's files in the archive.
      digest: of the study; its parts' identities follow from it, so that a second import is the same study.
    """

    def identity(part: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{digest} {part}"))

    component = {
        "uuid": identity("component"),
        "title": "Experiment",
        "htmlFilePath": "index.html",
        "reloadable": True,
        "active": True,
        "comments": "",
        "componentInput": None,
    }
    batch = {
        "uuid": identity("batch"),
        "title": "Default",
        "active": True,
        "maxActiveMembers": None,
        "maxTotalMembers": None,
        "maxTotalWorkers": None,
        "allowedWorkerTypes": list(_WORKERS),
        "comments": None,
        "batchInput": None,
    }
    data = {
        "uuid": identity("study"),
        "title": study.title,
        "description": "",
        "groupStudy": False,
        "linearStudy": False,
        "allowPreview": False,
        "dirName": folder,
        "comments": "",
        "studyInput": None,
        "endRedirectUrl": None,
        "studyEntryMsg": None,
        "componentList": [component],
        "batchList": [batch],
    }
    return {"version": "3", "data": data}
