#!/usr/bin/env python3
"""e2e_references.py: what comments and documents point to exists.

Of every file under git, in comments of C files, in Markdown, scripts:
  [Key, section]    a key of docs/references.md (or docs/references.d/*.md);
                    `.source = "Key"` of knobs and allocators, too
  path:symbol       a file, seen from the root, from allocators/ or from the
                    file that says so, which contains the symbol (but
                    ./mine.c:growth=64K is a knob of the reader's own file)
  Read next: path   the same for every path in such a paragraph; within a folder
                    they keep to "Files, in the order to read them"
  [text](path)      links of Markdown to files, and to #sections of them
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXT = {".c", ".h", ".md", ".py", ".sh", ".awk", ".gp", ".mk", ".txt"}
KEY = r"[A-Z][A-Za-z]*[0-9]{2}[a-z]?"
FILE = r"[\w./-]*\w\.(?:c|h|md|py|sh|awk|gp|mk|txt)"

failures = 0
tests = 0


def report(ok, name):
    global failures, tests
    tests += 1
    failures += not ok
    print(f"{'ok' if ok else 'not ok'} {tests} - {name}")


def tracked_files():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"],
                           cwd=ROOT, capture_output=True, text=True, check=True)
    paths = (ROOT / name for name in names.stdout.splitlines())
    return [path for path in paths
            if path.is_file() and (path.suffix in TEXT or path.name == "Makefile")]


def reference_keys():
    """Every key, and those that are given twice."""
    keys, twice = set(), []
    files = [ROOT / "docs/references.md", *sorted(ROOT.glob("docs/references.d/*.md"))]
    for path in files:
        own = re.findall(r"^- \*\*(\w+)\*\*", path.read_text(), re.M)
        twice += [key for key in own if own.count(key) > 1]
        keys.update(own)
    return keys, twice


def prose_of(path, text):
    """The part of a file that people write to people, one paragraph a line."""
    if path.suffix in {".c", ".h"}:
        comments = re.findall(r"/\*.*?\*/", text, re.S)
        text = "\n\n".join(re.sub(r"\n[ \t]*\*", "\n", c) for c in comments)
    elif path.suffix == ".md":
        text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    elif path.suffix != ".txt":
        text = "\n".join(re.findall(r"#(.*)", text))
    return re.sub(r"[ \t]*\n[ \t]*(?=\S)", " ", text)


def find_file(name, path):
    for folder in (ROOT, path.parent, ROOT / "allocators"):
        if (folder / name).is_file():
            return folder / name
    return None


def bad_keys(path, text, prose, keys):
    cited = re.findall(rf"\[({KEY})(?=[],; ])[^]]*\](?!\()", prose)
    if path.suffix == ".c":
        cited += re.findall(r"\.source = \"(\w+)\"", text)
    return [f"{path.relative_to(ROOT)}: [{key}] is not in docs/references.md"
            for key in cited if key not in keys]


def bad_symbols(path, prose):
    bad = []
    for name, symbol in re.findall(rf"({FILE}):([A-Za-z_]\w*)", prose):
        if name.startswith("./"):
            continue  # a plug-in of the reader's, with a knob
        target = find_file(name, path)
        if name.startswith("./"):
            continue
        if target is None:
            bad.append(f"{path.relative_to(ROOT)}: {name}:{symbol}: no such file")
        elif not re.search(rf"\b{symbol}\b", target.read_text()):
            bad.append(f"{path.relative_to(ROOT)}: {name}:{symbol}: "
                       f"it has no {symbol}")
    return bad


def bad_next(path, prose):
    bad = []
    for paragraph in re.findall(r"Read next:(.*)", prose):
        bad += [f"{path.relative_to(ROOT)}: Read next: {name}: no such file"
                for name in re.findall(FILE, paragraph)
                if find_file(name, path) is None]
    return bad


def bad_order(path, text):
    """Whoever follows "Read next" meets the files of a folder as they are listed."""
    listed = re.search(r"Files, in the order to read them\.\n((?: \* +\S.*\n)+)", text)
    if listed is None:
        return []
    names = re.findall(r"(?<![\w./-])[\w]+\.[ch]\b", listed.group(1))
    here = path.name
    while True:
        head = (path.parent / here).read_text().partition("*/")[0]
        following = re.search(r"Read next: ([\w./-]+\.[ch])\b", head)
        if following is None or following.group(1) not in names:
            return []
        if names.index(following.group(1)) <= names.index(here):
            return [f"{path.relative_to(ROOT)}: its list has {here} behind "
                    f"{following.group(1)}, which {here} says to read next"]
        here = following.group(1)


def sections_of(path):
    """The names that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ +(.*?) *$", path.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in headings}


def bad_links(path, text):
    bad = []
    if path.suffix != ".md":
        return bad
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.S | re.M)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, section = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists():
            bad.append(f"{path.relative_to(ROOT)}: ({link}): no such file")
        elif section and section not in sections_of(target):
            bad.append(f"{path.relative_to(ROOT)}: ({link}): no such section")
    return bad


def main():
    keys, twice = reference_keys()
    bad = {"every [Key] is in docs/references.md": [],
           "every path:symbol exists": [],
           "every file to read next exists": [],
           "they are read in the order that their folder gives": [],
           "every link of a document leads somewhere": []}
    for path in tracked_files():
        text = path.read_text(errors="replace")
        prose = prose_of(path, text)
        found = (bad_keys(path, text, prose, keys), bad_symbols(path, prose),
                 bad_next(path, prose), bad_order(path, text),
                 bad_links(path, text))
        for name, more in zip(bad, found):
            bad[name] += more
    bad["no key is given twice"] = sorted(set(twice))
    for name, sentences in bad.items():
        for sentence in sentences:
            print(f"# {sentence}")
        report(not sentences, name)
    print(f"1..{tests}")
    return failures != 0


sys.exit(main())
