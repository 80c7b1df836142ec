#!/usr/bin/env python3
"""Packs what a machine with a compiler and Ninja, but without Bazel and without our Debian packages, needs to build and run the tests:

    tools/elsewhere/pack.py ARCHIVE.tar.xz [--tests QUERY] [-- BAZEL_ARGUMENT...]

for example `-- --config=tsan --repo_env=HORIZON_LM_CUDA=off`. Bazel says (aquery) by which calls it would build the tests; they become
a Ninja file. There: unpack the archive over a checkout of the same files, move its folder `debian` to /tmp/debian, run `ninja`, then
`tools/elsewhere/run_tests.py`. Compilers newer than ours are told less (no -Werror). Rules that are neither C++ nor a shell command are
left out, and so are the tests that need them."""

import argparse
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import xml.etree.ElementTree

DEBIAN = "/tmp/debian"
PACKAGES = """libdnnl-dev libhwy-dev libxxhash-dev nlohmann-json3-dev libpcre2-dev libutf8proc-dev libzstd-dev libcli11-dev libyaml-dev
    zlib1g-dev libgloo-dev libgtest-dev libgmock-dev libdnnl2 libhwy1 libgloo0""".split()
TESTS = r"tests(//...) except attr(tags, '\b(manual|no_sanitizer)\b', tests(//...))"


