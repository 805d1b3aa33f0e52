"""The arrows between rooms, held by a machine: each folder includes only what is named here, so nothing points up, and no two
folders include each other. Tests and benchmarks may include anything. The packet path stays free of libraries that allocate,
throw or lock, and dns of DPDK. Each folder is one namespace, of the same name, and has no more files than a reader overlooks.
"""

import collections
import pathlib
import posixpath
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDERS = {"dataplane", "control", "tls-workers", "tests", "perf", "docs"}
DATAPLANE = {"base": [], "dns": ["base"], "cache": ["base", "dns"], "exchange": ["base", "dns", "cache"], "rules": ["base", "dns", "cache"],
             "handler": ["base", "dns", "cache", "exchange", "rules"],
             "poll": ["base", "dns", "cache", "exchange", "rules", "handler"],
             "ports": ["base", "cache", "exchange", "rules", "poll"]}
SHARED = ["base", "dns", "cache", "exchange", "rules", "handler"]  # By poll cores and workers.
TLS_WORKERS = {"backends": [], "transport": ["backends"], "sessions": ["backends", "transport"],
               "questions": ["backends", "transport", "sessions"], "server_tls": ["backends", "transport"],
               "frontend": ["transport", "server_tls"],
               "worker": ["backends", "transport", "sessions", "questions", "server_tls", "frontend"]}
LAYERS = {f"dataplane/{room}": [f"dataplane/{other}" for other in arrows] for room, arrows in DATAPLANE.items()}
LAYERS |= {f"tls-workers/{room}": [*(f"dataplane/{other}" for other in SHARED), *(f"tls-workers/{other}" for other in arrows)]
           for room, arrows in TLS_WORKERS.items()}
LAYERS["tls-workers/pch"] = []  # Precompiled: names nothing of ours.
BASE, DNS, CACHE, EXCHANGE, RULES, HANDLER, POLL, PORTS = (
    f"dataplane/{room}" for room in ("base", "dns", "cache", "exchange", "rules", "handler", "poll", "ports"))
BELOW_CONTROL = list(LAYERS)
CONTROL = {"text": [], "page": [], "yaml": ["text"], "config": ["text", "yaml"], "process": ["text", "config"],
           "log": ["text", "config", "process"], "reload": ["text", "config", "process", "log"],
           "devices": ["config", "process", "log", "reload"], "metrics": ["text", "reload", "devices"],
           "http": ["text", "yaml", "process", "page"],
           "status": ["text", "config", "process", "log", "reload", "devices", "metrics", "http"],
           "commands": ["text", "config", "log", "reload", "status"],
           "draft": ["text", "yaml", "config"], "lua": ["draft"], "import": ["text", "yaml", "config", "draft", "lua"]}
