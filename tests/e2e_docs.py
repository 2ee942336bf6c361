#!/usr/bin/env python3
"""e2e_docs.py: what rewrites the documents would do so (TAP).

`make readme-charts`, `readme-bench`, `readme-programs` and `readme-fidelity` take
minutes on a quiet machine, so no test runs them.  Here make says what it would run
(make -n), in a copy of the tree where it can write, and that is read:

  - every target that a document or a makefile names is there
  - every file of the tree that its commands use is there, too
  - each document and picture that says who writes it is among what they write
  - what they keep of a document, up to a heading, is there
  - the scripts among them, run on small inputs, write what they should

A docs.mk that ends too early must fail in this.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from tap import plan, verdict  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAKEFILES = ["docs/docs.mk", "harness/fidelity/fidelity.mk"]


def scratch_tree(folder):
    """The tree: links, but a copy of docs/ and an empty build/."""
    tree = pathlib.Path(folder)
    for path in ROOT.iterdir():
        if path.name not in {"build", "docs", ".git"}:
            (tree / path.name).symlink_to(path)
    shutil.copytree(ROOT / "docs", tree / "docs")
    (tree / "build/pictures").mkdir(parents=True)
    return tree


def targets():
    """readme-charts and its like, as documents and makefiles name them."""
    files = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *(ROOT / name for name in MAKEFILES)]
    return sorted({name for file in files
                   for name in re.findall(r"make (readme-[a-z]+)", file.read_text())})


def recipe(tree, target, *variables):
    """The commands of a target, none of them run; None if make has no such target."""
    environment = {key: value for key, value in os.environ.items()
                   if key not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    # A line with $(MAKE) runs even then: that is what `:` is for.
    done = subprocess.run(["make", "-n", "MAKE=:", target, *variables], cwd=tree,
                          env=environment, capture_output=True, text=True, check=False)
    return done.stdout.replace("\\\n", " ") if done.returncode == 0 else None


def missing_files(tree, commands):
    """Of the paths in the commands, those of the tree that are not there."""
    folders = "|".join(path.name for path in ROOT.iterdir()
                       if path.is_dir() and path.name not in {"build", "results", ".git"})
    paths = re.findall(rf"(?<![\w/.])((?:{folders})/[\w./-]*\w)", commands)
    return [path for path in paths
            if not path.endswith(".new") and not (tree / path).exists()]


def missing_headings(tree, commands):
    """sed '/^## Heading/q' FILE: each is to stand there once."""
    return [f"{file}: no heading {heading}"
            for heading, file in re.findall(r"sed '/\^(#+ [^/]*)/q' ([\w./-]+)", commands)
            if len(re.findall(f"^{heading}", (tree / file).read_text(), re.M)) != 1]


def written(commands):
    """The documents and pictures that the commands write."""
    files = set(re.findall(r">(docs/\S+)", commands))
    files |= set(re.findall(r"\bmv \S+ (docs/\S+)", commands))
    for sources in re.findall(r"\bcp ((?:\S+\s+)+)docs/pictures/(?:\s|$)", commands):
        files |= {f"docs/pictures/{os.path.basename(source)}" for source in sources.split()}
    return files


def who_writes_what(tree):
    """(file, target) of what documents say of themselves, and of every picture."""
    pairs = [(f"docs/{file.name}", target) for file in sorted(tree.glob("docs/*.md"))
             for target in re.findall(r"make (readme-[a-z]+)", file.read_text())]
    pairs += [(f"docs/pictures/{file.name}", None)
              for file in sorted(tree.glob("docs/pictures/*.png"))]
    return pairs


def complaints_of(tree):
    """Everything that is wrong with the targets in the tree."""
    commands = {target: recipe(tree, target) for target in targets()}
    complaints = [f"make {target}: no such target"
                  for target, lines in commands.items() if lines is None]
    commands = {target: lines for target, lines in commands.items() if lines is not None}
    for target, lines in commands.items():
        complaints += [f"make {target}: there is no {path}"
                       for path in missing_files(tree, lines)]
        complaints += [f"make {target}: {what}" for what in missing_headings(tree, lines)]
    for file, target in who_writes_what(tree):
        lines = commands.get(target, "") if target else "\n".join(commands.values())
        if file not in written(lines):
            complaints.append(f"{file}: {target or 'no target'} does not write it")
    return complaints


def survivors(tree):
    """Lines after which docs.mk may end without a complaint."""
    file = tree / "docs/docs.mk"
    text = file.read_text()
    lines = text.splitlines(keepends=True)
    last = max(i for i, line in enumerate(lines) if line.startswith("\t"))
    silent = []
    for count in range(last, 0, -3):
        file.write_text("".join(lines[:count]))
        if not complaints_of(tree):
            silent.append(f"docs.mk of {count} lines is taken for whole")
    file.write_text(text)
    return silent


def programs_page(tree):
    """docs/programs.sh on two short files."""
    for name in ("first", "second"):
        (tree / name).write_text(f"what {name} said\n\n")
    done = subprocess.run(["docs/programs.sh", "first", "second"], cwd=tree,
                          capture_output=True, text=True, check=False)
    wanted = ["# Real programs, with every malloc\n", "\n    what first said\n",
              "\n    what second said\n", "\n| perl |"]
    return [f"no {text!r}, but: {done.stderr}" for text in wanted
            if done.returncode != 0 or text not in done.stdout]


def programs_asked_for(tree, *variables):
    """What `make fidelity` gives fidelity.py to measure."""
    line = re.search(r"^harness/fidelity/fidelity.py(.*)$",
                     recipe(tree, "fidelity", *variables) or "", re.M)
    return None if line is None else line[1].split()


def main():
    with tempfile.TemporaryDirectory() as folder:
        tree = scratch_tree(folder)
        verdict("four targets, or more, are named", [] if len(targets()) >= 4 else [str(targets())])
        verdict("they are there, and all they use and write", complaints_of(tree))
        verdict("a docs.mk that ends too early is noticed", survivors(tree))
        verdict("docs/programs.sh writes its page", programs_page(tree))
        asked = [programs_asked_for(tree), programs_asked_for(tree, "PROGRAMS=perl gcc")]
        verdict("make fidelity measures all programs, or those that are named",
                [] if asked == [[], ["perl", "gcc"]] else [str(asked)])
    return plan()


sys.exit(main())
