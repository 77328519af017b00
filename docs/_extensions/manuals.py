"""A page for every program, made of its module's docstring and its flags, as --help shows them.

They are written to `docs/built/programs/`, which git ignores.
"""

import json
import subprocess
import sys
from pathlib import Path

from repository_pages import ROOT, write

# In a process of its own for each, because programs define flags of the same names; none loads TensorFlow.
_READ = """
import importlib, json, os, sys
import matplotlib.figure, model_metamers
for name in sys.argv[1:]:
    sys.stdout.flush()
    if os.fork() == 0:
        from absl import flags
        module = f"model_metamers_experiments.{name}"
        program = importlib.import_module(module)
        rows = [
            {"name": flag.name, "type": flag.flag_type(), "default": flag.default_as_str, "help": flag.help,
             "required": any("other than None" in v.message for v in flag.validators),
             "values": list(getattr(flag, "enum_values", None) or [])}
            for flag in flags.FLAGS.get_key_flags_for_module(module)
        ]
        print(json.dumps({"name": name, "doc": program.__doc__, "flags": rows}), flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"{name}: its flags cannot be read")
"""


def programs() -> list[str]:
    """Names of the programs, in order."""
    modules = sorted((ROOT / "experiments").glob("*.py"))
    return [m.stem for m in modules if "\ndef run() -> None" in m.read_text(encoding="utf-8")]


def read(names: list[str]) -> list[dict]:
    """The docstring and the flags of each program."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, *names], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def literal(text: str) -> str:
    """Words as they are, with nothing in them that Markdown would take for a mark."""
    for mark in "\\`*_{}[]<>#$|~":
        text = text.replace(mark, "\\" + mark)
    return text


def manual(text: str) -> str:
    """A module's docstring as Markdown: indented lines are commands, backticks stay.

    >>> print(manual("Does it.\\n\\n  it --now\\n\\nAnd <more> of `x`."))
    Does it.
    <BLANKLINE>
    ```text
    it --now
    ```
    <BLANKLINE>
    And \\<more\\> of `x`.
    """
    blocks = []
    for block in text.strip("\n").split("\n\n"):
        lines = block.split("\n")
        if all(line.startswith("  ") for line in lines):
            blocks.append("```text\n" + "\n".join(line.removeprefix("  ") for line in lines) + "\n```")
        else:
            pieces = "\n".join(line.strip() for line in lines).split("`")
            pieces[::2] = map(literal, pieces[::2])
            blocks.append("`".join(pieces))
    return "\n\n".join(blocks)


def default(flag: dict) -> str:
    """What holds without a flag, in words."""
    if flag["required"]:
        return "required"
    return f"default `{flag['default']}`" if flag["default"] else "no default"


def page(program: dict) -> str:
    """The manual of a program as Markdown."""
    text = f"# {program['name']}\n\n{manual(program['doc'])}\n\n## Flags\n\n"
    for flag in program["flags"]:
        kind = " or ".join(f"`{value}`" for value in flag["values"]) or flag["type"]
        described = literal(" ".join(flag["help"].split()))
        name = f"[no]{flag['name']}" if flag["type"] == "bool" else flag["name"]
        text += f"`--{name}`\n: {described}\n\n  *{kind}; {default(flag)}*\n\n"
    return text + "`--flagfile=FILE` takes flags from a file, one a line; `--help` prints this page.\n"


def _write_manuals(app) -> None:
    found = read(programs())
    folder = Path(app.srcdir) / "built" / "programs"
    for program in found:
        write(folder / f"{program['name']}.md", page(program))
    rows = [f"- [{p['name']}]({p['name']}.md): {manual(p['doc'].partition(chr(10))[0])}" for p in found]
    tree = "\n".join(p["name"] for p in found)
    write(
        folder / "index.md",
        "# Programs\n\nEach is installed as a command; these pages are what `--help` prints.\n\n"
        + "\n".join(rows)
        + f"\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n",
    )


def setup(app) -> dict:
    app.connect("builder-inited", _write_manuals, priority=100)
    return {"parallel_read_safe": True}