def bazel(*arguments):
    return subprocess.run(["bazel", *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


class Actions:
    """The graph that `bazel aquery --output=jsonproto` prints."""

    def __init__(self, graph):
        self.actions = graph["actions"]
        self.label = {target["id"]: target["label"] for target in graph["targets"]}
        fragments = {fragment["id"]: fragment for fragment in graph["pathFragments"]}
        self.path = {artifact["id"]: self._join(fragments, artifact["pathFragmentId"]) for artifact in graph["artifacts"]}
        self.sets = {files["id"]: files for files in graph["depSetOfFiles"]}
        self.maker = {output: action for action in self.actions for output in action["outputIds"]}

    @staticmethod
    def _join(fragments, at):
        names = []
        while at:
            names.append(fragments[at]["label"])
            at = fragments[at].get("parentId")
        return "/".join(reversed(names))

    def inputs(self, action):
        seen, found, left = set(), set(), list(action.get("inputDepSetIds", []))
        while left:
            at = left.pop()
            if at not in seen:
                seen.add(at)
                found.update(self.sets[at].get("directArtifactIds", []))
                left += self.sets[at].get("transitiveDepSetIds", [])
        return found

    def outputs(self, action):
        return [self.path[output] for output in action["outputIds"]]

    def needed_by(self, action):
        """All actions that make what this one reads, by way of others."""
        left, needed = list(self.inputs(action)), {}
        while left:
            maker = self.maker.get(left.pop())
            if maker is not None and id(maker) not in needed:
                needed[id(maker)] = maker
                left += self.inputs(maker)
        return needed


def escaped(path):
    return re.sub(r"([$ :])", r"$\1", path)


class NinjaFile:
    def __init__(self, graph, folder):
        self.graph, self.folder = graph, folder
        self.lines = ["rule run", "  command = $cmd", "  description = $out"]
        self.generated = []  # what the shell makes: in place before anything is compiled

    def statement(self, outputs, inputs, command):
        order = f" || {' '.join(map(escaped, self.generated))}" if self.generated else ""
        self.lines.append(f"build {' '.join(map(escaped, outputs))}: run {' '.join(map(escaped, inputs))}{order}")
        self.lines.append("  cmd = " + command.replace("$", "$$"))

    def built(self, action, endings):
        paths = sorted(self.graph.path[artifact] for artifact in self.graph.inputs(action))
        return [path for path in paths if path.startswith("bazel-out") and path.endswith(endings) and "/internal/" not in path]

    def shell(self, action):
        outputs = self.graph.outputs(action)
        script = f"genrules/{outputs[0].replace('/', '_')}.sh"
        command = action["arguments"][-1].replace("source external/bazel_tools/tools/genrule/genrule-setup.sh; ", "")
        (self.folder / "genrules").mkdir(exist_ok=True)
        (self.folder / script).write_text(f"set -e\nmkdir -p {os.path.dirname(outputs[0])}\n{command}\n")
        inputs = self.built(action, (".so", ".h", ".cc", ".tar"))
        self.statement(outputs, inputs, f"bash {script}")
        if not inputs:
            self.generated += outputs

    def compile(self, action):
        arguments = [x for x in action["arguments"] if x not in ("-fno-canonical-system-headers", "-Werror")]
        source = arguments[arguments.index("-c") + 1]
        arguments[0:1] = ["gcc"] if source.endswith(".c") else ["g++", "-include", "cstdint"]
        objects = [path for path in self.graph.outputs(action) if path.endswith(".o")]
        self.statement(objects, [source], f"{shlex.join(arguments)} -isystem {DEBIAN}/include -w")

    def link(self, action):
        arguments = [x for x in action["arguments"] if not x.startswith("@")]
        archive = os.path.basename(arguments[0]) == "ar"
        arguments[0] = "ar" if archive else "g++"
        where = "" if archive else f" -L{DEBIAN}/lib -Wl,-rpath,{DEBIAN}/lib -Wl,-rpath-link,{DEBIAN}/lib"
        self.statement(self.graph.outputs(action)[:1], self.built(action, (".o", ".a", ".lo", ".so")), shlex.join(arguments) + where)

    def symlink(self, action):
        output = self.graph.outputs(action)[0]
        source = next(path for path in (self.graph.path[x] for x in self.graph.inputs(action)) if "_middlemen" not in path)
        self.statement([output], [source], f'ln -sf "$(realpath {source})" {output}')

    def add(self, action):
        makers = {"CppCompile": self.compile, "CppLink": self.link, "SolibSymlink": self.symlink, "ExecutableSymlink": self.symlink}
        if action["mnemonic"] in makers:
            makers[action["mnemonic"]](action)


def write_build(query, bazel_arguments, folder):
    labels = bazel("query", "--noshow_progress", query).split()
    graph = Actions(json.loads(bazel("aquery", "-c", "opt", *bazel_arguments, "--output=jsonproto", "deps(//tests/...)")))
    environment = {}
    for rule in xml.etree.ElementTree.fromstring(bazel("query", "--output=xml", query)).iter("rule"):
        pairs = [pair.findall("string") for pair in rule.iterfind("dict[@name='env']/pair")]
        environment[rule.get("name")] = {key.get("value"): value.get("value") for key, value in pairs}
    needed, tests = {}, {}
    for action in graph.actions:
        label = graph.label.get(action["targetId"])
        if action["mnemonic"] == "TestRunner" and label in labels:
            needed.update(graph.needed_by(action))
            tests[label] = {"arguments": action["arguments"][1:], "environment": environment.get(label, {})}
    ninja = NinjaFile(graph, folder)
    shells = [action for action in needed.values() if action["mnemonic"] == "Genrule"]
    for action in sorted(shells, key=lambda action: bool(ninja.built(action, (".so",)))):
        ninja.shell(action)
    for action in needed.values():
        ninja.add(action)
    (folder / "build.ninja").write_text("\n".join(ninja.lines) + "\n")
    (folder / "tests.json").write_text(json.dumps(tests, indent=1))


def copy_debian(folder):
    listed = subprocess.run(["dpkg", "-L", *PACKAGES], check=True, stdout=subprocess.PIPE, text=True).stdout.split("\n")
    files = {path for path in listed if os.path.isfile(path)}
    libraries = {path for path in files if re.search(r"\.(a|so)$|\.so\.", path)}
    for path in [path for path in libraries if ".so" in path]:
        told = subprocess.run(["ldd", path], stdout=subprocess.PIPE, text=True).stdout
        libraries |= {x for x in re.findall(r"=> (/\S+)", told) if not re.search(r"/(libc|libm|libstdc\+\+|libgcc_s|libpthread|libdl)\.", x)}
    (folder / "debian/lib").mkdir(parents=True)
    for path in libraries:
        if not re.search(r"hwy_(contrib|test)", path):
            subprocess.run(["cp", "-L", path, folder / "debian/lib"], check=True)
            if ".so" in path:
                subprocess.run(["strip", "--strip-unneeded", folder / "debian/lib" / os.path.basename(path)], check=True)
    for path in files:
        header = re.fullmatch(r"/usr/include/(?:x86_64-linux-gnu/)?(.*)", path)
        if header:
            to = folder / "debian/include" / header.group(1)
            to.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-L", path, to], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=pathlib.Path)
    parser.add_argument("--tests", default=TESTS, metavar="QUERY", help="which tests (default: %(default)s)")
    parser.add_argument("bazel_arguments", nargs="*", metavar="BAZEL_ARGUMENT")
    arguments = parser.parse_args()
    archive = arguments.archive.absolute()
    os.chdir(pathlib.Path(__file__).resolve().parents[2])
    with tempfile.TemporaryDirectory() as work:
        write_build(arguments.tests, arguments.bazel_arguments, pathlib.Path(work))
        copy_debian(pathlib.Path(work))
        subprocess.run(["tar", "--sort=name", "-C", work, "-cJf", archive, "."], check=True)


if __name__ == "__main__":
    main()