LAYERS |= {f"control/{room}": [*BELOW_CONTROL, *(f"control/{other}" for other in arrows)] for room, arrows in CONTROL.items()}
LAYERS["control"] = [*BELOW_CONTROL, *(f"control/{room}" for room in CONTROL)]  # Its root: start, run, end.
NOT_ON_THE_PACKET_PATH = r"(openssl|spdlog|yaml-cpp|prometheus)/"
BARRED = {**dict.fromkeys((BASE, CACHE, EXCHANGE, RULES, HANDLER, POLL, PORTS), NOT_ON_THE_PACKET_PATH), DNS: NOT_ON_THE_PACKET_PATH + "|rte_"}
MOST_FILES = 28
NAMESPACE = re.compile(r"^namespace ([\w:]+) \{", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def layer_of(path):
    return next((layer for layer in LAYERS if path == layer or path.startswith(layer + "/")), None)


def faults(path, text):
    """What is wrong with the includes of the file at `path`, one sentence each."""
    own = layer_of(path)
    if own is None:
        yield f"{path}: belongs to no layer"
        return
    for name in NAMESPACE.findall(text)[:1]:  # The outermost.
        if name != posixpath.basename(own) and not own.startswith("control"):
            yield f"{path}: namespace {name}, and not its folder's"
    for quote, included in INCLUDE.findall(text):
        named = posixpath.normpath(included)
        if quote == '"' and named.split("/")[0] not in FOLDERS:  # Beside the file that includes it.
            named = posixpath.normpath(posixpath.join(posixpath.dirname(path), included))
        if named.split("/")[0] in FOLDERS and layer_of(named) not in [own, *LAYERS[own]]:
            yield f"{path}: includes {included}, against the arrows"
        if re.match(BARRED.get(own, "$^"), included):
            yield f"{path}: includes {included}, a library that {own} does without"


def faults_of_top_level(names):
    return [f"{name}: no folder of that name belongs at the top level" for name in names
            if name not in FOLDERS and not name.startswith((".", "build"))]  # Build folders are never committed.


def faults_of_rooms(paths):
    files = collections.Counter(posixpath.dirname(path) for path in paths)
    return [f"{room}: {count} files, where {MOST_FILES} are as many as a reader overlooks" for room, count in files.items()
            if count > MOST_FILES]


def check_the_checker():
    """Made-up files: each of the first kind must be complained of, each of the second must not."""
    wrong = [(f"{BASE}/a.h", f'#include "{DNS}/name.h"'), (f"{DNS}/a.h", f'#include "{CACHE}/entry.h"'),
             (f"{DNS}/a.h", "#include <rte_ring.h>"), (f"{DNS}/a.cc", "#include <openssl/ssl.h>"),
             (f"{CACHE}/a.h", f'  #  include "{EXCHANGE}/exchange.h"'), (f"{EXCHANGE}/a.h", f'#include "{POLL}/loop.h"'),
             (f"{POLL}/a.cc", '#include "tls-workers/worker/worker.h"'), (f"{POLL}/a.cc", '#include "../../tls-workers/worker/worker.h"'),
             (f"{PORTS}/xdp/a.cc", "#include <spdlog/spdlog.h>"), (f"{BASE}/a.h", "#include <yaml-cpp/yaml.h>"),
             ("tls-workers/backends/a.h", f'#include "{POLL}/loop.h"'), ("tls-workers/worker/a.h", '#include "control/config/config.h"'),
             ("tls-workers/a.h", "int x;"), ("tls-workers/backends/a.h", '#include "tls-workers/sessions/session.h"'),
             (f"{HANDLER}/a.h", f'#include "{POLL}/frame.h"'), (f"{POLL}/a.h", f'#include "{PORTS}/port.h"'), (f"{BASE}/a.h", "namespace dns {"),
             (f"{RULES}/a.h", f'#include "{POLL}/frame.h"'), (f"{RULES}/a.cc", f'#include "{EXCHANGE}/exchange.h"'),
             ("control/a.cc", '#include "tests/packet_builder.h"'), ("control/a.cc", '#include "perf/load.h"'),
             ("control/yaml/a.h", '#include "control/config/config.h"'), ("control/log/a.h", '#include "control/instance.h"'),
             ("dataplane/extra/a.h", "int x;"), (f"{CACHE}/a.h", '#pragma once\n\n#include <prometheus/counter.h>\n')]
    right = [("control/config/a.h", '#include "control/yaml/section.h"'), ("control/a.cc", '#include "control/log/log.h"'),
             (f"{POLL}/a.cc", f'#include "{EXCHANGE}/exchange.h"\n#include <rte_mbuf.h>\n#include "made.inc"'),
             (f"{POLL}/a.cc", '#include "./loop.h"'), ("tls-workers/transport/a.cc", '#include <openssl/ssl.h>'), (f"{BASE}/a.h", "namespace base {"),
             ("control/a.cc", f'#include "{POLL}/loop.h"\n#include "tls-workers/worker/worker.h"\n#include <spdlog/spdlog.h>'),
             (f"{DNS}/a.h", f'// see "{CACHE}/entry.h"\n#include "{BASE}/bytes.h"')]
    missed = [file for file in wrong if not list(faults(*file))]
    missed += [file for file in right if list(faults(*file))]
    missed += [] if faults_of_rooms(["a/b.h"] * (MOST_FILES + 1)) and not faults_of_rooms(["a/b.h"] * MOST_FILES) else ["rooms"]
    if missed or not faults_of_top_level(["utils"]) or faults_of_top_level([*FOLDERS, ".git", "build-asan"]):
        sys.exit(f"this test does not tell right from wrong: {missed}")


def main():
    check_the_checker()
    sources = [path for folder in ("dataplane", "tls-workers", "control") for path in sorted((ROOT / folder).rglob("*"))
               if path.suffix in (".h", ".cc", ".c", ".inc")]
    found = faults_of_top_level(sorted(path.name for path in ROOT.iterdir() if path.is_dir()))
    found += faults_of_rooms([path.relative_to(ROOT).as_posix() for path in sources])
    for path in sources:
        found += faults(path.relative_to(ROOT).as_posix(), path.read_text())
    print(*found, f"{len(sources)} files looked at, {len(found)} faults", sep="\n")
    return 1 if found or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
