"""The programs of tests/real_programs, ready to run: what harness/programs/suite.c does for compare."""
import configparser
import os
import shlex
import shutil
import string
import subprocess


class Program:
    """One NAME.program, its folder made and its `prepare` done."""

    def __init__(self, path, size, work):
        self.name = os.path.basename(path).removesuffix(".program")
        parser = configparser.ConfigParser(interpolation=None, delimiters=("=",),
                                           comment_prefixes=(";",))
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
        self.keys = dict(parser["program"])
        self.folder = os.path.join(work, self.name)
        self.variables = {"HERE": os.path.dirname(os.path.abspath(path)),
                          "SIZE": self.keys.get(size, ""), "WORK": self.folder}
        self.is_stress = self.keys.get("kind") == "stress"
        words = " ".join(self.keys["run"].split("\n"))
        self.argv = shlex.split(string.Template(words).substitute(self.variables))

    def shell(self, key):
        """Runs one of its commands; whether it succeeded."""
        command = self.keys.get(key)
        return command is None or subprocess.run(
            ["sh", "-c", command], cwd=self.folder, env={**os.environ, **self.variables},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def prepare(self):
        """"" or why the program cannot run here."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        if not self.shell("needs"):
            return f"this machine lacks {self.keys.get('install', 'what it takes')}"
        return "" if self.shell("prepare") else "its prepare failed"
